"""How far a student is from its teacher: by hidden states, by attention relations, by logits. None needs labels.

Each figure is a mean over what it compares, so that neither lengths nor batch sizes change its weight.
"""

from collections.abc import Sequence
from math import gcd

from jaxtyping import Bool, Float
from torch import Tensor, nn

Real = Bool[Tensor, "B T"] | None
"""Which positions are not padding; None when all are."""


def states_apart(student: Float[Tensor, "B T D"], teacher: Float[Tensor, "B T D"], real: Real) -> Float[Tensor, ""]:
    """Return ``mean |s - t| / mean |t| + (1 - mean cos(s, t))`` over the real positions.

    Source: DistilHuBERT, arXiv:2110.01900, eq. 1; DPHuBERT, arXiv:2305.17651 (1 - cos instead of log sigmoid).
    Differs: the distance is relative to the teacher's size, so that one learning rate serves every family.
    """
    s, t = (each.float() if real is None else each[real].float() for each in (student, teacher))
    apart = (s - t).abs().mean() / t.abs().mean()
    return apart + 1 - nn.functional.cosine_similarity(s, t, dim=-1).mean()


def relations_apart(
    student: Sequence[Float[Tensor, "B T _"]], teacher: Sequence[Float[Tensor, "B T _"]], real: Real, heads: int
) -> Float[Tensor, ""]:
    """Return the mean divergence of the query-query, key-key and value-value relations.

    The vectors of all heads, side by side, are split anew into *heads* relation heads of width d_r; a relation is
    ``softmax(A Aᵀ / √d_r)`` over the positions. Teacher and student may thus differ in their numbers of heads.

    Source: MiniLMv2, arXiv:2012.15828, eq. 5 to 7.

    Args:
        student: query, key and value of one layer, (B, T, H·d).
        teacher: the same of the teacher, whose widths may differ.
        real: positions that are padding are neither compared nor attended to.
        heads: as many relation heads, a divisor of every width.
    """
    pairs = zip(student, teacher, strict=True)
    return sum((_relation_apart(s, t, real, heads) for s, t in pairs), start=student[0].new_zeros(())) / len(student)


def logits_apart(student: Tensor, teacher: Tensor, real: Real, temperature: float) -> Float[Tensor, ""]:
    """Return ``T² KL(softmax(t / T) ‖ softmax(s / T))``, the mean over sequences or, where there are such, positions.

    Source: Hinton et al. 2015, arXiv:1503.02531, section 2 (T² keeps the gradient's size).
    """
    if real is not None and student.shape[:-1] == real.shape:
        student, teacher = student[real], teacher[real]
    s, t = (nn.functional.log_softmax(each.flatten(0, -2).float() / temperature, dim=-1) for each in (student, teacher))
    return temperature**2 * nn.functional.kl_div(s, t, log_target=True, reduction="batchmean")


def relation_heads(vectors: Sequence[Tensor], most: int) -> int:
    """Return the largest number of relation heads, at most *most*, that divides the widths of all *vectors*."""
    common = gcd(*(each.shape[-1] for each in vectors))
    return next(heads for heads in range(min(most, common), 0, -1) if common % heads == 0)


def _relation_apart(student: Tensor, teacher: Tensor, real: Real, heads: int) -> Float[Tensor, ""]:
    s, t = (_relation(each, real, heads) for each in (student, teacher))
    apart = nn.functional.kl_div(s, t, log_target=True, reduction="none")
    if real is None:
        return apart.sum(dim=-1).mean()
    both = real[:, None, :, None] & real[:, None, None, :]
    return apart.masked_fill(~both, 0).sum(dim=-1).sum() / (real.sum() * heads)


def _relation(vectors: Float[Tensor, "B T W"], real: Real, heads: int) -> Float[Tensor, "B H T T"]:
    """Return the logarithm of each position's relation to all others."""
    split = vectors.float().view(*vectors.shape[:2], heads, -1).transpose(1, 2)
    products = split @ split.mT / split.shape[-1] ** 0.5
    if real is not None:
        products = products.masked_fill(~real[:, None, None, :], -1e9)
    return nn.functional.log_softmax(products, dim=-1)
