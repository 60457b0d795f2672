"""What the model that takes the data says of itself."""

import json
from pathlib import Path
from typing import Any

from transformers import AutoConfig


def config_of(model_dir: Path) -> Any:
    """Return the config of the model's family, also where the folder holds a compressed model of it."""
    stored = json.loads((model_dir / "config.json").read_text(encoding="utf-8"))
    family = stored.get("base_model_type") or stored["model_type"]
    return AutoConfig.for_model(family, **{name: stored[name] for name in stored.keys() - {"model_type", "dtype"}})
