"""The models that the trainers here make, as backends that are trained on demand, once for a store."""

from __future__ import annotations

from dataclasses import asdict

from fashionbench.specs import BackendSpec, Resources
from fashionbench_models.families import SMALL_CAPTIONER, SMALL_INPAINTING, TWO_TOWERS, Family, option_names
from fashionbench_models.options import read_options


def _trained(trainer: str, summary: str, family: Family) -> BackendSpec:
    defaults = asdict(read_options({}))
    return BackendSpec(
        id=trainer,
        summary=f"{summary}, trained on demand; option model=FOLDER for one that is there",
        target=family.target,
        revision="1",
        capabilities=family.capabilities,
        extra=family.extra,
        packages=family.packages,
        options={name: defaults[name] for name in option_names(family)},
        models=family.models,
        trainer=trainer,
        stateless=True,
        resources=Resources(gpus=1, seconds=120),
    )


BACKENDS: tuple[BackendSpec, ...] = (
    _trained("clip-from-scratch", "a small CLIP from random weights", TWO_TOWERS),
    _trained("captioner-from-scratch", "a small captioner on a frozen EfficientNet-Lite0", SMALL_CAPTIONER),
    _trained("inpainting-from-scratch", "a small inpainting UNet for try-on from random weights", SMALL_INPAINTING),
)
