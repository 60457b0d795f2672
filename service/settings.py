"""Every knob of the HTTP side; where the state lives is `jobs.state.settings`."""

import os
from dataclasses import dataclass

from jobs.state.settings import Settings, setting

_COUNTERS = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus_client looks, when it is loaded, for where several processes count together."""


@dataclass(frozen=True, slots=True, repr=False)
class ServiceSettings(Settings):
    """What the HTTP side can be told; each is read from ``MODELPRESS_<NAME>``."""

    body_limit_bytes: int = setting("largest request body", 1_048_576, unit="bytes", minimum=1024)
    upload_body_limit_bytes: int = setting(
        "largest request body that lists the files of an upload", 8_388_608, unit="bytes", minimum=1024
    )
    json_depth: int = setting("how deep objects and lists of a request body may be nested", 32, minimum=8)
    rate_limit: int = setting("requests of one tenant in a minute; 0: no limit", 6000, minimum=0)
    rate_limit_failures: int = setting(
        "requests without a good key from one address in a minute; 0: no limit", 300, minimum=0
    )
    queue_limit_jobs: int = setting("waiting jobs from which on no more are accepted (503)", 10_000, minimum=1)
    poll_after_s: int = setting("what Retry-After tells a caller who polls a job", 2, unit="s", minimum=1)
    long_poll_step_ms: int = setting("how often a waiting request looks at its job", 250, unit="ms", minimum=10)
    long_polls: int = setting(
        "requests of one process that may wait at a time, fewer than its threads; others are answered at once",
        4,
        minimum=0,
    )
    proxies: int = setting(
        "reverse proxies in front, whose word on a caller's address, host and scheme is taken; 0: nobody's",
        0,
        minimum=0,
    )
    metrics_token: str = setting(
        "bearer token that opens /metrics, which names tenants; empty: nobody sees them", "", secret=True
    )
    web_threads: int = setting("threads of one process that streams leave to other requests", 8, minimum=2)
    streams: int = setting("streams of events that one process may have open, a thread each", 64, minimum=0)
    tenant_streams: int = setting("streams of events that a tenant may have open, over all processes", 50, minimum=0)
    stream_s: int = setting("how long a stream of events lasts; its reader opens another", 300, unit="s", minimum=1)
    oidc_issuer: str = setting("identity provider whose tokens are believed beside API keys; empty: none", "")
    oidc_audience: str = setting("whom its tokens must be made for: this service, as the provider calls it", "")
    oidc_jwks_url: str = setting("URL of its public keys", "")
    oidc_algorithms: tuple[str, ...] = setting("algorithms that its tokens may be signed by", ("RS256", "ES256"))
    oidc_tenant_claim: str = setting("claim that names the tenant", "tenant")
    oidc_scope_claim: str = setting("claim with the words that say what a token may do", "scope")
    oidc_scope_prefix: str = setting("what the words begin with, before read, write or admin", "modelpress:")
    page_secret: str = setting(
        "what signs the sessions of the web page, beside each key's own hash; the same for every process",
        "",
        secret=True,
    )
    page_session_s: int = setting("how long a session of the web page lasts", 43_200, unit="s", minimum=60)


def share_counters(folder: str) -> None:
    """Have this process and its children count in *folder*."""
    os.environ[_COUNTERS] = folder


def shared_counters() -> str | None:
    """Return the folder that several processes count in; None where each counts for itself."""
    return os.environ.get(_COUNTERS)
