"""``fashionbench diagnose``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fashionbench.cli.options import State, json_option, name_and_value, new_folder_said, pass_state, print_table
from fashionbench.terminal import echo

if TYPE_CHECKING:
    from fashionbench.diagnostics.diagnosis import Diagnosis

EXAMPLES = """
\b
Examples:
  fashionbench diagnose models/tiny --data atelier=data/atelier
  fashionbench diagnose models/tiny/model --limit 64 --out diagnosis/tiny
  fashionbench diagnose models/clip
  fashionbench diagnose --backend hf:models/clip/model --task atelier/fashiongen-full
  fashionbench diagnose --backend baseline/pocket-lit --task atelier/fashiongen-full --limit 100
"""


@click.command(epilog=EXAMPLES)
@click.argument("model", required=False, type=click.Path(path_type=Path))
@click.option("--backend", help="Name or address of what runs the model.  [default: what the folder is for]")
@click.option("-o", "--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of the backend.")
@click.option("--task", "tasks", multiple=True, help="Take items from its training part; may be repeated.")
@click.option("--data", "data", multiple=True, metavar="NAME=FOLDER", help="Where a data set lies; may be repeated.")
@click.option(
    "--limit", type=click.IntRange(3), default=256, show_default=True, help="At most so many products a task."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The seed of every random choice.")
@click.option("--device", default="auto", show_default=True, help="A torch device.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("diagnosis"),
    show_default=True,
    help="The folder of the page and the JSON beside it.",
)
@json_option
@pass_state
def diagnose(
    state: State,
    /,
    *,
    model: Path | None,
    backend: str | None,
    options: tuple[str, ...],
    tasks: tuple[str, ...],
    data: tuple[str, ...],
    limit: int,
    seed: int,
    device: str,
    out: Path,
    as_json: bool,
) -> int:
    """Measure the known failures of a multimodal training on MODEL, the folder that 'fashionbench train' wrote.

    Each measurement stands beside what it is with shuffled inputs and with an untrained model, and says in words what
    that means. Items are those that the training held out. What does not apply says why.
    """
    from fashionbench.api.diagnosis import diagnose as measure
    from fashionbench.api.diagnosis import write_diagnosis
    from fashionbench.output_files import check_folder
    from fashionbench.progress import Bars
    from fashionbench.specs.validation import read_value

    pairs = [name_and_value(option, "-o", "model=FOLDER") for option in options]
    check_folder(out)
    with new_folder_said(out), Bars(1) as bars:
        found = measure(
            model,
            backend=backend,
            options={name: read_value(text, f"-o {name}") for name, text in pairs},
            tasks=tasks,
            data=state.roots(data),
            limit=limit,
            seed=seed,
            device=device,
            cache=out / "cache",
            plugins=state.plugins,
            reporter=bars,
        )
    page, beside = write_diagnosis(found, out)
    if as_json:
        echo(found.as_json(), nl=False, raw=True)
        return 0
    _print(found)
    echo(f"page: {page}")
    echo(f"numbers: {beside}")
    return 0


def _print(found: Diagnosis) -> None:
    from rich.table import Table

    from fashionbench.diagnostics.verdicts import number, written

    table = Table(title=f"Diagnosis of {found.system}")
    for at, head in enumerate(("measurement", "value", "95 % interval", "shuffled", "untrained", "verdict")):
        table.add_column(head, justify="right" if 0 < at < 5 else "left", overflow="fold")
    for one in found.measurements:
        own, shuffled, untrained = one.estimate, one.shuffled.estimate, one.untrained.estimate
        table.add_row(
            one.title,
            "–" if own is None else number(own.value),
            "–" if own is None else written(own.interval),
            "–" if shuffled is None else number(shuffled.value),
            "–" if untrained is None else number(untrained.value),
            f"{one.verdict.level}: {one.verdict.words}",
        )
    print_table(table)
    for note in found.notes:
        echo(f"  – {note}")
    for fault in found.faults:
        echo(f"known failure: {fault.fault}: {fault.words}")
    if not found.faults:
        echo("no known failure is named")
