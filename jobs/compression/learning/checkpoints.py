"""Unfinished learning, kept: all that the next step depends on, in one file of safetensors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

_FACTS = "facts"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Learning as it stood after a step.

    Attributes:
        tensors: weights, the optimizer's moments, the state of chance, by name.
        facts: counts and figures, as JSON has them; a float comes back to the bit.
    """

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]


class Checkpoints(Protocol):
    """Where the snapshots of one training are kept; only the newest one counts."""

    @property
    def urgent(self) -> bool:
        """Return whether learning is about to be interrupted: a snapshot after this very step spares work."""

    def save(self, snapshot: Snapshot) -> None:
        """Keep *snapshot* in the place of what is kept, all of it or nothing."""

    def load(self) -> Snapshot | None:
        """Return what is kept; None where nothing is."""


@dataclass(frozen=True, slots=True)
class FileCheckpoints:
    """Keeps the newest snapshot in a local file, which is replaced at once or not at all."""

    path: Path
    urgent: bool = False

    def save(self, snapshot: Snapshot) -> None:
        """Keep *snapshot* in the place of what is kept, all of it or nothing."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f"{self.path.name}.new")
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in snapshot.tensors.items()}
        save_file(tensors, fresh, metadata={_FACTS: json.dumps(dict(snapshot.facts))})
        fresh.replace(self.path)

    def load(self) -> Snapshot | None:
        """Return what is kept; None where nothing is."""
        if not self.path.is_file():
            return None
        with safe_open(self.path, framework="pt") as file:
            names = file.keys()
            return Snapshot({name: file.get_tensor(name) for name in names}, json.loads(file.metadata()[_FACTS]))
