"""The application for gunicorn: ``gunicorn service.wsgi:app``, with everything real and named by the environment."""

from functools import partial

from flask import Flask
from redis import Redis

from jobs.state.events import redis_errors
from jobs.state.opening import State
from jobs.state.patience import PROBING, SERVING
from jobs.state.settings import StateSettings
from jobs.state.streams import TenantStreams
from jobs.telemetry.logs import configure, secrets_of
from jobs.telemetry.settings import TelemetrySettings
from jobs.telemetry.tally import Tally
from jobs.telemetry.tracing import open_tracer
from service.app import create_app
from service.identity import provider
from service.limiting import RateLimits
from service.polling import LongPolls
from service.ports import Services
from service.settings import ServiceSettings
from service.streaming import Streams


def build(settings: ServiceSettings, state_settings: StateSettings, telemetry: TelemetrySettings) -> Flask:
    """Return the application; nothing is contacted before the first request."""
    configure(telemetry, secrets_of(settings, state_settings))
    state, probed = State.open(state_settings, SERVING), State.open(state_settings, PROBING)
    return create_app(
        Services(
            settings=settings,
            ledger=state.ledger,
            landscapes=state.landscapes,
            events=state.events,
            queue=state.queue,
            uploads=state.uploads,
            keys=state.keys,
            admission=state.admission,
            audit=state.audit,
            tokens=provider(settings),
            limits=RateLimits.over(state.redis, settings.rate_limit, settings.rate_limit_failures),
            idempotency=state.idempotency,
            webhooks=state.webhooks,
            deliveries=state.deliveries,
            link=partial(state.store.presign_get, expires_s=state_settings.presign_s),
            probes={"queue": partial(_ping, probed.redis), "store": probed.store.check},
            long_polls=LongPolls(settings.long_polls, settings.long_poll_step_ms / 1000),
            tally=Tally(state.redis),
            tracer=open_tracer("service", telemetry),
            streams=Streams(
                state.events, TenantStreams(state.redis, settings.tenant_streams), settings.streams, settings.stream_s
            ),
        )
    )


def _ping(redis: "Redis") -> None:
    with redis_errors():
        redis.ping()


app = build(ServiceSettings.from_env(), StateSettings.from_env(), TelemetrySettings.from_env())
