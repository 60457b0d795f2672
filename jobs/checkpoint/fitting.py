"""Whether a config describes a model of about the size of its weights: asked before anything is allocated for it.

A config of one kilobyte can ask for a terabyte, or for a billion layers. Its counts are looked at first; then the model
is built on the meta device, where tensors have a shape and no bytes, and stopped as soon as it has far more tensors
than the files hold.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from math import prod
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from transformers import PreTrainedConfig

from jobs.contract.errors import CorruptCheckpointError, UnsupportedModelError

MOST_PARTS = 100_000
"""Layers, blocks, experts or labels of a model; a config makes a list with a member for each."""

_COUNTED = ("layer", "block", "depth", "expert", "stage", "label")
_SPARE_TENSORS = 1000
_SPARE_NUMBERS = 2**26
"""What a model may have beside its file: a pooler, tables that it computes."""
_GROWTH = 2
"""Some models store a tied matrix once and hold it twice."""
BUILD_ERRORS = (
    RuntimeError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    ArithmeticError,
    AssertionError,
)
"""What the classes of transformers raise at a config that makes no sense."""


def check_counts(config: Any, name: str = "") -> None:
    """Look through a config's JSON for counts that no model has.

    Raises:
        CorruptCheckpointError: more layers, labels or the like than ``MOST_PARTS``.
    """
    if isinstance(config, Mapping):
        for key, value in config.items():
            check_counts(value, key)
    elif isinstance(config, list):
        for value in config:
            check_counts(value, name)
    elif isinstance(config, int) and config > MOST_PARTS and any(word in name for word in _COUNTED):
        raise CorruptCheckpointError(f"Expected a config with {name} of at most {MOST_PARTS}; got {config}.")


def check_finite(model: nn.Module) -> None:
    """Look through every weight for numbers that are none, which would reach each output.

    Raises:
        CorruptCheckpointError: a weight is NaN or infinite; the message names its tensor.
    """
    for name, parameter in model.named_parameters():
        if not parameter.isfinite().all():
            raise CorruptCheckpointError(
                f"Expected finite weights; {name} holds NaN or infinity. Save the model again from a good state."
            )


def check_size(kind: Any, config: PreTrainedConfig, stored: Mapping[str, tuple[int, ...]]) -> None:
    """Build the *config*'s model of class *kind* without its bytes, and compare it with the *stored* tensors' shapes.

    Raises:
        CorruptCheckpointError: the model is far larger than the files, or cannot be built.
        UnsupportedModelError: it needs a library that is not installed here.
    """
    try:
        with torch.device("meta"), _at_most(2 * len(stored) + _SPARE_TENSORS):
            model = kind(config)
    except BUILD_ERRORS as error:
        raise CorruptCheckpointError(
            f"Expected a config that {kind.__name__} can be built from; got: {str(error)[:500]}"
        ) from error
    except ImportError as error:
        raise UnsupportedModelError(f"{kind.__name__} needs more than this worker has: {str(error)[:500]}") from error
    tensors = chain(model.parameters(), model.buffers())
    wanted, held = sum(tensor.numel() for tensor in tensors), sum(map(prod, stored.values()))
    if wanted > _GROWTH * held + _SPARE_NUMBERS:
        raise CorruptCheckpointError(
            f"The weights do not fit the config: {kind.__name__} would hold {wanted} numbers, the files hold {held}. "
            "Send the config that belongs to the weights."
        )


@contextmanager
def _at_most(tensors: int) -> Iterator[None]:
    """Stop the building of a model that has more parameters than that."""
    left = tensors

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise ValueError(f"a model of more than {tensors} tensors, many more than the files hold")

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()
