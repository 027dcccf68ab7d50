from __future__ import annotations

import pytest

from fashionbench.runner import source


@pytest.fixture(autouse=True)
def _fresh():
    source._package_digest.cache_clear()
    yield
    source._package_digest.cache_clear()


def test_an_edit_anywhere_in_the_package_changes_the_digest(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "digested"
    (package / "sub").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    (package / "sub" / "model.py").write_text("x = 1")
    first = source.source_digest("digested.sub.model:x")
    source._package_digest.cache_clear()
    assert source.source_digest("digested:other") == first
    source._package_digest.cache_clear()
    (package / "sub" / "model.py").write_text("x = 2")
    assert source.source_digest("digested.sub.model:x") != first


def test_a_single_module_and_what_cannot_be_found(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "lonely.py").write_text("x = 1")
    assert source.source_digest("lonely:x").startswith("sha256:")
    assert source.source_digest("no_such_package_here:x") == "unknown"
    assert source.source_digest("sys:path") == "unknown"
