from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import tryon_folder
from hypothesis import given
from hypothesis import strategies as st
from stored_rows import Data, access, row

from fashionbench import Board, api
from fashionbench.data.task_images import pixel_hash
from fashionbench.errors import MetricError
from fashionbench.extractors.weights import PUBLISHED, published_name
from fashionbench.metrics.contract import MetricArguments
from fashionbench.metrics.generation.metrics import lpips_alex
from fashionbench.metrics.generation.pairwise import ALEXNET, clip_score, lpips, lpips_missing
from fashionbench.predictions.images import images_table
from fashionbench.specs import BoardSpec, Column

torch = pytest.importorskip("torch", reason="torch, which LPIPS runs on")


@given(st.lists(st.floats(-9, 9), min_size=2, max_size=6), st.floats(0.01, 100), st.floats(-3.1, 3.1))
def test_the_score_is_the_cosine_whatever_the_lengths(tail, scale, angle):
    one = np.array([1.0, 0.0] + [0.0] * len(tail), dtype=np.float32)
    two = np.array([np.cos(angle), np.sin(angle)] + [0.0] * len(tail), dtype=np.float32) * scale
    assert clip_score(one, two, "a") == pytest.approx(100 * max(0, np.cos(angle)), abs=1e-4)


@pytest.mark.parametrize("row", [np.zeros(3), np.array([1, np.nan, 0]), np.array([np.inf, 0, 0])])
def test_features_without_a_direction_are_refused_by_name(row):
    with pytest.raises(MetricError, match="of person-7"):
        clip_score(row.astype(np.float32), np.ones(3, np.float32), "person-7")


@pytest.fixture
def checkpoints(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def random_alexnet(seed):
    models = pytest.importorskip("torchvision.models", reason="torchvision, which holds AlexNet")
    torch.manual_seed(seed)
    return models.alexnet(weights=None).eval()


def by_hand(network, made, truth):
    """LPIPS as the paper has it, from the raw network and the published linear weights."""
    from torchmetrics.functional.image import lpips as source

    path = Path(source.__file__).with_name("lpips_models") / "alex.pth"
    published = torch.load(path, map_location="cpu", weights_only=True)
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    sides = [((torch.from_numpy(s).float() / 127.5 - 1 - shift) / scale).permute(2, 0, 1)[None] for s in (made, truth)]
    total, at = 0.0, 0
    for number, layer in enumerate(network.features[:12]):
        sides = [layer(side) for side in sides]
        if isinstance(layer, torch.nn.ReLU):
            one, two = (side / (side**2).sum(dim=1, keepdim=True).add(1e-8).sqrt() for side in sides)
            linear = published[f"lin{at}.model.1.weight"]
            total += float((((one - two) ** 2) * linear).sum(dim=1).mean())
            at += 1
        assert number < 12
    assert at == 5
    return total


@pytest.mark.slow
def test_lpips_is_that_of_torchmetrics_and_of_the_paper(checkpoints, store):
    functional = pytest.importorskip("torchmetrics.functional.image", reason="torchmetrics, the second library")
    network = random_alexnet(0)
    torch.save(network.state_dict(), checkpoints / ALEXNET)
    assert lpips_missing() == ""
    rng = np.random.default_rng(0)
    made, truth = (rng.integers(0, 256, (96, 72, 3), dtype=np.uint8) for _ in range(2))
    pair = [torch.from_numpy(s).permute(2, 0, 1)[None].float() / 255 for s in (made, truth)]
    expected = functional.learned_perceptual_image_patch_similarity(*pair, net_type="alex", normalize=True)
    found = lpips(made, truth)
    assert found > 0
    assert found == pytest.approx(float(expected), rel=1e-5)
    with torch.inference_mode():
        assert found == pytest.approx(by_hand(network, made, truth), rel=1e-4)
    assert lpips(made, made) == 0
    rows = [
        row(store, "same", truth, truth=pixel_hash(truth)),
        row(store, "other", made, truth=pixel_hash(truth)),
        row(store, "other", made, "real"),
    ]
    images = access(images_table(rows), store, Data({"same": truth, "other": truth}))
    outcome = lpips_alex(images_table(rows), MetricArguments((), {}, images))
    assert outcome.values.tolist() == [0, found]
    assert outcome.rows.tolist() == [True, True, False]


@pytest.mark.slow
def test_the_weights_of_lpips_are_in_its_name_and_only_the_published_ones_are_recognised(
    checkpoints, tmp_path, store, plugins, monkeypatch
):
    root = tryon_folder.write(tmp_path / "data")
    folder = tryon_folder.predict(root, tmp_path / "p", lambda image: image.convert("L"))
    parts = []
    for seed in (0, 1):
        torch.save(random_alexnet(seed).state_dict(), checkpoints / ALEXNET)
        if seed:  # as if these had been published
            digits = hashlib.sha256((checkpoints / ALEXNET).read_bytes()).hexdigest()[:8]
            monkeypatch.setitem(PUBLISHED, digits, "alexnet-one")
        data = {"viton-hd": root}
        record = api.score("viton-hd/paired", folder, name=f"alexnet-{seed}", data=data, store=store, plugins=plugins)
        parts.append(record.metric("lpips-alex"))
    assert [part.weights for part in parts] == ["unrecognised", "alexnet-one"]
    one, two = (part.implementation.partition("@") for part in parts)
    assert one[0] == two[0] == "fashionbench.lpips-alex/2+torchmetrics"
    assert one[2] != two[2]
    assert parts[0].value != parts[1].value
    column = Column(task="viton-hd/paired", metric="lpips-alex")
    tables = Board.of(BoardSpec(id="b", summary="", title="b", columns=(column,)), store, plugins).tables
    # Each in a table of its own, and the network that nobody knows is marked.
    shown = {
        row.label: "unrecognised-weights" in row.marks
        for table in tables
        for row in table.rows
        if row.values[0].value is not None
    }
    assert len(tables) == 2
    assert shown == {"imported/alexnet-0": True, "imported/alexnet-1": False}


@pytest.mark.parametrize(
    ("digits", "name"),
    [
        ("6726825d", "pt_inception-2015-12-05-6726825d"),
        ("7be5be79", "alexnet-owt-7be5be79"),
        ("7be5be78", "unrecognised"),
    ],
)
def test_published_weights_are_known_by_their_hash(digits, name):
    assert published_name(digits + "0" * 56) == name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "are not at"),
        (b"<html>", "cannot be read as weights"),
        ({}, "another network: missing classifier.1.bias"),
        ({"a": print}, "cannot be read as weights"),
    ],
)
def test_wrong_weights_are_a_reason_with_the_place_of_the_right_ones(checkpoints, content, said):
    path = checkpoints / ALEXNET
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    reason = lpips_missing()
    assert said in reason
    assert f"https://download.pytorch.org/models/{ALEXNET}" in reason
    grey = np.full((64, 64, 3), 128, np.uint8)
    with pytest.raises(MetricError, match=said):
        lpips(grey, grey)
