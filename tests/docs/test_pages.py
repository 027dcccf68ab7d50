"""The documentation against the code: examples run, commands parse, the catalogue is that of the plugins."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import click
import pytest

import fashionbench
from fashionbench.cli.main import group
from fashionbench.cli.options import State

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: Names that stand for the reader's own.
READERS = re.compile(r"^(my|acme)/|^my-|\.yaml$|^hf:|\.py:")


def blocks(language):
    return [
        pytest.param(page, text, id=f"{page.relative_to(ROOT)}:{number}")
        for page in PAGES
        for number, (kind, text) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
        if kind == language
    ]


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """A folder where a run has left its records."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FASHIONBENCH_STORE", raising=False)
    fashionbench.run({"tasks": "wardrobe/image-to-text", "backends": "control/random", "limit": 5})
    return tmp_path


@pytest.mark.parametrize(("page", "text"), blocks("python"))
def test_python_examples_run(page, text, measured):
    code = compile(text, str(page), "exec")
    # An ellipsis stands for what only the reader has, such as a model; such an example must at least define its names.
    exec(code, {})


@pytest.mark.parametrize(("page", "text"), blocks("sh"))
def test_commands_of_the_documentation_parse_and_name_what_exists(page, text, plugins, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = {
        kind: set(getattr(plugins, kind).names())
        for kind in ("tasks", "backends", "datasets", "boards", "trainers", "metrics")
    }
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if ">>" in words:
            words = words[: words.index(">>")]
        if not words or words[0] != "fashionbench":
            continue
        for file in [tmp_path / word for word in words if word.endswith((".json", "outputs/", "/photos"))]:
            (file.parent if file.suffix else file).mkdir(parents=True, exist_ok=True)
            if file.suffix:
                file.write_text("{}")
        context = group.make_context("fashionbench", words[1:])
        context.obj = State(strict=True)
        # Parsed as far as the command whose options these are; a wrong one is an error here.
        name, command, rest = group.resolve_command(context, [*getattr(context, "_protected_args", ()), *context.args])
        while isinstance(command, click.Group):
            inner = command.make_context(name, rest, parent=context)
            left = [*getattr(inner, "_protected_args", ()), *inner.args]
            if not left and command.invoke_without_command:
                break
            name, command, rest = command.resolve_command(inner, left)
        parsed = command.make_context(name, rest, parent=context).params
        for option, kind in (("tasks", "tasks"), ("backends", "backends")):
            for word in parsed.get(option) or ():
                assert READERS.search(word) or "*" in word or word in known[kind], f"{page.name}: {word}"
        config = parsed.get("config")
        assert config is None or READERS.search(config) or config in known["boards"] | known["trainers"], config


def test_the_catalogue_is_that_of_the_plugins():
    spec = importlib.util.spec_from_file_location("make_catalog", ROOT / "tools" / "make_catalog.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.catalog(module.built_in()), (
        "run python tools/make_catalog.py"
    )


def test_public_names_exist_and_are_documented():
    page = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    for name in fashionbench.__all__:
        assert getattr(fashionbench, name) is not None
    assert sorted(fashionbench.__all__) == fashionbench.__all__ == dir(fashionbench)
    shown = [name for name in fashionbench.__all__ if name != "hookimpl"]
    missing = [name for name in shown if f"::: fashionbench.{name}\n" not in page + "\n"]
    assert missing == []


def test_every_mark_of_a_board_is_explained_with_an_example():
    from fashionbench.boards.table import MARKS

    page = (ROOT / "docs" / "explanation" / "comparability.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `")]
    explained = {mark: cells for cells in rows for mark in re.findall(r"`([a-z-]+)`", cells[1])}
    assert set(MARKS) <= explained.keys()
    assert all(explained[mark][2].strip() and explained[mark][3].strip() for mark in MARKS)


def test_the_table_of_recipes_names_every_recipe_of_unifashion(plugins):
    page = (ROOT / "docs" / "how-to" / "train.md").read_text(encoding="utf-8")
    table = page.partition("| recipe | what it is |")[2].partition("\n\n")[0]
    named = set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE))
    assert named == {name for name in plugins.trainers.names() if name.startswith("unifashion-")}
