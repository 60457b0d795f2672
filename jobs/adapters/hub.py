"""Repositories of a model hub, through ``huggingface_hub``.

The endpoint and the token come from the worker's settings, never from a request; without a configured token none is
sent, not even the one that the machine's user may have logged in with.
"""

import inspect
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Literal, Self

from huggingface_hub import HfApi, errors
from huggingface_hub.utils.tqdm import disable_progress_bars

from jobs.adapters.folders import Entry, stored
from jobs.contract.errors import InvalidRequestError, InvalidUriError, ModelPressError, StorageError
from jobs.contract.uris import Uri
from jobs.state.objects import Stored

Kind = Literal["model", "dataset"]
METADATA_TIMEOUT_S = 30.0
_SCRATCH = ".hub"

disable_progress_bars()


@dataclass(frozen=True, slots=True)
class Hub:
    """Where the hub is and who we are there.

    Attributes:
        endpoint: its base URL; empty when this service uses no hub.
        token: access token; empty to come without one.
    """

    endpoint: str = ""
    token: str = field(default="", repr=False)

    def api(self) -> HfApi:
        """Return a client that sends our token or none."""
        return HfApi(endpoint=self.endpoint, token=self.token or False)


@dataclass(frozen=True, slots=True)
class HubFolder:
    """One repository at one commit."""

    api: HfApi
    repo: str
    kind: Kind
    revision: str
    files: tuple[Entry, ...]
    missing: type[InvalidRequestError]

    @classmethod
    def at(cls, uri: Uri, kind: Kind, *, hub: Hub, missing: type[InvalidRequestError]) -> Self:
        """Return the repository that *uri* names, its revision resolved to a commit.

        Raises:
            InvalidRequestError: as *missing*, when there is no such repository or revision, or no access to it.
            StorageError: the hub is out of reach.
        """
        if not hub.endpoint:
            raise InvalidUriError(
                "This service is set up without a model hub; use s3:// or upload:// instead of hf://."
            )
        api = hub.api()
        with hub_errors(f"hf://{uri.authority}", missing):
            info = api.dataset_info if kind == "dataset" else api.model_info
            found = info(uri.authority, revision=uri.revision or None, timeout=METADATA_TIMEOUT_S, files_metadata=True)
        files = tuple(
            Entry(each.rfilename, each.size or 0, each.lfs.sha256 if each.lfs else None)
            for each in found.siblings or ()
        )
        return cls(api, uri.authority, kind, found.sha or uri.revision, files, missing)

    @property
    def name(self) -> str:
        """Return the reference with its commit."""
        return f"hf://{self.repo}@{self.revision}"

    def entries(self) -> Iterator[Entry]:
        """Yield the files of the commit."""
        yield from self.files

    def save(self, entry: Entry, target: Path) -> Stored:
        """Download one file; the hub's own bookkeeping stays in a scratch folder beside it and goes with it."""
        scratch = target.with_name(f"{_SCRATCH}-{target.name}")
        with hub_errors(self.name, self.missing):
            found = self.api.hf_hub_download(
                self.repo,
                entry.path,
                repo_type=self.kind,
                revision=self.revision,
                local_dir=scratch,
                cache_dir=scratch / _SCRATCH,
            )
        Path(found).replace(target)
        shutil.rmtree(scratch)
        return stored(target)


@contextmanager
def hub_errors(name: str, missing: type[InvalidRequestError]) -> Iterator[None]:
    """Turn what ``huggingface_hub`` raises into the project's errors: the only place that does.

    Args:
        name: what messages call the repository.
        missing: the error that says that what was asked for is not there.
    """
    try:
        yield
    except _EVERY_ERROR as error:
        raise translated(error, name, missing) from error
    except OSError as error:
        if error.errno is not None:  # the disk's own trouble
            raise
        raise _failing(error, name, missing) from error  # a download of the wrong length
    except ValueError as error:  # an answer that is no hub's
        raise _failing(error, name, missing) from error


def translated(error: Exception, name: str, missing: type[InvalidRequestError]) -> ModelPressError:
    """Return what *error* means to the caller; what is unknown counts as a failing hub, which may recover."""
    for kind in type(error).__mro__:
        if kind in _MEANINGS:
            return _MEANINGS[kind](error, name, missing)
    return _failing(error, name, missing)


_Meaning = Callable[[Exception, str, type[InvalidRequestError]], ModelPressError]


def _absent(sentence: str) -> _Meaning:
    def meaning(error: Exception, name: str, missing: type[InvalidRequestError]) -> ModelPressError:
        return missing(sentence.format(name=name))

    return meaning


def _invalid(error: Exception, name: str, missing: type[InvalidRequestError]) -> ModelPressError:
    return InvalidUriError(f"The hub does not accept {name} as a repository and revision; expected hf://org/name@rev.")


def _failing(error: Exception, name: str, missing: type[InvalidRequestError]) -> ModelPressError:
    return StorageError(f"The model hub failed while {name} was read ({type(error).__name__}); try again later.")


def _refused_or_failing(error: Exception, name: str, missing: type[InvalidRequestError]) -> ModelPressError:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return missing(f"The hub gives this service no access to {name}; make it readable for the service's token.")
    return _failing(error, name, missing)


_MEANINGS: dict[type, _Meaning] = {
    errors.RepositoryNotFoundError: _absent("No repository {name} on the hub, or it is private to others."),
    errors.GatedRepoError: _absent("{name} is gated: accept its terms with the account of the service's hub token."),
    errors.DisabledRepoError: _absent("{name} was disabled by the hub or its author."),
    errors.RevisionNotFoundError: _absent("{name} has no such revision; give a branch, a tag or a commit after '@'."),
    errors.RemoteEntryNotFoundError: _absent("A file that {name} lists cannot be fetched from it."),
    errors.OfflineModeIsEnabled: _absent(
        "{name} cannot be read: the hub is switched off on this worker (offline mode)."
    ),
    errors.HFValidationError: _invalid,
    errors.HfUriError: _invalid,
    errors.BadRequestError: _invalid,
    errors.LocalEntryNotFoundError: _failing,  # what a download says when the hub cannot be reached
    errors.HfHubHTTPError: _refused_or_failing,
}
"""What each error of the hub's client means, by the most specific class."""

_EVERY_ERROR = tuple(each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, Exception))
