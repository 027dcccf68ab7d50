"""The pipelines as specifications."""

from __future__ import annotations

from fashionbench.specs import BackendSpec
from fashionbench_models.named import UNDISCLOSED
from fashionbench_models.pipelines.options import ComposeOptions, RetrievalAugmentedOptions

# Other folders may be left out for an endpoint; where they are given, they count by their content too.
_PACKAGES = ("torch", "transformers", "torchvision")

BACKENDS = (
    BackendSpec(
        id="pipeline/retrieval-augmented-captioner",
        summary="a captioner, a folder or an endpoint, that is shown the captions of similar training photos",
        target="fashionbench_models.pipelines.retrieval_augmented:RetrievalAugmentedCaptioner",
        revision="1",
        capabilities=frozenset({"caption"}),
        fits=True,
        learns_from=frozenset({"pairs"}),
        extra="models",
        packages=_PACKAGES,
        licence="those of its models",
        training_data=(UNDISCLOSED,),
        options=RetrievalAugmentedOptions.defaults(),
        models=("encoder",),
    ),
    BackendSpec(
        id="pipeline/caption-then-compose",
        summary="composed queries by a captioner, a language model and a text encoder, in the manner of CIReVL",
        target="fashionbench_models.pipelines.caption_then_compose:CaptionThenCompose",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-composed"}),
        extra="models",
        packages=_PACKAGES,
        licence="those of its models",
        training_data=(UNDISCLOSED,),
        options=ComposeOptions.defaults(),
        models=("encoder",),
    ),
)
