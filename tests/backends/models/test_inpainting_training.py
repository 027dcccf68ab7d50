"""A small inpainting UNet that is trained from scratch: what it is shown, how it paints, what it learns."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
from cached_twin import cached_twin
from PIL import Image

import fashionbench
from fashionbench.api.training import train
from fashionbench.data.items import TryOnItem
from fashionbench.data.roots import DataRoots
from fashionbench.errors import BackendError, FieldError
from fashionbench.plugins.manager import Plugins
from fashionbench.progress import Silent
from fashionbench.specs import resolve
from fashionbench.specs.capabilities import BackendContext
from fashionbench.training.contract import TrainingContext
from fashionbench.training.open_part import open_part

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

import small_models  # noqa: E402

from fashionbench_models.training import inpainting as trainer  # noqa: E402
from fashionbench_models.training.inpainting import augmented, painting_loss  # noqa: E402
from fashionbench_models.training.try_on_examples import collect_try_on  # noqa: E402
from fashionbench_models.try_on.small_network import CHANNELS, Size, new_schedule, paint, shown  # noqa: E402

RED, GREEN, GREY = (200, 0, 0), (0, 180, 0), (127, 127, 127)


def item(name="one", *, cloth_mask=False, size=(12, 16)):
    """A green person; a red garment in the left half of a white photo; a mask in the middle."""
    person, mask = Image.new("RGB", size, GREEN), Image.new("L", size, 0)
    mask.paste(255, (size[0] // 4, size[1] // 4, size[0] * 3 // 4, size[1] * 3 // 4))
    garment = Image.new("RGB", (40, 20), "white")
    garment.paste(RED, (4, 4, 16, 16))
    conditions = {"agnostic-mask": mask}
    if cloth_mask:
        conditions["cloth-mask"] = Image.new("L", (40, 20), 255)
    return TryOnItem(name, person, garment, conditions)


def test_the_garment_lies_over_the_box_of_the_mask():
    given = shown(item(), Size(16, 12, 2))
    assert given.shape == (CHANNELS, 16, 12)
    inside = np.zeros((16, 12), bool)
    inside[4:12, 3:9] = True
    for at, (within, outside) in enumerate(zip((*GREY, 255, 0, 0, 0, *RED), (*GREEN, 0, 0, 0, 0, *GREY), strict=True)):
        assert (given[at][inside] == within).all() and (given[at][~inside] == outside).all(), at


def test_the_mask_of_the_garment_tells_it_where_there_is_one():
    given = shown(item(cloth_mask=True), Size(16, 12, 2))
    # All of the photo is laid over the mask, and most of it is white.
    assert (given[7:, 4:12, 3:9].mean(axis=0) > 240).mean() > 0.5


def test_an_empty_mask_and_a_garment_that_nothing_tells():
    bare = item()
    bare.conditions["agnostic-mask"].paste(0, (0, 0, 12, 16))
    assert (shown(bare, Size(16, 12, 2))[7:] == 127).all()
    even = TryOnItem("e", bare.person, Image.new("RGB", (9, 9), RED), item().conditions)
    assert (shown(even, Size(16, 12, 2))[7, 4:12, 3:9] == 200).all()
    with pytest.raises(BackendError, match="x has no agnostic mask"):
        shown(TryOnItem("x", bare.person, bare.garment), Size(16, 12, 2))


def test_patches_are_undone():
    size, pixels = Size(8, 4, 2), torch.randn(3, 5, 8, 4)
    assert size.patches(pixels).shape == (3, 20, 4, 2)
    assert torch.equal(size.pixels(size.patches(pixels)), pixels)


@pytest.mark.parametrize("steps", [1, 4, 10])
def test_a_network_that_knows_the_picture_paints_it_from_any_noise(steps):
    truth = torch.rand(2, 3, 4, 4) * 1.8 - 0.9
    given = torch.randn(2, 5, 4, 4)
    seen = []

    def network(inputs, time):
        assert torch.equal(inputs[:, 3:], given)
        seen.append((int(time), inputs[:, :3].clone()))
        return SimpleNamespace(sample=truth)

    noise = torch.randn(2, 3, 4, 4)
    made = paint(network, new_schedule(), given, noise, steps)
    assert torch.allclose(made, truth, atol=1e-4)
    # It begins in pure noise, at the last time.
    assert seen[0][0] == 999 and torch.equal(seen[0][1], noise) and len(seen) == steps
    assert float(new_schedule().alphas_cumprod[-1]) == 0


def test_colours_of_photo_and_garment_are_exchanged_alike():
    torch.manual_seed(3)
    given = torch.zeros(64, CHANNELS, 2, 4, dtype=torch.uint8)
    target = torch.zeros(64, 3, 2, 4, dtype=torch.uint8)
    for first, whole in ((0, given), (7, given), (0, target)):
        for channel in range(3):
            whole[:, first + channel] = 10 + channel
    given[:, 3, :, 0] = 255
    for whole in (given, target):  # the photo's right edge, too, in every channel
        whole[:, :3, :, 3] += 100
    given[:, 4:7] = torch.tensor([1, 2, 3], dtype=torch.uint8)[:, None, None]
    before = given.clone()
    seen, wanted = augmented(given, target)
    orders = {tuple((row % 100).tolist()) for row in wanted[:, :, 0, 0]}
    assert len(orders) == 6
    assert torch.equal(seen[:, :3], wanted) and torch.equal(seen[:, 7:], wanted % 100)
    # The pose keeps its colours; masks are mirrored with everything else.
    assert torch.equal(seen[:, 4:7], given[:, 4:7])
    left, right = (seen[:, 3, :, 0] == 255).all(dim=1), (seen[:, 3, :, 3] == 255).all(dim=1)
    assert (left ^ right).all() and 16 < int(left.sum()) < 48
    # What was at the right edge lies where the mask does not.
    assert torch.equal((wanted[:, 0, 0, 0] > 100), right)
    assert torch.equal(given, before)


class Spy:
    """A network that returns the true pictures plus an error, and keeps what it was given."""

    def __init__(self, truth, error):
        self.truth, self.error = truth, error

    def __call__(self, inputs, times):
        self.inputs, self.times = inputs, times
        return SimpleNamespace(sample=self.truth + self.error)


def test_the_loss_is_the_error_of_the_picture_and_counts_mostly_within_the_mask():
    size = Size(4, 4, 2)
    seen, wanted = torch.full((3, CHANNELS, 4, 4), -1.0), torch.rand(3, 3, 4, 4)
    seen[:, 3, :, :2] = 1.0  # half of each picture
    inside = torch.zeros(3, 3, 4, 4)
    inside[..., :2] = 0.5
    for error, expected in ((inside, 0.25 * 1 / 1.1), (0.5 - inside, 0.25 * 0.1 / 1.1), (inside * 0, 0.0)):
        spy = Spy(size.patches(wanted), size.patches(error))
        loss = painting_loss(spy, new_schedule(), size, seen, wanted)
        assert float(loss) == pytest.approx(expected, abs=1e-6)
    assert torch.equal(spy.inputs[:, 12:], size.patches(seen))


def test_the_network_learns_from_noise_of_every_strength_up_to_noise_alone():
    torch.manual_seed(0)
    size, schedule = Size(4, 4, 2), new_schedule()
    seen, wanted = torch.zeros(4000, CHANNELS, 4, 4), torch.full((4000, 3, 4, 4), 0.7)
    spy = Spy(size.patches(wanted), 0.0)
    painting_loss(spy, schedule, size, seen, wanted)
    assert set(spy.times.tolist()) <= set(range(1000))
    assert spy.times.float().mean() == pytest.approx(499.5, abs=20) and int(spy.times.max()) > 990
    kept = schedule.alphas_cumprod[spy.times].sqrt()[:, None, None, None]
    noise = (spy.inputs[:, :12] - kept * 0.7) / (1 - kept**2).sqrt()
    some = noise[spy.times > 5]  # with less noise than that, the division is all rounding
    assert float(some.mean()) == pytest.approx(0, abs=0.02) and float(some.std()) == pytest.approx(1, abs=0.02)


@pytest.fixture
def made(tmp_path):
    small_models.inpainting(tmp_path / "model")

    def build(seed=0, **options):
        spec = Plugins().describe_backend(f"hf:{tmp_path / 'model'}", options)
        return resolve(spec.target)(BackendContext({**spec.options, "steps": 3, **options}, seed, "cpu", tmp_path))

    return build


def test_outside_the_mask_the_photo_stays(made):
    one = item(size=(30, 40))
    (picture,) = made().try_on([one])
    inside = np.asarray(one.conditions["agnostic-mask"]) > 127
    assert picture.shape == (40, 30, 3) and picture.dtype == np.uint8
    assert (picture[~inside] == GREEN).all() and (picture[inside] != GREEN).any()


def test_noise_is_of_seed_and_item(made):
    first, again, other = (made().try_on([item(name)])[0] for name in ("one", "one", "two"))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert not np.array_equal(first, made(seed=1).try_on([item("one")])[0])
    assert not np.array_equal(first, made(steps=1).try_on([item("one")])[0])


def test_a_folder_of_another_network_is_refused(made, tmp_path):
    made()
    (tmp_path / "model" / "small_inpainting.json").write_text(json.dumps(Size(16, 12, 4).fields()))
    with pytest.raises(BackendError, match="takes 52 channels"):
        made()
    (tmp_path / "model" / "small_inpainting.json").write_text('{"side": 3}')
    with pytest.raises(BackendError, match="has other fields"):
        made()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"height": 100}, "height is 100, and must be a multiple of 16"),
        ({"widths": [20, 32]}, "multiples of 16"),
        ({"examples": []}, "examples"),
        ({"pairs": ["x"]}, "pairs"),
    ],
)
def test_fields_that_are_wrong_are_named(changes, message, tmp_path):
    with pytest.raises(FieldError, match=message):
        train("inpainting-from-scratch", changes=changes, out=tmp_path, dry_run=True)


def held_out_errors(folder, twin, tmp_path):
    """The squared errors within the mask, of what the model in a folder paints of garments that were held out."""
    from diffusers import DDIMScheduler, UNet2DModel

    roots, loaded = DataRoots(named=twin), Plugins()
    context = TrainingContext(tmp_path, lambda name: open_part(name, loaded, roots), "cpu", Silent(), print)
    rows = [listed[at] for listed, at in collect_try_on(["atelier/viton-hd-paired"], 0.3, None, context).held]
    network, schedule = UNet2DModel.from_pretrained(folder).eval(), DDIMScheduler.from_pretrained(folder)
    size, generator, errors = Size(32, 24, 2), torch.Generator().manual_seed(0), []
    for number, row in enumerate(rows):
        target = np.asarray(row.target.image.convert("RGB").resize((24, 32), Image.Resampling.BOX)) / 255
        noise = torch.randn((1, 12, 16, 12), generator=generator)
        other = rows[number - 1].item
        conditions = {**row.item.conditions, "cloth-mask": other.conditions["cloth-mask"]}
        exchanged = dataclasses.replace(row.item, garment=other.garment, conditions=conditions)
        levels = [shown(item, size) for item in (row.item, exchanged)]
        pictures = []
        for given in levels:
            patches = size.patches(torch.from_numpy(given)[None] / 127.5 - 1)
            pictures.append(size.pixels(paint(network, schedule, patches, noise, 10))[0].numpy() / 2 + 0.5)
        pictures.append(levels[0][7:] / 255)
        inside = levels[0][3] == 255
        errors.append([((picture.transpose(1, 2, 0) - target)[inside] ** 2).mean() for picture in pictures])
    return np.mean(errors, axis=0).tolist()


SIZES = {"height": 32, "width": 24, "patch": 2, "widths": [16, 32], "held_out": 0.3, "learning_rate": 0.004}


@pytest.mark.acceptance
def test_it_learns_the_same_again(tmp_path, pytestconfig):
    twin = {"atelier": cached_twin(pytestconfig)}
    one, two = (
        train("inpainting-from-scratch", changes={**SIZES, "steps": 120}, out=tmp_path / name, data=twin)
        for name in "ab"
    )
    name = "diffusion_pytorch_model.safetensors"
    assert (one.model / name).read_bytes() == (two.model / name).read_bytes()


@pytest.mark.acceptance
def test_it_learns_and_is_measured(tmp_path, pytestconfig, monkeypatch):
    twin = {"atelier": cached_twin(pytestconfig)}
    drawn = []
    monkeypatch.setattr(trainer, "augmented", lambda *pair: drawn.append(len(pair[0])) or augmented(*pair))
    few, many = (
        train("inpainting-from-scratch", changes={**SIZES, "steps": steps}, out=tmp_path / name, data=twin)
        for name, steps in (("few", 5), ("many", 120))
    )
    ours = "held-out squared error in the mask"
    assert many.figures[ours] < 0.85 * few.figures[ours]
    assert many.figures[ours] < many.figures["squared error of the garment laid over the mask"]
    # It is the garment that it paints.
    assert many.figures[ours] < 0.85 * many.figures[f"{ours} with another's garment"]
    assert len(drawn) == 5 + 120 and min(drawn) > 1, "every batch is mirrored and recoloured anew"
    assert list(many.figures.values()) == pytest.approx(held_out_errors(many.model, twin, tmp_path), rel=1e-3)
    record = json.loads(many.record.read_text())
    assert record["steps"] == 120 and record["examples"]["held out try-on examples"] > 0
    backend = {"id": f"hf:{many.model}", "options": {"steps": 3}}
    config = {"tasks": ["atelier/viton-hd-paired"], "backends": [backend], "data": twin, "limit": 2}
    (scored,) = fashionbench.run(config, store=tmp_path / "store")
    assert scored.error is None and scored.metric("mse").value > 0
    assert "viton-hd (generated twin)" in {use.dataset for use in scored.backend.training_data}
