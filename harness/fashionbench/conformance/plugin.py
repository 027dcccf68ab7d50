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

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from fashionbench.conformance.checks import CHECKS, Check
from fashionbench.conformance.subject import Subject
from fashionbench.plugins.manager import Plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
    cases: list[tuple[_Marked, Capability, Check]] = []
    for mark in metafunc.definition.iter_markers("backend"):
        options = mark.kwargs.get("options", {})
        marked = _Marked(_spec(mark.args[0], {} if callable(options) else options, plugins), options)
        cases += [
            (marked, capability, check)
            for capability in sorted(marked.spec.capabilities)
            for check in CHECKS
            if check.applies(marked.spec, capability) and check.name not in mark.kwargs.get("without", ())
        ]
    names = [f"{marked.spec.id}-{capability}-{check.name}" for marked, capability, check in cases]
    metafunc.parametrize("conformance", cases, ids=names, indirect=True)


@pytest.fixture
def conformance(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], None]:
    """Run one check of a backend; skips where a package that the backend needs is not installed."""
    marked, capability, check = request.param

    def run() -> None:
        lacking = [name for name in marked.spec.packages if find_spec(name) is None]
        if lacking:
            pytest.skip(f"{marked.spec.id} needs {', '.join(lacking)}, which is not installed")
        check.run(marked.subject(request.config.stash[_PLUGINS], tmp_path_factory), capability)

    return run


@dataclass(slots=True)
class _Marked:
    """A backend of a mark; all its checks share what it answered first, and its cache folder."""

    spec: BackendSpec
    options: Mapping[str, Any] | Callable[[], Mapping[str, Any]]
    _subject: Subject | None = None

    def subject(self, plugins: Plugins, folders: pytest.TempPathFactory) -> Subject:
        if self._subject is None:
            given = self.options() if callable(self.options) else self.options
            self._subject = Subject(self.spec, plugins, folders.mktemp("cache"), given)
        return self._subject


def _spec(backend: object, options: Mapping[str, Any], plugins: Plugins) -> BackendSpec:
    if not isinstance(backend, str):
        return plugins.add_backend(backend)
    return plugins.describe_backend(backend, options) if ":" in backend else plugins.backends[backend]
