"""Trainer of UniFashion: all phases of a recipe in order, then the model and the record of its training."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch.utils import deterministic

from fashionbench import files
from fashionbench.canonical import digest
from fashionbench.errors import BackendError, ConfigError, DataError, reason_of
from fashionbench.json_reader import read_object
from fashionbench.progress import Silent
from fashionbench.training.contract import TrainingResult
from fashionbench_unifashion.language import quantization
from fashionbench_unifashion.language import tokenizer as language_tokenizer
from fashionbench_unifashion.language.model import AFTER, BEFORE, BETWEEN
from fashionbench_unifashion.model.config import overlaid, preset
from fashionbench_unifashion.model.unifashion import (
    LANGUAGE_TOKENIZER,
    PIECES,
    UniFashion,
    load,
    load_language_tokenizer,
)
from fashionbench_unifashion.qformer import tokenizer as qformer_tokenizer
from fashionbench_unifashion.training import experiment_log
from fashionbench_unifashion.training.checkpoints import PhaseFolder
from fashionbench_unifashion.training.collect_examples import collect
from fashionbench_unifashion.training.device import make_accelerator, require_shardable
from fashionbench_unifashion.training.distributed import lost_processes_named
from fashionbench_unifashion.training.feature_cache import ImageFeatureCache
from fashionbench_unifashion.training.loop import PhaseLoop
from fashionbench_unifashion.training.matching_watch import MatchingWatch
from fashionbench_unifashion.training.phases.base import PhaseInputs
from fashionbench_unifashion.training.phases.registry import make_phase, train_only
from fashionbench_unifashion.training.recipe import load_recipe
from fashionbench_unifashion.training.sentence_vectors import read_texts
from fashionbench_unifashion.training.shared_phases import SharedPhases
from fashionbench_unifashion.training.step_dataset import worker_count
from fashionbench_unifashion.training.trackers import require
from fashionbench_unifashion.training.tryon_batches import TryOnBatches
from fashionbench_unifashion.weights.loading import fingerprint, locate, read
from fashionbench_unifashion.weights.trained_start import start_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from fashionbench.training.contract import TrainingContext
    from fashionbench_unifashion.training.examples import TrainingExamples
    from fashionbench_unifashion.training.recipe import PhaseConfig, Recipe


def unifashion(name: str) -> Callable[[Mapping[str, Any], TrainingContext], TrainingResult]:
    """Return the trainer of a recipe."""

    def run(config: Mapping[str, Any], context: TrainingContext) -> TrainingResult:
        recipe = load_recipe(name, config)
        if context.dry_run:
            from fashionbench_unifashion.training.dry_run import show_plan  # noqa: PLC0415

            show_plan(recipe, context.say)
            return TrainingResult(None, None)
        return Training(recipe, context).run()

    return run


tiny, nano, quick, study, paper = map(
    unifashion, ("unifashion-tiny", "unifashion-nano", "unifashion-quick", "unifashion-study", "unifashion-paper")
)


@contextmanager
def _deterministic() -> Iterator[None]:
    """Let torch add up in one order, also where several threads do it: a resumed training ends in the same weights.

    Only a warning where an operation knows no such order, as some on GPUs.
    """
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    # Its stubs do not know the switch.
    memory: Any = deterministic
    filled = memory.fill_uninitialized_memory
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    # Filling all new memory first takes a tenth of a training on a processor, and matters to code that reads it unset.
    memory.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(mode=before[0], warn_only=before[1])
        memory.fill_uninitialized_memory = filled


class Training:
    """One training.

    :raises ConfigError: where the folder holds a training of another recipe or of other data, or one that several
        processes had begun, or that cannot be spread over processes as was asked for.
    """

    def __init__(self, recipe: Recipe, context: TrainingContext) -> None:
        self.recipe, self.context, self.out = recipe, context, context.out
        require(recipe.trackers)
        self._workers = worker_count(context.workers, kept=recipe.keep_tokens)
        self.accelerator = make_accelerator(context.device, recipe.precision)
        if context.fsdp:
            require_shardable(self.accelerator)
        if not self.accelerator.is_main_process:  # what all do is said once
            self.context = context = replace(context, reporter=Silent(), say=lambda _: None)
        for phase_name, phase in recipe.phases.items():
            if phase.batch // phase.accumulate % self.accelerator.num_processes:
                msg = f"the batch of phase {phase_name} cannot be shared by {self.accelerator.num_processes} processes"
                raise ConfigError(msg, remedy="choose a multiple")
        self.examples: TrainingExamples = collect(recipe, context)
        self._claim()
        self.model = self._build()
        fingerprints = {name: part.fingerprint for name, part in self.examples.parts.items()}
        kept = context.out / "cache" if context.shared is None else context.shared
        self.feature_cache = ImageFeatureCache(
            self.model, self.examples.open, keep=recipe.keep_tokens, folder=kept, data=fingerprints
        )
        self.tryon_batches = (
            TryOnBatches(self.model, self.examples, keep=recipe.keep_tokens) if recipe.data.tryon_examples else None
        )
        computes = f"{self.accelerator.device}, sharded" if context.fsdp else str(self.accelerator.device)
        self._shared = SharedPhases(context.shared, recipe, fingerprints, computes, self.accelerator.num_processes)
        self._inputs = PhaseInputs(self.model, self.examples, self.feature_cache, self.tryon_batches, recipe.seed)

    def run(self) -> TrainingResult:
        """Run what is left of the phases, and write model and record."""
        figures: dict[str, float] = {}
        summaries: dict[str, Any] = {}
        self.context.reporter.expect(len(self.recipe.phases))
        with self._log() as log, _deterministic(), lost_processes_named():
            for number, (name, phase) in enumerate(self.recipe.phases.items()):
                summaries[name] = self._phase(number, name, phase, log)
                figures[f"{name}: held-out score"] = summaries[name]["best"]
                if summaries[name].get("best step") == 0:
                    self.context.say(f"{name}: no step was better than none: the weights are those before the phase")
        folder = self.out / "model"
        record = self.out / "training.json"
        if self.accelerator.is_main_process:
            facts = experiment_log.TrainingFacts(
                self.recipe,
                self.model,
                self.examples,
                summaries,
                self.accelerator.num_processes,
                str(self.accelerator.device),
                sharded=self.context.fsdp,
            )
            if self.model.language is not None:
                self.model.language.dequantize()
            written = experiment_log.record(facts)
            self.model.save(folder, experiment_log.card(facts))
            self._check_saved(folder)
            files.write_text(folder / "training.json", written)
            files.write_text(record, written)
            experiment_log.report(self.out, self.recipe)
        self.accelerator.wait_for_everyone()
        return (
            TrainingResult(folder, record, figures) if self.accelerator.is_main_process else TrainingResult(None, None)
        )

    def _log(self) -> experiment_log.ExperimentLog:
        main, recipe = self.accelerator.is_main_process, self.recipe
        return experiment_log.ExperimentLog(self.out, main=main, trackers=recipe.trackers, run=recipe.name)

    def _phase(self, number: int, name: str, config: PhaseConfig, log: experiment_log.ExperimentLog) -> dict[str, Any]:
        folder, reporter = PhaseFolder(self.out / "phases" / f"{number}-{name}"), self.context.reporter
        if self.accelerator.is_main_process:
            self._shared.take(number, folder)
        self.accelerator.wait_for_everyone()
        phase = make_phase(name, config, self._inputs)
        if not folder.done:
            phase.start()
        parameters = train_only(self.model, config)
        if folder.done:
            if self.accelerator.is_main_process:
                folder.drop_spent()
            reporter.begin(f"phase {name}", None)
            folder.restore(parameters | phase.statistics())
            phase.finish()
            reporter.end("was done before")
            return folder.summary()

        def begin(what: str, count: int) -> None:
            reporter.begin(f"phase {name}: {what}", count)

        phase.read_images(begin, reporter.advance)
        read_texts(self.model.sentence_encoder, (pair.text for pair in phase.contrasted), begin, reporter.advance)
        phase.measure_states()
        track = MatchingWatch(name, log.phase(name, folder), self.context.say)
        fsdp = self.context.fsdp
        loop = PhaseLoop(phase, parameters, folder, self.accelerator, track, self._workers, fsdp=fsdp)
        reporter.begin(f"phase {name}", loop.steps)
        figures = loop.run(reporter.advance)
        phase.finish()
        trained = sum(value.numel() for value in parameters.values())
        summary = {
            "kind": config.kind,
            "trainable parameters": trained,
            "examples": len(phase.examples),
            **figures,
        }
        if self.accelerator.is_main_process:
            folder.finish(parameters | phase.statistics(), summary)
            self._shared.keep(number, folder)
        self.accelerator.wait_for_everyone()
        of_step = f"of step {figures['best step']:.0f}"
        reporter.end(f"held-out score {figures['best']:.4g} {of_step} in {figures['seconds']:.0f} s")
        return summary

    def _build(self) -> UniFashion:
        """Make tokenizers and the model; the same recipe and data give the same first weights."""
        recipe = self.recipe
        config = preset(recipe.model.preset, overlaid(recipe.model.changes, recipe.model.weights))
        config = config.model_copy(update={"name": recipe.name})
        if recipe.instruction is not None:
            config = config.model_copy(update={"gallery_instruction": recipe.instruction})
        if config.language is not None and config.language.quantization is not None:
            quantization.require(config.language.quantization, self.accelerator.device)
        torch.manual_seed(recipe.seed)
        start = locate(recipe.model.init_from) if recipe.model.init_from else None
        if start is not None:
            pieces = qformer_tokenizer.load(
                start / PIECES, max_words=config.texts.max_words, max_length=config.texts.max_length
            )
        elif config.texts.source is not None:
            pieces = qformer_tokenizer.load(
                config.texts.source, max_words=config.texts.max_words, max_length=config.texts.max_length
            )
        else:
            pieces = qformer_tokenizer.train(self.examples.texts, config.texts)
        tokenizer = None
        if start is not None and config.language is not None and (start / LANGUAGE_TOKENIZER).is_dir():
            tokenizer = load_language_tokenizer(start)
        elif config.language is not None and config.language.source is None:
            instructions = {example.instruction for example in self.examples.pairs}
            captions = [f" {example.text}" for example in self.examples.pairs]
            tokenizer = language_tokenizer.train(
                captions, config.language.vocabulary, [BEFORE, f"{BETWEEN}{AFTER}", *sorted(instructions)]
            )
        model = UniFashion(config, pieces, tokenizer)
        notes = model.load_sources()
        if recipe.model.init_from:
            notes += start_from(model, recipe.model.init_from, recipe.model.init_parts)
        for note in notes:
            self.context.say(note)
        if recipe.recompute:
            model.recompute()
        return model.to(self.accelerator.device)

    def _check_saved(self, folder: Path) -> None:
        """Load what was saved as a backend will, and compare the weights.

        :raises BackendError: where it is not what was trained.
        """
        remedy = "tell the project, with the recipe: a model that cannot be loaded should have been refused before"
        try:
            loaded = load(folder).fingerprint()
        except Exception as error:
            msg = f"the trained model at {folder} cannot be loaded again: {reason_of(error)}"
            raise BackendError(msg, remedy=remedy) from error
        if loaded != self.model.fingerprint():
            msg = f"the model at {folder} has other weights, loaded again, than those that were trained"
            raise BackendError(msg, remedy=remedy)

    def _claim(self) -> None:
        """Say whose folder this is, and refuse one of another training."""
        parts: list[Any] = [
            self.recipe.model_dump(mode="json"),
            {n: p.fingerprint for n, p in self.examples.parts.items()},
        ]
        if self.recipe.model.init_from:
            parts.append(fingerprint(read(locate(self.recipe.model.init_from))))
        claim, processes = digest(parts), self.accelerator.num_processes
        path = self.out / "recipe.json"
        # A training that ended before its first phase, such as for weights that do not fit, has left nothing to keep.
        if path.is_file() and any((self.out / name).exists() for name in ("phases", "model", "training.json")):
            try:
                before = read_object(path)
            except DataError as error:
                raise DataError(error.message, remedy="remove it, or choose another folder") from error
            if before.get("digest") != claim:
                msg = f"{self.out} holds a training of another recipe, or of other data"
                raise ConfigError(msg, remedy="choose another folder with --out, or remove this one")
            begun = before.get("processes", processes)
            if begun != processes and not (self.out / "training.json").is_file():
                msg = f"the training in {self.out} was begun with {begun} processes, and would go on with {processes}"
                raise ConfigError(msg, remedy="go on with as many, or begin in another folder")
        elif self.accelerator.is_main_process:
            content = {"digest": claim, "processes": processes, "recipe": self.recipe.model_dump(mode="json")}
            files.write_text(path, json.dumps(content, indent=2) + "\n")
        self.accelerator.wait_for_everyone()
