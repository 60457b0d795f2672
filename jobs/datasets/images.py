"""Images: of any size and colours, through the model's own image processor."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps
from torch import Tensor
from transformers import AutoImageProcessor

from jobs.batches import Batch
from jobs.contract.errors import DataUnreadableError
from jobs.datasets.configs import config_of
from jobs.datasets.files import Placed, chunks, evenly, files_of
from jobs.inputs import masking_noise, takes_images_of

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp"})

FORMATS = ("JPEG", "PNG", "WEBP")
"""What is decoded, whatever a file is called."""

MOST_PIXELS = 64_000_000
"""Larger images are not decoded: small files can claim to be huge ones."""

PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")

COLOURS = {1: "L", 3: "RGB"}
"""How an image is decoded for a model of so many channels."""


def read(folder: Path, model_dir: Path, samples: int, batch_size: int) -> list[Batch]:
    """Return batches of ``pixel_values`` (B, C, H, W), and of the ``noise`` (B, P) that a masked autoencoder is given.

    Raises:
        DataNotFoundError: no ``.jpg``, ``.jpeg``, ``.png`` or ``.webp`` files.
        DataUnreadableError: an image or the image processor cannot be used, or they give what the model cannot take.
    """
    paths = evenly(files_of(folder, ENDINGS), samples)
    return [each.batch for each in place(paths, model_dir, batch_size)]


def place(paths: Sequence[Path], model_dir: Path, batch_size: int) -> list[Placed]:
    """Return batches of all the images at *paths*, and which of them each one holds; raises as ``read`` does."""
    config, processor = config_of(model_dir), _processor(model_dir)
    mode = COLOURS.get(config.num_channels, "RGB")
    pixels = (_pixels(processor, _image(path, mode), path.name) for path in paths)
    generator = torch.Generator().manual_seed(0)
    together = chunks(enumerate(_suitable(config, pixels)), batch_size)
    return [
        Placed([at for at, _ in chunk], _batch(config, [image for _, image in chunk], generator)) for chunk in together
    ]


def _batch(config: Any, images: list[Tensor], generator: torch.Generator) -> Batch:
    pixels = torch.stack(images)
    return {"pixel_values": pixels, **masking_noise(config, len(images), pixels.shape[-2:], generator)}


def _suitable(config: Any, images: Iterator[Tensor]) -> Iterator[Tensor]:
    """Yield *images*, as long as they are of one size that the model takes.

    Raises:
        DataUnreadableError: they are not.
    """
    first: torch.Size | None = None
    for image in images:
        first = first or image.shape
        if image.shape != first or not takes_images_of(config, *image.shape[-2:]):
            raise DataUnreadableError(
                f"Expected the model's image processor to give images of one size that the model takes, "
                f"{config.image_size} pixels; it gave {image.shape[-2]} x {image.shape[-1]}. "
                f"Mend {PROCESSOR_FILES[0]} beside the weights, or leave the data out."
            )
        yield image


def _processor(model_dir: Path) -> Any:
    """Return the model's image processor, in the form that needs no torchvision.

    Raises:
        DataUnreadableError: there is none, or it cannot be loaded.
    """
    if not any((model_dir / name).is_file() for name in PROCESSOR_FILES):
        raise DataUnreadableError(
            f"Expected {PROCESSOR_FILES[0]} beside the weights, which says how images become what the model takes; "
            "found none. Add it, or leave the data out."
        )
    try:
        return AutoImageProcessor.from_pretrained(
            model_dir, local_files_only=True, trust_remote_code=False, backend="pil"
        )
    except (OSError, ValueError, TypeError, KeyError, ImportError) as error:
        raise DataUnreadableError(f"The model's image processor cannot be loaded: {error}") from error


def _image(path: Path, mode: str) -> Image.Image:
    """Return an image the right way up and in the colours of *mode*."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            _believable(image, path.name)
            return ImageOps.exif_transpose(image).convert(mode)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataUnreadableError(f"Expected an image in {path.name}; it cannot be decoded: {error}") from error


def _believable(image: Image.Image, name: str) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise DataUnreadableError(
            f"Expected images of at most {MOST_PIXELS} pixels; {name} has {image.width} x {image.height}. "
            "Make it smaller, or remove it."
        )


def _pixels(processor: Any, image: Image.Image, name: str) -> Tensor:
    """Return what the model is given of an image (C, H, W)."""
    try:
        pixels: Tensor = processor(images=image, return_tensors="pt")["pixel_values"][0]
    except (ValueError, TypeError, KeyError) as error:
        raise DataUnreadableError(f"The model's image processor cannot take {name}: {error}") from error
    return pixels
