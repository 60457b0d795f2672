"""How many numbers a model holds."""

from torch import nn


def count_parameters(module: nn.Module) -> int:
    """Return the elements of all parameters, a shared one once; buffers are not parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def count_nonzero(module: nn.Module) -> int:
    """Return the elements of all parameters that are not zero, a shared one once."""
    return sum(int(parameter.count_nonzero()) for parameter in module.parameters())
