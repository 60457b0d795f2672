"""What a report says beside its figures: cautions to the reader, and the machine that measured."""

import os
import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from jobs.compression.family import Family
from jobs.contract.quality import Fidelity
from jobs.contract.report import Profile
from jobs.contract.timing import Speedup

PACKAGES = ("torch", "transformers", "safetensors", "numpy")


def of_family(family: Family) -> Iterator[str]:
    """Yield a sentence where the architecture is in no table."""
    if family.discovered:
        parts = (family.query, family.key, family.value, family.output, family.up, family.gate, family.down)
        yield (
            f"No table describes {family.model_types[0]!r}: its parts were found by their effect and proven on its "
            f"layers, in {family.layers}: {', '.join(part for part in parts if part)}."
        )


def unpaired(fidelity: Fidelity) -> Iterator[str]:
    """Yield a sentence where layers were to be compared one by one and could not be."""
    if not fidelity.layers:
        yield "Fidelity is of the output alone: it could not be told which layer of the source each layer was."


def cautions(fidelity: Fidelity, dense: Profile, compressed: Profile, speedups: Sequence[Speedup]) -> Iterator[str]:
    """Yield a sentence for each figure that could be read for more than it says."""
    if fidelity.source == "synthetic":
        yield "Fidelity is on random inputs and says little about quality; add data for a figure that does."
    if not any(each.input.timed for each in compressed.inputs):
        yield "Nothing was timed: no input asks for it."
    elif not speedups:
        yield "Nothing was timed: the model went by layers from disk to disk, and was never in memory as a whole."
    elif not any(each.conclusive and each.ratio > 1 for each in speedups):
        yield "No speed-up is shown on this machine: no interval lies above 1."
    if compressed.params_total == dense.params_total and compressed.params_nonzero < dense.params_nonzero:
        yield _of_zeros(dense, compressed, speedups)
    yield from uncounted(compressed)
    yield from disturbed(compressed)


def _of_zeros(dense: Profile, compressed: Profile, speedups: Sequence[Speedup]) -> str:
    """Say what zeros in matrices of the same shapes as before have not changed, as it was counted and timed."""
    same = []
    if [each.macs_executed for each in dense.inputs] == [each.macs_executed for each in compressed.inputs]:
        same.append("executed MACs")
    if speedups and not any(each.conclusive for each in speedups):
        same.append("wall-clock as far as can be told")
    if compressed.bytes_stored >= dense.bytes_stored:
        same.append("bytes stored")
    return f"Dense kernels multiply by zeros like by any number. Unchanged: {', '.join(same) or 'nothing else'}."


def uncounted(profile: Profile) -> Iterator[str]:
    """Yield a sentence for each input on which MACs are left out."""
    for each in profile.inputs:
        if each.uncounted_ops:
            yield f"MACs leave out operations without a formula: {', '.join(sorted(each.uncounted_ops))}."


def disturbed(profile: Profile, *, alone: bool = True) -> Iterator[str]:
    """Yield a sentence if times were taken while the machine was busy: those of *profile*, or further ones."""
    if not alone or any(each.latency_ms is not None and not each.latency_ms.alone for each in profile.inputs):
        yield "Other jobs computed on the machine while times were taken: ask again for times to rely on."


def environment() -> dict[str, Any]:
    """Return the versions and the machine that figures were taken with."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "logical_cpus": os.cpu_count(),
        **{name: version(name) for name in PACKAGES},
    }
