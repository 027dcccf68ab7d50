"""``python -m fashionbench``."""

from __future__ import annotations

import os
import sys

# Python puts the folder where one stands before its own library, and a file json.py there would be run as json.
if not getattr(sys.flags, "safe_path", False) and sys.path and sys.path[0] in {"", os.getcwd()}:  # noqa: PTH109
    del sys.path[0]

from fashionbench.cli.main import main

raise SystemExit(main())
