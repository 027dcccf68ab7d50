"""``python -m fashionbench``."""

from __future__ import annotations

from fashionbench.cli.main import main

raise SystemExit(main())
