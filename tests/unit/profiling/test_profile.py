"""Both models' figures side by side."""

from contextlib import nullcontext

import pytest
import torch
from transformers import BertConfig, BertModel, HubertConfig, HubertModel

from jobs.contract.errors import InvalidRequestError
from jobs.contract.spec import InputSpec, ProfileSpec
from jobs.inputs import synthetic_batch
from jobs.profiling.latency import Pass
from jobs.profiling.macs import count_macs
from jobs.profiling.profile import Subject, inputs_of, profile_alone, profile_pair
from jobs.reporting import disturbed
from jobs.utterances import inputs_within

BERT = BertConfig(
    vocab_size=50,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=64,
    max_position_embeddings=40,
)
HUBERT = HubertConfig(
    hidden_size=32,
    num_hidden_layers=1,
    num_attention_heads=4,
    intermediate_size=64,
    conv_dim=(16,) * 7,
    num_conv_pos_embeddings=16,
    num_conv_pos_embedding_groups=4,
)


def bert(layers: int) -> Subject:
    """Return a tiny BERT with its first *layers* layers."""
    torch.manual_seed(0)
    model = BertModel(BERT)
    model.encoder.layer = model.encoder.layer[:layers]
    return Subject(model, model.encoder, bytes_stored=1000 * layers)


def hubert() -> Subject:
    """Return a tiny HuBERT."""
    model = HubertModel(HUBERT)
    return Subject(model, model.encoder, bytes_stored=0)


def steady(run: Pass) -> float:
    """Run, and say that it took half a second."""
    run()
    return 500.0


def test_figures_of_two_models_on_two_inputs() -> None:
    """Each input has its own MACs and latency; sizes and the larger of the memory peaks belong to the model."""
    inputs = (InputSpec("text", batch_size=1, tokens=8), InputSpec("text", batch_size=2, tokens=16))
    dense, compressed, ratios = profile_pair(
        bert(2), bert(1), ProfileSpec(inputs, repeats=3), modality="text", stopwatch=steady
    )

    layer = 4 * 32 * 32 + 2 * 32 * 64
    assert [each.input for each in dense.inputs] == list(inputs)
    assert [ratio.input for ratio in ratios] == list(inputs)
    assert dense.inputs[0].macs_executed - compressed.inputs[0].macs_executed == 8 * layer + 2 * 8**2 * 32
    assert dense.inputs[1].macs_executed > 4 * dense.inputs[0].macs_executed - 32**2 * 2
    assert dense.inputs[0].uncounted_ops == {}
    assert dense.inputs[0].real_time_factor is None
    assert (dense.bytes_stored, compressed.bytes_stored) == (2000, 1000)
    assert dense.params_encoder == 2 * compressed.params_encoder
    assert dense.params_total - compressed.params_total == compressed.params_encoder
    assert dense.params_nonzero < dense.params_total  # biases begin as zeros
    assert dense.peak_memory_bytes > 4 * dense.params_total
    latency = dense.inputs[0].latency_ms
    assert (latency.p50, latency.n, latency.threads, latency.device, latency.dtype) == (500, 3, 1, "cpu", "float32")
    assert ratios[0].ratio == 1
    assert not ratios[0].conclusive


def test_without_inputs_the_typical_one_is_measured() -> None:
    """A text model without further wishes is measured on 128 tokens, or as many as it takes."""
    dense, _, _ = profile_pair(bert(1), bert(1), ProfileSpec(repeats=1), modality="text", stopwatch=steady)

    assert dense.inputs[0].input == InputSpec("text", tokens=40)


def test_audio_has_a_real_time_factor() -> None:
    """Half a second of compute for two times two seconds of audio is an eighth."""
    spec = ProfileSpec((InputSpec("audio", batch_size=2, seconds=2.0),), repeats=1)
    subject = hubert()

    dense, _, _ = profile_pair(subject, subject, spec, modality="audio", stopwatch=steady)

    assert dense.inputs[0].real_time_factor == pytest.approx(0.125)
    assert dense.inputs[0].uncounted_ops == {}


def test_a_published_set_of_utterances_is_one_input() -> None:
    """A pass takes all of SUPERB's 32 utterances, one after another; figures per second are over their 224.86 s."""
    spec = ProfileSpec((InputSpec("audio", preset="superb"),), repeats=1)
    subject = hubert()

    profile = profile_alone(subject, spec, inputs_of(spec, "audio", subject.model.config), stopwatch=steady)

    (found,) = profile.inputs
    each = [synthetic_batch("audio", subject.model.config, one) for one in inputs_within(spec.inputs[0])]
    assert found.input == InputSpec("audio", preset="superb", seconds=pytest.approx(224.86))
    assert found.macs_executed == sum(count_macs(subject.model, batch).executed for batch in each)
    assert found.macs_per_second == pytest.approx(found.macs_executed / 224.86)
    assert found.real_time_factor == pytest.approx(0.5 / 224.86)


def test_an_input_that_is_not_timed_is_counted_all_the_same() -> None:
    """It has MACs and adds to the memory, but no clock is read for it, and no speed-up is told of it."""
    timed, counted = InputSpec("text", tokens=4), InputSpec("text", tokens=40, timed=False)
    spec, runs, told = ProfileSpec((counted, timed), repeats=3), [], []

    def counting(run: Pass) -> float:
        runs.append(run)
        return steady(run)

    dense, compressed, ratios = profile_pair(
        bert(2), bert(1), spec, modality="text", stopwatch=counting, progress=lambda *done: told.append(done)
    )
    alone = profile_alone(bert(2), spec, inputs_of(spec, "text", BERT), stopwatch=steady)

    assert [each.latency_ms is None for each in dense.inputs] == [True, False]
    assert [each.latency_ms is None for each in compressed.inputs] == [True, False]
    assert [each.input for each in ratios] == [timed]
    assert len(runs) == 2 * (2 + 3)  # of one input: both models, warmed up and timed
    assert dense.inputs[0].macs_executed > 10 * dense.inputs[1].macs_executed
    assert (told[0], told[-1]) == ((100, 200), (200, 200))
    assert [each.macs_executed for each in alone.inputs] == [each.macs_executed for each in dense.inputs]
    assert [each.latency_ms is None for each in alone.inputs] == [True, False]
    assert alone.peak_memory_bytes == dense.peak_memory_bytes


def test_a_machine_that_is_not_quiet_is_told() -> None:
    """Where others computed meanwhile, each time says so, and the report warns."""
    spec = ProfileSpec((InputSpec("text", tokens=4),), repeats=1)

    found = profile_pair(
        bert(1), bert(1), spec, modality="text", stopwatch=steady, quiet=lambda: nullcontext(enter_result=False)
    )

    assert [each.inputs[0].latency_ms.alone for each in found[:2]] == [False, False]
    assert "Other jobs computed" in next(disturbed(found[1]))
    assert not list(disturbed(profile_pair(bert(1), bert(1), spec, modality="text", stopwatch=steady)[1]))


def test_an_input_of_another_kind_is_refused() -> None:
    """A text model cannot be profiled on audio, and the message says so."""
    spec = ProfileSpec((InputSpec("audio", seconds=1.0),))

    with pytest.raises(InvalidRequestError, match=r"Expected inputs of kind 'text'.*got 'audio'"):
        profile_pair(bert(1), bert(1), spec, modality="text", stopwatch=steady)


def test_progress_grows_to_its_total() -> None:
    """Over all inputs together progress never falls and ends at its total."""
    told: list[tuple[int, int]] = []
    inputs = (InputSpec("text", tokens=8), InputSpec("text", tokens=9))
    profile_pair(
        bert(1),
        bert(1),
        ProfileSpec(inputs, repeats=3),
        modality="text",
        stopwatch=steady,
        progress=lambda done, total: told.append((done, total)),
    )

    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (told[-1][1], told[-1][1])


def test_the_real_stopwatch_fills_every_field() -> None:
    """Without a fake the figures are real: positive times, at least as many passes as asked for."""
    dense, compressed, ratios = profile_pair(
        bert(1), bert(1), ProfileSpec((InputSpec("text", tokens=4),), repeats=2), modality="text"
    )

    assert dense.inputs[0].latency_ms.p50 > 0
    assert dense.inputs[0].latency_ms.n == compressed.inputs[0].latency_ms.n >= 2
    assert ratios[0].low <= ratios[0].ratio <= ratios[0].high
