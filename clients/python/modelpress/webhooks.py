"""Webhooks: who is told of the ends of jobs, and how those who are told know that it is true.

A receiver checks each message before it believes it::

    from modelpress import webhooks

    event = webhooks.verify(body, headers, secret)  # raises WebhookVerificationError
    if event.type == "job.succeeded":
        ...  # event.data.id is the job's; webhook-id in the headers is the same when a message comes again
"""

from collections.abc import Mapping

from standardwebhooks import Webhook as _Verifier

from modelpress.errors import WebhookVerificationError
from modelpress.records import Record

__all__ = ["verify"]


def verify(body: bytes | str, headers: Mapping[str, str], secret: str) -> Record:
    """Return the message in *body* once its signature and time are found right: type, timestamp and data.

    Args:
        body: the request's body as it came, byte for byte.
        headers: the request's headers, in any spelling of case.
        secret: of the endpoint, as it was shown when it was made or rotated.

    Raises:
        WebhookVerificationError: it is not signed with *secret*, or is more than five minutes old or early.

    Source: Standard Webhooks 1.0.
    """
    try:
        return Record(_Verifier(secret).verify(body, dict(headers)))
    except Exception as error:  # the library raises its own, and whatever malformed headers make of its parsing
        raise WebhookVerificationError(f"The message is not to be believed: {error}.") from error
