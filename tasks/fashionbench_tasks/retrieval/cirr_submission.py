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

from fashionbench.errors import ConfigError, first_names
from fashionbench.files import write_text
from fashionbench.output_files import check_folder, said_if_made

if TYPE_CHECKING:
    import pyarrow as pa

    from fashionbench.cli.options import State
    from fashionbench.records.schema import Record

#: By slice of the task: the file, the metric that it is for, and how many names a query has.
_FILES = {
    "full": ("recall_submission.json", "recall", 50),
    "subset": ("recall_subset_submission.json", "recall_subset", 3),
}


def server_files(predictions: pa.Table) -> dict[str, dict[str, object]]:
    """Make the content of those files that the predictions of a CIRR task hold.

    :param predictions: a table of the schema ``ranking/1`` with the slices ``full`` and ``subset``, or one of them, as
        an imported file has it.
    :raises ConfigError: where neither slice is there, or a query ranks fewer images than the server wants.
    """
    contents: dict[str, dict[str, object]] = {}
    depth_column = ["depth"] if "depth" in predictions.column_names else []
    rows = predictions.select(["query_id", "slice", "n_candidates", "top_ids", *depth_column]).to_pylist()
    for part, (name, metric, depth) in _FILES.items():
        own = [row for row in rows if row["slice"] == part]
        # A set has five candidates, so three names are never too many; a gallery may be smaller than the server's 50.
        wanted = {row["query_id"]: depth if part == "subset" else min(depth, row["n_candidates"]) for row in own}
        for row in own:
            if len(row["top_ids"]) < wanted[row["query_id"]]:
                why = "the imported list ends there" if row.get("depth") else "images of it are missing"
                msg = (
                    f"query {row['query_id']} has no ranking of {depth} images in {part}, but of {len(row['top_ids'])}"
                )
                raise ConfigError(f"{msg}: {why}", remedy="the server wants every query, whole: fetch or rank the rest")
        if own:
            contents[name] = {
                "version": "rc2",
                "metric": metric,
                **{row["query_id"]: row["top_ids"][:depth] for row in own},
            }
    if not contents:
        raise ConfigError("these predictions have neither slice full nor subset", remedy="give a record of cirr/test1")
    return contents


def check_whole(record: Record) -> None:
    """Check that a record is of all queries and of all images.

    :raises ConfigError: where it is of no CIRR task, of a limited run, failed, or made where images were missing.
    """
    if record.predictions is None or "reference" not in record.protocol.card or "cirr" not in record.task.id:
        raise ConfigError(f"{record.record_id} is no record of CIRR", remedy="see 'fashionbench records list'")
    if record.status == "partial":
        msg = f"{record.record_id} is of a run that was limited to {record.decoding.limit} queries"
        raise ConfigError(msg, remedy="the server wants every query: run it without --limit")
    absent = [*record.dataset.missing, *record.dataset.unreadable] if record.dataset else []
    if absent:
        msg = f"{len(absent)} images were missing when {record.record_id} was ranked: {first_names(absent)}"
        raise ConfigError(msg, remedy="fetch the missing images, and run it again: the server wants every query")


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
    check_whole(record)
    assert record.predictions is not None  # noqa: S101
    contents = server_files(opened.read_predictions(record.predictions))
    check_folder(out)
    for part, (name, _, _) in _FILES.items():
        if name in contents:
            with said_if_made(out, lambda line: click.echo(line, err=True)):
                write_text(out / name, json.dumps(contents[name]) + "\n")
            click.echo(f"wrote {out / name}: {len(contents[name]) - 2} queries")
        else:
            click.echo(f"cannot write {name}: the record holds no ranking of the slice {part}")
