"""The layers of compressed models that transformers does not have.

This file needs torch and transformers only. It lies, the same byte for byte, beside the weights of every artifact and
in the client.
"""

from collections.abc import Sequence
from typing import Any

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


class FusedLinear(nn.Module):
    """Linear layers of one input side by side, their outputs one after the other, some of them stored as two factors.

    All that reads the input is stacked in ``weight``, the matrices of dense parts and the first factors of the others,
    and multiplied at once. The name is that of the stock layer's matrix, of another size: see ``FactorisedLinear``.

    Attributes:
        parts: of each part, how many outputs it has, and its rank if it is stored as two factors.
        weight: (sum of ranks, or of outputs where a part is dense, in_features).
        ups: the second factors, (outputs, rank), by the number of their part.
        bias: (out_features,), or None.
    """

    def __init__(
        self,
        in_features: int,
        parts: Sequence[tuple[int, int | None]],
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        placed: dict[str, Any] = {"device": device, "dtype": dtype}
        self.parts = tuple((outputs, rank) for outputs, rank in parts)
        self.in_features, self.out_features = in_features, sum(outputs for outputs, _ in self.parts)
        self.weight = nn.Parameter(torch.empty(sum(self.rows()), in_features, **placed))
        self.ups = nn.ParameterDict()
        for index, (outputs, rank) in enumerate(self.parts):
            if rank is not None:
                self.ups[str(index)] = nn.Parameter(torch.empty(outputs, rank, **placed))
        self.bias = nn.Parameter(torch.empty(self.out_features, **placed)) if bias else None
        self.reset_parameters()

    def rows(self) -> list[int]:
        """Return how many rows of ``weight`` each part has."""
        return [rank or outputs for outputs, rank in self.parts]

    def reset_parameters(self) -> None:
        """Draw all factors so that each part has the scale of a fresh ``nn.Linear``."""
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        for up in self.ups.values():
            nn.init.normal_(up, std=up.shape[1] ** -0.5)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return (…, out_features) for x (…, in_features)."""
        read = torch.split(nn.functional.linear(x, self.weight), self.rows(), dim=-1)
        names = [str(index) for index in range(len(read))]
        given = [nn.functional.linear(h, self.ups[n]) if n in self.ups else h for h, n in zip(read, names, strict=True)]
        output = torch.cat(given, dim=-1)
        return output if self.bias is None else output + self.bias

    def extra_repr(self) -> str:
        """Return the sizes as they show in a printed model."""
        return f"in_features={self.in_features}, parts={self.parts}, bias={self.bias is not None}"


def sizes(layer: nn.Module) -> tuple[int, int] | None:
    """Return (in, out) of a linear layer of any kind, None for every other module."""
    if isinstance(layer, nn.Linear | FactorisedLinear | FusedLinear):
        return layer.in_features, layer.out_features
    return (layer.nx, layer.nf) if isinstance(layer, Conv1D) else None
