"""Show the items of examples: texts and small pictures, where the licence of the data set allows it."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from fashionbench.boards.examples import Picture, Thing
from fashionbench.data.shown_items import ShowsItems
from fashionbench.errors import FashionBenchError, as_error
from fashionbench.specs import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from PIL.Image import Image

    from fashionbench.boards.examples import Example, Examples
    from fashionbench.data.roots import DataRoots
    from fashionbench.data.shown_items import ShownItem, Side
    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.runner.task import Task
    from fashionbench.specs import TaskSpec

#: The longer side of a picture, in pixels, and how closely it is kept.
_LONGEST, _QUALITY = 192, 82


class Pictures:
    """Shows the items of examples; each data set is opened once, and each picture kept once.

    :param roots: where data sets lie.
    """

    def __init__(self, plugins: Plugins, roots: DataRoots) -> None:
        self.files: dict[str, bytes] = {}
        self._plugins = plugins
        self._roots = roots
        self._tasks: dict[str, tuple[Task | None, str]] = {}
        self._known: dict[tuple[str, str, str, str], Thing] = {}

    def show(self, examples: Examples, record: Record, store: Store) -> Examples:
        """Return the examples with what may be shown of them; texts of the data go where that is nothing."""
        plugins = self._plugins
        spec = plugins.tasks[record.task.id] if record.task.id in plugins.tasks else None  # noqa: SIM401  # a registry
        dataset = plugins.datasets[spec.dataset] if spec is not None and spec.dataset in plugins.datasets else None
        credit = dataset.image_credit if dataset is not None else ""
        if spec is None or not credit:
            without = "the licence of the data set does not allow its images and texts on a public page"
            return replace(examples, cases=tuple(map(_bare, examples.cases)), without=without)
        task, why = self._open(spec)
        if task is not None and (record.dataset is None or task.info().fingerprint != record.dataset.fingerprint):
            task, why = None, "the data at hand are not those that were measured on"
        if not isinstance(task, ShowsItems):
            return replace(examples, credit=credit, without=why or "this task shows no items")
        cases = tuple(self._case(case, examples.kind, task, spec.id, store) for case in examples.cases)
        return replace(examples, cases=cases, credit=credit)

    def _open(self, spec: TaskSpec) -> tuple[Task | None, str]:
        if spec.id not in self._tasks:
            try:
                self._tasks[spec.id] = cast("Task", cast("Any", resolve(spec.target))(spec, self._roots)), ""
            except BaseException as error:  # a page without pictures is better than none
                as_error(error)
                self._tasks[spec.id] = None, "the data set is not at hand"
        return self._tasks[spec.id]

    def _case(self, case: Example, kind: str, task: ShowsItems, task_id: str, store: Store) -> Example:
        def look(things: tuple[Thing, ...], side: Side) -> tuple[Thing, ...]:
            missing = [one.id for one in things if (task_id, case.slice, side, one.id) not in self._known]
            found: Mapping[str, ShownItem] = task.shown(case.slice, side, frozenset(missing)) if missing else {}
            for name in missing:
                self._known[task_id, case.slice, side, name] = self._thing(name, found.get(name))
            seen = [self._known[task_id, case.slice, side, one.id] for one in things]
            return tuple(replace(new, right=old.right) for old, new in zip(things, seen, strict=True))

        (asked,) = look((case.asked,), "query")
        if kind == "ranking":
            return replace(
                case, asked=asked, answers=look(case.answers, "candidate"), expected=look(case.expected, "candidate")
            )
        if kind != "images":
            return replace(case, asked=asked)
        truth = tuple(picture for picture in asked.pictures if picture.what == "truth")
        asked = replace(asked, pictures=tuple(picture for picture in asked.pictures if picture.what != "truth"))
        expected = (Thing(id=asked.id, pictures=truth, right=True),) if truth else ()
        return replace(
            case, asked=asked, answers=tuple(self._generated(a, store) for a in case.answers), expected=expected
        )

    def _generated(self, answer: Thing, store: Store) -> Thing:
        from fashionbench.data.image_opener import opened_image  # noqa: PLC0415

        try:
            content = store.predictions.read_image(answer.id)
            with opened_image(content) as image:
                return replace(answer, pictures=(self._picture("", image),))
        except (FashionBenchError, OSError):
            return answer

    def _thing(self, name: str, item: ShownItem | None) -> Thing:
        if item is None:
            return Thing(id=name)
        pictures = tuple(self._picture("" if what == "image" else what, image) for what, image in item.images.items())
        return Thing(id=name, text=item.text, pictures=pictures)

    def _picture(self, what: str, image: Image) -> Picture:
        small = image.convert("RGB")
        small.thumbnail((_LONGEST, _LONGEST))
        written = io.BytesIO()
        small.save(written, "WEBP", quality=_QUALITY, method=2)
        content = written.getvalue()
        name = f"{hashlib.sha256(content).hexdigest()[:24]}.webp"
        self.files[name] = content
        return Picture(what=what, file=name, width=small.width, height=small.height)


def _bare(case: Example) -> Example:
    """Take from a case the texts that are the data set's; what the backend wrote stays."""
    drop: Callable[[Thing], Thing] = lambda thing: replace(thing, text="")  # noqa: E731
    return replace(case, asked=drop(case.asked), expected=tuple(map(drop, case.expected)))
