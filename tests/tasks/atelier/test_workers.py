"""Workers import nothing from the folder where the user stands."""

from __future__ import annotations

import os
import subprocess
import sys


def test_a_module_of_the_working_folder_is_not_taken_for_pythons_own(tmp_path):
    (tmp_path / "random.py").write_text("open('was-imported', 'w')\nraise SystemExit(3)\n")
    program = (
        "from pathlib import Path\n"
        "from fashionbench_atelier.generate import make\n"
        "if __name__ == '__main__':\n"
        "    make(Path('twin'), 0, {'products': 24, 'people': 4, 'outfits': 10, 'processes': 2}, lambda d, t: None)\n"
    )
    (tmp_path / "program").mkdir()
    script = tmp_path / "program" / "make.py"
    script.write_text(program)
    done = subprocess.run(
        [sys.executable, "-P", str(script)], cwd=tmp_path, env={**os.environ}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "was-imported").exists()
    assert (tmp_path / "twin").is_dir()
