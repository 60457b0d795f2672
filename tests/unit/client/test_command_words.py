"""Techniques, probes, targets and files as they are written for the command."""

from pathlib import Path

import pytest
from modelpress.command import amounts, request
from modelpress.command.vocabulary import UnknownWordError, completions, packaged
from typer import BadParameter


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("head_pruning:heads_removed=0.5", {"heads_removed": 0.5}),
        ("head_pruning:heads_removed=50%,scope=global", {"heads_removed": 0.5, "scope": "global"}),
        ("ffn_pruning:units_kept=512,reconstruct=false", {"units_kept": 512, "reconstruct": False}),
        ("distillation:layers_kept=[0, 3,6],steps=0", {"layers_kept": [0, 3, 6], "steps": 0}),
        ("distillation:layers_kept=6,learning_rate=1e-4", {"layers_kept": 6, "learning_rate": 0.0001}),
        ("weight_pruning:pattern=2:4", {"pattern": "2:4"}),
        ("weight_pruning", {}),
    ],
)
def test_parameters_are_read_by_the_schema(text: str, step: dict[str, object]) -> None:
    """Numbers, words, booleans and lists become what the technique takes."""
    assert packaged("technique").parse(text) == {"technique": text.partition(":")[0], **step}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("head_pruning:heads_removed=2", "a number at least 0 and below 1; got '2'"),
        ("head_pruning:heads_kept=2.5", "an integer"),
        ("head_pruning:heads_removed=0.5,scope=galaxy", "one of layer, global"),
        ("head_pruning:heads_removed=0.5,reconstruct=perhaps", "a boolean"),
        ("head_pruning:heads_removed=0.5,heads_kept=6", "exactly one of heads_removed, heads_kept; got heads_removed"),
        ("head_pruning", "exactly one of heads_removed, heads_kept; got none"),
        ("quantization", "needs dtype"),
        ("head_pruning:0.5", "something like head_pruning:heads_removed="),
        ("distillation:layers_kept=[0,x]", "or a list"),
    ],
)
def test_a_wrong_value_is_told_with_what_was_expected(text: str, said: str) -> None:
    """The message says what the parameter takes and what came."""
    with pytest.raises(ValueError, match=said.replace("[", r"\[")) as error:
        packaged("technique").parse(text)

    assert not isinstance(error.value, UnknownWordError)


@pytest.mark.parametrize("text", ["head_prunning:heads_removed=0.5", "head_pruning:head_removed=0.5"])
def test_an_unknown_word_gets_the_nearest_one(text: str) -> None:
    """Techniques and parameters alike."""
    with pytest.raises(UnknownWordError, match="Did you mean head"):
        packaged("technique").parse(text)


def test_a_newer_service_may_know_more() -> None:
    """What this release does not know is looked up in the service's catalogue, and its own words are taken."""
    newer = {"folding": {"properties": {"times": {"type": "integer"}}}}

    assert request.steps(["folding:times=2"], lambda: newer) == [{"technique": "folding", "times": 2}]
    with pytest.raises(BadParameter, match="no technique 'unfolding'"):
        request.steps(["unfolding"], dict)


def test_probes_take_local_data(tmp_path: Path) -> None:
    """A probe's data may be a folder, which is uploaded later."""
    (probe,) = request.probes([f"classification:data={tmp_path},label=speaker,seeds=2"])

    assert probe == {"probe": "classification", "data": {"uri": tmp_path}, "label": "speaker", "seeds": 2}
    with pytest.raises(BadParameter, match="is not there"):
        request.probes([f"classification:data={tmp_path}/nowhere,label=speaker"])


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("macs=0.5", {"metric": "macs", "ratio": 0.5}),
        ("bytes=25%", {"metric": "bytes", "ratio": 0.25}),
        ("params=20M", {"metric": "params", "max": 20_000_000}),
        ("latency=20ms", {"metric": "latency", "max": 20_000}),
        ("latency=0.5", {"metric": "latency", "ratio": 0.5}),
    ],
)
def test_targets_are_shares_or_largest_figures(text: str, target: dict[str, object]) -> None:
    """What is at most one is a share; latency is in microseconds."""
    assert amounts.target(text) == target
    assert amounts.target(text, "encoder") == target | {"scope": "encoder"}


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200)])
def test_durations_have_units(text: str, seconds: float) -> None:
    """Without a unit they are in seconds."""
    assert amounts.seconds(text) == seconds


@pytest.mark.parametrize("text", ["soon", "5%", "-3", ""])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """The message shows the forms."""
    with pytest.raises(ValueError, match="90s, 30m or 2h"):
        amounts.seconds(text)


def test_a_spec_is_yaml_or_json(tmp_path: Path) -> None:
    """Numbers are numbers in either, also 1e-4; local paths are seen wherever a reference stands."""
    model = tmp_path / "model"
    model.mkdir()
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        f"model: {model}\ndata: {{uri: 's3://data/texts', samples: 8}}\n"
        "steps: [{technique: weight_pruning}]\nrecovery: {steps: 5, learning_rate: 1e-4}\n"
    )

    assert request.read_spec(str(spec), ("model", "data", "steps", "recovery")) == {
        "model": {"uri": model},
        "data": {"uri": "s3://data/texts", "samples": 8},
        "steps": [{"technique": "weight_pruning"}],
        "recovery": {"steps": 5, "learning_rate": 0.0001},
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [("[1]", "expected an object"), ("{", "neither JSON nor YAML"), ("stepz: []", "has stepz; a request has model")],
)
def test_a_wrong_spec_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """The message says what is wrong with the file."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(text)

    with pytest.raises(BadParameter, match=said):
        request.read_spec(str(spec), ("model", "steps"))


def test_completion_knows_techniques_and_their_parameters() -> None:
    """Names first, then what one of them takes, one after another."""
    assert completions("technique", "head") == ["head_pruning:"]
    assert completions("technique", "head_pruning:heads_r") == ["head_pruning:heads_removed="]
    assert completions("technique", "low_rank:rank=4,wei") == ["low_rank:rank=4,weighting="]
    assert "classification:" in completions("probe", "")
