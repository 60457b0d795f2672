"""Features of mean 0 and variance 1, as the samples that a probe is fitted on have them."""

import torch
from jaxtyping import Float
from torch import Tensor

SILENT = 1e-7
"""A feature that varies by less than this share of the liveliest one is left out: rounding is all that it says."""


def standardised(features: Float[Tensor, "N *_ D"], like: Float[Tensor, "F *_ D"]) -> Float[Tensor, "N *_ D"]:
    """Return *features* about the means of *like*, in units of its standard deviations; silent ones become 0."""
    means, deviations = like.mean(dim=0), like.std(dim=0, correction=0)
    heard = deviations > SILENT * deviations.max()
    return torch.where(heard, (features - means) / torch.where(heard, deviations, 1.0), 0.0)
