"""Folders that callers send straight to the store."""

from typing import Any

from flask import Response, jsonify, request

from jobs.state.records import new_id
from service.api import Blueprint
from service.auth import tenant
from service.errors import NotFoundError
from service.ports import services
from service.schemas.answers import Upload
from service.schemas.requests import UploadCompletion, UploadQuery, UploadRequest
from service.views.examples import COMPLETIONS, UPLOADS
from service.views.keyed import IDEMPOTENCY_KEY, REPLAYED, once

blueprint = Blueprint(
    "uploads", __name__, url_prefix="/v1/uploads", description="Send a model or data without a bucket"
)
LOCATION = {"Location": {"schema": {"type": "string"}, "description": "Where the upload is"}}


@blueprint.before_request
def allow_long_lists() -> None:
    """Let a body be as long as a list of files needs."""
    request.max_content_length = services().settings.upload_body_limit_bytes


@blueprint.route("", methods=["POST"])
@blueprint.arguments(UploadRequest, examples=UPLOADS)
@blueprint.response(201, Upload, headers=LOCATION | REPLAYED)
@blueprint.alt_response(409)
@blueprint.reads_header(IDEMPOTENCY_KEY)
@blueprint.doc(operationId="createUpload")
def create_upload(document: dict[str, Any]) -> Response:
    """Begin an upload.

    PUT each part to its URL, keep the ETags, then complete the upload and use its `uri`. Where `next_offset` is
    not null, more files follow: show the upload to get their URLs.
    """
    uploads, whose = services().uploads, tenant()
    upload, headers = once(
        new_id("upl"),
        document,
        find=lambda upload_id: uploads.show(whose, upload_id),
        make=lambda upload_id: _begun(whose, document["files"], upload_id),
    )
    response = jsonify(Upload().dump(upload))
    response.headers.update({"Location": f"/v1/uploads/{upload['id']}", "Cache-Control": "no-store", **headers})
    response.status_code = 201
    return response


@blueprint.route("/<upload_id>")
@blueprint.arguments(UploadQuery, location="query")
@blueprint.response(200, Upload)
@blueprint.alt_response(404)
@blueprint.doc(operationId="getUpload")
def get_upload(query: dict[str, Any], upload_id: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Show an upload, with fresh URLs while it is open."""
    shown = services().uploads.show(tenant(), upload_id, **query)
    return _found(shown, upload_id), 200, {"Cache-Control": "no-store"}


@blueprint.route("/<upload_id>/complete", methods=["POST"])
@blueprint.arguments(UploadCompletion, examples=COMPLETIONS)
@blueprint.response(200, Upload)
@blueprint.alt_response(404)
@blueprint.alt_response(409)
@blueprint.doc(operationId="completeUpload")
def complete_upload(document: dict[str, Any], upload_id: str) -> dict[str, Any]:
    """Complete an upload, whose parts have all been sent."""
    return _found(services().uploads.complete(tenant(), upload_id, document["files"]), upload_id)


def _begun(whose: str, files: list[dict[str, Any]], upload_id: str | None) -> dict[str, Any]:
    services().admission.admit_bytes(whose, sum(each["bytes"] for each in files))
    return services().uploads.create(whose, files, upload_id)


def _found(upload: dict[str, Any] | None, upload_id: str) -> dict[str, Any]:
    if upload is None:
        raise NotFoundError(f"Expected the id of one of your uploads; got {upload_id[:64]!r}.")
    return upload
