"""Options of the backend: each can be set from Python, YAML and the command line, and a wrong one is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, fields

import pytest

from fashionbench.cli.main import main
from fashionbench.errors import ConfigError, UnknownNameError
from fashionbench.runner.config import load_config
from fashionbench_unifashion.options import UniFashionOptions

#: Another value than the default of every option, and how it is written.
OTHERS = {
    "model": ("somewhere", "somewhere"),
    "use": ("without-captions", "without-captions"),
    "composed": ("image", "image"),
    "caption_source": ("none", "none"),
    "caption_instruction": ("Describe it: briefly.", "'Describe it: briefly.'"),
    "rerank": (10, "10"),
    "steps": (7, "7"),
    "guidance": (2.5, "2.5"),
    "repaint": (True, "true"),
}


def test_every_option_has_a_value_here_that_is_not_its_default():
    defaults = asdict(UniFashionOptions())
    assert OTHERS.keys() == defaults.keys()
    assert all(OTHERS[name][0] != defaults[name] for name in defaults)


@pytest.mark.parametrize("name", OTHERS)
def test_an_option_is_set_from_python(name):
    value, _ = OTHERS[name]
    assert asdict(UniFashionOptions.read({name: value})) == {**asdict(UniFashionOptions()), name: value}


@pytest.mark.parametrize("backend", ["unifashion", "unifashion-quick"])
@pytest.mark.parametrize("name", OTHERS)
def test_an_option_is_set_from_yaml(plugins, tmp_path, name, backend):
    value, written = OTHERS[name]
    path = tmp_path / "run.yaml"
    path.write_text(f"tasks: wardrobe/*\nbackends:\n  - id: {backend}\n    options:\n      {name}: {written}\n")
    options = load_config(str(path), plugins).backends[0].options
    assert options == {name: value}
    assert name in plugins.backends[backend].options
    assert getattr(UniFashionOptions.read(options), name) == value


def test_every_option_is_set_on_the_command_line(capsys, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("")  # a dry run reads none
    words = ["run", "--task", "wardrobe/image-to-text", "--backend", "unifashion", "--dry-run", "--json"]
    for name, (_, written) in OTHERS.items():
        words += ["--option", f"{name}={written}"]
    assert main([*words, "--option", f"model={tmp_path / 'model'}", "--store", str(tmp_path / "store")]) == 0
    rows = [row for row in _rows(json.loads(capsys.readouterr().out)) if row.get("backend") == "unifashion"]
    expected = {**{name: value for name, (value, _) in OTHERS.items()}, "model": str(tmp_path / "model")}
    assert rows and all({name: row["options"][name] for name in OTHERS} == expected for row in rows)


def _rows(found):
    if isinstance(found, dict):
        yield found
        for value in found.values():
            yield from _rows(value)
    elif isinstance(found, list):
        for value in found:
            yield from _rows(value)


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"colour": 1}, UnknownNameError, "colour"),
        ({"use": "everything"}, UnknownNameError, "without-captions"),
        ({"composed": "neither"}, UnknownNameError, "both"),
        ({"use": "without-images", "composed": "text"}, ConfigError, "one of use and composed"),
        ({"steps": 1.5}, ConfigError, "steps is 1.5.*a whole number"),
        ({"steps": True}, ConfigError, "steps is True.*a whole number"),
        ({"steps": -1}, ConfigError, "steps is -1.*0 or more"),
        ({"guidance": "2"}, ConfigError, "guidance is '2'.*a number"),
        ({"guidance": float("nan")}, ConfigError, "guidance is nan"),
        ({"repaint": 1}, ConfigError, "repaint is 1.*true or false"),
        ({"repaint": "no"}, ConfigError, "repaint is 'no'"),
        ({"caption_source": "image_only"}, UnknownNameError, "no file or folder either: did you mean image-only"),
        ({"caption_source": "captions.jsn"}, UnknownNameError, "caption_source 'captions.jsn', which is no file"),
        ({"use": "without-images", "caption_source": "none"}, ConfigError, "nothing is left of a candidate"),
        ({"caption_instruction": 3}, ConfigError, "a text"),
    ],
)
def test_a_wrong_option_is_refused(given, kind, said):
    with pytest.raises(kind, match=said):
        UniFashionOptions.read(given)


def test_a_whole_number_is_a_scale():
    assert UniFashionOptions.read({"guidance": 3}).guidance == 3


def test_options_are_read_without_torch():
    program = "import sys, fashionbench_unifashion.plugin; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_every_option_is_documented():
    for field in fields(UniFashionOptions):
        assert f":param {field.name}:" in UniFashionOptions.__doc__
