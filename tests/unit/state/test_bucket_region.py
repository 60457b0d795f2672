"""Where a bucket is made."""

from typing import Any

import pytest
from botocore.stub import Stubber

from jobs.state.settings import StateSettings
from jobs.state.storage import S3Store


@pytest.mark.parametrize(
    ("region", "named"),
    [
        ("us-east-1", {}),
        ("eu-central-1", {"CreateBucketConfiguration": {"LocationConstraint": "eu-central-1"}}),
    ],
)
def test_a_bucket_is_made_where_requests_are_signed_for(region: str, named: dict[str, Any]) -> None:
    """Amazon wants every region named but its first, which it refuses to hear."""
    store = S3Store.from_settings(StateSettings("http://store:9000", "key", "secret", s3_region=region))
    with Stubber(store._client) as answers:
        answers.add_client_error("head_bucket", "404", http_status_code=404)
        answers.add_response("create_bucket", {}, {"Bucket": store.bucket, **named})
        store.ensure_bucket()

        answers.assert_no_pending_responses()
