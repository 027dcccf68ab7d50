"""The code hash, on packages written for each test."""

from __future__ import annotations

import pytest

from fashionbench.records import provenance
from fashionbench.runner import code_hash as module
from fashionbench.runner.code_hash import code_hash

FILES = {
    "hashed/__init__.py": "raise RuntimeError('must not be imported')",
    "hashed/model.py": "from hashed import layers\nimport hashed.io.reader\nfrom typing import TYPE_CHECKING\n"
    "if TYPE_CHECKING:\n    from hashed import types_only\n",
    "hashed/layers.py": "def lazily():\n    from .deep import depths\n",
    "hashed/io/__init__.py": "",
    "hashed/io/reader.py": "import json, other_distribution",
    "hashed/io/defaults.yaml": "lr: 1",
    "hashed/deep/__init__.py": "",
    "hashed/deep/depths.py": "import hashed_sibling.used",
    "hashed/types_only.py": "",
    "hashed/unrelated.py": "",
    "hashed/recipes/quick.yaml": "lr: 1",
    "hashed/unvisited/__init__.py": "",
    "hashed/unvisited/data.yaml": "x: 1",
    "hashed_sibling/__init__.py": "",
    "hashed_sibling/used.py": "",
    "hashed_sibling/unused.py": "",
    "other_distribution.py": "",
}
#: A change of these, and of nothing else, is another identity of ``hashed.model``.
COUNTS = {
    "hashed/__init__.py", "hashed/model.py", "hashed/layers.py", "hashed/io/__init__.py", "hashed/io/reader.py",
    "hashed/io/defaults.yaml", "hashed/deep/__init__.py", "hashed/deep/depths.py", "hashed/recipes/quick.yaml",
    "hashed_sibling/__init__.py", "hashed_sibling/used.py",
}  # fmt: skip


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """The files above on the path; ``hashed`` and ``hashed_sibling`` are of one distribution."""
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    owners = {"hashed": ("one",), "hashed_sibling": ("one",), "other_distribution": ("two",)}
    monkeypatch.setattr(module, "distributions", lambda _: owners)
    forget()
    yield tmp_path
    forget()


def forget():
    for cached in (module._module_hash, module._siblings, module._source_file, provenance._declared):
        cached.cache_clear()


@pytest.mark.parametrize("name", sorted(FILES))
def test_what_a_module_imports_within_its_distribution_counts(packages, name):
    before = code_hash("hashed.model:Model")
    path = packages / name
    path.write_text(path.read_text() + "\n# another comment\n")
    forget()
    assert (code_hash("hashed.model:Model") != before) == (name in COUNTS)


def test_a_new_recipe_counts_and_a_compiled_file_does_not(packages):
    before = code_hash("hashed.model:Model")
    (packages / "hashed" / "__pycache__").mkdir()
    (packages / "hashed" / "__pycache__" / "model.pyc").write_text("")
    forget()
    assert code_hash("hashed.model:Model") == before
    (packages / "hashed" / "recipes" / "slow.yaml").write_text("")
    forget()
    assert code_hash("hashed.model:Model") != before


def test_a_single_module_and_what_cannot_be_found(packages):
    assert code_hash("other_distribution:x").startswith("sha256:")
    assert code_hash("no_such_package_here:x") == "unknown"
    assert code_hash("sys:path") == "unknown"


def closure(target):
    """The modules whose files count, as the hash visits them."""
    seen = []
    real = module._source_file

    def looked(name):
        path = real(name)
        if path is not None:
            seen.append(name)
        return path

    module._source_file, kept = looked, module._source_file
    module._module_hash.cache_clear()
    try:
        code_hash(target)
    finally:
        module._source_file = kept
    return set(seen)


def test_the_generated_world_is_no_part_of_a_task_on_published_data(plugins):
    visited = closure(plugins.tasks["fashion-iq/original"].target)
    assert any(name.startswith("fashionbench_tasks.retrieval.composed") for name in visited)
    assert not any(name.startswith("fashionbench_atelier.world") for name in visited)
    assert not any(name.startswith("fashionbench_atelier.rendering") for name in visited)


def test_the_models_own_code_is_part_of_a_backend(plugins):
    visited = closure(plugins.backends["unifashion"].target)
    assert {"fashionbench_unifashion.qformer.qformer", "fashionbench_unifashion.diffusion.denoiser"} <= visited
    assert not any(name.startswith("fashionbench_baselines") for name in visited)
