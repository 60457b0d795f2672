"""A real worker whose pipeline is ``fake_pipeline``, and which preloads no more than it needs."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import fake_pipeline

import jobs
from jobs.state import versions
from jobs.worker import main

sys.modules["jobs.pipeline"] = jobs.pipeline = fake_pipeline  # type: ignore[attr-defined]
sys.modules["jobs.preloading"] = fake_pipeline

versions.KNOWN["request"] = int(os.environ.get("KNOWS_REQUEST", versions.KNOWN["request"]))  # a release to come

if __name__ == "__main__":
    sys.exit(main())
