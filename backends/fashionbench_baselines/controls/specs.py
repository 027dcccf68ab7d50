"""The controls of try-on, as specifications."""

from __future__ import annotations

from fashionbench.specs import BackendSpec

PICTURE_BACKENDS: tuple[BackendSpec, ...] = (
    BackendSpec(
        id="control/copy-person",
        summary="the person as it is, nothing transferred",
        target="fashionbench_baselines.controls.pictures:CopyPerson",
        revision="1",
        capabilities=frozenset({"try-on", "design"}),
        control=True,
    ),
    BackendSpec(
        id="control/paste-garment",
        summary="the flat garment pasted into the agnostic mask",
        target="fashionbench_baselines.controls.pictures:PasteGarment",
        revision="1",
        capabilities=frozenset({"try-on"}),
        control=True,
    ),
    BackendSpec(
        id="control/oracle-picture",
        summary="the true picture, where somebody knows it",
        target="fashionbench_baselines.controls.pictures:Oracle",
        revision="1",
        capabilities=frozenset({"try-on", "design"}),
        control=True,
        privileged=True,
    ),
)
