from __future__ import annotations

import pytest

from fashionbench.errors import FashionBenchError, PluginError, UnknownNameError
from fashionbench.specs import BackendSpec, resolve


@pytest.mark.parametrize("name", ["Upper", "a b", "", "/a", "a/", "../x", "ä"])
def test_an_id_that_could_not_be_a_folder_is_refused(name):
    with pytest.raises(PluginError, match="id"):
        BackendSpec(id=name, summary="", target="a:b", revision="1", capabilities=frozenset())


@pytest.mark.parametrize("target", ["module", "module:", ":x", "a b:c", "os.system('x'):y"])
def test_a_target_that_is_no_module_and_attribute_is_refused(target):
    with pytest.raises(PluginError, match="target"):
        BackendSpec(id="a/b", summary="", target=target, revision="1", capabilities=frozenset())


def test_a_target_is_imported_when_it_is_resolved():
    import json

    assert resolve("json:loads") is json.loads
    assert resolve("json.decoder:JSONDecoder.decode") is json.JSONDecoder.decode


@pytest.mark.parametrize("target", ["no_such_module_at_all:x", "json:no_such_name"])
def test_a_target_that_is_not_there_says_so(target):
    with pytest.raises(PluginError, match=target.partition(":")[2] if "json" in target else "no_such_module"):
        resolve(target)


def test_unknown_names_get_the_nearest_and_the_list():
    error = UnknownNameError("backend", "control/randon", ["control/random", "control/oracle"])
    assert "did you mean control/random" in error.message
    assert "control/oracle" in error.remedy
    assert isinstance(error, FashionBenchError)
    assert "none registered" in UnknownNameError("task", "x", []).remedy


def test_many_names_are_near_ones_and_the_command_that_lists_them_all():
    many = [f"acme/try-on-{number}" for number in range(60)] + ["wardrobe/image-captioning"]
    for wrong in ("wardrobe/image-captionin", "captioning", "Captioning/*"):
        error = UnknownNameError("task", wrong, many)
        assert "did you mean wardrobe/image-captioning?" in error.message
        assert error.remedy == "'fashionbench list tasks' lists all 61"
    # No command lists them, so the error does.
    assert "acme/try-on-59" in UnknownNameError("preset", "x", many).remedy
