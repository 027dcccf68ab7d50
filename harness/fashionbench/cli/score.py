"""``fashionbench score``."""

from __future__ import annotations

from pathlib import Path

import click

from fashionbench.cli.options import State, json_option, new_folder_said, pass_state, print_json, store_option
from fashionbench.terminal import echo

EXAMPLES = """
\b
Examples:
  fashionbench score fashion-iq/original --predictions ranking.json --name sprc --data fashion-iq=/data/fashioniq
  fashionbench score viton-hd/unpaired --predictions outputs/ --name catvton --data viton-hd=/data/zalando-hd-resized
  fashionbench score cirr/val --predictions recall.json --predictions recall_subset.json --data cirr=/data/cirr
"""


@click.command(epilog=EXAMPLES)
@click.argument("task")
@click.option(
    "--predictions",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="A file, or a folder of images; may be repeated, as for CIRR's two server files or one file a category.",
)
@click.option("--name", help="What made them.  [default: the file's name]")
@click.option("--data", "data", multiple=True, metavar="NAME=FOLDER", help="Where a data set lies; may be repeated.")
@store_option
@json_option
@pass_state
def score(
    state: State,
    /,
    *,
    task: str,
    predictions: tuple[Path, ...],
    name: str | None,
    data: tuple[str, ...],
    store: str | Path | None,
    as_json: bool,
) -> int:
    """Score predictions that were made elsewhere, without a model; the row says that it is imported.

    Reads rankings, CIRR server files, TREC runs, embeddings, captions, hit lists, and folders of images. Rankings, hit
    lists and captions need the data set's annotations alone, and none of its images.
    """
    from fashionbench.api.runs import score as score_predictions

    opened = state.store(store)
    roots = state.roots(data)
    with new_folder_said(opened.root):
        record = score_predictions(task, predictions, name=name, data=roots, store=opened, plugins=state.plugins)
    if as_json:
        print_json(record.model_dump(mode="json"))
        return 1 if record.is_empty else 0
    if record.dataset and record.dataset.missing_line:
        echo(record.dataset.missing_line)
    for fact in record.dataset.counted_facts if record.dataset else ():
        echo(fact)
    for metric in record.metrics:
        low_high = f" [{metric.interval[0]:.4f}, {metric.interval[1]:.4f}]" if metric.interval else ""
        if metric.standard_error is not None:
            low_high = f" ± {metric.standard_error:.4f} standard error at this n"
        at_least = "at least " if metric.bound == "lower" else ""
        part = "" if metric.slice == "all" else f" [{metric.slice}]"
        unknown = ", by weights that are not recognised" if "unrecognised" in metric.weights else ""
        few = f", below {metric.biased_below:,}: compare equal n alone" if metric.n < metric.biased_below else ""
        echo(f"{metric.id}{part}: {at_least}{metric.value:.4f}{low_high} (n {metric.n:,}{few}{unknown})")
    for absent in record.absent:
        echo(f"{absent.id} is absent: {absent.reason}")
    for finding in record.policy:
        echo(f"{finding.kind}: {finding.message}")
    echo(f"record: {record.record_id}")
    if record.is_empty:
        echo(f"warning: {record.task.id} × {record.backend.id} has no metric at all", err=True)
    return 1 if record.is_empty else 0
