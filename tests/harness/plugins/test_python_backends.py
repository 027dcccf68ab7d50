"""Classes, objects and files as backends, against the values that the same model gives as a plugin would."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest
from toy_plugin import COLOURS

import fashionbench
from fashionbench.errors import PluginError, UnknownNameError
from fashionbench.plugins.manager import Plugins
from fashionbench.plugins.origin import Origin

TASK = "toy/squares"
SOURCE = """
    from toy_plugin import Colour

    from scale import FACTOR


    class MeanColour(Colour):
        '''The mean colour of an image, or the colour that a word names.'''

        def encode_images(self, items, role):
            return FACTOR * super().encode_images(items, role)
"""


class MeanColour:
    """The mean colour of an image, or the colour that a word names."""

    def __init__(self, context=None):
        self.sign = context.options.get("sign", 1) if context else 1

    def encode_images(self, items, role):
        return self.sign * np.stack([np.asarray(item.image, dtype=float).mean(axis=(0, 1)) - 128 for item in items])

    def encode_texts(self, items, role):
        return np.stack([np.asarray(COLOURS[item.text], dtype=float) - 128 for item in items])


@pytest.fixture
def script(tmp_path):
    """A file with a backend, and a second one that it imports."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "scale.py").write_text("FACTOR = 2.0\n")
    path = folder / "colours.py"
    path.write_text(textwrap.dedent(SOURCE))
    return path


def _run(backend, plugins, store, **config):
    fields = {"tasks": [TASK], "backends": [backend], **config}
    (record,) = fashionbench.run(fields, plugins=plugins, store=store)
    assert record.status == "ok", record.error
    return record


def test_a_class_an_object_and_a_file_give_the_same_values(plugins, store, script):
    of_class = _run(MeanColour, plugins, store)
    of_object = _run({"id": MeanColour()}, plugins, store)
    of_file = _run(f"{script}:MeanColour", plugins, store)
    values = [{m.id: m.value for m in record.metrics} for record in (of_class, of_object, of_file)]
    assert values[0] == values[1] == values[2]
    assert values[0]["hit@1"] == 1
    assert of_class.backend.id == "python/mean-colour"


def test_a_class_is_described_by_the_decorator(plugins, store):
    described = fashionbench.model("acme/mean", options={"sign": 1}, licence="MIT")(
        type("Mean", (MeanColour,), {"__module__": __name__})
    )
    record = _run({"id": described, "options": {"sign": -1}}, plugins, store)
    assert record.backend.id == "acme/mean"
    assert next(m.value for m in record.metrics if m.id == "hit@1") == 0
    assert plugins.backends["acme/mean"].licence == "MIT"


def test_the_decorator_names_a_field_that_does_not_exist():
    with pytest.raises(PluginError, match="no field 'licens': did you mean licence"):
        fashionbench.model("acme/mean", licens="MIT")


def test_a_file_is_measured_again_when_what_it_imports_has_changed(plugins, store, script):
    first = _run(f"{script}:MeanColour", plugins, store)
    assert _run(f"{script}:MeanColour", plugins, store).record_id == first.record_id
    (script.parent / "scale.py").write_text("FACTOR = -2.0\n")
    assert _run(f"{script}:MeanColour", plugins, store).cell != first.cell


def test_an_object_is_recognised_by_its_fingerprint_alone(plugins, store):
    class Known(MeanColour):
        def fingerprint(self):
            return f"sign {self.sign}"

    first = _run({"id": Known()}, plugins, store)
    assert _run({"id": Known()}, plugins, store).record_id == first.record_id
    other = Known()
    other.sign = -1
    assert _run({"id": other}, plugins, store).cell != first.cell
    # Without one there is no telling what it holds.
    nameless = _run({"id": MeanColour()}, plugins, store)
    assert _run({"id": MeanColour()}, plugins, store).cell != nameless.cell


def test_an_object_with_fit_is_refused(plugins):
    class Fitted(MeanColour):
        def fit(self, training, seed):
            pass

    with pytest.raises(PluginError, match="give the class instead of the object"):
        plugins.add_backend(Fitted())
    assert plugins.add_backend(Fitted).fits


def test_what_has_no_method_of_a_backend_is_refused(plugins):
    with pytest.raises(PluginError, match="none of encode_images, encode_texts"):
        plugins.add_backend(dict)


@pytest.mark.parametrize(
    ("attribute", "message"),
    [("MeanColor", "has no class 'MeanColor': did you mean MeanColour"), ("", "backends in that file: MeanColour")],
)
def test_a_class_that_is_not_in_the_file(plugins, script, attribute, message):
    with pytest.raises(PluginError, match=message):
        plugins.describe_backend(f"{script}:{attribute}", {})


def test_a_file_that_raises_is_named_with_what_it_raised(plugins, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("raise RuntimeError('no weights here')\n")
    with pytest.raises(PluginError, match=r"broken\.py cannot be imported: RuntimeError: no weights here"):
        plugins.describe_backend(f"{path}:Model", {})
    path.write_text("def (:\n")
    with pytest.raises(PluginError, match=r"broken\.py cannot be read as Python"):
        plugins.describe_backend(f"{path}:Model", {})


def test_an_address_of_no_known_form_is_an_unknown_backend(plugins):
    with pytest.raises(UnknownNameError, match="unknown backend 'ftp:somewhere'"):
        plugins.describe_backend("ftp:somewhere", {})


def test_what_a_plugin_registers_later_is_there_at_once():
    class Late:
        @fashionbench.hookimpl
        def register_backends(self):
            spec = {"summary": "late", "revision": "1", "target": "late:Late", "capabilities": frozenset({"caption"})}
            return [fashionbench.BackendSpec(id="late/one", **spec)]

    plugins = Plugins()
    plugins.register(Late())
    assert "late/one" in plugins.backends
    with pytest.raises(PluginError, match="late/one"):
        plugins.register(Late(), Origin("again", "elsewhere", "1"))
