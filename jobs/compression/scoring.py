"""How much a head or a feed-forward unit weighs: the smaller the score, the less it is missed.

Source: arXiv:2211.09949, whose code scores a head by the l1 norm of its query, key and value rows and biases (the
output projection is left out), and a unit by that of its row in the first map, its bias and its column in the second.
Cost: one pass over the weights; no data.
"""

from jaxtyping import Float
from torch import Tensor

from jobs.compression.anatomy import Attention, FeedForward, Slot


def heads_l1(attention: Attention) -> Float[Tensor, " H"]:
    """Return the l1 norm of each head's share of query, key and value."""
    rows = _rows_l1(attention.query) + _rows_l1(attention.key) + _rows_l1(attention.value)
    return rows.view(attention.heads, attention.head_dim).sum(dim=1)


def units_l1(feed_forward: FeedForward) -> Float[Tensor, " F"]:
    """Return the l1 norm of each unit's row in up, its bias, and its column in down."""
    return _rows_l1(feed_forward.up) + feed_forward.down.weight().detach().abs().sum(dim=0)


def _rows_l1(slot: Slot) -> Float[Tensor, " O"]:
    rows = slot.weight().detach().abs().sum(dim=1)
    bias = slot.linear.bias
    return rows if bias is None else rows + bias.detach().abs()
