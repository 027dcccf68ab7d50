"""Try-on and design on a user's manifest."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from fashionbench.errors import DataError, first_names
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.manifest import Manifest
from fashionbench_tasks.generation.builders import GenerationData, generation_task
from fashionbench_tasks.generation.samples import GenerationSample
from fashionbench_tasks.generation.training_set import TrainingSample
from fashionbench_tasks.own_data.facts import facts_of, one_slice

if TYPE_CHECKING:
    from pathlib import Path

    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec
    from fashionbench_tasks.generation.task import Generation

Row = dict[str, str]


def generation(spec: TaskSpec, roots: DataRoots) -> Generation:
    """Dress each person in its garment, or in what its text and sketch say; a row is an image to generate.

    Option ``paired``: whether every row has a ``target``, the photo that should come out; without, the targets are not
    looked at. The real side of distances is the photos of the persons.

    :raises DataError: where the manifest is of another kind, or a paired task lacks a target.
    """
    data = Manifest(place(spec, roots))
    design = spec.kind == "fashion-design"
    data.require("design" if design else "try-on", spec.id)
    split, rows = data.measured
    paired = bool(spec.options["paired"])
    lacking = [str(data.row_number(row)) for row in rows if paired and not row.get("target")]
    if lacking:
        other = "" if design else ", or run manifest/try-on-unpaired, which compares sets of images alone"
        msg = f"{data.path} has no target in the rows {first_names(lacking)}"
        raise DataError(msg, remedy=f"name the photo that should come out{other}")
    samples = [
        GenerationSample(
            id=_id(data, row),
            slice=one_slice(data, row, spec.id),
            person=data.file(row["person"]),
            garment=_file(data, row, "sketch" if design else "garment"),
            truth=data.file(row["target"]) if paired else None,
            text=row["text"] if design else "",
            conditions=_conditions(data, row),
        )
        for row in rows
    ]

    def training() -> list[TrainingSample]:
        learnt = [row for row in data.rows if row.get("split") == "train" and row.get("target") and row.get("garment")]
        return [
            TrainingSample(
                person=data.file(row["target"]),
                garment=data.file(row["garment"]),
                conditions=_conditions(data, row),
                text=row.get("text", ""),
                sketch=_file(data, row, "sketch"),
            )
            for row in learnt
        ]

    masks = sum(bool(row.get("mask")) for row in rows)
    return generation_task(
        spec,
        roots,
        GenerationData(
            root=data.root,
            samples=samples,
            real={row["person"]: data.file(row["person"]) for row in rows},
            annotations=data.annotations(),
            training=training,
            facts=facts_of(data, split, {"rows with an agnostic mask": f"{masks} of {len(rows)}"}),
        ),
    )


def _id(data: Manifest, row: Row) -> str:
    """Name a row by its images, and where that is not enough by its number."""
    names = [PurePosixPath(row[column]).stem for column in ("person", "garment", "sketch") if row.get(column)]
    return f"{data.row_number(row)}_{'_'.join(names)}"


def _file(data: Manifest, row: Row, column: str) -> Path | None:
    return data.file(row[column]) if row.get(column) else None


def _conditions(data: Manifest, row: Row) -> dict[str, Path]:
    mask = _file(data, row, "mask")
    return {} if mask is None else {"agnostic-mask": mask}
