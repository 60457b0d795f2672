"""What people do with a structural result next: tokenize, extract features, run pipelines, fine-tune, save again."""

from pathlib import Path
from typing import Any

import pytest
from cuts import STRUCTURAL
from fresh import CLIENT, answer_of
from tiny import tiny, tiny_batch
from transformers import BertTokenizer, Wav2Vec2FeatureExtractor

from jobs.checkpoint.verification import write_verification
from jobs.checkpoint.writer import write_artifact

USE = """
folders, options = (json.loads(each) for each in sys.argv[2:])
text = transformers.pipeline("text-classification", model=folders["bert"], **options)
answer["classes"] = [type(text.model).__name__, text("a b c")[0]["label"]]
answer["tokens"] = transformers.AutoTokenizer.from_pretrained(folders["bert"])("a b")["input_ids"]
extractor = transformers.AutoFeatureExtractor.from_pretrained(folders["hubert"])
answer["extractor"] = type(extractor).__name__
tuned = transformers.AutoModelForTokenClassification.from_pretrained(
    folders["bert"], num_labels=3, ignore_mismatched_sizes=True, **options
)
loss = tuned(input_ids=torch.tensor([[5, 6]]), labels=torch.tensor([[0, 1]])).loss
loss.backward()
torch.optim.SGD(tuned.parameters(), lr=0.1).step()
tuned.eval().save_pretrained(folders["new"])
again = transformers.AutoModelForTokenClassification.from_pretrained(folders["new"], **options)
ids = torch.tensor([[5, 6, 7]])
answer["tuned"] = [torch.equal(again(ids).logits, tuned(ids).logits), again.config.num_labels]
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return artifacts with the tokenizers and feature extractors of their sources."""
    root = tmp_path_factory.mktemp("beside")
    companions: dict[str, Any] = {
        "bert": BertTokenizer(vocab={word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b"])}),
        "hubert": Wav2Vec2FeatureExtractor(),
    }
    for family, companion in companions.items():
        head = "ForSequenceClassification" if family == "bert" else "Model"
        model = tiny(family, head=head)
        for part in (model, companion):
            part.save_pretrained(root / "sources" / family)
        STRUCTURAL["combined"](model)
        write_artifact(model, source=root / "sources" / family, out=root / family)
        write_verification(model, tiny_batch(family), root / family)
    return {family: str(root / family) for family in companions}


@pytest.mark.parametrize("door", ["client", "trust"])
def test_a_structural_result_is_used_like_any_model(
    folders: dict[str, str], door: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Tokenizer, feature extractor, pipeline and fine-tuning work through either door."""
    home = tmp_path_factory.mktemp(door)
    before, path, options = {
        "client": ("import modelpress.transformers\n", (CLIENT,), {}),
        "trust": ("", (), {"trust_remote_code": True}),
    }[door]

    answer = answer_of(before + USE, {**folders, "new": str(home / "new")}, options, home=home, path=path)

    assert answer["classes"][0] == "BertForSequenceClassification"
    assert answer["tokens"] == [2, 4, 5, 3]
    assert answer["extractor"] == "Wav2Vec2FeatureExtractor"
    assert answer["tuned"] == [True, 3]


def test_verification_needs_the_client_alone(folders: dict[str, str], tmp_path: Path) -> None:
    """modelpress.verify runs without this project and finds the output equal."""
    script = """
from modelpress.loading import verify
found = verify(json.loads(sys.argv[2]))
answer["found"] = [found.exact, found.max_abs_diff]
"""
    answer = answer_of(script, folders["bert"], home=tmp_path, path=(CLIENT,))

    assert answer["found"] == [True, 0.0]
