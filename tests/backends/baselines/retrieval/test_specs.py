from __future__ import annotations

import subprocess
import sys

import pytest

from fashionbench.specs import BackendSpec, resolve
from fashionbench.specs.capabilities import METHODS, Fits, Reveals
from fashionbench_baselines.retrieval.specs import BACKENDS


@pytest.mark.slow
def test_importing_the_specifications_imports_no_heavy_package() -> None:
    code = (
        "import sys, fashionbench_baselines.retrieval.specs\n"
        "heavy = {'numpy', 'torch', 'transformers', 'PIL', 'safetensors', 'tokenizers'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_every_backend_is_registered_under_its_own_name() -> None:
    assert [spec.id for spec in BACKENDS] == [
        "control/pocket-image-only",
        "control/pocket-text-only",
        "baseline/pocket-sum",
        "control/random",
        "control/constant",
        "control/oracle",
        "baseline/colour-histogram",
        "baseline/pocket-lit",
    ]


@pytest.mark.parametrize(
    "spec",
    [pytest.param(spec, id=spec.id, marks=[pytest.mark.slow] if spec.extra else []) for spec in BACKENDS],
)
def test_the_target_has_the_methods_that_the_specification_promises(spec: BackendSpec) -> None:
    for package in spec.packages:
        pytest.importorskip(package, reason=f"needs the optional dependencies fashionbench[{spec.extra}]")
    built = resolve(spec.target)
    assert isinstance(built, type)
    promised = {METHODS[capability] for capability in spec.capabilities}
    assert promised == {method for method in METHODS.values() if hasattr(built, method)}
    assert issubclass(built, Reveals) == spec.privileged
    assert issubclass(built, Fits) == spec.fits


def test_only_what_is_shown_the_truth_is_privileged() -> None:
    assert [spec.id for spec in BACKENDS if spec.privileged] == ["control/oracle"]
    assert all(spec.control for spec in BACKENDS if spec.id.startswith("control/"))
    assert not any(spec.control for spec in BACKENDS if spec.id.startswith("baseline/"))
