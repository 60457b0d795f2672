"""The contract is tried with the same collaborators in memory as the service's own tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "service"))
