"""What every technique owes to whoever calls it, on every family of models, and on some that are in no table.

The fast tier runs the usual requests on one text, one audio and one vision family; the others are marked slow.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import torch
from transformers import PreTrainedModel

from jobs.batches import trunk_of
from jobs.checkpoint.reader import load_model
from jobs.checkpoint.writer import write_artifact
from jobs.compression.anatomy import anatomy_of
from jobs.compression.schema import json_schema
from jobs.compression.technique import Context, Outcome, apply, registry
from jobs.contract.errors import CancelledError, InvalidRequestError
from jobs.contract.spec import Step
from tests.tiny import DISCOVERED, FAMILIES, REPRESENTATIVES, tiny, tiny_batch, tiny_batches

Json = dict[str, Any]

ASKED: Mapping[str, tuple[Json, ...]] = {
    "distillation": (
        {"layers_kept": 1, "steps": 3},
        {"layers_kept": [0], "steps": 0},
        {"layers_removed": 0.5, "steps": 0, "layers_chosen": "first"},
        {"layers_kept": [0], "heads_kept": 2, "units_kept": 40, "steps": 2, "relations_weight": 1.0},
    ),
    "ffn_pruning": (
        {"units_removed": 0.5},
        {"units_kept": 24},
        {"units_removed": 0.3, "scope": "global", "reconstruct": False},
        {"units_removed": 0.3, "scope": "global", "score": "fisher", "reconstruct": False},
    ),
    "head_pruning": (
        {"heads_removed": 0.5},
        {"heads_kept": 3},
        {"heads_kept": 3, "scope": "global", "reconstruct": False},
        {"heads_kept": 3, "scope": "global", "score": "taylor", "reconstruct": False},
    ),
    "low_rank": (
        {"rank_ratio": 0.5},
        {"rank": 6, "modules": "feed_forward"},
        {"energy": 0.6, "modules": "attention"},
        {"rank_ratio": 0.5, "weighting": "activation"},
        {"rank": 5, "weighting": "fisher", "reconstruct": False},
    ),
    "weight_pruning": (
        {"sparsity": 0.5},
        {"sparsity": 0.3, "scope": "layer", "include_bias": True},
        {"sparsity": 0.3, "pattern": "block", "block_size": 4, "criterion": "wanda"},
        {"criterion": "sparsegpt"},
        {"criterion": "sparsegpt", "pattern": "2:4"},
        {"sparsity": 0.5, "schedule": [0.2, 0.4], "recovery_steps": 2},
    ),
}
"""Requests that change something: every technique has some, the first is the usual one."""

NOTHING: Mapping[str, tuple[Json, ...]] = {
    "distillation": ({"layers_removed": 0, "steps": 0},),
    "ffn_pruning": ({"units_removed": 0},),
    "head_pruning": ({"heads_removed": 0},),
    "low_rank": ({"rank_ratio": 1}, {"energy": 1}),
    "weight_pruning": ({"sparsity": 0}, {"sparsity": 0, "criterion": "sparsegpt"}),
}


def over_families(requests: Mapping[str, tuple[Json, ...]]) -> list[Any]:
    """Return every (step, family): usual requests on the representatives, the others on one, and the rest slow."""
    found = []
    for technique, documents in requests.items():
        for document in documents:
            for family in (*FAMILIES, *(DISCOVERED if document == documents[0] else ())):
                fast = family in REPRESENTATIVES if document == documents[0] else family == REPRESENTATIVES[0]
                marks = () if fast else (pytest.mark.slow,)
                name = f"{family}-{technique}-{document}"
                found.append(pytest.param(Step(technique, document), family, marks=marks, id=name))
    return found


everywhere = pytest.mark.parametrize(("step", "family"), over_families(ASKED))
usual = pytest.mark.parametrize(("step", "family"), over_families({name: each[:1] for name, each in ASKED.items()}))


def silent(done: int, total: int, note: str = "") -> None:
    """Hear progress and do nothing."""


def run(step: Step, model: PreTrainedModel, progress: Any = silent) -> Outcome:
    """Apply *step* with two padded batches where the family pads."""
    kind = model.config.model_type
    batches = tiny_batches(kind, 2, padded=anatomy_of(model).modality == "text")
    return apply(
        step, model, Context(anatomy_of(model), batches, torch.Generator().manual_seed(0), progress, tiny_batch(kind))
    )


def output(model: PreTrainedModel) -> torch.Tensor:
    """Return the last hidden states of one fixed batch."""
    with torch.no_grad():
        return trunk_of(model)(**tiny_batch(model.config.model_type)).last_hidden_state


def test_every_technique_has_cases() -> None:
    """A new technique must say here what it can be asked for."""
    others = {name for name, each in registry().items() if each.is_last}  # their laws are those of number formats

    assert set(registry()) - others == set(ASKED) == set(NOTHING)


@everywhere
def test_output_shape_stays_and_values_change(step: Step, family: str) -> None:
    """A compressed model takes the same input, gives the same shape, and really is another model."""
    model = tiny(family)
    before = output(model)

    after = output(run(step, model).model)

    assert after.shape == before.shape
    assert torch.isfinite(after).all()
    assert not torch.equal(after, before)


@pytest.mark.parametrize(("step", "family"), over_families(NOTHING))
def test_asking_for_nothing_changes_nothing(step: Step, family: str) -> None:
    """An amount of nothing leaves the output as it is."""
    model = tiny(family)
    before = output(model)

    after = output(run(step, model).model)

    torch.testing.assert_close(after, before, rtol=0, atol=1e-6)


@everywhere
def test_same_seed_same_bytes(step: Step, family: str) -> None:
    """The same request on the same model gives the same weights, bit for bit."""
    first, second = (run(step, tiny(family)).model.state_dict() for _ in range(2))

    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@everywhere
def test_parameters_never_grow(step: Step, family: str) -> None:
    """What is stored after a technique is never more than before."""
    model = tiny(family)
    before = model.num_parameters()

    after = run(step, model).model.num_parameters()

    assert after <= before


@everywhere
def test_leaves_nothing_behind(step: Step, family: str) -> None:
    """No hook, no foreign weight name, no gradient and no changed flag or mode stays in the model."""
    model = tiny(family)
    names, hooks = set(model.state_dict()), hook_count(model)
    next(model.parameters()).requires_grad_(requires_grad=False)
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}

    after = run(step, model).model

    new = set(after.state_dict()) - names
    assert all(name.endswith((".up", ".ups.0", ".ups.1", ".ups.2")) and step.technique == "low_rank" for name in new)
    assert hook_count(after) == hooks
    assert {name for name, parameter in after.named_parameters() if not parameter.requires_grad} == frozen
    assert all(parameter.grad is None for parameter in after.parameters())
    assert not any(module.training for module in after.modules())


def hook_count(model: torch.nn.Module) -> int:
    """Return how many forward hooks hang in the model."""
    return sum(len(module._forward_pre_hooks) + len(module._forward_hooks) for module in model.modules())


@everywhere
def test_artifact_gives_the_same_output(step: Step, family: str, tmp_path: Path) -> None:
    """Written and opened again, the model gives the same output bit for bit, and can be compressed again."""
    model = run(step, tiny(family)).model
    write_artifact(model, source=source_folder(tmp_path), out=tmp_path / "out")

    reloaded = load_model(tmp_path / "out")

    assert torch.equal(output(reloaded), output(model))
    again = run(Step("ffn_pruning", {"units_removed": 0.5}), reloaded).model
    assert again.num_parameters() < model.num_parameters()


@pytest.mark.parametrize("first", [name for name in ASKED if name != "low_rank"])
@pytest.mark.parametrize("second", list(ASKED))
def test_techniques_chain(first: str, second: str) -> None:
    """Any technique can follow any other on the same model."""
    model = tiny("hubert", layers=3)
    halfway = run(Step(first, {**ASKED[first][0], **({"layers_kept": 2} if first == "distillation" else {})}), model)

    after = run(
        Step(second, ASKED[second][0] | ({"sparsity": 0.7} if second == "weight_pruning" else {})), halfway.model
    )

    assert torch.isfinite(output(after.model)).all()


@pytest.mark.parametrize("head", ["ForCTC", "ForSequenceClassification"])
@pytest.mark.parametrize("technique", list(ASKED))
def test_task_heads_are_left_alone(technique: str, head: str) -> None:
    """A model with a task head is compressed below the head, which keeps its weights."""
    model = tiny("wav2vec2", head=head)
    above = {name: value.clone() for name, value in model.state_dict().items() if not name.startswith("wav2vec2.")}

    after = run(Step(technique, ASKED[technique][0]), model).model

    assert above
    assert all(torch.equal(after.state_dict()[name], value) for name, value in above.items())
    assert torch.isfinite(after(**tiny_batch("wav2vec2")).logits).all()


@usual
def test_progress_grows_to_its_total(step: Step, family: str) -> None:
    """Progress has one total, never goes back and ends at it."""
    heard: list[tuple[int, int]] = []

    run(step, tiny(family), lambda done, total, note="": heard.append((done, total)))

    done = [each for each, _ in heard]
    assert len({total for _, total in heard}) == 1
    assert done == sorted(done)
    assert heard[-1][0] == heard[-1][1]


@pytest.mark.parametrize(("technique", "document"), [(name, each) for name in ASKED for each in ASKED[name]], ids=str)
def test_cancelling_stops_it(technique: str, document: Json) -> None:
    """A progress that raises stops the technique, and no hook stays behind."""
    model = tiny("bert")

    def cancel(done: int, total: int, note: str = "") -> None:
        raise CancelledError("Cancelled by the caller.")

    with pytest.raises(CancelledError):
        run(Step(technique, document), model, cancel)

    assert hook_count(model) == hook_count(tiny("bert"))


@pytest.mark.parametrize(("technique", "document"), [(name, each) for name in ASKED for each in ASKED[name]], ids=str)
def test_parameters_survive_json(technique: str, document: Json) -> None:
    """Values that went through JSON are the same parameters."""
    chosen = registry()[technique]

    assert chosen.parse(json.loads(json.dumps(document))) == chosen.parse(document)


def wrong(technique: str) -> Iterator[Json]:
    """Yield requests that differ from a good one in one bad value."""
    good, schema = ASKED[technique][0], json_schema(registry()[technique].params)
    for name, property_ in schema["properties"].items():
        alternatives = {each["required"][0] for each in schema.get("oneOf", ())}
        rest = {key: value for key, value in good.items() if name not in alternatives or key not in alternatives}
        yield from ({**rest, name: value} for value in bad_values(property_))
    yield {**good, "surprise": 1}


def bad_values(property_: Json) -> Iterator[Any]:
    """Yield values of other types and out of bounds."""
    yield from (None, {}, [], "nonsense")
    if property_.get("type") != "boolean":
        yield True
    if property_.get("type") == "integer":
        yield 1.5
    yield from (property_[bound] - 1 for bound in ("minimum", "exclusiveMinimum") if bound in property_)
    yield from (property_[bound] + 1 for bound in ("maximum", "exclusiveMaximum") if bound in property_)
    yield from (property_[bound] for bound in ("exclusiveMinimum", "exclusiveMaximum") if bound in property_)
    if "oneOf" in property_:
        yield from (0, [-1], [0, 0], ["0"])


@pytest.mark.parametrize("technique", list(ASKED))
def test_bad_parameters_are_refused_alike(technique: str) -> None:
    """What the published schema refuses, the technique refuses, and the message names the technique."""
    chosen = registry()[technique]
    published = jsonschema_rs.validator_for(json_schema(chosen.params))
    documents = list(wrong(technique))

    assert len(documents) > len(fields(chosen.params))
    for document in documents:
        assert not published.is_valid(document), document
        with pytest.raises(InvalidRequestError, match=technique):
            chosen.parse(document)


@pytest.mark.parametrize("technique", list(ASKED))
def test_good_parameters_pass_the_published_schema(technique: str) -> None:
    """Every request of these laws is valid by the published schema."""
    published = jsonschema_rs.validator_for(json_schema(registry()[technique].params))

    assert all(published.is_valid(each) for each in (*ASKED[technique], *NOTHING[technique]))


@pytest.mark.parametrize("technique", list(ASKED))
def test_every_parameter_is_described_and_bounded(technique: str) -> None:
    """Every field says what it means, and every number where it ends."""
    for name, property_ in json_schema(registry()[technique].params)["properties"].items():
        assert len(property_["description"]) > len(name)
        for form in property_.get("oneOf", [property_]):
            number = form.get("items", form)
            if number["type"] in ("integer", "number"):
                assert {"minimum", "exclusiveMinimum"} & number.keys(), name


def source_folder(tmp_path: Path) -> Path:
    """Return a folder that looks like where a model came from."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "config.json").write_text("{}")
    (source / "model.safetensors").write_bytes(b"")
    return source
