"""Folders of images as batches, and every way in which they can be wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import ViTImageProcessorPil

from jobs.batches import Batch
from jobs.contract.errors import DataNotFoundError, DataUnreadableError
from jobs.datasets import read_batches

SIDE = 8
RED, BLACK = (255, 0, 0), (0, 0, 0)


@pytest.fixture
def image_model(tmp_path: Path) -> Path:
    """Return the folder of a vision model: its config and its image processor, which maps 0 … 255 to -1 … 1."""
    folder = tmp_path / "model"
    describe(folder, model_type="vit", image_size=SIDE, patch_size=4, num_channels=3)
    ViTImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    return folder


def describe(folder: Path, **fields: Any) -> None:
    """Write a config of *fields*."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(fields))


def paint(path: Path, colour: Any = RED, size: tuple[int, int] = (20, 10), mode: str = "RGB") -> None:
    """Write an image of one colour."""
    Image.new(mode, size, colour).save(path)


def read(data: Path, model: Path, samples: int = 100, batch_size: int = 8) -> list[Batch]:
    """Return the batches of *data*."""
    return list(read_batches(data, modality="image", model_dir=model, samples=samples, batch_size=batch_size))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.JPEG", "a.webp"])
def test_every_form_of_image(data: Path, image_model: Path, name: str) -> None:
    """Images of any size come out as the processor makes them."""
    paint(data / name)

    (batch,) = read(data, image_model)

    assert {key: tuple(value.shape) for key, value in batch.items()} == {"pixel_values": (1, 3, SIDE, SIDE)}
    red = batch["pixel_values"].mean(dim=(0, 2, 3))
    torch.testing.assert_close(red, torch.tensor([1.0, -1.0, -1.0]), atol=0.05, rtol=0)


@pytest.mark.parametrize(("mode", "colour"), [("L", 128), ("RGBA", (*RED, 100)), ("P", 3), ("1", 1), ("CMYK", 0)])
def test_every_kind_of_colours(data: Path, image_model: Path, mode: str, colour: Any) -> None:
    """Grey, transparent and indexed images become what the model takes."""
    paint(data / ("a.jpg" if mode == "CMYK" else "a.png"), colour, mode=mode)

    (batch,) = read(data, image_model)

    assert batch["pixel_values"].shape == (1, 3, SIDE, SIDE)


def test_images_come_evenly_from_all_folders(data: Path, image_model: Path) -> None:
    """Three of six images, by path, are every other one, in batches of two."""
    for index in range(6):
        (data / str(index)).mkdir()
        paint(data / str(index) / "a.png", (index * 50, 0, 0))

    batches = read(data, image_model, samples=3, batch_size=2)

    assert [len(batch["pixel_values"]) for batch in batches] == [2, 1]
    reds = torch.cat([batch["pixel_values"][:, 0].mean(dim=(1, 2)) for batch in batches])
    torch.testing.assert_close(reds, torch.tensor([0, 100, 200]) / 127.5 - 1)


def test_a_photograph_is_turned_upright(data: Path, image_model: Path) -> None:
    """What a camera notes about how it was held is heeded: the left half becomes the upper one."""
    pixels = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    pixels[:, : SIDE // 2, 0] = 255
    photograph = Image.fromarray(pixels)
    turned_clockwise = photograph.getexif()
    turned_clockwise[0x0112] = 6
    photograph.save(data / "a.png", exif=turned_clockwise)

    (batch,) = read(data, image_model)

    rows = batch["pixel_values"][0, 0].mean(dim=1)
    assert rows.tolist() == [1.0] * (SIDE // 2) + [-1.0] * (SIDE // 2)


def test_a_model_of_one_channel_is_given_one(data: Path, image_model: Path) -> None:
    """Colours are taken away for a model that sees grey alone."""
    describe(image_model, model_type="vit", image_size=SIDE, patch_size=4, num_channels=1)
    plain = {"do_convert_rgb": False, "image_mean": [0.5], "image_std": [0.5]}
    ViTImageProcessorPil(size={"height": SIDE, "width": SIDE}, **plain).save_pretrained(image_model)
    paint(data / "a.png")

    (batch,) = read(data, image_model)

    assert batch["pixel_values"].shape == (1, 1, SIDE, SIDE)


def test_a_masked_autoencoder_leaves_the_same_patches_out_each_time(data: Path, image_model: Path) -> None:
    """Noise for each patch of each image comes with the images, the same on every reading."""
    describe(image_model, model_type="vit_mae", image_size=SIDE, patch_size=4, num_channels=3)
    paint(data / "a.png")
    paint(data / "b.png")

    ((first,), (again,)) = read(data, image_model), read(data, image_model)

    assert first["noise"].shape == (2, 4)
    assert torch.equal(first["noise"], again["noise"])


def test_a_missing_processor_is_named(data: Path, image_model: Path) -> None:
    """How images are made into input is not guessed."""
    (image_model / "preprocessor_config.json").unlink()
    paint(data / "a.png")

    with pytest.raises(DataUnreadableError, match=r"preprocessor_config\.json.*found none"):
        read(data, image_model)


@pytest.mark.parametrize("content", ["{", '{"image_processor_type": "NoSuchProcessor"}', "{}"])
def test_a_broken_processor_is_told(data: Path, image_model: Path, content: str) -> None:
    """A processor that cannot be made is the request's fault."""
    describe(image_model, model_type="data2vec-audio", num_channels=3)
    (image_model / "preprocessor_config.json").write_text(content)
    paint(data / "a.png")

    with pytest.raises(DataUnreadableError, match="image processor cannot be loaded"):
        read(data, image_model)


def test_images_of_another_size_than_the_models_are_told(data: Path, image_model: Path) -> None:
    """A processor that belongs to another model is found before a batch is run."""
    ViTImageProcessorPil(size={"height": 12, "width": 12}).save_pretrained(image_model)
    paint(data / "a.png")

    with pytest.raises(DataUnreadableError, match=r"takes, 8 pixels; it gave 12 x 12"):
        read(data, image_model)


def test_images_left_at_different_sizes_are_told(data: Path, image_model: Path) -> None:
    """Where the processor neither scales nor crops, images of several sizes fit no batch."""
    describe(image_model, model_type="dinov2", image_size=SIDE, patch_size=4, num_channels=3)
    ViTImageProcessorPil(do_resize=False).save_pretrained(image_model)
    paint(data / "a.png", size=(8, 8))
    paint(data / "b.png", size=(12, 8))

    with pytest.raises(DataUnreadableError, match="images of one size"):
        read(data, image_model)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\nand no more"])
def test_a_corrupt_image_is_named(data: Path, image_model: Path, content: bytes) -> None:
    """A file that is no image is told by name."""
    paint(data / "a.png")
    (data / "b.png").write_bytes(content)

    with pytest.raises(DataUnreadableError, match=r"image in b\.png"):
        read(data, image_model)


def test_only_known_formats_are_decoded(data: Path, image_model: Path) -> None:
    """A file of another format does not reach its decoder under a borrowed name."""
    Image.new("RGB", (4, 4)).save(data / "a.png", format="GIF")

    with pytest.raises(DataUnreadableError, match=r"image in a\.png"):
        read(data, image_model)


def test_a_huge_image_is_not_decoded(data: Path, image_model: Path) -> None:
    """A few kilobytes that claim 65 million pixels cost no memory."""
    paint(data / "a.png", 0, size=(8_100, 8_000), mode="1")

    assert (data / "a.png").stat().st_size < 20_000
    with pytest.raises(DataUnreadableError, match=r"at most 64000000 pixels; a\.png has 8100 x 8000"):
        read(data, image_model)


def test_a_folder_without_images_says_what_was_looked_for(data: Path, image_model: Path) -> None:
    """Text is no data for a vision model."""
    (data / "a.txt").write_text("a picture")

    with pytest.raises(DataNotFoundError, match=r"\.jpeg, \.jpg, \.png, \.webp; the data holds a\.txt"):
        read(data, image_model)
