"""The way past Flask for the question that is asked most: how is my job?

A plain ``GET /v1/jobs/{id}`` with an API key that is in use, of a job that Redis has, is answered here, by the parts
that the view is made of. Whatever else a call may be, and whatever is wrong with it, is the application's to answer.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from jobs.contract.errors import ModelPressError, QueueError
from jobs.state.keys import Scope
from jobs.state.records import is_job_id
from jobs.state.working_memory import Glance
from service import headers, observing
from service.auth import STANDING, bearer
from service.callers import Caller
from service.limiting import AWAY_S
from service.metrics import IN_PROGRESS
from service.ports import Services
from service.views.responses import answer_of

ROUTE = "/v1/jobs/<job_id>"
_PREFIX = ROUTE.removesuffix("<job_id>")
_OTHERWISE = frozenset({"HTTP_IF_NONE_MATCH", "HTTP_TRACEPARENT"})
"""Headers by which the answer, or what is told of it, is another."""
_ANSWERS_MAX = 512
_BODY_MAX_BYTES = 16_384
"""Of an answer that is kept: all of them together stay small."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of a job for as long as it is as at this *glance*."""

    glance: Glance
    body: bytes
    headers: tuple[tuple[str, str], ...]


class FastPath:
    """Answers polls, and hands everything else on.

    Args:
        app: the application.
        services: what it works with.
        monotonic: tells the time [s].
    """

    def __init__(
        self, app: WSGIApplication, services: Services, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._services = services
        self._monotonic = monotonic
        self._answers: dict[str, Answer] = {}
        self._aside_until = 0.0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a call (PEP 3333)."""
        began, job_id = self._monotonic(), _polled(environ)
        caller, answer = self._found(job_id, environ) if job_id and began >= self._aside_until else (None, None)
        if caller is None or answer is None or not self._has_room(caller, environ):
            return self._app(environ, start_response)
        request_id, standing = headers.request_id(environ.get("HTTP_X_REQUEST_ID", "")), environ[STANDING]
        limit = standing.headers() if standing else {}
        start_response("200 OK", [*answer.headers, *limit.items(), (headers.REQUEST_ID, request_id)])
        call = observing.Call("GET", ROUTE, environ["PATH_INFO"], environ.get("REMOTE_ADDR"))
        observing.tell(call, 200, self._monotonic() - began, request_id=request_id, **caller.ids())
        return [answer.body]

    def _found(self, job_id: str, environ: WSGIEnvironment) -> tuple[Caller | None, Answer | None]:
        """Return who asks and what to say; None where the application has to see to it."""
        with IN_PROGRESS.track_inprogress():
            try:
                caller = self._caller(environ.get("HTTP_AUTHORIZATION", ""))
                return caller, self._answer(caller.tenant, job_id) if caller else None
            except QueueError:
                self._aside_until = self._monotonic() + AWAY_S
            except ModelPressError:
                pass
            return None, None

    def _caller(self, authorization: str) -> Caller | None:
        holder = self._services.keys.identify(bearer(authorization), seek=False)
        return Caller.of(holder) if holder is not None and Scope.READ in holder.scopes else None

    def _answer(self, tenant: str, job_id: str) -> Answer | None:
        last = self._answers.get(job_id)
        glance = self._services.ledger.glance(tenant, job_id, last.glance if last else None)
        if glance is None or (last is not None and glance is last.glance):
            return last if glance else None
        return self._kept(Answer(glance, *_said(glance, self._services.settings.poll_after_s)))

    def _kept(self, answer: Answer) -> Answer:
        if len(self._answers) >= _ANSWERS_MAX:
            self._answers.clear()
        if len(answer.body) <= _BODY_MAX_BYTES:
            self._answers[answer.glance.job.id] = answer
        return answer

    def _has_room(self, caller: Caller, environ: WSGIEnvironment) -> bool:
        """Count the call, once, whoever answers it."""
        standing = environ[STANDING] = self._services.limits.count(caller.tenant)
        return standing is None or not standing.refused


def _polled(environ: WSGIEnvironment) -> str:
    """Return the id of the job that is asked for, or the empty text where it is not so plain."""
    if environ["REQUEST_METHOD"] != "GET" or environ.get("QUERY_STRING") or not _OTHERWISE.isdisjoint(environ):
        return ""
    prefix, job_id = environ["PATH_INFO"][: len(_PREFIX)], environ["PATH_INFO"][len(_PREFIX) :]
    return job_id if prefix == _PREFIX and is_job_id(job_id) else ""


def _said(glance: Glance, poll_after_s: int) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    body, told = answer_of(glance.job, poll_after_s)
    return body, tuple((told | {"Content-Length": str(len(body))} | headers.ALWAYS).items())
