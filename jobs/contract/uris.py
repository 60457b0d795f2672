"""References to models and data: schemes, never URLs.

======================  =========================================================
``s3://bucket/prefix``  a folder (or one file) in a bucket
``hf://org/name@rev``   a repository on a model hub; the revision is optional
``upload://id``         what ``POST /v1/uploads`` returned
``file://path``         a path below the worker's configured root
======================  =========================================================
"""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from jobs.contract.errors import InvalidUriError

Scheme = Literal["s3", "hf", "upload", "file"]
SCHEMES: tuple[str, ...] = get_args(Scheme)
URI_MAX_LENGTH = 1024

_FORMS = "s3://bucket/prefix, hf://org/name@revision, upload://id or file://path"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_HUB = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_REVISION = re.compile(r"[\w./-]{1,128}")
_UPLOAD = re.compile(r"upl_[0-9A-HJKMNP-TV-Z]{26}")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\?#%]")


@dataclass(frozen=True, slots=True)
class Uri:
    """A parsed reference.

    Attributes:
        scheme: one of ``s3``, ``hf``, ``upload``, ``file``.
        authority: the bucket, ``org/name`` or upload id; empty for ``file``.
        path: the prefix within it, without leading or trailing slashes.
        revision: the hub revision; empty when none was given.
    """

    scheme: Scheme
    authority: str
    path: str = ""
    revision: str = ""


def parse_uri(text: str) -> Uri:
    """Return the parts of *text*.

    Raises:
        InvalidUriError: a foreign scheme, a ``..``, a control character, a bad bucket, name or id.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in SCHEMES:
        raise InvalidUriError(f"Expected {_FORMS}; got {_shown(text)}. Upload a local model with POST /v1/uploads.")
    if len(text) > URI_MAX_LENGTH or _UNSAFE.search(rest) or ".." in rest.split("/"):
        raise InvalidUriError(
            f"A reference has at most {URI_MAX_LENGTH} plain characters and no '..' parts; got {_shown(text)}."
        )
    return _PARSERS[scheme](rest)


def _s3(rest: str) -> Uri:
    bucket, _, prefix = rest.partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise InvalidUriError(f"Expected s3://bucket/prefix with a valid bucket name; got bucket {_shown(bucket)}.")
    return Uri("s3", bucket, prefix.strip("/"))


def _hf(rest: str) -> Uri:
    name, _, revision = rest.partition("@")
    if not _HUB.fullmatch(name) or (revision and not _REVISION.fullmatch(revision)):
        raise InvalidUriError(f"Expected hf://org/name or hf://org/name@revision; got hf://{_shown(rest)}.")
    return Uri("hf", name, revision=revision)


def _upload(rest: str) -> Uri:
    identifier, _, path = rest.partition("/")
    if not _UPLOAD.fullmatch(identifier):
        raise InvalidUriError(f"Expected upload://upl_… as POST /v1/uploads returned it; got upload://{_shown(rest)}.")
    return Uri("upload", identifier, path.strip("/"))


def _file(rest: str) -> Uri:
    path = rest.strip("/")
    if not path:
        raise InvalidUriError("Expected file://path below the worker's model root; got an empty path.")
    return Uri("file", "", path)


_PARSERS = {"s3": _s3, "hf": _hf, "upload": _upload, "file": _file}


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "…")  # noqa: PLR2004 - one line of a message
