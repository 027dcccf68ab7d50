"""The trainers as specifications."""

from __future__ import annotations

from fashionbench.specs import TrainerSpec

_RECIPES = "fashionbench_models.training.recipe"

TRAINERS: tuple[TrainerSpec, ...] = (
    TrainerSpec(
        id="clip-from-scratch",
        summary="a small CLIP from random weights, from pairs of image and text; backend hf:OUT/model",
        target="fashionbench_models.training.clip:train_clip",
        phases=("clip",),
        tasks=f"{_RECIPES}:clip_tasks",
        configuration=f"{_RECIPES}:clip_configuration",
        extra="models",
    ),
)
