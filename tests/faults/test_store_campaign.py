"""Nothing is lost: a store after full disks, killed processes, runs side by side, and damage."""

from __future__ import annotations

import os
import sys

import pytest
from fault_campaign import DAMAGES, Campaign

from fashionbench.plugins.manager import Plugins

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")


@pytest.fixture(scope="module")
def campaign(entry_points_with_toy, tmp_path_factory):
    made = Campaign(Plugins(strict=True, points=entry_points_with_toy), tmp_path_factory.mktemp("campaign"))
    return made, *made.undisturbed()


def test_a_disk_that_is_full_at_any_step_costs_nothing_that_was_finished(campaign):
    attack, expected, steps = campaign
    assert steps > 10
    for step in range(0, steps, 5):
        attack.full_at(step, expected)


def test_a_process_that_is_killed_at_a_step_leaves_a_valid_store(campaign):
    attack, expected, steps = campaign
    for step in range(0, steps, max(1, steps // 3)):
        attack.killed_at(step, expected)


def test_processes_that_run_the_same_cells_lose_nothing(campaign):
    attack, expected, _ = campaign
    attack.together(3, expected)


@pytest.mark.parametrize("how", DAMAGES)
def test_damage_of_any_file_is_named_and_the_rest_goes_on(campaign, how):
    attack, _, _ = campaign
    root = attack.folder / "undisturbed"
    kinds = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.name.endswith((".lock", "-wal", "-shm")):
            kinds.setdefault((path.relative_to(root).parts[0], path.suffix), path)
    assert {"records", "predictions"} <= {kind for kind, _ in kinds}
    for path in kinds.values():
        attack.damaged(os.fspath(path.relative_to(root)), how)
