"""The log of a process."""

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from jobs.state.settings import SettingsError, StateSettings
from jobs.telemetry.logs import about, adopt, configure, redacted, secrets_of
from jobs.telemetry.settings import TelemetrySettings

JSON = TelemetrySettings()
KEY = f"mp_{'0' * 26}_{'s3cret' * 7}x"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Return where the log goes, and put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_a_line_is_one_object_that_names_what_it_is_about(stream: io.StringIO) -> None:
    """Message, level, logger, moment, extras and the ids of the block are members of one JSON object."""
    configure(JSON, stream=stream)
    with about(job_id="job_1", attempt=2, trace_id=None):
        logging.getLogger("modelpress.tasks").warning("It took %d s.", 3, extra={"stage": "load"})
    line = json.loads(stream.getvalue())

    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "It took 3 s.",
        "level": "warning",
        "logger": "modelpress.tasks",
        "job_id": "job_1",
        "attempt": 2,
        "stage": "load",
    }


def test_the_ids_end_with_their_block(stream: io.StringIO) -> None:
    """What is logged after a request says nothing of it."""
    configure(JSON, stream=stream)
    with about(request_id="req_1"):
        pass
    logging.getLogger("any").warning("later")

    assert "request_id" not in json.loads(stream.getvalue())


def test_a_traceback_stays_within_its_line(stream: io.StringIO) -> None:
    """A fault is one line too, so that a collector does not tear it apart."""
    configure(JSON, stream=stream)
    try:
        {}[KEY]
    except KeyError:
        logging.getLogger("any").exception("fault")
    written = stream.getvalue()

    assert written.count("\n") == 1
    assert "KeyError" in json.loads(written)["exception"]
    assert "s3cret" not in written


def test_people_may_read_it_as_text(stream: io.StringIO) -> None:
    """Without JSON the line is text with the same content."""
    configure(replace(JSON, log_json=False), stream=stream)
    with about(job_id="job_1"):
        logging.getLogger("any").warning("hello")

    assert "hello" in stream.getvalue()
    assert "job_id=job_1" in stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        "Authorization: Bearer s3cret.s3cret.s3cret",
        "whsec_s3cretS3cret",
        "https://store/x?X-Amz-Signature=s3cret&X-Amz-Expires=900",
        "https://store/x?X-Amz-Security-Token=s3cret",
        "redis://:s3cret@localhost:6379/0",
        "https://user:s3cret@host/",
        '{"url": "redis://:s3cret@localhost"}',
    ],
)
def test_what_looks_like_a_secret_is_not_written(text: str) -> None:
    """API keys, bearer tokens, webhook secrets, signatures and passwords in URLs are blotted out, the rest stays."""
    found = redacted(f"before {text} after")

    assert "s3cret" not in found
    assert found.startswith("before ")
    assert found.endswith(" after")


def test_ordinary_text_is_written_as_it_is() -> None:
    """Addresses, job ids and times are no secrets."""
    text = "GET http://127.0.0.1:8000/v1/jobs/job_01ABC at 12:30:05, s3://models/x: hf://org/name@main"

    assert redacted(text) == text


def test_the_settings_own_secrets_are_never_written(stream: io.StringIO) -> None:
    """The keys that the process was given are found in whatever a library says."""
    state = StateSettings(s3_endpoint="http://s3", s3_access_key="access-key", s3_secret_key="the-secret-key")
    configure(JSON, secrets_of(state), stream=stream)
    logging.getLogger("botocore").warning("signed with the-secret-key for %s", "access-key")

    assert "the-secret-key" not in stream.getvalue()
    assert "access-key" not in stream.getvalue()


def test_an_unknown_level_stops_the_process(stream: io.StringIO) -> None:
    """The setting is named with what it expects."""
    with pytest.raises(SettingsError, match="MODELPRESS_LOG_LEVEL expects DEBUG"):
        configure(replace(JSON, log_level="loud"), stream=stream)


def test_a_library_with_handlers_of_its_own_is_adopted(stream: io.StringIO) -> None:
    """What a library would have written in its own form is a line like the others, once."""
    library = logging.getLogger("a-library")
    library.addHandler(logging.StreamHandler(stream))
    library.propagate = False
    configure(JSON, stream=stream)
    adopt()
    library.warning("hello")

    assert json.loads(stream.getvalue())["logger"] == "a-library"
