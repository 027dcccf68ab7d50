from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points
from types import SimpleNamespace

import pytest

from fashionbench import hookimpl
from fashionbench.errors import PluginError, UnknownNameError
from fashionbench.plugins import hookspecs
from fashionbench.plugins.manager import Plugins
from fashionbench.plugins.origin import Origin
from fashionbench.specs import DatasetSpec, Licence

LICENCE = Licence(id="CC0-1.0", source="tests")


def dataset(name):
    return DatasetSpec(id=name, summary="", target="a:b", revision="1", licence=LICENCE, access="bundled")


class Provider:
    FASHIONBENCH_API = (1, 0)

    def __init__(self, *names):
        self.names = names

    @hookimpl
    def register_datasets(self):
        return [dataset(name) for name in self.names]


@pytest.fixture
def points(tmp_path, monkeypatch):
    """Write plugin modules and return a function that makes entry points to them."""
    monkeypatch.syspath_prepend(tmp_path)
    made = []

    def make(name, text, distribution="acme"):
        module = f"plug_{name}_{len(made)}"
        (tmp_path / f"{module}.py").write_text(text)
        made.append(module)
        info = SimpleNamespace(name=distribution, version="2.5")
        point = EntryPoint(name, module, "fashionbench")
        vars(point).update(dist=info)
        return point

    yield make
    for module in made:
        sys.modules.pop(module, None)


GOOD = """
from fashionbench import hookimpl
from fashionbench.specs import DatasetSpec, Licence
FASHIONBENCH_API = (1, 0)
@hookimpl
def register_datasets():
    return [DatasetSpec(id="acme/{id}", summary="", target="a:b", revision="1",
            licence=Licence(id="x", source="y"), access="bundled")]
"""


def test_a_broken_plugin_is_named_and_the_others_go_on(points):
    found = Plugins(
        points=[
            points("broken", "raise RuntimeError('no such driver')"),
            points("old", GOOD.format(id="old").replace("(1, 0)", "(0, 9)")),
            points("new", GOOD.format(id="new").replace("(1, 0)", "(1, 99)")),
            points("silent", "x = 1"),
            points("typo", GOOD.format(id="typo").replace("register_datasets", "register_datasetz")),
            points("good", GOOD.format(id="good")),
        ]
    )
    assert found.datasets.names() == ["acme/good"]
    errors = {report.origin.name: report.error for report in found.failures}
    assert set(errors) == {"broken", "old", "new", "silent", "typo"}
    assert "no such driver" in errors["broken"]
    assert "0.9" in errors["old"]
    assert "1.99" in errors["new"]
    assert "FASHIONBENCH_API" in errors["silent"]
    assert "register_datasetz" in errors["typo"]
    broken = next(report for report in found.reports if report.origin.name == "broken")
    assert "RuntimeError" in broken.traceback
    assert str(broken.origin) == "acme 2.5"


def test_strict_raises_on_the_first_broken_plugin(points):
    with pytest.raises(PluginError, match="acme 2.5 failed: no such driver"):
        Plugins(strict=True, points=[points("broken", "raise RuntimeError('no such driver')")])


def test_a_provider_that_raises_does_not_hide_the_others(points):
    bad = GOOD.format(id="bad").replace("    return [", "    raise OSError('disk')\n    return [")
    found = Plugins(points=[points("bad", bad), points("good", GOOD.format(id="good"))])
    assert found.datasets.names() == ["acme/good"]
    assert "register_datasets: OSError: disk" in found.failures[0].error
    with pytest.raises(PluginError, match="disk"):
        Plugins(strict=True, points=[points("bad", bad)])


def test_two_plugins_that_claim_one_name_are_both_named(points):
    one = points("one", GOOD.format(id="same"), distribution="acme")
    two = points("two", GOOD.format(id="same"), distribution="rival")
    with pytest.raises(PluginError, match=r"acme 2\.5.*rival 2\.5"):
        Plugins(strict=True, points=[one, two])
    found = Plugins(points=[one, two])
    (report,) = found.failures
    assert report.origin.name == "two"
    assert "is registered by acme 2.5 and by rival 2.5: the first stays" in report.error
    assert found.datasets.origin("acme/same").name == "one"


def test_a_built_in_name_stays_and_what_else_a_plugin_brings_is_taken(points):
    text = GOOD.format(id="new").replace("    return [", "    return [None, 7, 'viton-hd', *_clash(), ")
    text += """
def _clash():
    from dataclasses import replace
    from fashionbench_tasks.plugin import register_datasets as ours
    return [replace(spec, summary="mine") for spec in ours() if spec.id == "viton-hd"]
"""
    thief = points("aaa", text)
    found = Plugins(points=[thief, *entry_points(group="fashionbench", name="tasks")])
    assert found.datasets["viton-hd"].summary != "mine"
    assert "acme/new" in found.datasets
    (report,) = found.failures
    assert all(
        said in report.error
        for said in ("acme 2.5 gave NoneType as a dataset", "gave int", "gave str", "'viton-hd' is registered by fash")
    )


@pytest.mark.parametrize("blocked", ["good", "acme", "external", "other,good"])
def test_plugins_can_be_blocked(points, monkeypatch, blocked):
    monkeypatch.setenv("FASHIONBENCH_BLOCK_PLUGINS", blocked)
    assert len(Plugins(points=[points("good", GOOD.format(id="good"))]).datasets) == 0


def test_each_run_has_its_own_manager(points):
    first, second = Plugins(points=[points("good", GOOD.format(id="good"))]), Plugins(points=[])
    assert len(first.datasets) == 1
    assert len(second.datasets) == 0
    assert first.manager is not second.manager


def test_built_ins_come_through_entry_points_like_anybody():
    found = Plugins(strict=True)
    assert {o.name for o in found.origins} >= {"metrics", "tasks", "baselines", "leaderboards"}
    assert found.tasks.origin("wardrobe/image-to-text").distribution == "fashionbench"


def test_an_unknown_name_is_answered_with_the_nearest():
    found = Plugins(strict=True)
    with pytest.raises(UnknownNameError, match="did you mean wardrobe/image-to-text"):
        found.tasks["wardrobe/image-to-txt"]


def test_a_registered_object_is_checked(points):
    found = Plugins(points=[])
    found.register(Provider("a/b"), Origin("inline", "tests", "1"))
    with pytest.raises(PluginError, match="inline"):
        found.register(Provider("a/b"), Origin("inline", "tests", "1"))


def test_provenance_is_kept_by_plugin():
    class Facts:
        @hookimpl
        def collect_provenance(self):
            return {"watts": 1.5}

    found = Plugins(points=[])
    found.register(Facts(), Origin("meter", "acme", "1"))
    assert found.provenance() == {"acme:meter": {"watts": "1.5"}}


def test_every_hook_is_documented_with_its_signature(request):
    import inspect
    import re

    text = (request.config.rootpath / "docs" / "reference" / "hooks.md").read_text()
    documented = set(re.findall(r"^### `(\w+)\(", text, flags=re.MULTILINE))
    hooks = {}
    for group in (hookspecs.Providers, hookspecs.Resolvers, hookspecs.Events):
        hooks |= {name: f for name, f in vars(group).items() if inspect.isfunction(f)}
    assert documented == set(hooks)
    for name, function in hooks.items():
        arguments = ", ".join(list(inspect.signature(function).parameters)[1:])
        section = text.split(f"### `{name}(")[1].split("\n### ")[0]
        assert section.startswith(f"{arguments})`"), name
        assert "Since 1.0" in section, name


def test_published_numbers_are_read_late_and_one_that_fails_is_named(points):
    good = "import fashionbench\nFASHIONBENCH_API = (1, 0)\n@fashionbench.hookimpl\ndef register_references():\n    "
    found = Plugins(
        points=[
            points("bad", good + 'raise OSError("disk")'),
            points("fine", good + 'return [fashionbench.ReferenceSpec(id="a/b", title="", summary="", values=())]'),
        ]
    )
    warned = []
    found.warn = warned.append
    assert found.failures == []
    assert found.references.names() == ["a/b"]
    assert "register_references: OSError: disk" in found.failures[0].error
    assert ["disk" in line for line in warned] == [True]
    assert found.references is found.references


def test_a_plugin_that_is_slow_to_import_is_named(tmp_path, monkeypatch, capsys):
    from importlib.metadata import EntryPoint

    from fashionbench.cli import plugins as command
    from fashionbench.cli.main import main
    from fashionbench.plugins import manager

    (tmp_path / "slow_one.py").write_text("import time\ntime.sleep(0.2)\nFASHIONBENCH_API = (1, 0)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    points = [
        EntryPoint("slow", "slow_one", "fashionbench"),
        EntryPoint("quick", "fashionbench.metrics.plugin", "fashionbench"),
    ]
    monkeypatch.setattr(manager, "entry_points", lambda group: points)
    monkeypatch.setattr(command, "SLOW", 0.19)
    assert main(["plugins"]) == 0
    said = capsys.readouterr().err
    assert "slow of unknown 0 takes 0." in said
    assert "quick" not in said
