"""MelHuBERT, which transformers lacks: dense and compressed, it opens through the client or its own code alone."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cuts import CUTS
from fresh import CLIENT, answer_of
from tiny import tiny, tiny_batch

from jobs.checkpoint.verification import write_verification
from jobs.checkpoint.writer import write_artifact

FOLDERS: Mapping[str, tuple[str, str, Callable[..., None] | None]] = {
    "dense": ("AutoModel", "Model", None),
    "dense, with head": ("AutoModelForPreTraining", "ForPreTraining", None),
    "even": ("AutoModel", "Model", CUTS["even_units"]),
    "combined": ("AutoModel", "Model", CUTS["combined"]),
    "combined, with head": ("AutoModelForPreTraining", "ForPreTraining", CUTS["combined"]),
}
"""What is in a folder: the Auto class that opens it, the class saved, and what was cut."""

DOORS: Mapping[str, tuple[str, tuple[Path, ...], dict[str, Any]]] = {
    "client": ("import modelpress.transformers\n", (CLIENT,), {}),
    "trust": ("", (), {"trust_remote_code": True}),
}

OPEN = """
from safetensors.torch import load_file
shelf, wanted, options, again = (json.loads(each) for each in sys.argv[2:])
for name, auto in wanted.items():
    model = getattr(transformers, auto).from_pretrained(f"{shelf}/{name}", **options)
    model.save_pretrained(f"{again}/{name}")
    for each in (model, getattr(transformers, auto).from_pretrained(f"{again}/{name}", **options)):
        stored = load_file(f"{shelf}/{name}/verification.safetensors")
        inputs = {key.removeprefix("input."): value for key, value in stored.items() if key.startswith("input.")}
        with torch.no_grad():
            outputs = {"last_hidden_state": each.base_model(**inputs).last_hidden_state, "logits": each(**inputs)[0]}
        found = [torch.equal(outputs[key[7:]], value) for key, value in stored.items() if key.startswith("output.")]
        answer.setdefault(name, []).append([type(each).__name__, found])
"""

TRY = """
for name in json.loads(sys.argv[3]):
    folder = f"{json.loads(sys.argv[2])}/{name}"
    for auto in ("AutoModel", "HubertModel", "HubertForCTC", "AutoModelForPreTraining"):
        try:
            getattr(transformers, auto).from_pretrained(folder)
            answer[f"{name}, {auto}"] = "opened"
        except Exception as error:
            answer[f"{name}, {auto}"] = str(error)
"""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with every kind of MelHuBERT folder."""
    shelf = tmp_path_factory.mktemp("melhubert")
    for name, (_, head, cut) in FOLDERS.items():
        model = tiny("melhubert", head=head)
        model.save_pretrained(shelf / name)
        if cut is not None:
            cut(model)
            write_artifact(model, source=shelf / "dense", out=shelf / name)
        write_verification(model, tiny_batch("melhubert", padded=True), shelf / name)
    return shelf


@pytest.mark.parametrize("door", DOORS)
def test_it_opens_through_either_door_and_is_saved_again(
    shelf: Path, door: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each folder gives the stored output, bit for bit, and so does what save_pretrained makes of it."""
    before, path, options = DOORS[door]
    home = tmp_path_factory.mktemp(door)
    wanted = {name: auto for name, (auto, _, _) in FOLDERS.items()}

    answer = answer_of(before + OPEN, str(shelf), wanted, options, str(home / "again"), home=home, path=path)

    for name, (_, head, _) in FOLDERS.items():
        outputs = 1 if head == "Model" else 2
        assert answer[name] == [[f"MelHubert{head}", [True] * outputs]] * 2


def test_nothing_else_opens_it(shelf: Path, tmp_path: Path) -> None:
    """Without its code, or as a HuBERT, it stops with an error that names the code."""
    answer = answer_of(TRY, str(shelf), list(FOLDERS), home=tmp_path)

    assert len(answer) == 4 * len(FOLDERS)
    assert all("trust_remote_code=True" in error for error in answer.values())
