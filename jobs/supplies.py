"""What an attempt needs before it computes: model and data on the local disk, and what earlier work has left."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from jobs import pipeline, stopping
from jobs.adapters.data import fetch_data
from jobs.adapters.models import fetch
from jobs.adapters.settings import SourceSettings
from jobs.adapters.sources import Sources
from jobs.adapters.transfer import Fetched
from jobs.compression.calibration import CALIBRATION_VERSION
from jobs.contract.probes import labelled
from jobs.contract.spec import CompressionSpec
from jobs.contract.state import JobKind
from jobs.contract.uris import parse_uri
from jobs.reporting import PACKAGES, environment
from jobs.resuming import GoingOn, Resuming, StartingOver
from jobs.settings import WorkerSettings
from jobs.state.calibrations import Calibrations
from jobs.state.checkpoints import Checkpoints
from jobs.state.opening import State
from jobs.state.records import Lease


@dataclass(frozen=True, slots=True)
class Supplies:
    """Brings what the attempt of *lease* needs."""

    lease: Lease
    state: State
    settings: WorkerSettings
    sources: SourceSettings

    def bring(self, spec: CompressionSpec, folders: pipeline.Folders) -> pipeline.Folders:
        """Bring model and data, and return *folders* with where they came from."""
        sources = self._sources()
        for folder in (folders.source, folders.out, folders.data):
            if folder is not None:
                folder.mkdir(parents=True)
        model = fetch(parse_uri(spec.model.uri), folders.source, sources=sources)
        origin = {key: text for key, text in asdict(model).items() if key != "files"}
        folders = replace(folders, origin=origin, labelled=self._fetch_labelled(spec, folders, sources))
        if spec.data is None or folders.data is None:
            return replace(folders, resuming=self._resuming(folders, model, None))
        data = fetch_data(parse_uri(spec.data.uri), folders.data, sources=sources)
        resuming = self._resuming(folders, model, data)
        return replace(folders, resuming=resuming, cache=self._cache(model, data, spec.data.samples))

    def _resuming(self, folders: pipeline.Folders, model: Fetched, data: Fetched | None) -> Resuming:
        """Return what earlier attempts left of a compression, and where this one leaves what it does."""
        if self.lease.job.kind != JobKind.COMPRESSION:
            return StartingOver()
        made_by = environment()
        identity = {
            "model": model.sha256,
            "data": data and data.sha256,
            "versions": {name: made_by[name] for name in PACKAGES},
        }
        after_s = self.settings.checkpoint_after_s
        kept = Checkpoints(self.state.store, self.lease, identity, after_s=after_s, urgent=stopping.wished)
        return GoingOn(kept, folders.out.parent, folders.source)

    def _fetch_labelled(self, spec: CompressionSpec, folders: pipeline.Folders, sources: Sources) -> dict[str, Path]:
        """Bring what probes judge by, each reference once, and return where it lies; plans are made without."""
        if self.lease.job.kind == JobKind.PLAN:
            return {}
        asked = dict.fromkeys(each.data.uri for each in labelled(spec.evaluate))
        found = {spec.data.uri: folders.data} if spec.data and folders.data else {}
        for place, uri in enumerate(each for each in asked if each not in found):
            found[uri] = folders.out.parent / f"labelled-{place}"
            found[uri].mkdir()
            fetch_data(parse_uri(uri), found[uri], sources=sources)
        return found

    def _cache(self, model: Fetched, data: Fetched, samples: int | None) -> Calibrations:
        """Return where what is measured on this model and this data is kept: for this machine, to the bit."""
        identity = {
            "version": CALIBRATION_VERSION,
            "model": model.sha256,
            "data": data.sha256,
            "samples": samples,
            "threads": self.settings.threads,
            "kernels": torch.backends.cpu.get_cpu_capability(),
            "environment": environment(),
        }
        return Calibrations(self.state.store, self.lease.job.tenant, identity)

    def _sources(self) -> Sources:
        uploads, tenant = self.state.uploads, self.lease.job.tenant
        return Sources.from_settings(
            self.sources,
            self.state.store,
            lambda upload_id: uploads.prefix(tenant, upload_id),
            self.state.tenants.quotas(tenant).buckets,
        )
