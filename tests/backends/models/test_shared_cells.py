"""Cells of model folders whose items several processes share: the records of one process, with all that was counted."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

from cached_twin import cached_twin
from timeless_records import timeless_store

from fashionbench import api
from fashionbench.plugins.manager import Plugins
from fashionbench.records.store import Store

pytestmark = pytest.mark.slow
PLACES = {"": "cpu", "text_model": "disk"}


def test_records_of_shared_cells_count_the_texts_that_were_cut_and_the_boxes_of_one_process(
    folder_of, tmp_path, pytestconfig, monkeypatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    fields = {
        "tasks": ["wardrobe/image-to-text", "atelier/oacirr-fashion"], "limit": 12, "batch_size": 4, "device": "cpu",
        "backends": [{"id": f"hf:{folder_of('clip')}", "options": {"region": "box", "device_map": PLACES}}],
        "data": {"atelier": str(cached_twin(pytestconfig))},
    }  # fmt: skip
    plugins, stores = Plugins(strict=True), [Store(tmp_path / str(count)) for count in (1, 2)]
    for count, store in enumerate(stores, start=1):
        executor = {"id": "local", "options": {"shards": count}}
        records = api.run({**fields, "executor": executor}, store=store, plugins=plugins)
        assert [record.error for record in records] == [None, None]
        said = {name: text for record in records for name, text in record.backend.preprocessing.items()}
        assert int(said["texts cut"].split()[0]) > 4
        assert int(said["boxes"].split()[0]) >= 12
        assert "disk (offloaded): " in said["device map"]
    one, two = map(timeless_store, stores)
    assert one == two
