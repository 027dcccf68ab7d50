from __future__ import annotations

import pytest

from fashionbench.runner import code_hash


@pytest.fixture(autouse=True)
def _fresh():
    code_hash._package_digest.cache_clear()
    yield
    code_hash._package_digest.cache_clear()


def test_an_edit_anywhere_in_the_package_changes_the_digest(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "digested"
    (package / "sub").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    (package / "sub" / "model.py").write_text("x = 1")
    first = code_hash.source_digest("digested.sub.model:x")
    code_hash._package_digest.cache_clear()
    assert code_hash.source_digest("digested:other") == first
    code_hash._package_digest.cache_clear()
    (package / "sub" / "model.py").write_text("x = 2")
    assert code_hash.source_digest("digested.sub.model:x") != first


def test_a_single_module_and_what_cannot_be_found(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "lonely.py").write_text("x = 1")
    assert code_hash.source_digest("lonely:x").startswith("sha256:")
    assert code_hash.source_digest("no_such_package_here:x") == "unknown"
    assert code_hash.source_digest("sys:path") == "unknown"
