"""The controls as specifications: chance, the tie rule, popularity, the truth, and images without a model."""

from __future__ import annotations

from dataclasses import asdict

from fashionbench.specs import BackendSpec, Resources
from fashionbench_baselines.controls.options import ConstantOptions, OracleOptions, RandomOptions

#: What a control takes.
QUICK = Resources(seconds=5)

BACKENDS: tuple[BackendSpec, ...] = (
    BackendSpec(
        id="control/random",
        summary="chance: an independent random vector for each item",
        target="fashionbench_baselines.controls.random:Random",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-text", "encode-composed", "score-pairs"}),
        control=True,
        resources=QUICK,
        stateless=True,
        roles_differ=True,
        options=asdict(RandomOptions()),
    ),
    BackendSpec(
        id="control/constant",
        summary="one vector and one caption for everything: what the rules alone are worth",
        target="fashionbench_baselines.controls.constant:Constant",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-text", "encode-composed", "score-pairs", "caption"}),
        control=True,
        resources=QUICK,
        stateless=True,
        options=asdict(ConstantOptions()),
    ),
    BackendSpec(
        id="control/oracle",
        summary="the truth as embeddings and captions: the most that the protocol lets a model score",
        target="fashionbench_baselines.controls.oracle:Oracle",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-text", "encode-composed", "score-pairs", "caption"}),
        control=True,
        resources=QUICK,
        stateless=True,
        privileged=True,
        roles_differ=True,
        options=asdict(OracleOptions()),
    ),
    BackendSpec(
        id="control/copy-person",
        summary="the person as it is, nothing transferred",
        target="fashionbench_baselines.controls.images:CopyPerson",
        revision="1",
        capabilities=frozenset({"try-on", "try-off", "design"}),
        control=True,
        resources=QUICK,
        stateless=True,
    ),
    BackendSpec(
        id="control/paste-garment",
        summary="the flat garment pasted into the agnostic mask",
        target="fashionbench_baselines.controls.images:PasteGarment",
        revision="1",
        capabilities=frozenset({"try-on"}),
        control=True,
        resources=QUICK,
        stateless=True,
    ),
    BackendSpec(
        id="control/crop-garment",
        summary="the garment as it is worn, cut out by its mask and laid on white",
        target="fashionbench_baselines.controls.images:CropGarment",
        revision="1",
        capabilities=frozenset({"try-off"}),
        control=True,
        resources=QUICK,
        stateless=True,
    ),
    BackendSpec(
        id="control/copy-garment",
        summary="the garment as it is, in its own style",
        target="fashionbench_baselines.controls.images:CopyGarment",
        revision="1",
        capabilities=frozenset({"style-transfer"}),
        control=True,
        resources=QUICK,
        stateless=True,
    ),
    BackendSpec(
        id="control/copy-style",
        summary="the photo of the wanted style as it is; of words alone, a white image",
        target="fashionbench_baselines.controls.images:CopyStyle",
        revision="1",
        capabilities=frozenset({"style-transfer"}),
        control=True,
        resources=QUICK,
        stateless=True,
    ),
    BackendSpec(
        id="control/popular-target",
        summary="what is most often a target in training, whatever is asked",
        target="fashionbench_baselines.controls.popular:PopularTarget",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-composed"}),
        control=True,
        fits=True,
        learns_from=frozenset({"triplets"}),
        roles_differ=True,
        resources=QUICK,
        stateless=True,
    ),
    BackendSpec(
        id="control/oracle-image",
        summary="the true image, where it is known",
        target="fashionbench_baselines.controls.images:OracleImage",
        revision="1",
        capabilities=frozenset({"try-on", "try-off", "design", "style-transfer"}),
        control=True,
        resources=QUICK,
        stateless=True,
        privileged=True,
    ),
)
