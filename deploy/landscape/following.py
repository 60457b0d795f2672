"""Watching a landscape fill."""

import sys
from typing import Any

from modelpress import Job

WAIT_S = 4 * 3600.0


def finished(job: Job) -> Job:
    """Return *job* once it has succeeded, how many points have ended shown on the way.

    Raises:
        SystemExit: it ended otherwise; the message is the service's own.
    """
    job.wait(timeout=WAIT_S, on_event=_shown)
    print()
    if job.state != "succeeded":
        raise SystemExit(f"{job.id} {job.state}: {job.error.message if job.error else 'no reason was given'}")
    return job


def _shown(event: Any) -> None:
    if event.get("stage") in {"points", "chart"}:
        sys.stdout.write(f"\r  {event.message or 'Drawing the charts …':<60}")
        sys.stdout.flush()
