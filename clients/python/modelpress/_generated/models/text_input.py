from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="TextInput")


@_attrs_define
class TextInput:
    """Token sequences."""

    kind: Literal["text"]
    tokens: int
    """ Length of each [tokens] """
    timed: bool | Unset = True
    """ Whether to time it too, or only to count operations and memory """
    batch_size: int | Unset = 1
    """ Sequences in the batch """

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind

        tokens = self.tokens

        timed = self.timed

        batch_size = self.batch_size

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "kind": kind,
                "tokens": tokens,
            }
        )
        if timed is not UNSET:
            field_dict["timed"] = timed
        if batch_size is not UNSET:
            field_dict["batch_size"] = batch_size

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = cast(Literal["text"], d.pop("kind"))
        if kind != "text":
            raise ValueError(f"kind must match const 'text', got '{kind}'")

        tokens = d.pop("tokens")

        timed = d.pop("timed", UNSET)

        batch_size = d.pop("batch_size", UNSET)

        text_input = cls(
            kind=kind,
            tokens=tokens,
            timed=timed,
            batch_size=batch_size,
        )

        return text_input
