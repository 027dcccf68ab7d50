"""Write docs/reference/catalog.md: what the built-in plugins register, one table a kind.

python tools/make_catalog.py
"""

from __future__ import annotations

from pathlib import Path

from fashionbench.api.catalog import KINDS, list_specs
from fashionbench.files import write_text
from fashionbench.plugins.manager import Plugins

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "catalog.md"
TITLES = {
    "tasks": "Tasks",
    "datasets": "Data sets",
    "backends": "Backends",
    "metrics": "Metrics",
    "trainers": "Trainers",
    "studies": "Ablation studies",
    "boards": "Boards",
    "references": "Published numbers",
    "executors": "Executors",
}


def catalog(plugins: Plugins) -> str:
    """Return the page, as Markdown with one table a kind."""
    lines = [
        "# Catalogue",
        "",
        "What `fashionbench list` prints, for the built-in plugins. This page is generated.",
        "",
    ]
    for kind in KINDS:
        rows = [{key: value for key, value in row.items() if key != "from"} for row in list_specs(kind, plugins)]
        columns = list(rows[0])
        lines += [f"## {TITLES[kind]}", "", _row(columns), _row(["---"] * len(columns))]
        lines += [_row([f"`{row['id']}`", *(str(row[name]) for name in columns[1:])]) for row in rows]
        lines.append("")
    return "\n".join(lines)


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |"


def built_in() -> Plugins:
    """Load the built-in plugins alone, whatever else is installed."""
    from importlib.metadata import entry_points  # noqa: PLC0415

    points = [point for point in entry_points(group="fashionbench") if point.dist and point.dist.name == "fashionbench"]
    return Plugins(strict=True, points=points)


if __name__ == "__main__":
    write_text(PAGE, catalog(built_in()))
