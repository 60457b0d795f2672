"""Which samples a probe is fitted on, and which judge it."""

import torch
from jaxtyping import Int
from torch import Tensor

JUDGING_PART = 4
"""One sample in so many judges."""


def split(groups: Int[Tensor, " N"], seed: int) -> tuple[Int[Tensor, " F"], Int[Tensor, " J"]]:
    """Return the places of the samples to fit on and of those to judge by, drawn by *seed*.

    A quarter of each group judges, at least one of it where it has two.
    """
    chance = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(groups), generator=chance)
    fitting, judging = [], []
    for group in torch.unique(groups).tolist():
        members = order[groups[order] == group]
        count = max(1, round(len(members) / JUDGING_PART)) if len(members) > 1 else 0
        judging.append(members[:count])
        fitting.append(members[count:])
    return torch.cat(fitting).sort().values, torch.cat(judging).sort().values
