"""The example of a try-on model with code of its own, as the page prints it, run from a file on a small data set."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import tryon_folder

from fashionbench import api

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "models.md"


@pytest.fixture
def example(tmp_path):
    section = PAGE.read_text(encoding="utf-8").partition("## A try-on model with code of its own")[2]
    file = tmp_path / "my_try_on.py"
    file.write_text(re.search(r"```python\n(.*?)```", section, re.DOTALL)[1])
    return f"{file}:MyTryOn"


def test_the_example_dresses_each_person_within_the_mask_as_the_control_outside_it(example, plugins, tmp_path):
    fields = {"tasks": "viton-hd/paired", "data": {"viton-hd": tryon_folder.write(tmp_path / "viton")}}
    fields["backends"] = [example, "control/copy-person"]
    own, copied = api.run(fields, store=tmp_path / "store", plugins=plugins)
    assert own.status == "ok", own.error
    assert own.metric("mse-garment").value > copied.metric("mse-garment").value == 0
    # All that differs lies within the mask: the mean over the image is that over the mask, times the mask's part.
    part = float((np.asarray(tryon_folder.mask()) > 127).mean())
    assert own.metric("mse").value == pytest.approx(own.metric("mse-garment").value * part, rel=1e-3)
