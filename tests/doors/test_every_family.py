"""What can be made of every family goes through the doors: in a fresh process, bit for bit."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from fresh import CLIENT, answer_of
from tiny import DISCOVERED, FAMILIES, tiny, tiny_batch
from transformers import PreTrainedModel

from jobs.checkpoint.verification import write_verification
from jobs.checkpoint.writer import write_artifact
from jobs.compression.anatomy import Anatomy, anatomy_of
from jobs.compression.factoring import factors, spectrum
from jobs.compression.surgery import drop_heads, drop_units, factorise, mask

KNOWN = {**FAMILIES, **DISCOVERED}

HEADS: Mapping[str, str] = {
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3", "gemma", "opt"), "ForCausalLM"),
    **dict.fromkeys(("hubert", "wav2vec2", "data2vec-audio", "unispeech-sat", "wavlm", "wav2vec2-bert"), "ForCTC"),
    **dict.fromkeys(("vit", "deit", "dinov2", "beit", "data2vec-vision"), "ForImageClassification"),
    **dict.fromkeys(("bert", "roberta", "xlm-roberta", "electra", "distilbert"), "ForSequenceClassification"),
    **dict.fromkeys(("albert", "modernbert", "mpnet", "deberta-v2"), "ForSequenceClassification"),
    **dict.fromkeys(("audio-spectrogram-transformer", "whisper"), "ForAudioClassification"),
    **dict.fromkeys(("esm", "camembert", "rembert"), "ForSequenceClassification"),
    "unispeech": "ForCTC",
    "gpt2": "LMHeadModel",
    "vit_mae": "ForPreTraining",
}
"""A task head that each family has."""

AUTO: Mapping[str, str] = {
    "Model": "AutoModel",
    "LMHeadModel": "AutoModelForCausalLM",
    "EncoderModel": "AutoModelForTextEncoding",
}
"""The Auto class that opens a head, where its name does not say it."""

REPRESENTATIVES = ("gpt2", "llama", "modernbert", "whisper")
"""Fused and transposed maps, grouped heads, gates, and an encoder with a decoder."""

OPEN = """
from safetensors.torch import load_file
for folder, auto, options in json.loads(sys.argv[2]):
    model = getattr(transformers, auto).from_pretrained(folder, **options)
    stored = load_file(f"{folder}/verification.safetensors")
    inputs = {key.removeprefix("input."): value for key, value in stored.items() if key.startswith("input.")}
    trunk = model.base_model.get_encoder() if model.config.is_encoder_decoder else model.base_model
    with torch.no_grad():
        found = {"output.last_hidden_state": trunk(**inputs).last_hidden_state}
        if "output.logits" in stored:
            found["output.logits"] = model(**inputs).logits
    answer[folder] = [type(model).__name__, all(torch.equal(value, stored[key]) for key, value in found.items())]
"""


def even(model: PreTrainedModel, anatomy: Anatomy) -> None:
    """Keep two heads, where the config can say so, and 32 units in every layer."""
    for layer in anatomy.layers(model):
        if anatomy.family.free_heads:
            drop_heads(layer.attention, torch.tensor([1, 2]))
        for pair in layer.feed_forwards:
            drop_units(pair, torch.arange(32))
    anatomy.settle(model)


def uneven(model: PreTrainedModel, anatomy: Anatomy) -> None:
    """Keep other heads and units in each layer, factorise some maps, and set some weights to zero."""
    layers = anatomy.layers(model)
    for layer, heads, units in zip(layers, ([0, 2, 3], [1]), (44, 22), strict=False):
        drop_heads(layer.attention, torch.tensor(heads))
        for pair in layer.feed_forwards:
            drop_units(pair, torch.arange(units))
    for slot in (layers[0].attention.key, layers[0].attention.output, layers[-1].feed_forward.up):
        factorise(slot, *factors(spectrum(slot.weight().detach()), 5))
    down = layers[-1].feed_forward.down.linear.weight
    mask(down, down.abs() < down.abs().median())


CUTS: Mapping[str, Callable[[PreTrainedModel, Anatomy], None]] = {"native": even, "modelpress": uneven}
"""By the door that a result of theirs goes through."""


def artifact(model: PreTrainedModel, door: str, folder: Path) -> str:
    """Cut *model*, write it into *folder*, and return the Auto class that opens it."""
    kind, anatomy = model.config.model_type, anatomy_of(model)
    with anatomy.opened(model):
        CUTS[door](model, anatomy)
    model.save_pretrained(folder.with_suffix(".source"))

    plan = write_artifact(model, source=folder.with_suffix(".source"), out=folder)

    assert plan.door == door
    write_verification(model, tiny_batch(kind), folder)
    head = type(model).__name__.removeprefix(KNOWN[kind].prefix)
    return AUTO.get(head, f"AutoModel{head}")


def shelved(family: str, door: str, shelf: Path) -> list[tuple[str, str]]:
    """Return folders of results of a family, with and without a task head, and what opens each."""
    base = KNOWN[family].base
    folders = {head: shelf / f"{family}-{head}-{door}" for head in (base, HEADS.get(family, base))}
    return [(str(folder), artifact(tiny(family, head=head), door, folder)) for head, folder in folders.items()]


@pytest.mark.parametrize(
    "families",
    [
        pytest.param(REPRESENTATIVES, id="representatives"),
        pytest.param(("esm", "clip_vision_model"), id="discovered"),
        pytest.param(tuple(set(FAMILIES) - {*REPRESENTATIVES, "melhubert"}), id="others", marks=pytest.mark.slow),
        pytest.param(tuple(set(DISCOVERED) - {"esm", "clip_vision_model"}), id="more", marks=pytest.mark.slow),
    ],
)
def test_every_family_goes_through_its_doors(families: tuple[str, ...], tmp_path: Path) -> None:
    """Native results open bare, structural ones with the client or the code beside them: equal, in the stock class."""
    torch.set_num_threads(1)  # as in the fresh processes
    native, structural = ([each for family in families for each in shelved(family, door, tmp_path)] for door in CUTS)
    bare = [(*each, {}) for each in native] + [(*each, {"trust_remote_code": True}) for each in structural]
    with_client = [(*each, {}) for each in structural]

    opened = {
        "bare": answer_of(OPEN, bare, home=tmp_path),
        "client": answer_of("import modelpress.transformers\n" + OPEN, with_client, home=tmp_path, path=(CLIENT,)),
    }

    assert {way: len(found) for way, found in opened.items()} == {"bare": len(bare), "client": len(with_client)}
    for way, found in opened.items():
        for folder, (name, equal) in found.items():
            family, head, _ = Path(folder).name.rsplit("-", 2)
            assert (name, equal) == (KNOWN[family].prefix + head, True), (way, folder)
