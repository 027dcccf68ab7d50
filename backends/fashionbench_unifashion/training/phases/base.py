"""Base class of training phases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import torch
from torch import Tensor, nn

from fashionbench.errors import ConfigError
from fashionbench_unifashion.diffusion.batch_rng import BatchRng
from fashionbench_unifashion.losses import losses
from fashionbench_unifashion.training.batch_sampler import batch_of, number
from fashionbench_unifashion.training.distributed import rank_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.examples import PairReference, TrainingExamples, TryOnReference
    from fashionbench_unifashion.training.feature_cache import ImageFeatureCache
    from fashionbench_unifashion.training.image_decoder import DecodedImages
    from fashionbench_unifashion.training.recipe import PhaseConfig
    from fashionbench_unifashion.training.tryon_batches import DecodedTryOn, TryOnBatches

ExampleKind: TypeAlias = Literal["pairs", "triplets", "tryon_examples"]

#: Losses with this start replay phase 1.
REPLAY = "replay"
#: The statistics of an adapter are measured on so many training examples.
STATISTICS_EXAMPLES = 512
#: At most so many held-out examples are looked at by a phase that is measured by its loss.
LOSS_EXAMPLES = 128


@dataclass(frozen=True, slots=True)
class PhaseInputs:
    """What the phases of a training share.

    :param tryon_batches: None where no task gives try-on examples.
    :param seed: of the training.
    """

    model: UniFashion
    examples: TrainingExamples
    feature_cache: ImageFeatureCache
    tryon_batches: TryOnBatches | None
    seed: int


@dataclass(frozen=True, slots=True)
class StepImages:
    """The images that this process reads in a part of a step.

    :param tokens: ids of those that the vision encoder sees.
    :param pixels: ids of those that the diffusion model sees.
    :param tryon_examples: read as a whole.
    """

    tokens: Sequence[str] = ()
    pixels: Sequence[str] = ()
    tryon_examples: Sequence[TryOnReference] = ()


@dataclass(frozen=True, slots=True)
class DecodedStep:
    """The images of a part of a step that were opened, because nothing is kept of them."""

    images: DecodedImages
    tryon_examples: dict[TryOnReference, DecodedTryOn]


class Phase(nn.Module, ABC):
    """A training phase: the module that accelerate wraps, and everything else that depends on its kind.

    Class methods need no data, so that a dry run can ask them of a model on the meta device.

    :param name: of the phase in the recipe.
    :raises DataError: where the tasks that the phase names have no examples.
    """

    #: The examples that it learns from, and whether a recipe must give them.
    example_kind: ClassVar[ExampleKind]
    requires_examples: ClassVar[bool] = True
    #: The parts of the model, beside the Q-Former, without which there is nothing to train.
    needs: ClassVar[tuple[Literal["language", "diffusion"], ...]] = ()
    #: How much similarity decides which negatives are drawn, from 0 to 1, where they are to get harder.
    hardness = 1.0

    def __init__(self, name: str, config: PhaseConfig, inputs: PhaseInputs) -> None:
        super().__init__()
        self.name, self.config, self.seed = name, config, inputs.seed
        self.model = inputs.model
        self.inputs = inputs
        self.all_examples = inputs.examples.of(config.tasks)

    # What learns, and how much memory it takes.

    @classmethod
    def train_only(cls, model: UniFashion, config: PhaseConfig) -> dict[str, nn.Parameter]:
        """Switch gradients on for what learns and off for the rest; return the former by name.

        :raises ConfigError: where the model lacks a part that the phase trains.
        """
        for part in cls.needs:
            if getattr(model, part) is None:
                msg = f"a phase of the kind {config.kind} needs a {part} model"
                raise ConfigError(msg, remedy="leave the phase out, or add the model")
        chosen = cls.trainable(model, config)
        model.requires_grad_(requires_grad=False)
        for parameter in chosen.values():
            parameter.requires_grad = True
        return chosen

    @classmethod
    @abstractmethod
    def trainable(cls, model: UniFashion, config: PhaseConfig) -> dict[str, nn.Parameter]:
        """Return the parameters that learn, by name."""

    @classmethod
    @abstractmethod
    def memory_passes(
        cls, model: UniFashion, config: PhaseConfig, rows: int
    ) -> Iterator[tuple[int, Callable[[], object]]]:
        """Yield forward passes with gradients on one example, each with how often a step makes it.

        :param model: on the meta device.
        :param rows: of a batch on one process.
        """

    # The examples of a step.

    @property
    def examples(self) -> Sequence[Any]:
        """The examples that are learnt from."""
        chosen: Sequence[Any] = getattr(self.all_examples, self.example_kind)
        return chosen

    @property
    def held_out(self) -> Sequence[Any]:
        """The examples that checkpoints are compared on."""
        chosen: Sequence[Any] = getattr(self.all_examples, f"held_{self.example_kind}")
        return chosen

    @property
    def contrasted(self) -> Sequence[PairReference]:
        """The pairs whose texts are compared with images in the steps; by default none."""
        return ()

    @property
    def steps(self) -> int:
        """The number of optimiser steps."""
        return self.config.length(len(self.examples))

    def batch(self, step: int) -> list[Any]:
        """Return the examples of a step, over all processes."""
        return batch_of(self.examples, step, self.config.batch, self.seed, self.name)

    @abstractmethod
    def read_images(self, begin: Callable[[str, int], object], advance: Callable[..., object]) -> None:
        """Encode the images of the phase once, where they may be kept.

        :param begin: called with what is read and how many of it there are.
        """

    @abstractmethod
    def images(self, examples: Sequence[Any], seed: int) -> StepImages:
        """Return the images that :meth:`forward` reads on this process; those of hard negatives elsewhere come on top.

        :param examples: the batch of all processes.
        """

    def decode(self, examples: Sequence[Any], seed: int) -> DecodedStep:
        """Open the images of a batch, each once, as far as nothing is kept of them; it needs no weights."""
        read = self.images(examples, seed)
        batches = self.inputs.tryon_batches
        tryon_examples = {} if batches is None else batches.decode(read.tryon_examples)
        return DecodedStep(self.inputs.feature_cache.decode(read.tokens, read.pixels), tryon_examples)

    @contextmanager
    def using(self, decoded: DecodedStep) -> Iterator[None]:
        """Let :meth:`forward` take images that were opened before."""
        batches = self.inputs.tryon_batches
        with (
            self.inputs.feature_cache.using(decoded.images),
            nullcontext() if batches is None else batches.using(decoded.tryon_examples),
        ):
            yield

    def measure_states(self) -> None:
        """Measure what the phase's adapter is centred and scaled by, once the images are read; by default nothing."""

    def statistics(self) -> dict[str, Tensor]:
        """Return what was measured, by its name in the model, to be kept with the weights of the phase."""
        return {}

    def begin_step(self, step: int) -> None:
        """Change what is learnt from this step on; called before each step, also where a training resumes."""

    # The model before and after.

    def start(self) -> None:
        """Change the model before the first step; not called again for a phase that is over."""

    def finish(self) -> None:
        """Change the model after the last step, the same way when a finished phase is read."""

    def train(self, mode: bool = True) -> Phase:  # noqa: FBT001, FBT002
        """Enter training mode, except for parts that do not learn, in which nothing may drop out."""
        super().train(mode)
        for part in self.model.parts().values():
            if not any(value.requires_grad for value in part.parameters()):
                part.eval()
                for layer in part.modules():
                    # Whether its activations are recomputed is all that such a layer reads its own mode for.
                    if getattr(layer, "gradient_checkpointing", False):
                        layer.training = mode
        return self

    # Losses and measures.

    @abstractmethod
    def forward(self, examples: Sequence[Any], seed: int) -> dict[str, Tensor]:
        """Compute the losses of a batch by name.

        :param examples: the batch of all processes; each computes its own rows.
        :param seed: of every random choice in this batch.
        """

    def total(self, losses_by_name: Mapping[str, Tensor]) -> Tensor:
        """Add up the weighted losses, with those that replay phase 1 by the recipe's one weight for them."""
        added = losses.total(
            {name: value for name, value in losses_by_name.items() if not name.startswith(REPLAY)}, self.config.weights
        )
        replayed = [value for name, value in losses_by_name.items() if name.startswith(REPLAY)]
        return added + self.config.replay * torch.stack(replayed).sum() if replayed else added

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Measure on held-out examples; ``score``, higher is better, is what checkpoints are compared by."""
        self.eval()
        try:
            return self.validation()
        finally:
            self.train()

    def validation(self) -> dict[str, float]:
        """Measure in evaluation mode: the negative of the loss, with the same random choices each time."""
        from fashionbench_unifashion.training.validation import mean_losses  # noqa: PLC0415

        def losses_of(examples: Sequence[Any], seed: int) -> Mapping[str, Tensor]:
            with self.using(self.decode(examples, seed)):
                return self(examples, seed)  # type: ignore[no-any-return]

        return mean_losses(losses_of, self.held_out[:LOSS_EXAMPLES], self.seed)

    def drift(self) -> Mapping[str, float]:
        """Measure how far the phase moved what it starts from; nothing unless a kind says so."""
        return {}

    def begin_drift(self) -> None:
        """Remember the model as it is before a checkpoint is read, for :meth:`drift` to compare with."""


def parameters_under(model: UniFashion, *prefixes: str) -> dict[str, nn.Parameter]:
    """Return the parameters whose names start with one of the prefixes."""
    return {name: value for name, value in model.named_parameters() if name.startswith(prefixes)}


def local_rows(rows: Any) -> Any:
    """Return this process's rows of a batch."""
    local = rank_rows(len(rows))
    return rows[local.start : local.stop]


def noise_generator(seed: int) -> torch.Generator:
    """Return the generator of a batch's noise."""
    return torch.Generator().manual_seed(number(seed, "noise", 0))


def local_rng(examples: Sequence[Any], seed: int) -> BatchRng:
    """Return the random numbers of this process's rows."""
    return BatchRng(noise_generator(seed), rank_rows(len(examples)), len(examples))


def mirrored(phase: Phase, images: Tensor, rng: BatchRng) -> Tensor:
    """Mirror half of the images in training, where the recipe says so."""
    if not (phase.config.flip and phase.training):
        return images
    flipped = rng.uniform((len(images),), images) < 0.5
    return torch.where(flipped[:, None, None, None], images.flip(-1), images)


@torch.no_grad()
def measure_image_states(phase: Phase, adapter: str) -> None:
    """Measure an adapter's statistics on the Q-Former's states of the first images of training pairs."""
    if not getattr(phase.model, adapter).statistics():
        return
    phase.eval()
    names = list(dict.fromkeys(pair.image for pair in phase.examples[:STATISTICS_EXAMPLES]))
    cache = phase.inputs.feature_cache
    batches = (names[at : at + 64] for at in range(0, len(names), 64))
    states = [phase.model.qformer.image(cache.tokens(batch), "reference") for batch in batches]
    getattr(phase.model, adapter).measure(torch.cat(states))


def adapter_statistics(model: UniFashion, adapter: str) -> dict[str, Tensor]:
    """Return an adapter's statistics by their names in the model."""
    return {f"{adapter}.{name}": value for name, value in getattr(model, adapter).statistics().items()}


def evenly(rows: Sequence[int], most: int | None) -> list[int]:
    """Take at most so many rows, at even distances."""
    if most is None or len(rows) <= most:
        return list(rows)
    return [rows[at * len(rows) // most] for at in range(most)]
