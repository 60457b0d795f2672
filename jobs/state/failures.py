"""Why attempts and jobs end without a result, and how that is told."""

from jobs.contract.errors import CancelledError, InternalError, LeaseLostError, LimitExceededError, ModelPressError
from jobs.contract.spec import Json
from jobs.state.records import Job, Lease


class AttemptLostError(InternalError):
    """The process or machine of an attempt went away; another attempt may do better."""

    retryable = True


class HandedOverError(AttemptLostError):
    """The worker of an attempt had to stop: another goes on, and this one does not count."""


def failure(error: ModelPressError, *, stage: str | None, attempt: int) -> Json:
    """Return the error of a job as callers see it."""
    return {
        "code": error.code,
        "message": error.message,
        "stage": stage,
        "retryable": error.retryable,
        "attempt": attempt,
    }


def cancelled_error() -> CancelledError:
    """Return the error of a job that its caller stopped."""
    return CancelledError("The job was cancelled on request.")


def cancelled_failure(job: Job) -> Json:
    """Return the error of a cancelled job as callers see it."""
    stage = job.progress["stage"] if job.progress else None
    return failure(cancelled_error(), stage=stage, attempt=job.attempt)


def lease_lost_error(lease: Lease) -> LeaseLostError:
    """Return the error of an attempt that no longer owns its job."""
    return LeaseLostError(f"Attempt {lease.attempt} of {lease.job.id} no longer owns the job and must stop.")


def run_timeout_error(job: Job) -> LimitExceededError:
    """Return the error of a job that ran too long."""
    limit = job.limits.run_timeout_s
    return LimitExceededError(f"The job ran longer than its limit of {limit} s; ask for less or raise run_timeout_s.")


def queue_timeout_error(job: Job) -> LimitExceededError:
    """Return the error of a job that waited too long."""
    limit = job.limits.queue_timeout_s
    return LimitExceededError(f"No worker was free within {limit} s; submit again or raise queue_timeout_s.")
