"""The layers of compressed models that transformers does not have.

This file needs torch and transformers only. It lies, the same byte for byte, beside the weights of every artifact and
in the client.
"""

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D


class FactorisedLinear(nn.Module):
    """A linear layer stored as two thin factors: ``y = (x @ weight.T) @ up.T + bias``.

    The first factor is named ``weight`` on purpose: a stock class that opens these weights finds a tensor of the
    wrong size, and stops, instead of a missing one, which it would fill with random numbers.

    Attributes:
        weight: the first factor, (rank, in_features).
        up: the second factor, (out_features, rank).
        bias: (out_features,), or None.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        rank: int,
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_features, self.out_features, self.rank = in_features, out_features, rank
        self.weight = nn.Parameter(torch.empty(rank, in_features, device=device, dtype=dtype))
        self.up = nn.Parameter(torch.empty(out_features, rank, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_features, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    @classmethod
    def from_factors(cls, down: Tensor, up: Tensor, bias: Tensor | None) -> "FactorisedLinear":
        """Return the layer ``x -> (x @ down.T) @ up.T + bias``, with copies of the given values.

        Args:
            down: (rank, in_features).
            up: (out_features, rank).
            bias: (out_features,), or None.
        """
        (rank, in_features), out_features = down.shape, up.shape[0]
        layer = cls(in_features, out_features, rank, bias is not None, device=down.device, dtype=down.dtype)
        with torch.no_grad():
            layer.weight.copy_(down)
            layer.up.copy_(up)
            if layer.bias is not None and bias is not None:
                layer.bias.copy_(bias)
        return layer

    def reset_parameters(self) -> None:
        """Draw both factors so that their product has the scale of a fresh ``nn.Linear``."""
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        nn.init.normal_(self.up, std=self.rank**-0.5)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return (…, out_features) for x (…, in_features)."""
        return nn.functional.linear(nn.functional.linear(x, self.weight), self.up, self.bias)

    def extra_repr(self) -> str:
        """Return the sizes as they show in a printed model."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, rank={self.rank}, "
            f"bias={self.bias is not None}"
        )


def sizes(layer: nn.Module) -> tuple[int, int] | None:
    """Return (in, out) of a linear layer of any kind, None for every other module."""
    if isinstance(layer, nn.Linear | FactorisedLinear):
        return layer.in_features, layer.out_features
    return (layer.nx, layer.nf) if isinstance(layer, Conv1D) else None
