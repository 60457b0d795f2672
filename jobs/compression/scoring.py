"""How much a head or a feed-forward unit weighs: the smaller the score, the less it is missed.

Source: arXiv:2211.09949, whose code scores a head by the l1 norm of its query, key and value rows and biases (the
output projection is left out), and a unit by that of its row in the first map, its bias and its column in the second.
Cost: one pass over the weights; no data.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.compression.anatomy import Attention, FeedForward, Slot


def heads_l1(attention: Attention) -> Float[Tensor, " H"]:
    """Return the l1 norm of each head's share of query, key and value."""
    rows = (_rows_l1(slot).view(attention.heads, attention.span(slot)) for slot in attention.inward)
    return torch.stack([each.sum(dim=1) for each in rows]).sum(dim=0)


def units_l1(feed_forward: FeedForward) -> Float[Tensor, " F"]:
    """Return the l1 norm of each unit's row in up (and gate), its bias, and its column in down."""
    rows = torch.stack([_rows_l1(slot) for slot in feed_forward.inward]).sum(dim=0)
    return rows + feed_forward.down.weight().detach().abs().sum(dim=0)


def _rows_l1(slot: Slot) -> Float[Tensor, " O"]:
    rows = slot.weight().detach().abs().sum(dim=1)
    bias = slot.linear.bias
    return rows if bias is None else rows + bias.detach().abs()
