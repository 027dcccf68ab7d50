"""Atelier as a data set."""

from __future__ import annotations

from fashionbench.specs import DatasetSpec, Licence
from fashionbench_atelier.manifest import DATASET_ID, VERSION

DATASET = DatasetSpec(
    id=DATASET_ID,
    summary="a generated fashion world with exact truth, written in the layouts of the field's data sets",
    target="fashionbench_tasks.datasets.atelier:Atelier",
    revision=str(VERSION),
    licence=Licence(id="Apache-2.0", source="LICENSE; drawn by this package, from no photograph", usage="any"),
    access="generated",
    image_credit="drawn by FashionBench (Apache-2.0)",
    splits=("train", "val", "test"),
    maker="fashionbench_atelier.generate:make",
    synthetic=True,
    how_to_get="Tasks make the small one by themselves; for another seed or size run "
    "'fashionbench data make atelier --out FOLDER --option products=6000 --option people=500'.",
)
