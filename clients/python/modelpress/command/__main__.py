"""``python -m modelpress.command``: the same as ``modelpress``."""

import sys

from modelpress.command.main import main

sys.exit(main())
