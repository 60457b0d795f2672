"""Whether a model computes: one short forward pass before anything is done with it, and one after each change."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from transformers import PreTrainedModel

from jobs.batches import Batch
from jobs.checkpoint.fitting import BUILD_ERRORS
from jobs.checkpoint.verification import outputs_of
from jobs.contract.errors import CorruptCheckpointError, InvalidRequestError, VerificationError


def check_source(model: PreTrainedModel, make_batch: Callable[[], Batch]) -> None:
    """Run a model that a stranger made on the batch that *make_batch* makes for its config.

    Raises:
        CorruptCheckpointError: the batch cannot be made, the forward pass fails, or what comes out is not finite.
    """
    try:
        wrong = first_unfinite(outputs_of(model, make_batch()))
    except torch.OutOfMemoryError:
        raise
    except (*BUILD_ERRORS, InvalidRequestError) as error:
        raise CorruptCheckpointError(
            f"The model loads, but cannot compute a short input: {str(error)[:500] or type(error).__name__} "
            "Send the config that belongs to the weights."
        ) from error
    if wrong:
        raise unfinite_source(wrong)


def unfinite_source(output: str) -> CorruptCheckpointError:
    """Return the error that an *output* of the model as it came is not finite."""
    return CorruptCheckpointError(
        f"Expected finite outputs; the model's {output} of a short input holds NaN or infinity. "
        "Save the model again from a good state."
    )


def check_result(model: PreTrainedModel, batch: Batch, maker: str) -> None:
    """Run the model that *maker* made, so that nothing is published which cannot be used.

    Raises:
        VerificationError: what comes out is not finite.
    """
    check_outputs(outputs_of(model, batch), maker)


def check_outputs(outputs: Mapping[str, Tensor], maker: str) -> None:
    """Look through what the model that *maker* made gives; raises what ``check_result`` does."""
    if wrong := first_unfinite(outputs):
        raise VerificationError(
            f"Expected finite outputs; after {maker} the model's {wrong} of a short input holds NaN or infinity. "
            "It is not published; ask for less, or leave that out."
        )


def first_unfinite(outputs: Mapping[str, Tensor]) -> str | None:
    """Return the name of the first of *outputs* that holds NaN or infinity."""
    return next((name for name, tensor in outputs.items() if not tensor.isfinite().all()), None)
