"""The request's objects as typed classes, for those who prefer them to plain dicts.

They are generated from the service's contract: ``HeadPruning(…)`` is ``{"technique": "head_pruning", …}``.
"""

from modelpress._generated.models import *  # noqa: F403
from modelpress._generated.models import __all__  # noqa: F401 - the same names
