"""Where the HTTP side is put together: collaborators come in, an application goes out."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, g, request
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from jobs.telemetry.tracing import NoTracer
from service import audit, auth, headers, limiting, observing, problems
from service.api import KEY, Api, spec_options
from service.fast_path import FastPath
from service.ports import EXTENSION, Services
from service.views import (
    artifacts,
    compressions,
    events,
    health,
    jobs,
    landscapes,
    metrics,
    pages,
    plans,
    profiles,
    reports,
    techniques,
    ui,
    uploads,
    webhooks,
)

VERSION = "1.0.0"
DESCRIPTION = (
    "Compression as a service for self-supervised Transformers: submit a model and what to do with it, "
    "follow the job, read an honest report and download a checkpoint that loads."
)
VIEWS = (
    compressions,
    plans,
    profiles,
    landscapes,
    jobs,
    events,
    reports,
    artifacts,
    uploads,
    webhooks,
    techniques,
    health,
)


class App(Flask):
    """Flask, whose log of a fault names the request."""

    def log_exception(self, exc_info: Any) -> None:
        """Log a fault with the id that its answer carries."""
        self.logger.error("%s: fault in %s %s", g.request_id, request.method, request.path, exc_info=exc_info)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return *func*: all here are plain functions, and asking each at each call takes longer than most of them."""
        return func


def create_app(services: Services) -> Flask:
    """Return the application that serves the API with *services*."""
    app = App("service", static_folder=None, template_folder="ui/templates")
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.config.from_mapping(_config(services))
    if isinstance(services.tracer, NoTracer):  # a span shows what Flask does of a call
        app.wsgi_app = FastPath(app.wsgi_app, services)  # type: ignore[method-assign]
    _believe_proxies(app, services.settings.proxies)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.merge_slashes = False  # an address is what it says: no redirects
    app.extensions[EXTENSION] = services
    app.before_request(_name_request)
    observing.register(app)
    app.before_request(auth.require_key)
    app.after_request(_add_headers)
    app.after_request(limiting.tell)
    app.after_request(audit.note_call)
    problems.register(app)
    api = Api(app, spec_kwargs=spec_options())
    api.spec.components.security_scheme(KEY, {"type": "http", "scheme": "bearer", "description": auth.ABOUT})
    for view in VIEWS:
        api.register_blueprint(view.blueprint)
    for blueprint in (ui.blueprint, metrics.blueprint, *pages.BLUEPRINTS):
        app.register_blueprint(blueprint)
    return app


def _believe_proxies(app: Flask, count: int) -> None:
    """Take what the last *count* proxies say of a caller; whatever came before them, callers can make up."""
    if count:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]


def _config(services: Services) -> dict[str, Any]:
    return {
        "MAX_CONTENT_LENGTH": services.settings.body_limit_bytes,
        "JSON_DEPTH": services.settings.json_depth,
        "API_TITLE": "ModelPress",
        "API_VERSION": VERSION,
        "OPENAPI_VERSION": "3.1.0",
        "OPENAPI_URL_PREFIX": "/",
        "API_SPEC_OPTIONS": {
            "info": {"description": DESCRIPTION, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
            "security": [{KEY: []}],
            "servers": [{"url": "/"}],
        },
    }


def _name_request() -> None:
    g.request_id = headers.request_id(request.headers.get(headers.REQUEST_ID, ""))


def _add_headers(response: Response) -> Response:
    said = {name.lower() for name, _ in response.headers}
    for name, value in headers.ALWAYS.items():
        if name.lower() not in said:
            response.headers.add(name, value)
    response.headers[headers.REQUEST_ID] = g.request_id
    return response
