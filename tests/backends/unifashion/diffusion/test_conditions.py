"""From items to tensors: polarity, grey, missing conditions; and back to images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusion_sizes import nano
from PIL import Image

from fashionbench.data.items import DesignItem, TryOnItem
from fashionbench.errors import BackendError, DataError
from fashionbench_unifashion.diffusion.conditions import finish, image_tensor, keep_tensor, read_conditions, with_sketch

WIDTH, HEIGHT = 24, 32


def _plain(colour, size=(WIDTH, HEIGHT)):
    return Image.new("RGB", size, colour)


def _mask(size=(WIDTH, HEIGHT)):
    """White in the lower half, where the garment is to be painted."""
    values = np.zeros(size[::-1], np.uint8)
    values[size[1] // 2 :] = 255
    return Image.fromarray(values)


def _item(**changes):
    conditions = {"agnostic-mask": _mask(), "densepose": _plain((0, 0, 255))} | changes.pop("conditions", {})
    return TryOnItem(changes.pop("id", "p"), _plain((255, 0, 0)), _plain((0, 255, 0)), conditions, **changes)


def test_pictures_reach_from_minus_one_to_one():
    tensor = image_tensor(_plain((0, 255, 51)), WIDTH, HEIGHT)
    assert tensor.shape == (3, HEIGHT, WIDTH)
    assert tensor[0].eq(-1).all() and tensor[1].eq(1).all()
    torch.testing.assert_close(tensor[2], torch.full((HEIGHT, WIDTH), -0.6))


def test_the_mask_is_white_where_it_paints_and_the_tensor_one_where_it_keeps():
    keep = keep_tensor(_mask(), WIDTH, HEIGHT)
    assert keep.shape == (1, HEIGHT, WIDTH)
    assert keep[:, : HEIGHT // 2].eq(1).all() and keep[:, HEIGHT // 2 :].eq(0).all()


@pytest.mark.parametrize(("value", "keeps"), [(127, 1.0), (128, 0.0)])
def test_greys_of_a_mask_are_split_in_the_middle_as_the_tasks_do(value, keeps):
    assert keep_tensor(Image.new("L", (4, 4), value), 4, 4).eq(keeps).all()


def test_a_mask_stays_binary_when_it_is_made_smaller():
    noisy = Image.fromarray(np.random.default_rng(0).integers(0, 2, (96, 72), np.uint8) * 255)
    assert set(keep_tensor(noisy, WIDTH, HEIGHT).unique().tolist()) == {0.0, 1.0}


def test_conditions_of_a_try_on():
    read = read_conditions([_item()], nano())
    half = HEIGHT // 2
    red = torch.tensor([1.0, -1.0, -1.0]).view(3, 1, 1)
    grey = 128 / 127.5 - 1
    torch.testing.assert_close(read.agnostic[0, :, :half], red.expand(3, half, WIDTH))
    torch.testing.assert_close(read.agnostic[0, :, half:], torch.full((3, half, WIDTH), grey))
    assert read.densepose[0, 2].eq(1).all()
    assert read.hint[0, 1].eq(1).all() and read.hint[0, 0].eq(-1).all()
    assert read.hinted.tolist() == [True]


def test_the_data_set_s_agnostic_picture_comes_before_the_person_and_is_grey_inside_the_mask():
    read = read_conditions([_item(conditions={"agnostic": _plain((0, 0, 0))})], nano())
    half = HEIGHT // 2
    assert read.agnostic[0, :, :half].eq(-1).all()
    assert read.agnostic[0, :, half:].gt(0).all()


def test_nothing_of_the_worn_garment_reaches_what_is_given():
    """A person in two garments gives the same conditions, though the image is made smaller across the mask's edge."""
    size = (WIDTH * 4, HEIGHT * 4)
    mask = np.array(_mask(size))
    mask[HEIGHT * 2 - 3 :] = 255
    rng = np.random.default_rng(0)
    people = []
    for _ in range(2):
        pixels = np.full((*size[::-1], 3), 77, np.uint8)
        inside = mask > 0
        pixels[inside] = rng.integers(0, 256, (int(inside.sum()), 3))
        people.append(Image.fromarray(pixels))
    shared = {"agnostic-mask": Image.fromarray(mask), "densepose": _plain((0, 0, 0))}
    one, other = (read_conditions([TryOnItem("p", p, _plain((9, 9, 9)), shared)], nano()) for p in people)
    assert torch.equal(one.agnostic, other.agnostic)


def test_a_design_has_its_sketch_as_the_hint_or_none():
    conditions = {"agnostic-mask": _mask(), "densepose": _plain((0, 0, 255))}
    items = [
        DesignItem("a", _plain((9, 9, 9)), "a red shirt", Image.new("L", (WIDTH, HEIGHT), 255), conditions),
        DesignItem("b", _plain((9, 9, 9)), "a red shirt", None, conditions),
    ]
    read = read_conditions(items, nano())
    assert read.hint[0].eq(1).all()
    assert read.hinted.tolist() == [True, False]


def test_a_warped_garment_fills_the_mask_without_its_background_and_is_grey_around_it():
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    values[8:24, 6:18] = 255
    values[8:12, 6:9] = 0  # a mask is no box
    inside = torch.from_numpy(values > 0)
    # Red above blue, somewhere on a white photo of other proportions.
    garment = Image.new("RGB", (90, 90), (255, 255, 255))
    garment.paste((255, 0, 0), (20, 10, 70, 45))
    garment.paste((0, 0, 255), (20, 45, 70, 80))
    item = TryOnItem("p", _plain((1, 2, 3)), garment, {"agnostic-mask": Image.fromarray(values)})
    read = read_conditions([item], nano(conditions=("agnostic", "warped-garment")))
    around = read.warped[0][:, ~inside]
    torch.testing.assert_close(around, torch.full_like(around, 128 / 127.5 - 1))
    rows = torch.arange(HEIGHT)[:, None].expand(HEIGHT, WIDTH)
    for part, colour in ((rows < 14, (1.0, -1, -1)), (rows > 17, (-1.0, -1, 1))):
        worn = read.warped[0][:, inside & part]
        assert (worn - torch.tensor(colour)[:, None]).abs().max() < 0.1


def test_without_a_mask_or_a_sketch_nothing_is_warped():
    config = nano(conditions=("agnostic", "warped-garment"))
    empty = {"agnostic-mask": Image.new("L", (WIDTH, HEIGHT), 0)}
    items = [
        TryOnItem("a", _plain((1, 2, 3)), _plain((1, 2, 3)), empty),
        DesignItem("b", _plain((9, 9, 9)), "a red shirt", None, {"agnostic-mask": _mask()}),
    ]
    warped = read_conditions(items, config).warped
    torch.testing.assert_close(warped, torch.full_like(warped, 128 / 127.5 - 1))


def test_only_configured_conditions_are_read():
    item = TryOnItem("p", _plain((1, 2, 3)), _plain((1, 2, 3)), {"agnostic-mask": _mask()})
    read = read_conditions([item], nano(conditions=("agnostic",)))
    assert read.densepose is None and read.hint is None


@pytest.mark.parametrize("name", ["agnostic-mask", "densepose"])
def test_a_missing_condition_is_named_with_its_item(name):
    kept = {"agnostic-mask": _mask(), "densepose": _plain((0, 0, 255))}
    del kept[name]
    with pytest.raises(DataError, match=f"00042_00 has no condition {name}"):
        read_conditions([TryOnItem("00042_00", _plain((1, 2, 3)), _plain((1, 2, 3)), kept)], nano())


def test_a_model_without_conditions_reads_none():
    with pytest.raises(DataError, match="no try-on conditions"):
        read_conditions([_item()], nano(conditions=()))


def test_finished_pictures_have_the_persons_sizes_and_levels():
    items = [_item(), TryOnItem("q", _plain((0, 0, 0), (60, 80)), _plain((0, 0, 0)), {})]
    made = finish(torch.stack([torch.full((3, HEIGHT, WIDTH), v) for v in (-1.0, 0.6)]), items)
    assert [m.shape for m in made] == [(HEIGHT, WIDTH, 3), (80, 60, 3)]
    assert all(m.dtype == np.uint8 for m in made)
    assert (made[0] == 0).all() and (made[1] == 204).all()


def test_a_picture_survives_the_way_there_and_back():
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    image = image_tensor(Image.fromarray(pixels), WIDTH, HEIGHT)
    assert (finish(image[None], [_item()])[0] == pixels).all()


def test_repainting_is_off_unless_asked_for_and_keeps_the_person_outside_the_mask():
    painted = torch.full((1, 3, HEIGHT, WIDTH), -1.0)
    assert (finish(painted, [_item()])[0] == 0).all()
    made = finish(painted, [_item()], repaint=True)[0]
    assert (made[: HEIGHT // 2] == (255, 0, 0)).all() and (made[HEIGHT // 2 :] == 0).all()


@pytest.mark.parametrize("value", [float("nan"), 1.5])
def test_values_that_are_no_picture_are_refused_by_id(value):
    with pytest.raises(BackendError, match="^p: "):
        finish(torch.full((1, 3, HEIGHT, WIDTH), value), [_item()])


def test_another_hint_is_that_of_a_design_of_the_same_person():
    item, sketch = _item(), _mask((90, 120))
    design = DesignItem(item.id, item.person, "words", sketch, item.conditions)
    given = nano().conditions
    for config in (nano(), nano(conditions=("agnostic", "densepose")), nano(conditions=(*given, "warped-garment"))):
        got, wanted = (
            with_sketch(item, read_conditions([item], config), sketch, config),
            read_conditions([design], config),
        )
        assert (got.hint is None) == (wanted.hint is None) == ("hint" not in config.conditions)
        assert (got.warped is None) == (wanted.warped is None) == ("warped-garment" not in config.conditions)
        for name in ("agnostic", "keep", "densepose", "hint", "hinted", "warped", "designed"):
            assert getattr(wanted, name) is None or torch.equal(getattr(got, name), getattr(wanted, name)), name
