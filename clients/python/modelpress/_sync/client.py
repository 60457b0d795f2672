"""The service, as Python sees it."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, Self

from modelpress import calls
from modelpress._sync.endpoints import Webhooks
from modelpress._sync.job import Job
from modelpress._sync.transport import Transport
from modelpress._sync.uploads import upload
from modelpress.concurrency import Call
from modelpress.progress import Progress
from modelpress.records import Record
from modelpress.retrying import Retry
from modelpress.settings import Settings

DEFAULT_TIMEOUT_S = 30.0


class GeneratedModel(Protocol):
    """What the classes of ``modelpress.models`` have in common."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""


Fields = Mapping[str, Any] | GeneratedModel
"""A JSON object, written as a dict or as one of ``modelpress.models``."""

Reference = str | Path | Fields
"""Where a model or data is: a URI, a local path, or ``{"uri": …}`` with more fields beside it."""
SCHEME = "://"
"""What a reference has and a path has not."""


class ModelPress:
    """A connection to one service.

    ``base_url`` and ``api_key`` come from ``MODELPRESS_URL`` and ``MODELPRESS_API_KEY`` where they are not given, else
    from a *profile* of ``~/.config/modelpress/config.toml``: the one named here or by ``MODELPRESS_PROFILE``, else
    ``default``.
    *timeout* bounds every single step of every request [s]; *retry* says how patiently to ask again.
    It can be used by several at once, and as a context manager that closes its connections.

    Raises:
        ConfigurationError: no URL or no key, or no such profile.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        profile: str | None = None,
        timeout: float = DEFAULT_TIMEOUT_S,
        retry: Retry | None = None,
    ) -> None:
        self._transport = Transport(Settings.resolve(base_url, api_key, profile), timeout, retry or Retry())
        self.webhooks = Webhooks(self._transport)

    def upload(self, path: str | Path, *, progress: Progress = None) -> str:
        """Send a model folder, a data folder or one data file; return its ``upload://`` reference.

        Hidden files are left out; empty and pickled ones too, with an ``UploadWarning``. Called again after an
        interruption, also in another process, it goes on where it was, for a week.
        *progress* says whether to show a bar, or is a function that is told the bytes that are there, and all;
        without it, there is a bar in a terminal or a notebook.

        Raises:
            UploadRefusedError: the path is not there, or nothing usable is in it; nothing was sent.
        """
        return upload(self._transport, Path(path).expanduser(), progress)

    def compress(
        self,
        *,
        model: Reference,
        steps: Iterable[Fields] | None = None,
        target: Fields | None = None,
        data: Reference | None = None,
        recovery: Fields | None = None,
        profile: Fields | None = None,
        evaluate: Iterable[Fields] | None = None,
        output: Fields | None = None,
        limits: Fields | None = None,
        labels: Mapping[str, str] | None = None,
        webhook: str | None = None,
    ) -> Job:
        """Ask for a compression by exactly one of *steps* and *target*; return its job, which has just begun to wait.

        *evaluate* are probes, as ``{"probe": "classification", "data": …, "label": "speaker"}``: the report has the
        score of each, of the dense model and of the result.
        *model* and *data*, also those of probes, are URIs (``s3://…``, ``hf://…``, ``upload://…``); anything else is a
        local path, which is uploaded on the way.
        *webhook* is the id of an endpoint of ``press.webhooks`` that is told of the job's end.

        Raises:
            InvalidRequestError: the request is wrong; its ``errors`` point at the fields.
        """
        request = self._request(model, steps, target, data, evaluate)
        options = _options(recovery=recovery, profile=profile, output=output, limits=limits, labels=labels)
        return self._submit(calls.create_compression(body=calls.body(request | options | {"webhook": webhook})))

    def plan(
        self,
        *,
        model: Reference,
        steps: Iterable[Fields] | None = None,
        target: Fields | None = None,
        data: Reference | None = None,
        recovery: Fields | None = None,
        profile: Fields | None = None,
        evaluate: Iterable[Fields] | None = None,
        output: Fields | None = None,
        limits: Fields | None = None,
        labels: Mapping[str, str] | None = None,
        webhook: str | None = None,
    ) -> Job:
        """Ask what ``compress`` would give with the same arguments; return the job, whose report says it.

        Its report has the parameters, MACs and bytes that would be left, and what each step would remove; it has no
        files. Raises as ``compress`` does.
        """
        request = self._request(model, steps, target, data, evaluate)
        options = _options(recovery=recovery, profile=profile, output=output, limits=limits, labels=labels)
        return self._submit(calls.create_plan(body=calls.body(request | options | {"webhook": webhook})))

    def profile(
        self,
        *,
        model: Reference,
        profile: Fields | None = None,
        evaluate: Iterable[Fields] | None = None,
        limits: Fields | None = None,
        labels: Mapping[str, str] | None = None,
        webhook: str | None = None,
    ) -> Job:
        """Ask for the figures of *model* as it is; return the job, whose report has them.

        Parameters, MACs, memory and wall-clock of the model on each input, and of every module in it on the first;
        *profile* says how to measure and *evaluate* what to judge it by, as for ``compress``, whose errors it raises.
        The job has no files.
        """
        refer = _References(self.upload)
        request = {"model": refer(model), "evaluate": _probes(evaluate, refer)}
        options = _options(profile=profile, limits=limits, labels=labels)
        return self._submit(calls.create_profile(body=calls.body(request | options | {"webhook": webhook})))

    def landscape(
        self,
        *,
        model: Reference,
        grid: Fields | None = None,
        points: Iterable[Fields] | None = None,
        controls: Fields | None = None,
        data: Reference | None = None,
        recovery: Fields | None = None,
        profile: Fields | None = None,
        evaluate: Iterable[Fields] | None = None,
        reuse: bool | None = None,
        limits: Fields | None = None,
        labels: Mapping[str, str] | None = None,
        webhook: str | None = None,
    ) -> Job:
        """Ask for *model* compressed in many ways and compared; return the job, whose points are jobs of their own.

        The ways are *points*, each ``{"steps": […]}`` or ``{"target": {…}}``, a *grid* such as ``{"techniques":
        ["head_pruning", "low_rank"], "removed": [0.25, 0.5, 0.75]}``, or both; the rest is as for ``compress``, whose
        errors it raises, and holds for every point. ``job.so_far()`` shows what there is meanwhile; the files of the
        result are the charts. Asked again with more, what there is already is reused unless *reuse* is false.
        """
        refer = _References(self.upload)
        request = {
            "model": refer(model),
            "points": None if points is None else [_plain_point(point) for point in points],
            "data": None if data is None else refer(data),
            "evaluate": _probes(evaluate, refer),
            "reuse": reuse,
        }
        options = _options(
            grid=grid, controls=controls, recovery=recovery, profile=profile, limits=limits, labels=labels
        )
        return self._submit(calls.create_landscape(body=calls.body(request | options | {"webhook": webhook})))

    def job(self, job_id: str) -> Job:
        """Return the job with this id; raises ``NotFoundError``."""
        return Job(self._transport, self._transport.json(calls.get_job(job_id)))

    def jobs(self, *, state: str | None = None, kind: str | None = None, label: str | None = None) -> Iterator[Job]:
        """Yield the jobs, newest first, all or those of one *state*, *kind* or *label* (``name`` or ``name=value``)."""
        wanted = calls.given(state=state, kind=kind, label=label)
        cursor: str | None = None
        while True:
            page = self._transport.json(calls.list_jobs(**wanted, **calls.given(cursor=cursor)))
            for document in page["data"]:
                yield Job(self._transport, document)
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def techniques(self) -> list[Record]:
        """Return what can be done to a model: name, summary, needs_data, parameters (a JSON Schema) of each."""
        return [Record(entry) for entry in (self._transport.json(calls.list_techniques()))["data"]]

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _request(
        self,
        model: Reference,
        steps: Iterable[Fields] | None,
        target: Fields | None,
        data: Reference | None,
        evaluate: Iterable[Fields] | None,
    ) -> dict[str, Any]:
        if (steps is None) == (target is None):
            raise TypeError("Expected exactly one of steps= and target=.")
        refer = _References(self.upload)
        return {
            "model": refer(model),
            "steps": None if steps is None else [_plain(step) for step in steps],
            "target": _plain(target),
            "data": None if data is None else refer(data),
            "evaluate": _probes(evaluate, refer),
        }

    def _submit(self, call: dict[str, Any]) -> Job:
        return Job(self._transport, self._transport.json(calls.once(call)))


class _References:
    """What a request calls the models and data that a caller names; what is local is uploaded, once."""

    def __init__(self, upload: Call[[str | Path], str]) -> None:
        self._upload = upload
        self._sent: dict[str | Path, str] = {}

    def __call__(self, given: Reference) -> dict[str, Any]:
        """Return the reference in its JSON form."""
        if isinstance(given, str | Path):
            return {"uri": self._uri(given)}
        fields = dict(_plain(given))
        return fields | {"uri": self._uri(fields["uri"])} if "uri" in fields else fields

    def _uri(self, given: str | Path) -> str:
        local = isinstance(given, Path) or SCHEME not in given
        if local and given not in self._sent:
            self._sent[given] = self._upload(given)
        return self._sent[given] if local else str(given)


def _probes(given: Iterable[Fields] | None, refer: _References) -> list[dict[str, Any]] | None:
    if given is None:
        return None
    probes = [dict(_plain(each)) for each in given]
    return [each | {"data": refer(each["data"])} if "data" in each else each for each in probes]


def _plain(given: Fields | None) -> Any:
    if given is None or isinstance(given, Mapping):
        return given
    return given.to_dict()


def _plain_point(point: Fields) -> Any:
    """Return *point* as JSON, whose steps may have been written as ``modelpress.models`` too."""
    plain = dict(_plain(point))
    return plain | {"steps": [_plain(step) for step in plain["steps"]]} if "steps" in plain else plain


def _options(**given: Fields | None) -> dict[str, Any]:
    return {name: _plain(value) for name, value in given.items()}
