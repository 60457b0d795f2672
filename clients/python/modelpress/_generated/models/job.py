from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.job_error import JobError
    from ..models.job_labels import JobLabels
    from ..models.job_links import JobLinks
    from ..models.job_request import JobRequest
    from ..models.progress import Progress


T = TypeVar("T", bound="Job")


@_attrs_define
class Job:
    """One request and its life."""

    id: str
    """ job_ and a ULID """
    kind: str
    """ What was asked for """
    state: str
    """ Where it is in its life """
    terminal: bool
    """ Whether nothing can follow this state """
    created_at: datetime.datetime
    """ When it was accepted """
    started_at: datetime.datetime | None
    """ When the last attempt began """
    ended_at: datetime.datetime | None
    """ When it ended """
    expires_at: datetime.datetime | None
    """ Until when it waits for a worker; once it has ended, until when it and what it made are kept (null: for
    ever) """
    attempt: int
    """ The present attempt; 0 before the first """
    max_attempts: int
    """ Attempts before it fails for good """
    progress: None | Progress
    request: JobRequest
    """ What was asked for, as it was accepted """
    parent: None | str
    """ The job that this one is part of """
    retry_of: None | str
    """ The job that this one repeats """
    labels: JobLabels
    error: JobError | None
    links: JobLinks
    """ Where to read on. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.job_error import JobError  # noqa: PLC0415
        from ..models.progress import Progress  # noqa: PLC0415

        id = self.id

        kind = self.kind

        state = self.state

        terminal = self.terminal

        created_at = self.created_at.isoformat()

        started_at: None | str
        if isinstance(self.started_at, datetime.datetime):
            started_at = self.started_at.isoformat()
        else:
            started_at = self.started_at

        ended_at: None | str
        if isinstance(self.ended_at, datetime.datetime):
            ended_at = self.ended_at.isoformat()
        else:
            ended_at = self.ended_at

        expires_at: None | str
        if isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        attempt = self.attempt

        max_attempts = self.max_attempts

        progress: dict[str, Any] | None
        if isinstance(self.progress, Progress):
            progress = self.progress.to_dict()
        else:
            progress = self.progress

        request = self.request.to_dict()

        parent: None | str
        parent = self.parent

        retry_of: None | str
        retry_of = self.retry_of

        labels = self.labels.to_dict()

        error: dict[str, Any] | None
        if isinstance(self.error, JobError):
            error = self.error.to_dict()
        else:
            error = self.error

        links = self.links.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "kind": kind,
                "state": state,
                "terminal": terminal,
                "created_at": created_at,
                "started_at": started_at,
                "ended_at": ended_at,
                "expires_at": expires_at,
                "attempt": attempt,
                "max_attempts": max_attempts,
                "progress": progress,
                "request": request,
                "parent": parent,
                "retry_of": retry_of,
                "labels": labels,
                "error": error,
                "links": links,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.job_error import JobError  # noqa: PLC0415
        from ..models.job_labels import JobLabels  # noqa: PLC0415
        from ..models.job_links import JobLinks  # noqa: PLC0415
        from ..models.job_request import JobRequest  # noqa: PLC0415
        from ..models.progress import Progress  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        kind = d.pop("kind")

        state = d.pop("state")

        terminal = d.pop("terminal")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_started_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                started_at_type_0 = datetime.datetime.fromisoformat(data)

                return started_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        started_at = _parse_started_at(d.pop("started_at"))

        def _parse_ended_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ended_at_type_0 = datetime.datetime.fromisoformat(data)

                return ended_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        ended_at = _parse_ended_at(d.pop("ended_at"))

        def _parse_expires_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expires_at_type_0 = datetime.datetime.fromisoformat(data)

                return expires_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        expires_at = _parse_expires_at(d.pop("expires_at"))

        attempt = d.pop("attempt")

        max_attempts = d.pop("max_attempts")

        def _parse_progress(data: object) -> None | Progress:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                progress_type_0 = Progress.from_dict(data)

                return progress_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Progress, data)

        progress = _parse_progress(d.pop("progress"))

        request = JobRequest.from_dict(d.pop("request"))

        def _parse_parent(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        parent = _parse_parent(d.pop("parent"))

        def _parse_retry_of(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        retry_of = _parse_retry_of(d.pop("retry_of"))

        labels = JobLabels.from_dict(d.pop("labels"))

        def _parse_error(data: object) -> JobError | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                error_type_0 = JobError.from_dict(data)

                return error_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(JobError | None, data)

        error = _parse_error(d.pop("error"))

        links = JobLinks.from_dict(d.pop("links"))

        job = cls(
            id=id,
            kind=kind,
            state=state,
            terminal=terminal,
            created_at=created_at,
            started_at=started_at,
            ended_at=ended_at,
            expires_at=expires_at,
            attempt=attempt,
            max_attempts=max_attempts,
            progress=progress,
            request=request,
            parent=parent,
            retry_of=retry_of,
            labels=labels,
            error=error,
            links=links,
        )

        job.additional_properties = d
        return job

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
