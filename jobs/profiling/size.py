"""How many numbers a model holds."""

from torch import nn

from jobs.checkpoint.precision import values_of


def count_parameters(module: nn.Module) -> int:
    """Return the elements of all parameters, a shared one once; buffers are not parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def count_nonzero(module: nn.Module) -> int:
    """Return the elements of all parameters that are not zero, a shared one once."""
    return sum(int(values_of(parameter).count_nonzero()) for parameter in module.parameters())
