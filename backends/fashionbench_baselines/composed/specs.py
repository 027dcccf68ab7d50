"""The composed retrieval baselines as specifications."""

from __future__ import annotations

from dataclasses import asdict

from fashionbench.extractors.pretraining import PACKAGES, TRAINING_DATA
from fashionbench.specs import BackendSpec, TrainerSpec
from fashionbench_baselines.composed.options import CombinerOptions, RidgeOptions, TrainedCombinerOptions


def _ridge(backend: str, use: str, summary: str) -> BackendSpec:
    return BackendSpec(
        id=backend,
        summary=summary,
        target="fashionbench_baselines.composed.ridge:RidgeComposed",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-composed"}),
        control=backend.startswith("control/"),
        fits=True,
        learns_from=frozenset({"triplets"}),
        extra="pocket",
        packages=PACKAGES,
        training_data=TRAINING_DATA,
        options=asdict(RidgeOptions(use=use)),
    )


BACKENDS: tuple[BackendSpec, ...] = (
    _ridge("control/pocket-image-only", "image", "composed queries by the reference image alone"),
    _ridge(
        "control/pocket-text-only", "text", "composed queries by the text alone: ridge regression to image features"
    ),
    _ridge("baseline/pocket-sum", "sum", "the reference image plus what ridge regression makes of the text"),
    BackendSpec(
        id="baseline/combiner",
        summary="a Combiner (CLIP4Cir) on frozen EfficientNet-Lite0 and MiniLM, trained on the task's triplets",
        target="fashionbench_baselines.composed.combiner:FittedCombiner",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-composed"}),
        fits=True,
        learns_from=frozenset({"triplets"}),
        extra="pocket",
        packages=PACKAGES,
        training_data=TRAINING_DATA,
        options=asdict(CombinerOptions()),
    ),
    BackendSpec(
        id="baseline/trained-combiner",
        summary="the same, trained by the trainer baseline-combiner; option model=FOLDER",
        target="fashionbench_baselines.composed.combiner:TrainedCombiner",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-composed"}),
        extra="pocket",
        packages=PACKAGES,
        training_data=TRAINING_DATA,
        options=asdict(TrainedCombinerOptions()),
        models=("model",),
    ),
)
TRAINERS: tuple[TrainerSpec, ...] = (
    TrainerSpec(
        id="baseline-combiner",
        summary="a Combiner on frozen features, from the triplets of tasks; seconds on one core",
        target="fashionbench_baselines.composed.combiner_trainer:train_combiner",
        phases=("combiner",),
        tasks="fashionbench_baselines.composed.options:training_tasks",
        configuration="fashionbench_baselines.composed.options:training_configuration",
        extra="pocket",
    ),
)
