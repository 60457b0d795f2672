"""A model measured over HTTP."""

from collections.abc import Mapping

from http_calls import QUICK
from modelpress import ModelPress


def test_a_model_is_measured_as_it_is(press: ModelPress, model_uris: Mapping[str, str]) -> None:
    """The report has the figures of the model and of its modules; there are no files, and the kind finds the job."""
    job = press.profile(model=model_uris["bert"], profile=QUICK, labels={"of": "profiles"})
    report = job.wait(timeout=200).report()

    assert report.schema == "modelpress/profile/v1"
    assert report.modules[0].params_total == report.profile.params_total
    assert report.profile.inputs[0].latency_ms.p50 > 0
    assert [each.id for each in press.jobs(kind="profile", label="of=profiles")] == [job.id]
    assert job.artifacts().files == ()
