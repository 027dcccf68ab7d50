"""Make leaderboards of stored records, and write them in the formats that plugins register."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fashionbench.api.stores import existing_store, open_store
from fashionbench.boards.board import Board
from fashionbench.errors import PluginError
from fashionbench.files import slug, write_text
from fashionbench.output_files import inside
from fashionbench.plugins.manager import Plugins
from fashionbench.plugins.targets import call
from fashionbench.specs.board_file import read_board
from fashionbench.studies.column_tests import with_tests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.specs import BoardSpec


def find_board(name: str | Path, plugins: Plugins) -> BoardSpec:
    """Find a board by the name of a YAML file or of a registered board.

    :raises ConfigError: where the file cannot be read or is not a board.
    :raises UnknownNameError: where nothing registered the name.
    """
    text = str(name)
    return read_board(Path(text)) if text.endswith((".yaml", ".yml")) else plugins.boards[text]


def make_board(
    board: str | Path | BoardSpec,
    *,
    store: str | Path | Store | None = None,
    plugins: Plugins | None = None,
    run: Sequence[Record] | None = None,
    predictions: bool = False,
) -> Board:
    """Make a leaderboard of the records of a store, with the tests of its columns.

    Damaged files are left out and named in ``faults``. Of a store at an address only the records of the board's tasks
    are fetched; without their predictions, the columns are not tested.

    :param board: a YAML file, the name of a registered board, or a specification.
    :param run: the records of a run, for the board that is shown after it: what failed in other runs is left out.
    :param predictions: also fetch the predictions and values of a store at an address, to check and to test them; those
        of a folder always are.
    :raises StoreError: where there is no store.
    """
    loaded = plugins or Plugins()
    spec = find_board(board, loaded) if isinstance(board, (str, Path)) else board
    records = existing_store(store, loaded)
    whole = predictions or not records.read_only
    made = Board.of(spec, records, loaded, run, predictions=whole)
    return with_tests(made, records, loaded) if whole else made


def render_board(board: Board, format_: str, *, plugins: Plugins | None = None) -> str:
    """Write a board in a format, such as ``markdown``, ``html``, ``csv`` or ``json``.

    :raises UnknownNameError: where no plugin registered the format.
    :raises PluginError: where the plugin that did fails.
    """
    text = call((plugins or Plugins()).reporters, format_, board, gives=str)
    return str(text).encode(errors="replace").decode()


def write_board(
    board: Board, *, store: str | Path | Store | None = None, plugins: Plugins | None = None
) -> dict[str, Path]:
    """Write a board in every format below the store's ``boards``; return the files by format.

    Nothing is written beside a store at an address.
    """
    loaded = plugins or Plugins()
    opened = open_store(store, loaded)
    if opened.read_only:
        return {}
    folder = opened.root / "boards"
    paths: dict[str, Path] = {}
    for reporter in loaded.reporters:
        try:
            text = render_board(board, reporter.id, plugins=loaded)
        except PluginError as error:  # the other formats are written all the same
            loaded.warn(f"warning: {error.message}")
            continue
        paths[reporter.id] = inside(folder, f"{slug(board.spec.id)}.{reporter.suffix}")
        write_text(paths[reporter.id], text)
    return paths
