"""A Flask application that does nothing but answer: what the service is held against."""

import os
from pathlib import Path
from types import SimpleNamespace

from flask import Flask, Response


def create() -> Flask:
    """Return an application that answers with the very bytes that the service does, from the file ``BARE_BODY``."""
    app, body = Flask("bare"), Path(os.environ["BARE_BODY"]).read_bytes()
    app.extensions["modelpress"] = SimpleNamespace(streams=SimpleNamespace())

    @app.get("/v1/jobs/<job_id>")
    def show(job_id: str) -> Response:
        return Response(body, mimetype="application/json")

    return app
