"""``python -m jobs.janitor``: brings ledger, Redis and queue back in line, round after round.

Whatever died on the way, every open job is looked at: one that Redis forgot is rebuilt, one whose worker is silent
gets its next attempt, one that waits without being on the queue is put there, one that waited too long expires, one
that has its outcome loses its marker, and a landscape whose points have all ended is announced. Several janitors may
run; each move is a compare-and-set.

Cost of a round over *n* open jobs: n / 1000 listings of the store, n / 500 round trips to Redis, one look at the queue,
and a few calls for each job that is to be moved. A job that Redis does not know costs some calls to the store more;
when there are many, they are looked up a few seconds a round, those first who wait longest.

A Redis that starts again may have lost what it was told last, and take for under way what has ended. Whatever it says
of jobs that go on is compared with the store then, once, a few seconds a round too.

Nobody is given up before the janitor could have heard of them: after its start, and after Redis was away, it waits for
as long as a lease lasts before it takes a job from anybody.
"""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Container, Mapping
from datetime import datetime, timedelta
from functools import partial

from jobs.contract.errors import ModelPressError, QueueError, StorageError
from jobs.contract.state import JobKind, JobState
from jobs.pulse import beat
from jobs.settings import WorkerSettings
from jobs.state.documents import UnreadableDocumentError
from jobs.state.failures import AttemptLostError, run_timeout_error
from jobs.state.landscapes import Landscapes
from jobs.state.ledger import Ledger
from jobs.state.objects import AccessRefusedError, ObjectMissingError
from jobs.state.opening import State
from jobs.state.queue import JobQueue, Place
from jobs.state.records import Job, utc_now
from jobs.state.settings import SettingsError, StateSettings
from jobs.state.versions import NewerDocumentError
from jobs.telemetry.census import Census
from jobs.telemetry.logs import configure, secrets_of
from jobs.telemetry.settings import TelemetrySettings
from jobs.telemetry.tally import ROUND_AT_SECONDS, ROUND_SECONDS, Counted, Tally

GAUGES_LAPSE_ROUNDS = 6
"""How many rounds what the janitor has shown is good for: an operator must see that it is gone."""
_UNCLAIMED = timedelta(seconds=20)
"""How long a worker that has begun with a job may take to claim it."""
BATCH = 500
"""Jobs that are read from Redis at once."""
LOOK_UP_S = 5.0
"""How long a round looks jobs up in the store that Redis does not know, and again that it may know wrongly [s]."""
HURRY_S = 1.0
"""How long the janitor rests at most after a round that had not the time for all [s]."""
log = logging.getLogger("modelpress.janitor")


class Janitor:
    """Makes the rounds.

    Attributes:
        found: the open jobs of the last round.
        census: how they are.

    Args:
        ledger: the jobs.
        queue: where those who wait should be.
        landscapes: the jobs that are made of others.
        clock: tells the time.
    """

    def __init__(
        self, ledger: Ledger, queue: JobQueue, landscapes: Landscapes, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._ledger = ledger
        self._queue = queue
        self._landscapes = landscapes
        self.found: list[Job] = []
        self._clock = clock
        self._taken: dict[str, datetime] = {}
        self._strays: dict[str, bool] = {}
        self._line: frozenset[str] = frozenset()
        self._begun: frozenset[str] = frozenset()
        self._full: set[str] = set()
        self._server = ""
        self._doubted: dict[str, None] = {}
        self._passed_over = 0
        self._hears_since: datetime | None = clock()
        self.census = Census()

    @property
    def unfinished(self) -> bool:
        """Return whether the last round had not the time for all."""
        return bool(self._passed_over or self._doubted)

    def round(self) -> int:
        """Look at every open job once and return how many were moved."""
        self._listen()
        seen_taken, self._taken, self.census, moved = self._taken, {}, Census(), 0
        self.found, self._strays, self._full, self._passed_over = [], {}, set(), 0
        until = time.monotonic() + LOOK_UP_S
        self._line, self._begun = self._queue.line(), self._queue.taken()
        job_ids = list(self._ledger.open_ids())
        for first in range(0, len(job_ids), BATCH):
            for job_id, known in self._ledger.known(job_ids[first : first + BATCH]).items():
                if known is None and time.monotonic() >= until:
                    self._passed_over += 1
                else:
                    moved += self._looked(job_id, known, seen_taken)
        return moved + self._compare(frozenset(job_ids))

    def _listen(self) -> None:
        """Tidy the queue, and note since when Redis has answered without a break."""
        since, self._hears_since = self._hears_since, None
        self._queue.clean()
        self._hears_since = since or self._clock()

    def _compare(self, open_ids: Container[str]) -> int:
        """Compare what Redis says with the store, if it may have lost something; return how often it had."""
        server, moved, until = self._queue.server(), 0, time.monotonic() + LOOK_UP_S
        if server != self._server:
            doubtful = sorted(self._ledger.doubtful_ids(), key=lambda job_id: job_id in open_ids)
            self._doubted, self._server = dict.fromkeys(doubtful), server
        for job_id in list(self._doubted):
            if time.monotonic() >= until:
                break
            try:
                moved += self._ledger.check(job_id)
            except (NewerDocumentError, UnreadableDocumentError) as error:
                log.warning("%s is left as Redis has it: %s", job_id, error)
            del self._doubted[job_id]
        return moved

    def _looked(self, job_id: str, known: Job | None, seen_taken: Mapping[str, datetime]) -> bool:
        try:
            job = known.understood() if known else self._ledger.find(job_id)
            return job is not None and self._look(job, seen_taken)
        except NewerDocumentError as error:
            log.info("%s is left to newer janitors: %s", job_id, error)
        except UnreadableDocumentError as error:
            log.warning("%s is left for the next round: %s", job_id, error)
        except Exception:  # one job that cannot be looked at must not cost the others their janitor
            log.exception("%s is left for the next round.", job_id)
        return False

    def _look(self, job: Job, seen_taken: Mapping[str, datetime]) -> bool:
        if job.state.terminal:
            return self._ledger.settle(job) is not None
        self.census.see(job)
        self.found.append(job)
        goes_on = job.state is not JobState.CANCELLING
        if goes_on and self._is_stray(job):
            return self._ledger.request_cancel(job.tenant, job.id) is not None
        if goes_on and job.kind == JobKind.LANDSCAPE and not job.attempt:
            return self._look_at_landscape(job, seen_taken)
        if job.state is JobState.QUEUED:
            return self._look_at_waiting(job, seen_taken)
        return job.lapsed(self._clock()) and self._would_have_heard(job) and self._take_over(job)

    def _is_stray(self, job: Job) -> bool:
        if not job.parent:
            return False
        if job.parent not in self._strays:
            self._strays[job.parent] = self._landscapes.is_stray(job)
        return self._strays[job.parent]

    def _would_have_heard(self, job: Job) -> bool:
        """Return whether a worker who has the job, if any, had the time to say that it lives."""
        if job.lease_until is None:
            return True
        return self._hears_since is not None and self._clock() >= self._hears_since + self._ledger.lease

    def _look_at_landscape(self, job: Job, seen_taken: Mapping[str, datetime]) -> bool:
        """Bring a landscape forward; one whose points have all ended waits for a worker like any job."""
        if not self._landscapes.advance(job):
            return False
        gathered = self._ledger.find(job.id)
        return gathered is not None and self._look_at_waiting(gathered, seen_taken)

    def _look_at_waiting(self, job: Job, seen_taken: Mapping[str, datetime]) -> bool:
        now = self._clock()
        if job.expired(now):
            log.info("%s waited too long.", job.id)
            return self._ledger.expire(job) is not None
        if job.not_before is not None and now < job.not_before:
            return False
        held = job.tenant in self._full and not self._queue.is_in(job, self._begun)
        return not held and not self._queue.is_in(job, self._line) and self._put_on_queue(job, seen_taken)

    def _put_on_queue(self, job: Job, seen_taken: Mapping[str, datetime]) -> bool:
        now = self._ledger.find(job.id)
        if now is None or now.version != job.version:
            return False  # somebody has moved it meanwhile
        place = self._queue.place(job)
        if place is Place.WAITING or (place is not Place.ABSENT and not self._is_stuck(job, place, seen_taken)):
            return False
        self._queue.drop(job)
        if not self._queue.let_on(job):
            self._full.add(job.tenant)  # the older ones go first
            return False
        log.info("%s waited, and was not on the queue; now it is.", job.id)
        return True

    def _is_stuck(self, job: Job, place: Place, seen_taken: Mapping[str, datetime]) -> bool:
        """Return whether a worker took the job from the queue and then did not claim it: it may have died there."""
        now = self._clock()
        self._taken[job.id] = since = seen_taken.get(job.id, now)
        return job.id in seen_taken and (place is Place.TAKEN or now >= since + _UNCLAIMED)

    def _take_over(self, job: Job) -> bool:
        if self._ledger.settle(job) is not None:
            return True
        after = self._ledger.abandon(job, self._why(job))
        if after is None:
            return False
        log.info("Attempt %d of %s was lost; the job is now %s.", job.attempt, job.id, after.state)
        if after.state is JobState.QUEUED:
            self._queue.enqueue(after)
        return True

    def _why(self, job: Job) -> ModelPressError:
        if job.overdue(self._clock()):
            return run_timeout_error(job)
        return AttemptLostError("The worker of the attempt was not heard of any more.")


def main() -> int:
    """Make rounds until told to stop."""
    try:
        state_settings, settings = StateSettings.from_env(), WorkerSettings.from_env()
        configure(TelemetrySettings.from_env(), secrets_of(state_settings))
    except SettingsError as error:
        sys.exit(str(error))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    state = State.open(state_settings)
    janitor, looking = Janitor(state.ledger, state.queue, state.landscapes, state.clock), None
    while not stop.is_set():
        beat("janitor")
        safely(partial(_round, janitor, state, settings))
        safely(state.audit.gather)
        looking = beside(looking, state.admission.look)
        stop.wait(min(HURRY_S, settings.janitor_s) if janitor.unfinished else settings.janitor_s)
    return 0


def safely(part: Callable[[], object]) -> None:
    """Do a part of the round; whatever it meets with, the others and the next round are not to suffer."""
    try:
        part()
    except (QueueError, StorageError, ObjectMissingError, AccessRefusedError) as error:
        log.warning("The round was cut short: %s", error)
    except Exception:  # a document that nobody can read must not cost all jobs their janitor
        log.exception("A part of the round is left for the next.")


def beside(before: threading.Thread | None, part: Callable[[], object]) -> threading.Thread:
    """Begin with a part that may take longer than a round, unless the one begun *before* goes on; return it."""
    if before is not None and before.is_alive():
        return before
    thread = threading.Thread(target=safely, args=(part,), daemon=True)
    thread.start()
    return thread


def _round(janitor: Janitor, state: State, settings: WorkerSettings) -> None:
    began, began_at = time.monotonic(), time.time()
    janitor.round()
    took, lapses_s = time.monotonic() - began, GAUGES_LAPSE_ROUNDS * settings.janitor_s
    _tell(Tally(state.redis), janitor.census, took, lapses_s=lapses_s)
    if not janitor.unfinished:
        state.admission.recount(janitor.found, began_at)


def _tell(tally: Tally, census: Census, seconds: float, *, lapses_s: float) -> None:
    """Show operators how the open jobs are, and that the janitor goes round."""
    now = utc_now()
    rounds = (Counted(ROUND_SECONDS, (), seconds), Counted(ROUND_AT_SECONDS, (), now.timestamp()))
    tally.show("janitor", (*census.gauges(now), *rounds), lapses_s=lapses_s + seconds)


if __name__ == "__main__":
    sys.exit(main())
