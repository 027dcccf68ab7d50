"""Training recipes: what is trained on what, in which phases; YAML, checked before anything is loaded."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from fashionbench.errors import UnknownNameError
from fashionbench.records.base import Model
from fashionbench.specs.validation import read_value, validated
from fashionbench_unifashion.losses.losses import LossWeights
from fashionbench_unifashion.model.config import overlaid
from fashionbench_unifashion.renamed import refuse_old_names

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["vae", "contrastive", "language", "image", "composed", "try_on"]
RECIPES = ("unifashion-tiny", "unifashion-nano", "unifashion-quick", "unifashion-study", "unifashion-paper")


class PhaseConfig(Model):
    """One phase."""

    kind: Kind
    """``vae``: the VAE of a small preset. ``contrastive``: phase 1a (ITC, ITM, ITG; the Q-Former learns).
    ``language``: phase 1b, language model and adapter. ``image``: phase 1b, diffusion model and adapter. ``composed``:
    phase 2 (equation 13; the Q-Former learns through both generators). ``try_on``: try-on and design."""
    steps: int | None = Field(default=None, ge=1)
    """Optimiser steps; this or ``epochs``."""
    epochs: float | None = Field(default=None, gt=0)
    """Passes over the examples."""
    tasks: tuple[str, ...] | None = None
    """Of the tasks under ``data.pairs``, those that this phase learns from; ``None`` means all."""
    batch: int = Field(default=64, ge=2)
    """TrainingExamples an optimiser step, over all processes."""
    feature_chunk: int | None = Field(default=None, ge=1)
    """Images and texts of the contrast are encoded so many at a time, and each chunk once more in the backward pass, so
    that the batch is bound by features and not by activations (Gao et al., "GradCache", RepL4NLP 2021); ``None``
    encodes the batch at once. The loss is the same."""
    accumulate: int = Field(default=1, ge=1)
    """Parts that a batch is computed in; contrasts are made within a part."""
    lr: float = Field(default=1e-4, gt=0)
    """The highest learning rate of AdamW."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """What becomes of the rate after warm-up."""
    warmup: float = Field(default=0.03, ge=0, lt=1)
    """Share of the steps in which the rate rises."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Of AdamW."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Of AdamW."""
    clip: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient."""
    weights: LossWeights = LossWeights()
    """What each loss counts for."""
    negatives: Literal["multinomial", "argmax", "rising"] = "multinomial"
    """How hard negatives are chosen: ``multinomial`` by their similarity, as BLIP-2; ``argmax`` the hardest, as the
    released code; ``rising`` any at first, and more and more by their similarity until the end of the phase."""
    smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Label smoothing of the contrast; BLIP-2 0.1, the released code 0."""
    directions: Literal["mean", "sum"] = "mean"
    """The two directions of the contrast; ``sum`` as the released code."""
    diffusion: Literal["all", "tryon"] = "tryon"
    """What ``try_on`` trains of the diffusion model: all but the VAE, or what the released code lists."""
    itm_examples: int | None = Field(default=None, ge=1)
    """How many examples of a batch are matched with hard negatives, three pairs each; ``None`` means all."""
    lm_examples: int | None = Field(default=None, ge=1)
    """How many examples of a batch the two generators see in ``composed``; ``None`` means all."""
    replay: float = Field(default=0.0, ge=0)
    """What the losses of phase 1 count for in ``composed``, on targets and their captions: the contrast, so that
    cross-modal retrieval is not forgotten, and the captions from the image alone. In ``language`` with a trained
    Q-Former: what the contrast counts for. The paper has none."""
    replay_pairs: int = Field(default=0, ge=0)
    """How many pairs of all tasks a step of ``composed`` replays the contrast on, beside targets and their captions,
    and one of ``language`` with a trained Q-Former beside its own pairs; the paper has none."""
    contrast_first: float = Field(default=0.0, ge=0, lt=1)
    """Share of the steps of ``contrastive`` in which the contrast is learnt alone; matching and generation join when
    there is something to match by. The paper and BLIP-2 learn all three from the first step."""
    equal_pairs: Literal["masked", "targets"] = "masked"
    """Pairs of a batch with one product or one caption: ``masked`` makes them no negatives of each other, ``targets``
    spreads the label evenly over them."""
    itg_examples: int | None = Field(default=None, ge=1)
    """How many examples of a batch the Q-Former's own head generates text of in ``contrastive``; ``None`` means all."""
    qformer: Literal["frozen", "trained"] = "frozen"
    """Whether the Q-Former learns in ``language`` through the language model, as in BLIP-2's second stage; the contrast
    then goes on beside it with the weight ``replay``. The paper freezes it."""
    ema: float = Field(default=0.0, ge=0, lt=1)
    """Decay of an exponential moving average of the weights, by which checkpoints are compared and which is kept at the
    end; 0 is none. It begins with a short memory: (1 + step) / (10 + step) as long as that is less."""
    hue: float = Field(default=0.0, ge=0, le=1)
    """Probability with which ``try_on`` turns the hue of person and garment by a random angle, and shows no states, so
    that the colour of a garment is learnt to be copied where there are few examples; and ``vae`` that of an image."""
    flip: bool = True
    """Mirror half of the images in ``vae``, ``image`` and ``try_on``."""
    evaluate_every: int = Field(default=200, ge=1)
    """Steps between looks at the held-out examples."""
    keep: Literal["best", "last"] = "best"
    """Which weights are kept: ``best`` on the held-out examples, or those of the ``last`` step, where the measure has
    nothing more to tell while other losses still fall."""
    checkpoint_every: int = Field(default=200, ge=1)
    """Steps between checkpoints."""

    patience: int | None = Field(default=None, ge=1)
    """After how many looks at the held-out examples without a better score the phase ends; ``None`` runs all steps."""

    @model_validator(mode="after")
    def _one_length(self) -> PhaseConfig:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give steps or epochs, and not both")
        if self.batch % self.accumulate:
            raise ValueError(f"accumulate ({self.accumulate}) must divide batch ({self.batch})")
        if self.patience is not None and self.keep == "last":
            raise ValueError("patience waits for a better score, and keep: last keeps the last whatever its score")
        return self

    def length(self, examples: int) -> int:
        """Return the number of optimiser steps."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None  # noqa: S101
        return max(1, round(self.epochs * examples / self.batch))


class DataConfig(Model):
    """Tasks whose training parts are learnt from, by what they are made of."""

    pairs: tuple[str, ...] = ()
    """Image and text, for phase 1."""
    captions: tuple[str, ...] = ()
    """Captions of the images that composed queries look for."""
    triplets: tuple[str, ...] = ()
    """Composed queries, for phase 2."""
    tryon_examples: tuple[str, ...] = ()
    """Persons in garments, for try-on and design."""


class ModelPart(Model):
    """The model to train."""

    preset: str
    """``paper``, ``tiny`` or ``nano``."""
    changes: dict[str, Any] = Field(default={})
    """Fields of the preset that are other."""
    weights: dict[str, Any] = Field(default={})
    """Fields that name pretrained weights; a dry run leaves them out."""
    init_from: str | None = None
    """The folder of a model that was trained here, whose parts this one begins with, tokenizers included."""
    init_parts: tuple[str, ...] | None = None
    """Of ``init_from``: ``vision``, ``ln_vision``, ``qformer``, ``sentence_encoder``, ``language_adapter``,
    ``language``, ``diffusion_adapter``, ``diffusion``; ``None`` takes all that both have."""


class Recipe(Model):
    """A whole training."""

    name: str
    """What the model is called."""
    model: ModelPart
    """What is trained."""
    data: DataConfig
    """On what."""
    phases: dict[str, PhaseConfig] = Field(min_length=1)
    """In which order."""
    seed: int = 0
    """Of every random choice."""
    held_out: float = Field(default=0.05, gt=0, lt=0.5)
    """Share of the training products on which checkpoints are compared; the reported split never is."""
    overlap: Literal["refuse", "drop"] = "refuse"
    """What to do with training images that a task evaluates: stop, or leave them out and count them."""
    instruction: str | None = None
    """What every caption is asked with; ``None`` takes that of each data set (Table 7)."""
    images_each: int | None = Field(default=None, ge=1)
    """At most so many photos of a product; ``None`` takes all."""
    limit: int | None = Field(default=None, ge=8)
    """At most so many examples of each sort, for a quick look."""
    keep_tokens: bool = True
    """Keep the tokens of a frozen vision encoder in memory; at the paper's size they do not fit."""
    precision: Literal["no", "bf16", "fp16"] = "no"
    """Mixed precision."""
    recompute: bool = False
    """Recompute activations instead of keeping them."""
    trackers: tuple[Literal["wandb", "trackio"], ...] = ()
    """Services that are told every figure beside TensorBoard's files; they may send it elsewhere."""

    @model_validator(mode="after")
    def _known_tasks(self) -> Recipe:
        for name, phase in self.phases.items():
            strange = sorted(set(phase.tasks or ()) - set(self.data.pairs))
            if strange:
                raise ValueError(f"phases.{name}.tasks: {', '.join(strange)} not under data.pairs")
        return self


def load_recipe(name: str, changes: Mapping[str, Any]) -> Recipe:
    """Read a recipe by name and change some of its fields.

    Another preset drops what the recipe says of its own one: ``model.changes`` and ``model.weights``. A phase that is
    given ``steps`` drops its ``epochs``, and the other way round.

    :raises UnknownNameError: where there is no such recipe.
    :raises ConfigError: naming each wrong field, and of one that has another name now, that name.
    """
    if name not in RECIPES:
        raise UnknownNameError("recipe", name, RECIPES)
    refuse_old_names(changes, f"the change of the recipe {name}")
    text = resources.files("fashionbench_unifashion").joinpath("recipes", f"{name}.yaml").read_text(encoding="utf-8")
    written, wanted = read_value(text, f"{name}.yaml"), changes.get("model")
    if isinstance(wanted, dict) and wanted.get("preset", written["model"]["preset"]) != written["model"]["preset"]:
        written["model"] = {}
    phases = changes.get("phases")
    if isinstance(phases, dict):
        # YAML takes a 2 without quotes for a number.
        changes = {**changes, "phases": {str(key): value for key, value in phases.items()}}
        _drop_lengths(written["phases"], changes["phases"])
    fields = overlaid(written, changes)
    if isinstance(fields["phases"], dict):
        # A phase that is set to nothing is left out.
        fields["phases"] = {key: value for key, value in fields["phases"].items() if value is not None}
    return validated(Recipe, fields, f"the recipe {name} is not one", remedy="see docs/how-to/train.md")


def _drop_lengths(written: dict[str, dict[str, Any]], changes: Mapping[str, Any]) -> None:
    for name, change in changes.items():
        for given, other in (("steps", "epochs"), ("epochs", "steps")):
            if name in written and isinstance(change, dict) and change.get(given) is not None:
                written[name].pop(other, None)
