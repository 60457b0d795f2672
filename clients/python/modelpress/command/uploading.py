"""Local paths in a request become uploads, with a word to whoever watches."""

from pathlib import Path
from typing import Any

from modelpress.command.session import Session


def uploaded(session: Session, request: dict[str, Any]) -> dict[str, Any]:
    """Return *request* with each local path in it uploaded, once, and its reference in its place."""
    sent: dict[Path, str] = {}
    result: dict[str, Any] = _replaced(session, request, sent)
    return result


def _replaced(session: Session, value: Any, sent: dict[Path, str]) -> Any:
    if isinstance(value, Path):
        if value not in sent:
            sent[value] = _send(session, value)
        return sent[value]
    if isinstance(value, list):
        return [_replaced(session, each, sent) for each in value]
    if isinstance(value, dict):
        return {name: _replaced(session, each, sent) for name, each in value.items()}
    return value


def _send(session: Session, path: Path) -> str:
    if not session.live:  # else there is a bar
        session.say(f"Uploading {path}")
    session.remark = "What is uploaded is kept for a week: the same command goes on from there."
    return session.press.upload(path)
