"""Check, make and audit data sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from fashionbench.api.stores import open_store
from fashionbench.data.dataset import status
from fashionbench.data.hub_folder import HubFolder
from fashionbench.data.roots import DataRoots
from fashionbench.data.tar_shards import write_index
from fashionbench.data.task_items import HasItems
from fashionbench.errors import ConfigError, DataError
from fashionbench.plugins.manager import Plugins
from fashionbench.plugins.targets import call
from fashionbench.records.audits import Audit, keep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fashionbench.data.dataset import Dataset, Status
    from fashionbench.data.task_items import TaskItems
    from fashionbench.records.store import Store
    from fashionbench.specs import TaskSpec


def data_status(
    name: str,
    *,
    root: str | Path | None = None,
    verify: bool = False,
    store: str | Path | Store | None = None,
    plugins: Plugins | None = None,
    expect: Callable[[int], object] = lambda _: None,
    advance: Callable[[int], object] = lambda _: None,
) -> Status:
    """Compare a data set with what was published.

    :param root: its folder, or an address such as ``hf://datasets/ORG/NAME@COMMIT``; by default
        ``$FASHIONBENCH_DATA/<name>``.
    :param verify: also hash and decode every file.
    :param expect: called with the number of images, before they are read.
    :param advance: called with the number of files that were looked at.
    :raises DataError: where the data set is not found.
    """
    loaded = plugins or Plugins()
    spec = loaded.datasets[name]
    hub = None if root is None else HubFolder.of(root)
    named = hub.fetched() if hub is not None else Path(root) if root is not None else None
    bundled = spec.access == "bundled"
    place = named or DataRoots().find(name, spec.beside)
    if place is None and not bundled:
        remedy = f"put it at $FASHIONBENCH_DATA/{name}, or pass --root FOLDER"
        raise DataError(f"the data set {name} was not found", remedy=remedy)
    dataset = cast("Dataset", call(loaded.datasets, name, place))
    if verify:
        expect(len(dataset.images()))
    cache = DataRoots(cache=open_store(store, loaded).cache / "surveys").index if verify else None
    # A loader may have found the data one level deeper.
    root = getattr(dataset, "root", None) or place or Path("bundled")
    return status(name, dataset, root, spec.expected, verify=verify, cache=cache, advance=advance)


def make_data(
    name: str,
    out: str | Path,
    *,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    plugins: Plugins | None = None,
    advance: Callable[[int, int], object] = lambda _done, _total: None,
) -> Path:
    """Write a generated data set in the layouts of the real ones.

    :param sizes: such as ``{"products": 600}``.
    :param advance: called with the number of steps that are done and their total.
    :raises ConfigError: where the data set is not generated, or a size is unknown.
    """
    loaded = plugins or Plugins()
    spec = loaded.datasets[name]
    if not spec.maker:
        raise ConfigError(f"{name} is not generated", remedy=spec.how_to_get or "fetch it from its publisher")
    call(loaded.datasets, name, Path(out), seed, dict(sizes or {}), advance, target=spec.maker)
    return Path(out)


def new_data(
    kind: str,
    out: str | Path,
    *,
    images: str | Path | None = None,
    name: str = "manifest",
    plugins: Plugins | None = None,
) -> Path:
    """Write a file that describes a user's own data, to be filled in.

    :param kind: what the data are, such as ``pairs``.
    :param out: the folder that it is written to.
    :param images: a folder of images below ``out``, or ``out`` itself, each of which becomes a row.
    :param name: the data set that it is for.
    :return: the file.
    :raises ConfigError: where the data set is not one that users bring, or the kind is unknown.
    :raises DataError: where the file is there already, or ``images`` holds none.
    """
    loaded = plugins or Plugins()
    spec = loaded.datasets[name]
    if not spec.template:
        raise ConfigError(f"{name} is no data set of your own", remedy=spec.how_to_get or "use manifest")
    given = None if images is None else Path(images)
    written: Path = call(loaded.datasets, name, kind, Path(out), given, target=spec.template)
    return written


def check_data(root: str | Path, *, name: str = "manifest", plugins: Plugins | None = None) -> list[str]:
    """Say what is wrong with each row of a user's own data; nothing where all is well.

    :param root: the folder of the data.
    :raises ConfigError: where the data set has no rows that can be checked.
    :raises DataError: where the file cannot be read at all.
    """
    loaded = plugins or Plugins()
    spec = loaded.datasets[name]
    if not spec.row_check:
        raise ConfigError(
            f"{name} has no rows of your own", remedy=f"'fashionbench data verify {name}' checks its files"
        )
    faults: list[str] = call(loaded.datasets, name, Path(root), target=spec.row_check)
    return faults


def index_shards(folder: str | Path) -> dict[Path, int]:
    """Write the index of each tar shard below a folder beside it; return the number of files of each.

    An index says where the files of a shard begin, so that a run need not read all headers first. One that is of
    another state of the shard is passed over.

    :raises DataError: where the folder has no shard, or one is damaged or holds more than regular files.
    :raises OSError: where an index cannot be written.
    """
    shards = sorted(Path(folder).rglob("*.tar"))
    if not shards:
        raise DataError(f"{folder} holds no shard", remedy="shards are files with the ending .tar")
    return {path: write_index(path) for path in shards}


def task_items(
    task: str, *, data: Mapping[str, Path] | None = None, plugins: Plugins | None = None, store: Store | None = None
) -> TaskItems:
    """Return the ids that predictions of a task must name.

    :param data: folders of data sets, by id.
    :raises ConfigError: where predictions of the task cannot be imported.
    """
    loaded = plugins or Plugins()
    spec = loaded.tasks[task]
    opened = open_store(store, loaded)
    made = call(loaded.tasks, task, spec, DataRoots(named=data or {}, cache=opened.cache / "surveys"))
    if not isinstance(made, HasItems):
        raise ConfigError(f"{task} takes no predictions from files", remedy="run it with a backend")
    return made.items()


def audit(
    task: str,
    *,
    root: str | Path | None = None,
    gallery_text: Mapping[str, Path] | None = None,
    store: str | Path | Store | None = None,
    plugins: Plugins | None = None,
) -> Audit:
    """Check a task's data without any model, and keep the findings; later records of the task carry their summary.

    :param task: a task, or a data set, which stands for its first task that has an audit.
    :param root: the folder of the data set.
    :param gallery_text: JSON files of image id and text that a method puts on the gallery's side, by part.
    :raises ConfigError: where the task has no audit.
    """
    loaded = plugins or Plugins()
    spec = _audited(task, loaded)
    if not spec.audit:
        raise ConfigError(f"{spec.id} has no audit", remedy="'fashionbench data verify' checks its files")
    dataset = loaded.datasets[str(spec.options.get("twin_of", spec.dataset))]
    opened = open_store(store, loaded)
    opened.check_writable()
    roots = DataRoots(named={spec.dataset: Path(root)} if root else {}, cache=opened.cache / "surveys")
    texts = dict(gallery_text or {})
    findings: Audit = call(loaded.tasks, spec.id, spec, dataset, roots, texts, target=spec.audit, gives=Audit)
    keep(findings, opened)
    return findings


def _audited(name: str, plugins: Plugins) -> TaskSpec:
    if name not in plugins.tasks and name in plugins.datasets:
        of_dataset = [spec for spec in plugins.tasks if spec.dataset == name and spec.audit]
        # One whose answers are not published, such as cirr/test1, comes last.
        of_dataset.sort(key=lambda spec: not spec.metrics)
        if of_dataset:
            return of_dataset[0]
    return plugins.tasks[name]
