"""``python -m fashionbench`` in a folder that a stranger filled."""

from __future__ import annotations

import os
import subprocess
import sys


def test_no_module_of_the_folder_where_one_stands_is_imported(tmp_path):
    for name in ("click", "json", "typing_extensions", "yaml"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a stranger was run')\n")
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-m", "fashionbench", "--version"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "fashionbench" in done.stdout
