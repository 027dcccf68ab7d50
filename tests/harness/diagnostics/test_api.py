"""The function behind the command: which model is asked about what, and errors that say what to do."""

from __future__ import annotations

import json

import numpy as np
import pytest
import toy_plugin
from PIL import Image

from fashionbench import DiagnosedModel, hookimpl
from fashionbench.api.diagnosis import JSON, PAGE, diagnose, model_folder, write_diagnosis
from fashionbench.cli.main import main
from fashionbench.diagnostics.diagnosis import Diagnosis
from fashionbench.diagnostics.measurement import Curve, Estimate, Measurement, Reference, Verdict, absent
from fashionbench.diagnostics.page import page
from fashionbench.errors import ConfigError


def test_a_backend_is_asked_about_half_of_the_products_and_says_that_it_may_know_them(plugins):
    found = diagnose(backend="toy/colour", tasks=["toy/squares"], plugins=plugins)
    asked = found.facts["counts"]["toy/squares: held-out products"]
    assert 2 < asked < 8 and found.facts["counts"]["toy/squares: products that probes are fitted on"] == 8 - asked
    assert found.of("ranks").estimate.value == 1 and found.of("ranks").estimate.n == asked
    assert "Nobody says" in found.notes[0]


def test_a_backend_that_learns_is_taught_the_other_products(plugins):
    taught = []

    class Learns:
        def fit(self, training, seed):
            taught.extend(pair.product for pair in training.pairs)

        def encode_images(self, items, role):
            return np.stack([np.asarray(item.image, dtype=float).mean(axis=(0, 1)) for item in items])

        def encode_texts(self, items, role):
            assert not {item.text for item in items} & set(taught)
            return np.stack([np.asarray(toy_plugin.COLOURS[item.text], dtype=float) for item in items])

    found = diagnose(backend=Learns, tasks=["toy/squares"], plugins=plugins)
    assert len(taught) == 8 - found.of("ranks").estimate.n
    assert any("learnt from the products" in note for note in found.notes)
    assert not any("Nobody says" in note for note in found.notes)


def test_the_limit_bounds_what_is_asked(plugins):
    found = diagnose(backend="toy/colour", tasks=["toy/squares"], limit=3, plugins=plugins)
    assert found.of("ranks").estimate.n == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "nothing to diagnose"),
        ({"backend": "toy/colour"}, "which tasks"),
        ({"backend": "toy/*", "tasks": ["toy/squares"]}, "stands for"),
        ({"backend": "control/oracle", "tasks": ["toy/squares"]}, "shown the truth"),
        ({"backend": "toy/colour", "tasks": ["toy/squares"], "limit": 2}, "the limit is 2"),
        ({"model": "nowhere"}, "is no folder"),
    ],
)
def test_what_cannot_be_diagnosed_says_why_and_what_to_do(arguments, said, plugins, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=said) as raised:
        diagnose(**arguments, plugins=plugins)
    assert raised.value.remedy


def test_a_folder_that_no_plugin_knows_is_refused(plugins, tmp_path):
    with pytest.raises(ConfigError, match="no plugin knows"):
        diagnose(tmp_path, tasks=["toy/squares"], plugins=plugins)


def test_the_folder_of_a_training_is_that_of_its_model(tmp_path):
    (tmp_path / "model").mkdir()
    assert model_folder(tmp_path) == tmp_path / "model" == model_folder(tmp_path / "model")


def one_probe(probed):
    return [absent("toy-probe", "adapters", "Toy", "nothing", f"of {probed.folder.name}, seed {probed.seed}")]


def broken_reference(folder, out, seed):
    raise RuntimeError("no weights")


PROBES = {"toy": one_probe}


def test_a_plugin_says_how_a_folder_is_diagnosed(plugins, tmp_path):
    class Describes:
        @hookimpl
        def describe_model(self, folder):
            here = __name__
            return DiagnosedModel(
                backend="toy/colour",
                tasks=("toy/squares",),
                held_out=f"{here}:names_with_e",
                untrained=f"{here}:broken_reference",
                probes=f"{here}:PROBES",
            )

    plugins.register(Describes())
    found = diagnose(tmp_path, seed=5, plugins=plugins)
    assert found.of("ranks").estimate.n == sum("e" in name for name in toy_plugin.COLOURS)
    assert found.of("ranks").untrained.what == "no untrained model: RuntimeError: no weights"
    assert found.of("toy-probe").verdict.words == f"of {tmp_path.name}, seed 5"
    assert not any("Nobody says" in note for note in found.notes)


def names_with_e(folder):
    return lambda name: "e" in name


def hostile():
    estimate = Estimate(0.5, (0.4, 0.6), "method <b>", 7)
    one = Measurement(
        id="one",
        group="adapters",
        title="<script>alert(1)</script>",
        meaning='"quotes" & <i>',
        estimate=estimate,
        shuffled=Reference("shuffled <b>", Estimate(0.1, None, "none", 7)),
        untrained=Reference("no <b> model"),
        verdict=Verdict("fault", "words <img src=x>", "a <fault>"),
        table={"row <b>": {"column <i>": "cell & more"}},
        curves=(Curve("<b>", (("phase <1>", 0.1), ("phase 2", 0.3))),),
    )
    return Diagnosis(system="<system>\x1b[31m", facts={"<key>": {"<a>": "<b>"}}, measurements=(one,), notes=("<p>",))


def test_no_text_of_a_model_or_a_plugin_becomes_markup():
    made = page(hostile())
    # Outside of tags, and in attributes, nothing that was given stands unescaped.
    for given in ("<script>", "<img", "<system>", "<key>", "<fault>", "phase <1>", "<p><p>", "\x1b"):
        assert given not in made, given
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in made and made.count("<svg") == 2


def test_plots_are_pictures_that_a_renderer_draws():
    resvg = pytest.importorskip("resvg_py")
    import io
    import re

    for drawing in re.findall(r"<svg.*?</svg>", page(hostile()), re.DOTALL):
        drawn = np.asarray(Image.open(io.BytesIO(bytes(resvg.svg_to_bytes(svg_string=drawing)))).convert("RGBA"))
        # The blue of the model is there.
        assert (np.abs(drawn[..., :3].astype(int) - (0, 114, 178)).max(axis=-1) < 8).any()


def test_both_files_are_written_and_say_the_same(tmp_path):
    paths = write_diagnosis(hostile(), tmp_path / "new" / "folder")
    assert [path.name for path in paths] == [PAGE, JSON]
    content = json.loads(paths[1].read_text())
    assert content["faults"] == [
        {"fault": "a <fault>", "measurements": ["one"], "words": "<script>alert(1)</script>: words <img src=x>"}
    ]
    assert content["measurements"][0]["estimate"]["interval"] == [0.4, 0.6]


def test_the_command_says_what_is_wrong_in_two_lines(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["diagnose"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-2] == "error: there is nothing to diagnose" and "--backend" in said[-1]
    assert list(tmp_path.iterdir()) == []
