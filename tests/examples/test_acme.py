"""Install the example package into a fresh virtual environment and run it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environment(tmp_path_factory, pytestconfig) -> Path:
    """A fresh virtual environment with the example and both broken plugins.

    It sees the packages of this environment through a path file, so that nothing is fetched.
    """
    folder = tmp_path_factory.mktemp("acme")
    venv.create(folder / "venv", with_pip=False)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = folder / "venv" / "lib" / version / "site-packages"
    roots = [
        sysconfig.get_path("purelib"),
        *(str(pytestconfig.rootpath / r) for r in ("harness", "tasks", "backends", "leaderboards")),
    ]
    # addsitedir, not a bare line, so that the path files of editable installs count too.
    (site / "host.pth").write_text(f"import site; site.addsitedir({roots[0]!r})\n" + "\n".join(roots[1:]) + "\n")
    python = folder / "venv" / "bin" / "python"
    examples = pytestconfig.rootpath / "examples"
    for source in ("fashionbench-acme", "broken-plugins/raises", "broken-plugins/old-api"):
        copy = folder / "source" / source
        shutil.copytree(examples / source, copy)
        words = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", copy]
        subprocess.run(words, check=True, env=os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    return folder / "venv"


def fashionbench(environment, *words, cwd):
    command = [
        environment / "bin" / "python",
        "-c",
        "import sys; from fashionbench.cli.main import main; sys.exit(main())",
    ]
    return subprocess.run([*command, *words], capture_output=True, text=True, cwd=cwd)


def test_the_example_is_installed_in_the_fresh_environment(environment):
    code = "import fashionbench_acme; print(fashionbench_acme.__file__)"
    done = subprocess.run([environment / "bin" / "python", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(environment))


def test_the_task_and_the_backend_of_a_stranger_run(environment, tmp_path):
    words = ["run", "--task", "acme/swatches", "--backend", "acme/mean-colour", "--backend", "control/random", "--json"]
    done = fashionbench(environment, *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    records = {record["backend"]["id"]: record for record in json.loads(done.stdout)}
    assert records["acme/mean-colour"]["metrics"][0]["value"] == 1.0
    assert records["acme/mean-colour"]["task"]["provider"] == "fashionbench-acme 1.0"
    plugins = {plugin["distribution"] for plugin in records["control/random"]["provenance"]["plugins"]}
    assert plugins == {"fashionbench", "fashionbench-acme"}


def test_broken_plugins_are_reported_and_stop_nothing(environment, tmp_path):
    done = fashionbench(environment, "plugins", "--json", cwd=tmp_path)
    reports = {report["name"]: report for report in json.loads(done.stdout)}
    assert done.returncode == 0
    assert reports["acme"]["error"] == ""
    assert "needs a driver" in reports["raises"]["error"]
    assert reports["raises"]["distribution"] == "fashionbench-raises"
    assert "plugin API 0.7" in reports["old-api"]["error"]
    assert "acme/swatches" in fashionbench(environment, "list", "tasks", cwd=tmp_path).stdout
    assert fashionbench(environment, "doctor", cwd=tmp_path).returncode == 1
    strict = fashionbench(environment, "--strict-plugins", "list", "tasks", cwd=tmp_path)
    assert strict.returncode == 2
    assert "fashionbench-" in strict.stderr


def test_the_plugins_own_tests_pass(environment, pytestconfig, tmp_path):
    tests = pytestconfig.rootpath / "examples" / "fashionbench-acme" / "tests"
    command = [
        environment / "bin" / "python",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        tests,
        tests,
    ]
    # What counts the lines of these tests must not count those of the plugin's.
    own = {name: value for name, value in os.environ.items() if not name.startswith(("SLIPCOVER", "PYTEST_XDIST"))}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=own)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "14 passed" in done.stdout
