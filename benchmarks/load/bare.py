"""A Flask application that does nothing but answer: what the service is held against."""

import os
from pathlib import Path
from types import SimpleNamespace

from flask import Flask, Response

BODY = Path(os.environ["BARE_BODY"]).read_bytes()
"""The very bytes that the service answers with."""
app = Flask("bare")
app.extensions["modelpress"] = SimpleNamespace(streams=SimpleNamespace())


@app.get("/v1/jobs/<job_id>")
def show(job_id: str) -> Response:
    """Return the job."""
    return Response(BODY, mimetype="application/json")
