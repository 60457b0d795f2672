"""A real worker whose pipeline is ``fake_pipeline``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import fake_pipeline

import jobs
from jobs.worker import main

sys.modules["jobs.pipeline"] = jobs.pipeline = fake_pipeline  # type: ignore[attr-defined]

if __name__ == "__main__":
    sys.exit(main())
