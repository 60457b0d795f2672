"""Everything that a job needs, imported before the worker forks: a child then begins at once.

Import this only where ``jobs.settings.compute_single_threaded`` came first; it loads torch.
"""

from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_MAPPING
from transformers.utils.logging import disable_progress_bar

import jobs.tasks  # noqa: F401 - imported for what comes with it
from jobs.compression.anatomies import FAMILIES
from jobs.compression.technique import registry


def preload() -> None:
    """Load the modeling code of every known family and every technique; compute nothing."""
    registry()
    for family in FAMILIES:
        for model_type in family.model_types:
            if model_type in CONFIG_MAPPING:
                MODEL_MAPPING[CONFIG_MAPPING[model_type]]
    disable_progress_bar()
