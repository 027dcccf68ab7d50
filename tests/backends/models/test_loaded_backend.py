"""An encoder that a worker has loaded serves the cells that come next, and says the same as a fresh one."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

from timeless_records import timeless_store

from fashionbench import api
from fashionbench.data.roots import DataRoots
from fashionbench.plugins.manager import Plugins
from fashionbench.progress import Silent
from fashionbench.records.store import Store
from fashionbench.runner import execute
from fashionbench.runner.cell_work import CellWork
from fashionbench.runner.config import make_config
from fashionbench.runner.loaded_backend import LoadedBackend
from fashionbench.runner.plan import make_plan

pytestmark = pytest.mark.slow


def test_an_encoder_is_loaded_once_for_several_cells(folder_of, tmp_path, monkeypatch):
    built = []
    build = execute.build_backend
    monkeypatch.setattr(execute, "build_backend", lambda cell, *more: built.append(cell.name) or build(cell, *more))
    # The texts of the gallery are cut, of the four queries none is: each cell counts its own.
    tasks = ["wardrobe/image-to-text", "wardrobe/text-to-image"]
    fields = {"tasks": tasks, "backends": f"hf:{folder_of('clip')}", "device": "cpu", "embedding_cache": False}
    fresh, loaded, plugins = Store(tmp_path / "fresh"), Store(tmp_path / "loaded"), Plugins(strict=True)
    records = api.run({**fields, "limit": 4}, store=fresh, plugins=plugins)
    assert len(built) == 2
    assert ["texts cut" in record.backend.preprocessing for record in records] == [True, False]
    built.clear()
    plan = make_plan(make_config({**fields, "limit": 4}), plugins)
    work = CellWork(plan, plugins, loaded, DataRoots(cache=tmp_path / "cache"), lambda *_: None)
    with work.context(Silent(), loaded=LoadedBackend()) as context:
        assert [work.execute(cell, context)[1] for cell in plan.cells] == [None, None]
    assert len(built) == 1
    assert timeless_store(loaded) == timeless_store(fresh)


@pytest.mark.parametrize("kind", ["clip", "dinov2", "blip2_itm", "blip2_captioner", "llava", "inpainting"])
def test_every_model_says_that_its_answers_do_not_depend_on_earlier_ones(kind, folder_of, plugins):
    assert plugins.describe_backend(f"hf:{folder_of(kind)}", {}).stateless
