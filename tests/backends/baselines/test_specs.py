from __future__ import annotations

import subprocess
import sys
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

import pytest
from cached_twin import cached_twin

import fashionbench
from fashionbench.specs import BackendSpec, resolve
from fashionbench.specs.capabilities import METHODS, Fits, Reveals
from fashionbench_baselines import plugin
from fashionbench_baselines.captioning.options import NearestCaptionOptions
from fashionbench_baselines.composed.options import CombinerOptions, RidgeOptions, TrainedCombinerOptions
from fashionbench_baselines.controls.options import ConstantOptions, OracleOptions, RandomOptions
from fashionbench_baselines.options import NoOptions
from fashionbench_baselines.retrieval.options import LitOptions
from fashionbench_baselines.style_transfer.options import ColourOptions
from fashionbench_baselines.try_on.options import WarpOptions

SPECS = [*plugin.register_backends()]
#: The options of each backend, and a value of each option that is not its default.
OPTIONS: dict[str, tuple[Any, dict[str, Any]]] = {
    "control/random": (RandomOptions(), {"dimension": 7}),
    "control/constant": (ConstantOptions(), {"text": "a hat"}),
    "control/oracle": (OracleOptions(), {"memory_mib": 3}),
    "control/copy-person": (NoOptions(), {}),
    "control/paste-garment": (NoOptions(), {}),
    "control/oracle-image": (NoOptions(), {}),
    "control/crop-garment": (NoOptions(), {}),
    "control/copy-garment": (NoOptions(), {}),
    "control/copy-style": (NoOptions(), {}),
    "control/popular-target": (NoOptions(), {}),
    "baseline/colour-statistics": (ColourOptions(), {"tolerance": 9}),
    "baseline/colour-histogram": (NoOptions(), {}),
    "baseline/tps-warp": (WarpOptions(), {"points": 12, "tolerance": 9}),
    "baseline/pocket-lit": (
        LitOptions(),
        {
            "dimension": 8,
            "steps": 3,
            "batch_size": 4,
            "learning_rate": 0.5,
            "weight_decay": 0.25,
            "temperature": 0.75,
        },
    ),
    "control/pocket-image-only": (RidgeOptions(use="image"), {"use": "sum", "ridge": 0.5}),
    "control/pocket-text-only": (RidgeOptions(use="text"), {"use": "sum", "ridge": 0.5}),
    "baseline/pocket-sum": (RidgeOptions(use="sum"), {"use": "text", "ridge": 0.5}),
    "baseline/combiner": (
        CombinerOptions(),
        {
            "steps": 3,
            "seconds": 0.5,
            "batch_size": 4,
            "learning_rate": 0.5,
            "weight_decay": 0.25,
            "temperature": 0.75,
            "projection": 8,
            "hidden": 8,
            "dropout": 0.25,
            "ridge": 0.5,
        },
    ),
    "baseline/trained-combiner": (TrainedCombinerOptions(), {"model": str(Path(__file__).parent)}),
    "control/frequent-caption": (NoOptions(), {}),
    "control/random-caption": (NoOptions(), {}),
    "baseline/nearest-caption": (NearestCaptionOptions(), {"encoder": "colour"}),
    "baseline/nearest-caption-colour": (NearestCaptionOptions(encoder="colour"), {"encoder": "pocket"}),
}


def task_of(spec: BackendSpec) -> str:
    """A task that the backend can do."""
    if "encode-text" in spec.capabilities:
        return "wardrobe/image-to-text"
    if "try-on" in spec.capabilities:
        return "atelier/viton-hd-paired"
    if "style-transfer" in spec.capabilities:
        return "atelier/style-transfer"
    return "atelier/fashion-iq-original" if "encode-image" in spec.capabilities else "atelier/fashiongen-captioning"


class Read(Exception):  # noqa: N818
    """Ends a run as soon as a backend has read its options."""


@pytest.mark.slow
def test_importing_the_specifications_imports_no_heavy_package() -> None:
    code = (
        "import sys, fashionbench_baselines.plugin as plugin\n"
        "list(plugin.register_backends())\n"
        "heavy = {'numpy', 'torch', 'transformers', 'PIL', 'safetensors', 'tokenizers'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_every_backend_is_registered_once() -> None:
    assert sorted(spec.id for spec in SPECS) == sorted(OPTIONS)


@pytest.mark.parametrize(
    "spec", [pytest.param(spec, id=spec.id, marks=[pytest.mark.slow] if spec.extra else []) for spec in SPECS]
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
    assert {spec.id for spec in SPECS if spec.privileged} == {"control/oracle", "control/oracle-image"}
    assert all(spec.control == spec.id.startswith("control/") for spec in SPECS)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)
def test_every_field_of_the_options_is_an_option_with_the_same_default(spec: BackendSpec) -> None:
    options, other = OPTIONS[spec.id]
    assert dict(spec.options) == asdict(options)
    assert other.keys() == spec.options.keys()
    assert not any(other[name] == spec.options[name] for name in other)
    assert all(field.default is not MISSING for field in fields(options))


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        pytest.param(spec, name, id=f"{spec.id}-{name}", marks=[pytest.mark.slow] if spec.extra else [])
        for spec in SPECS
        for name in spec.options
    ],
)
def test_an_option_that_a_run_sets_reaches_the_backend(
    spec: BackendSpec, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    for package in spec.packages:
        pytest.importorskip(package, reason=f"needs the optional dependencies fashionbench[{spec.extra}]")
    options, other = OPTIONS[spec.id]
    module = sys.modules[resolve(spec.target).__module__]
    read = module.read_options
    seen = []

    def stop(kind: Any, given: Any) -> None:
        seen.append(read(kind, given))
        raise Read

    monkeypatch.setattr(module, "read_options", stop)
    run = {"tasks": task_of(spec), "backends": {"id": spec.id, "options": {name: other[name]}}, "limit": 2}
    fashionbench.run({**run, "data": {"atelier": cached_twin(pytestconfig)}}, store=tmp_path)
    assert seen == [type(options)(**{**asdict(options), name: other[name]})]
