"""``fashionbench cirr-submission``: the two files that CIRR's evaluation server takes, from a stored record.

``recall_submission.json`` holds the best 50 images of each query without its reference, and
``recall_subset_submission.json`` the best three of its subset; both carry ``version`` and ``metric``. Facts from the
repository Cuberick-Orion/CIRR.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fashionbench.errors import ConfigError
from fashionbench.files import write_text

if TYPE_CHECKING:
    import pyarrow as pa

    from fashionbench.cli.options import State

#: By slice of the task: the file, the metric that it is for, and how many names a query has.
_FILES = {
    "full": ("recall_submission.json", "recall", 50),
    "subset": ("recall_subset_submission.json", "recall_subset", 3),
}


def server_files(predictions: pa.Table) -> dict[str, dict[str, object]]:
    """Make the content of both files from the predictions of a CIRR task.

    :param predictions: a table of the schema ``ranking/1`` with the slices ``full`` and ``subset``.
    :raises ConfigError: where a slice is not there, or a query ranks fewer images than the server wants and there are.
    """
    contents: dict[str, dict[str, object]] = {}
    rows = predictions.select(["query_id", "slice", "n_candidates", "top_ids"]).to_pylist()
    for part, (name, metric, depth) in _FILES.items():
        lists = {row["query_id"]: row["top_ids"][:depth] for row in rows if row["slice"] == part}
        if not lists:
            raise ConfigError(f"these predictions have no slice {part}", remedy="give a record of cirr/test1")
        short = [
            r["query_id"] for r in rows if r["slice"] == part and len(r["top_ids"]) < min(depth, r["n_candidates"])
        ]
        if short:
            msg = f"query {short[0]} has no ranking of {depth} images: its reference image is missing"
            raise ConfigError(msg, remedy="fetch the missing images; the server wants every query")
        contents[name] = {"version": "rc2", "metric": metric, **lists}
    return contents


@click.command("cirr-submission", epilog="\b\nExample:\n  fashionbench cirr-submission 3f9a12 --out submission/\n")
@click.argument("record_id")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="The folder to write to.")
@click.option(
    "--store", type=click.Path(path_type=Path, file_okay=False), envvar="FASHIONBENCH_STORE", help="Folder of records."
)
@click.pass_obj
def cirr_submission(state: State, /, *, record_id: str, out: Path, store: Path | None) -> None:
    """Write the files for CIRR's evaluation server from a record of cirr/test1; RECORD_ID may be its beginning."""
    opened = state.store(store)
    record = opened.get(record_id)
    if record.predictions is None or "reference" not in record.protocol.card or "cirr" not in record.task.id:
        raise ConfigError(f"{record.record_id} is no record of CIRR", remedy="see 'fashionbench records list'")
    for name, content in server_files(opened.read_predictions(record.predictions)).items():
        write_text(out / name, json.dumps(content) + "\n")
        click.echo(f"wrote {out / name}: {len(content) - 2} queries")
