"""A plugin of pytest that checks backends: mark a test with ``@pytest.mark.backend(NAME)`` and call its fixture.

In a ``conftest.py``: ``pytest_plugins = ["fashionbench.conformance.plugin"]``. In a test file::

    @pytest.mark.backend("acme/embedding", options={"model": "tests/tiny-model"})
    def test_it_conforms(conformance):
        conformance()

The test is run once for each capability of the backend and each check of it. Several marks check several backends; a
backend may also be an address (``hf:FOLDER``, ``file.py:Class``), a class or an object. Options that take time to make,
such as a folder of weights, are given as a function without arguments, which is called when a check runs. Checks that
say nothing, such as ``contents-matter`` of a model that has learnt nothing, are left out by ``without=("…",)``.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from fashionbench.conformance.checks import CHECKS, Check
from fashionbench.conformance.subject import Subject
from fashionbench.plugins.manager import Plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from fashionbench.specs import BackendSpec
    from fashionbench.specs.capabilities import Capability

_PLUGINS = pytest.StashKey[Plugins]()


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark."""
    line = "backend(name, options={}, without=()): check a backend of FashionBench by the fixture 'conformance'"
    config.addinivalue_line("markers", line)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each backend, capability and check."""
    if "conformance" not in metafunc.fixturenames:
        return
    config = metafunc.config
    if _PLUGINS not in config.stash:
        config.stash[_PLUGINS] = Plugins()
    plugins = config.stash[_PLUGINS]
    cases: list[tuple[BackendSpec, Any, Capability, Check]] = []
    for mark in metafunc.definition.iter_markers("backend"):
        options = mark.kwargs.get("options", {})
        spec = _spec(mark.args[0], {} if callable(options) else options, plugins)
        cases += [
            (spec, options, capability, check)
            for capability in sorted(spec.capabilities)
            for check in CHECKS
            if check.applies(spec, capability) and check.name not in mark.kwargs.get("without", ())
        ]
    names = [f"{spec.id}-{capability}-{check.name}" for spec, _, capability, check in cases]
    metafunc.parametrize("conformance", cases, ids=names, indirect=True)


@pytest.fixture
def conformance(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], None]:
    """Run one check of a backend; skips where a package that the backend needs is not installed."""
    spec, options, capability, check = request.param

    def run() -> None:
        lacking = [name for name in spec.packages if find_spec(name) is None]
        if lacking:
            pytest.skip(f"{spec.id} needs {', '.join(lacking)}, which is not installed")
        given = options() if callable(options) else options
        check.run(Subject(spec, request.config.stash[_PLUGINS], tmp_path, given), capability)

    return run


def _spec(backend: object, options: Mapping[str, Any], plugins: Plugins) -> BackendSpec:
    if not isinstance(backend, str):
        return plugins.add_backend(backend)
    return plugins.describe_backend(backend, options) if ":" in backend else plugins.backends[backend]
