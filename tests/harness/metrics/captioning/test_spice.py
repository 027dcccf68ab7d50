"""What SPICE lacks is said before anything is parsed; the program itself needs models that no package brings along."""

from __future__ import annotations

import os

import pytest

from fashionbench.errors import MetricError
from fashionbench.metrics.captioning import spice as module
from fashionbench.metrics.captioning.spice import MODELS, spice

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-ins for java are shell scripts")


@pytest.fixture
def with_models(tmp_path, monkeypatch):
    """A folder of the package in which files of the models' names lie."""
    (tmp_path / "lib").mkdir()
    for name in MODELS:
        (tmp_path / "lib" / name).touch()
    monkeypatch.setattr(module, "packaged", lambda *parts: tmp_path / parts[-1])
    return tmp_path


@pytest.fixture
def java(tmp_path, monkeypatch):
    """Put a program that says a version of Java first on PATH, or in JAVA_HOME."""

    def make(version, home=False):
        path = tmp_path / ("home" if home else "first") / "bin" / "java"
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
        path.chmod(0o755)
        if home:
            monkeypatch.setenv("JAVA_HOME", str(path.parent.parent))
        else:
            monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")

    return make


@pytest.mark.parametrize("version", ["15", "17.0.1"])
def test_a_java_that_cannot_write_the_results_is_refused_at_once(with_models, java, version):
    java(version)
    java("1.8.0_292", home=True)  # the package starts what is on PATH
    with pytest.raises(MetricError, match=rf"JavaScript engine, which Java {version[:2]} lacks.*version 8 to 14"):
        spice(["a red hat"], [["a red hat"]])


@pytest.mark.parametrize("version", ["1.8.0_292", "14.0.2"])
def test_an_older_java_is_asked(with_models, java, monkeypatch, version):
    java(version)
    started = []

    def start(self):
        started.append(True)
        raise OSError("no models")

    from pycocoevalcap.spice.spice import Spice

    monkeypatch.setattr(Spice, "__init__", start)
    with pytest.raises(MetricError, match="SPICE failed: no models"):
        spice(["a red hat"], [["a red hat"]])
    assert started


def test_a_file_of_the_models_that_is_missing_is_named(with_models):
    (with_models / "lib" / MODELS[1]).unlink()
    with pytest.raises(MetricError, match=f"SPICE needs {MODELS[1]}, which"):
        spice(["a red hat"], [["a red hat"]])
