from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="WebhookWithSecret")


@_attrs_define
class WebhookWithSecret:
    """An endpoint, and the one time that its secret is shown."""

    id: str
    """ wh_ and a ULID; what `webhook` in a request for a job takes """
    url: str
    """ Where to POST to """
    events: list[str]
    """ Of which ends of jobs it is told; those of jobs that name it by `webhook` it is told in any case """
    enabled: bool
    """ Whether anything is sent there """
    description: str
    """ Your own words """
    created_at: datetime.datetime
    """ When it was made """
    failing_since: datetime.datetime | None
    """ When the first delivery failed after which none has arrived """
    switched_off: None | str
    """ Why the service sends nothing there any more """
    secret: str
    """ What verifies signatures: whsec_ and base64; keep it, it is not shown again """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        url = self.url

        events = self.events

        enabled = self.enabled

        description = self.description

        created_at = self.created_at.isoformat()

        failing_since: None | str
        if isinstance(self.failing_since, datetime.datetime):
            failing_since = self.failing_since.isoformat()
        else:
            failing_since = self.failing_since

        switched_off: None | str
        switched_off = self.switched_off

        secret = self.secret

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "url": url,
                "events": events,
                "enabled": enabled,
                "description": description,
                "created_at": created_at,
                "failing_since": failing_since,
                "switched_off": switched_off,
                "secret": secret,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        url = d.pop("url")

        events = cast(list[str], d.pop("events"))

        enabled = d.pop("enabled")

        description = d.pop("description")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_failing_since(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                failing_since_type_0 = datetime.datetime.fromisoformat(data)

                return failing_since_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        failing_since = _parse_failing_since(d.pop("failing_since"))

        def _parse_switched_off(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        switched_off = _parse_switched_off(d.pop("switched_off"))

        secret = d.pop("secret")

        webhook_with_secret = cls(
            id=id,
            url=url,
            events=events,
            enabled=enabled,
            description=description,
            created_at=created_at,
            failing_since=failing_since,
            switched_off=switched_off,
            secret=secret,
        )

        webhook_with_secret.additional_properties = d
        return webhook_with_secret

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
