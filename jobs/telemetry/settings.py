"""Settings of what is told to operators."""

from dataclasses import dataclass

from jobs.state.settings import Settings, setting


@dataclass(frozen=True, slots=True, repr=False)
class TelemetrySettings(Settings):
    """What logs and traces are like."""

    log_json: bool = setting("whether the log is JSON, one object a line; otherwise it is for people", True)
    log_level: str = setting("the least that is logged: DEBUG, INFO, WARNING or ERROR", "INFO")
    traces_endpoint: str = setting(
        "URL that takes spans by OTLP over HTTP, e.g. http://collector:4318/v1/traces, for installations with the "
        "extra `tracing`; empty: none are sent",
        "",
    )
