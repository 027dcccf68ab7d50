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
    TrainerSpec(
        id="textual-inversion",
        summary="image features to a word of a frozen text tower (Pic2Word, SEARLE), from images alone; model=FOLDER",
        target="fashionbench_models.training.inversion:train_inversion",
        phases=("inversion",),
        tasks=f"{_RECIPES}:inversion_tasks",
        configuration=f"{_RECIPES}:inversion_configuration",
        extra="models",
    ),
    TrainerSpec(
        id="captioner-from-scratch",
        summary="a small captioner: frozen EfficientNet-Lite0, a new decoder; backend hf:OUT/model",
        target="fashionbench_models.training.captioner:train_captioner",
        phases=("captioner",),
        tasks=f"{_RECIPES}:captioner_tasks",
        configuration=f"{_RECIPES}:captioner_configuration",
        extra="pocket",
    ),
    TrainerSpec(
        id="inpainting-from-scratch",
        summary="a small inpainting UNet for try-on from random weights; backend hf:OUT/model",
        target="fashionbench_models.training.inpainting:train_inpainting",
        phases=("inpainting",),
        tasks=f"{_RECIPES}:inpainting_tasks",
        configuration=f"{_RECIPES}:inpainting_configuration",
        extra="models",
    ),
)
