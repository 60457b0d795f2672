from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.labelled_ref import LabelledRef


T = TypeVar("T", bound="SimilarityProbe")


@_attrs_define
class SimilarityProbe:
    """How well the cosine of embeddings, averaged over time, ranks pairs of texts as people do: Spearman."""

    probe: Literal["similarity"]
    data: LabelledRef
    """ Data with labels: recordings or images beside a metadata.csv or metadata.jsonl, or a table of texts. """
    label: str | Unset = "score"
    """ The column of how close two texts are """
    first: str | Unset = "sentence1"
    """ The column of the first text """
    second: str | Unset = "sentence2"
    """ The column of the second text """

    def to_dict(self) -> dict[str, Any]:
        probe = self.probe

        data = self.data.to_dict()

        label = self.label

        first = self.first

        second = self.second

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "probe": probe,
                "data": data,
            }
        )
        if label is not UNSET:
            field_dict["label"] = label
        if first is not UNSET:
            field_dict["first"] = first
        if second is not UNSET:
            field_dict["second"] = second

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.labelled_ref import LabelledRef  # noqa: PLC0415

        d = dict(src_dict)
        probe = cast(Literal["similarity"], d.pop("probe"))
        if probe != "similarity":
            raise ValueError(f"probe must match const 'similarity', got '{probe}'")

        data = LabelledRef.from_dict(d.pop("data"))

        label = d.pop("label", UNSET)

        first = d.pop("first", UNSET)

        second = d.pop("second", UNSET)

        similarity_probe = cls(
            probe=probe,
            data=data,
            label=label,
            first=first,
            second=second,
        )

        return similarity_probe
