"""Flask applications that do nothing but answer: what the service is held against."""

import os
from pathlib import Path
from types import SimpleNamespace

from flask import Flask, Response
from redis import Redis


def create() -> Flask:
    """Return an application that answers with the very bytes that the service does, from the file ``BARE_BODY``."""
    app, body = _app(), Path(os.environ["BARE_BODY"]).read_bytes()

    @app.get("/v1/jobs/<job_id>")
    def show(job_id: str) -> Response:
        return Response(body, mimetype="application/json")

    return app


def create_reading() -> Flask:
    """Return one that reads the job's record from Redis first: nothing that looks there can answer faster."""
    app, body = _app(), Path(os.environ["BARE_BODY"]).read_bytes()
    redis = Redis.from_url(os.environ["MODELPRESS_REDIS_URL"], decode_responses=True)

    @app.get("/v1/jobs/<job_id>")
    def show(job_id: str) -> Response:
        redis.hgetall(f"modelpress:{{{job_id}}}:record")
        return Response(body, mimetype="application/json")

    return app


def _app() -> Flask:
    app = Flask("bare")
    app.extensions["modelpress"] = SimpleNamespace(streams=SimpleNamespace())
    return app
