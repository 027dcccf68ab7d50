"""Diagnose a model: the failure signatures of its training as measurements."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fashionbench.data.file_index import FileIndex
from fashionbench.data.roots import DataRoots
from fashionbench.data.training_examples import TrainingData
from fashionbench.diagnostics.diagnosis import Diagnosis, measure
from fashionbench.diagnostics.sample import draw_sample
from fashionbench.diagnostics.system import ProbedModel, Subject, System
from fashionbench.errors import ConfigError, as_error, message_of
from fashionbench.files import expanded, write_text
from fashionbench.plugins.manager import Plugins
from fashionbench.progress import Silent
from fashionbench.runner.device import resolve_device
from fashionbench.runner.execute import check_packages
from fashionbench.runner.model_files import model_options
from fashionbench.runner.named_backends import named_backends
from fashionbench.runner.secret_options import secret_options
from fashionbench.specs import DiagnosedModel, resolve
from fashionbench.specs.capabilities import BackendContext
from fashionbench.training.open_part import open_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from fashionbench.diagnostics.measurement import Measurement
    from fashionbench.diagnostics.sample import Sample
    from fashionbench.progress import Reporter
    from fashionbench.specs import BackendSpec

#: Names of the files of a diagnosis in its folder.
PAGE, JSON = "diagnosis.html", "diagnosis.json"
#: At most so many products of a task, and so many persons, by default.
LIMIT = 256


def diagnose(
    model: str | Path | None = None,
    *,
    backend: str | object | None = None,
    options: Mapping[str, Any] | None = None,
    tasks: Sequence[str] = (),
    data: Mapping[str, Path] | None = None,
    limit: int = LIMIT,
    seed: int = 0,
    device: str = "auto",
    cache: str | Path | None = None,
    plugins: Plugins | None = None,
    reporter: Reporter | None = None,
) -> Diagnosis:
    """Measure the known failures of multimodal trainings on a model, each beside two references.

    :param model: the folder of a model that ``train`` wrote, or of its training; None where ``backend`` says it all.
    :param backend: the name or address of a backend, a class, or an object; by default the one that the folder is for.
    :param options: of the backend.
    :param tasks: whose training parts the items are taken from; by default those that the model was trained on, of
        which only what the training held out is asked about.
    :param data: folders of data sets, by id.
    :param limit: at most so many products of each task, and so many persons.
    :param seed: of every random choice.
    :param cache: a folder for what is remembered of files and for generated data; None remembers nothing.
    :raises ConfigError: where neither a model nor a backend is named, or no tasks are known.
    """
    loaded = plugins or Plugins()
    if limit < 3:
        raise ConfigError(f"the limit is {limit}", remedy="give 3 or more: fewer items cannot be told from each other")
    folder = None if model is None else model_folder(Path(model))
    described = _described(folder, backend, loaded)
    spec, given = _backend(described, backend, options or {}, loaded)
    names = tuple(tasks) or described.tasks
    if not names:
        known = ", ".join(one.id for one in loaded.tasks if one.trains)
        raise ConfigError("nobody says which tasks to take items from", remedy=f"name some with --task: {known}")
    roots = DataRoots(named=dict(data or {}), cache=None if cache is None else Path(cache))
    parts = [open_part(name, loaded, roots) for name in dict.fromkeys(names)]
    held_out = cast("Any", resolve(described.held_out))(folder) if described.held_out and folder else None
    sample = draw_sample(parts, held_out=held_out, instructions=described.instructions, limit=limit, seed=seed)
    where, shown = resolve_device(device), reporter or Silent()
    with ExitStack() as opened:
        index = opened.enter_context(FileIndex(roots.index))
        scratch = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="fashionbench-diagnose-")))
        untrained, untrained_is = _untrained(described, folder, scratch / "untrained", seed)
        pointed = given if untrained is None else _pointed(given, folder, untrained)
        if untrained is not None and pointed == given:
            untrained, untrained_is = None, f"no untrained model: {spec.id} is not given the folder of this one"

        # What a folder lacks says nothing of another backend.
        lacks = described.lacks if pointed != given or backend is None else {}

        def system(chosen: Mapping[str, Any]) -> System:
            context = BackendContext(options={**spec.options, **chosen}, seed=seed, device=where, cache=scratch)
            return System(spec, _built(spec, context, sample, loaded), where, shown, lacks)

        subject = Subject(
            system(given),
            None if untrained is None else system(pointed),
            untrained_is,
            sample,
            seed,
        )
        probed = None
        if folder is not None:
            probed = ProbedModel(folder, untrained, untrained_is, sample, seed, where, shown)
        measurements = measure(
            subject,
            shown,
            trained_instruction=described.trained_instruction,
            probes=_probes(described, probed),
        )
        facts = {
            "backend": spec.id,
            "revision": spec.revision,
            "options": {**given, **model_options(spec, given, index), **secret_options(spec, given)},
            "tasks": {part.task: part.fingerprint for part in parts},
            "generated data": any(part.synthetic for part in parts),
            "counts": dict(sample.counts),
            "limit": limit,
            "seed": seed,
            "device": where,
        }
    label = spec.id if folder is None else f"{spec.id}, model {_name(folder)}"
    return Diagnosis(system=label, facts=facts, measurements=measurements, notes=tuple(_notes(sample, parts, spec)))


def write_diagnosis(diagnosis: Diagnosis, out: str | Path) -> tuple[Path, Path]:
    """Write the page and the JSON beside it, each whole or not at all; return their paths."""
    from fashionbench.diagnostics.page import page  # noqa: PLC0415  # a template engine, which no measurement needs

    folder = Path(out)
    # The page is made before either is written.
    texts = {PAGE: page(diagnosis), JSON: diagnosis.as_json()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_text(folder / name, text)
    return folder / PAGE, folder / JSON


def model_folder(path: Path) -> Path:
    """Return the folder of a model: the one that is named, or ``model`` in that of its training.

    :raises ConfigError: where there is none.
    """
    path = expanded(path)
    if not path.is_dir():
        raise ConfigError(f"{path} is no folder", remedy="give the folder that 'fashionbench train' wrote")
    inner = path / "model"
    return inner if inner.is_dir() and not (path / "config.json").is_file() else path


def _described(folder: Path | None, backend: object, plugins: Plugins) -> DiagnosedModel:
    if folder is None:
        if backend is None:
            raise ConfigError("there is nothing to diagnose", remedy="name the folder of a model, or a --backend")
        return DiagnosedModel(backend="")
    found = plugins.first("describe_model", lambda given: isinstance(given, DiagnosedModel), folder=folder)
    if isinstance(found, DiagnosedModel):
        return found
    if backend is not None:
        return DiagnosedModel(backend="")
    remedy = "give the folder that 'fashionbench train' wrote, or say with --backend what runs it"
    raise ConfigError(f"no plugin knows what kind of model {folder} holds", remedy=remedy)


def _backend(
    described: DiagnosedModel, backend: object, options: Mapping[str, Any], plugins: Plugins
) -> tuple[BackendSpec, dict[str, Any]]:
    """Find the backend and its options.

    :raises ConfigError: where a pattern stands for several, or the backend is shown the truth.
    """
    if backend is not None and not isinstance(backend, str):
        spec, given = plugins.add_backend(backend), dict(options)
    else:
        name = backend or described.backend
        given = {**(described.options if name == described.backend else {}), **options}
        found = named_backends(name, given, plugins)
        if len(found) != 1:
            listed = ", ".join(one.id for one in found)
            raise ConfigError(f"{name} stands for {len(found)} backends: {listed}", remedy="name one of them")
        spec = found[0]
    if spec.privileged:
        raise ConfigError(f"{spec.id} is shown the truth, so that it has nothing to diagnose", remedy="name a model")
    check_packages(spec)
    return spec, given


def _built(spec: BackendSpec, context: BackendContext, sample: Sample, plugins: Plugins) -> object:
    """Build a backend; one that learns from data learns from products that are not asked about."""
    built = plugins.hook.load_backend(spec=spec, context=context)
    backend: Any = cast("Any", resolve(spec.target))(context) if built is None else built
    if spec.fits:
        pairs = [pair.pair() for task in sample.tasks for pair in task.learnt]
        backend.fit(TrainingData("products that are not asked about", pairs=pairs), context.seed)
    return backend


def _untrained(described: DiagnosedModel, folder: Path | None, out: Path, seed: int) -> tuple[Path | None, str]:
    """Write the same model before any training, and say which parts it shares; or say why there is none."""
    if folder is None or not described.untrained:
        return None, "no untrained model: nobody says how this kind of model begins"
    try:
        kept = cast("Any", resolve(described.untrained))(folder, out, seed)
    except BaseException as error:  # a reference that cannot be made must not take the diagnosis with it
        return None, f"no untrained model: {message_of(as_error(error))}"
    return out, str(kept)


def _pointed(options: Mapping[str, Any], folder: Path | None, other: Path) -> dict[str, Any]:
    """Return options with another folder wherever they name the model's."""
    return {name: str(other) if value == str(folder) else value for name, value in options.items()}


def _probes(described: DiagnosedModel, probed: ProbedModel | None) -> dict[str, Callable[[], Iterable[Measurement]]]:
    """Return the measurements of this kind of model alone, by name."""
    if not described.probes or probed is None:
        return {}
    found: Mapping[str, Callable[[ProbedModel], Iterable[Measurement]]] = cast("Any", resolve(described.probes))
    return {name: partial(work, probed) for name, work in found.items()}


def _name(folder: Path) -> str:
    """Name a model by its training: the folder ``model`` itself says nothing."""
    whole = folder.resolve()
    return whole.parent.name if whole.name == "model" else whole.name


def _notes(sample: Sample, parts: Sequence[Any], spec: BackendSpec) -> list[str]:
    notes = []
    if not sample.known and not spec.fits:
        said = "half of the products, by a hash of their names, were asked about"
        notes.append(f"Nobody says what the model was trained on: {said}, and it may have learnt from them.")
    if any(part.synthetic for part in parts):
        notes.append("The data are generated drawings: what is found here says nothing about photos.")
    if spec.fits:
        notes.append("The backend learns from data; here it learnt from the products that were not asked about.")
    return notes
