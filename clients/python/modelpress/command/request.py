"""What a command line asks for, as the keyword arguments of the client's methods."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from modelpress.command import amounts
from modelpress.command.amounts import pair
from modelpress.command.usage import wrong
from modelpress.command.vocabulary import UnknownWordError, Vocabulary, checked, contract, packaged

Request = dict[str, Any]
Catalogue = Callable[[], Mapping[str, Any]]
"""Returns the JSON Schema of each technique that the service itself knows."""

SCHEME = "://"
PICKLED = ("*.bin", "*.pt", "*.pth")


class _Loader(yaml.SafeLoader):
    """Reads YAML in which ``1e-4`` is a number, as in JSON and in YAML 1.2."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"-?(0|[1-9]\d*)(\.\d+)?[eE][+-]?\d+$"), list("-0123456789")
)


def read_spec(path: str | None, fields: Iterable[str]) -> Request:
    """Return the request in the file at *path* (``-``: in stdin), JSON or YAML; it may have no others than *fields*."""
    if path is None:
        return {}
    with wrong("--spec"):
        document = _document(path)
        unknown = [str(name) for name in document if name not in fields]
        if unknown:
            raise ValueError(f"{path} has {', '.join(unknown)}; a request has {', '.join(fields)}")
        _check_forms(path, document)
        return {name: _with_paths(name, value) for name, value in document.items()}


def reference(text: str) -> str | Path:
    """Return where a model or data is: a URI as it is, anything else as a local path, which must be there."""
    if SCHEME in text:
        return text
    path = Path(text).expanduser()
    if not path.exists():
        raise ValueError(f"{path.absolute()} is not there; expected a local path, or s3://…, hf://… or upload://…")
    return path


def steps(texts: Iterable[str], newer: Catalogue) -> list[dict[str, Any]]:
    """Return the techniques to apply, in order; what is not known here is looked up in the *newer* catalogue."""
    with wrong("--technique"):
        return [_step(text, newer) for text in texts]


def target(text: str, scope: str | None) -> Request:
    """Return the budget to keep to."""
    with wrong("--target"):
        found = amounts.target(text, scope)
        fields = contract("Target")["properties"]
        return {name: checked(f"{text}: {name}", value, fields[name]) for name, value in found.items()}


def words(texts: Iterable[str], schema: str, hint: str) -> list[str]:
    """Return *texts*, given by the option *hint*, each of which is one of the words of the contract's *schema*."""
    with wrong(hint):
        return [checked(hint.strip("-"), each, contract(schema)) for each in texts]


def check_model(model: Any) -> None:
    """Raise ``BadParameter`` where *model* is on this machine and plainly none, before anything is uploaded."""
    path = model.get("uri") if isinstance(model, Mapping) else model
    if not isinstance(path, Path):
        return
    with wrong("MODEL"):
        if not path.is_dir():
            raise ValueError(f"expected a folder that save_pretrained wrote; {path} is a file")
        missing = [pattern for pattern in ("config.json", "*.safetensors") if not any(path.glob(pattern))]
        if missing:
            raise ValueError(_no_model(path, missing))


def probes(texts: Iterable[str]) -> list[dict[str, Any]]:
    """Return the probes to judge by; their data may be local."""
    with wrong("--evaluate"):
        found = [packaged("probe").parse(text) for text in texts]
        return [each | {"data": {"uri": reference(each["data"]["uri"])}} if "data" in each else each for each in found]


def labels(texts: Iterable[str]) -> dict[str, str]:
    """Return labels by name."""
    with wrong("--label"):
        return dict(pair(text, "team=speech") for text in texts)


def _no_model(path: Path, missing: Iterable[str]) -> str:
    said = f"expected a folder that save_pretrained wrote; {path} has no {' and no '.join(missing)}"
    if any(any(path.glob(pattern)) for pattern in PICKLED):
        return f"{said}. Where you trust it, AutoModel.from_pretrained(folder).save_pretrained(other) converts it"
    return said


def _step(text: str, newer: Catalogue) -> dict[str, Any]:
    try:
        return packaged("technique").parse(text)
    except UnknownWordError as unknown:
        return _newer_step(text, newer, unknown)


def _newer_step(text: str, newer: Catalogue, unknown: UnknownWordError) -> dict[str, Any]:
    schemas = newer()
    if not schemas:
        raise unknown
    return Vocabulary("technique", schemas).parse(text)


def _document(path: str) -> Request:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).expanduser().read_text(encoding="utf-8")
        document = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is neither JSON nor YAML: {error}") from error
    if not isinstance(document, dict):
        raise TypeError(f"expected an object with fields such as model and steps in {path}; got {document!r:.80}")
    return document


def _check_forms(where: str, document: Request) -> None:
    """Raise ``ValueError`` for what has another form than the client takes; values are the service's matter."""
    for name, value in document.items():
        form, fits = _FORMS.get(name, _OBJECT)
        if not fits(value):
            raise ValueError(f"{where}: expected {form} as {name}; got {value!r:.80}")
        for point in value if name == "points" else ():
            _check_forms(f"{where}: points", point)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_object, value))


def _is_place(value: Any) -> bool:
    return isinstance(value, str | dict)


_OBJECT = ("an object", _is_object)
_OBJECTS = ("a list of objects", _is_list_of_objects)
_PLACE = ("a path, a URI or an object with a uri", _is_place)
_FORMS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "model": _PLACE,
    "data": _PLACE,
    "steps": _OBJECTS,
    "evaluate": _OBJECTS,
    "points": _OBJECTS,
    "reuse": ("true or false", lambda value: isinstance(value, bool)),
    "webhook": ("an id", lambda value: isinstance(value, str)),
}


def _with_paths(name: str, value: Any) -> Any:
    """Return *value*, the field *name* of a request, in which local models and data are paths."""
    if isinstance(value, str) and name == "uri":
        return reference(value)
    if isinstance(value, str) and name in {"model", "data"}:
        return {"uri": reference(value)}
    if isinstance(value, list):
        return [_with_paths("", each) for each in value]
    if isinstance(value, dict):
        return {inner: _with_paths(inner, each) for inner, each in value.items()}
    return value
