"""Teach transformers to open compressed models: ``import modelpress.transformers`` is enough.

From then on ``AutoConfig``, ``AutoModel`` and every ``AutoModelFor…`` of the model's family open what ModelPress
wrote, without running code from the folder.
"""

from modelpress.modeling_modelpress import ModelPressConfig, register
from modelpress.modelpress_layers import FactorisedLinear

__all__ = ["FactorisedLinear", "ModelPressConfig"]

register()
