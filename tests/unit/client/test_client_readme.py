"""The client's README against the whole stack."""

import re
from pathlib import Path
from typing import Any

import modelpress
import pytest
import torch
from transformers import BertConfig, BertModel

from deploy.embedded.stack import Stack

README = Path(modelpress.__file__).parents[1] / "README.md"


@pytest.mark.e2e
def test_the_example_runs(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the README shows is run as it stands: compress a local model, print the report, load what comes back."""
    monkeypatch.setenv("MODELPRESS_URL", stack.url)
    monkeypatch.setenv("MODELPRESS_API_KEY", stack.api_key)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    shape = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
    BertModel(BertConfig(vocab_size=100, **shape)).save_pretrained("my-model")

    namespace: dict[str, Any] = {}
    for example in re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE):
        exec(example, namespace)  # noqa: S102 - our own README
    namespace["client"].close()

    shown = capsys.readouterr().out
    assert "parameters" in shown
    assert "peed-up" in shown  # one, or that none is shown
    assert isinstance(namespace["model"], torch.nn.Module)
    assert (tmp_path / "compressed" / "manifest.json").exists()
