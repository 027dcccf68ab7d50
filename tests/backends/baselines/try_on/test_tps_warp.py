"""The warped garment: Bookstein's spline against its own linear system, and pictures whose right answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.garment_contour import contour_points, garment_of
from fashionbench.data.garment_warp import thin_plate_spline
from fashionbench.data.items import TryOnItem
from fashionbench.errors import BackendError, ConfigError
from fashionbench.specs.capabilities import BackendContext
from fashionbench_baselines.try_on.tps_warp import ThinPlateSplineWarp

WHITE, GREY = (255, 255, 255), (120, 120, 120)


def bookstein(to, source, places):
    """The spline of the paper: U(r) = r² log r², an affine part, and weights of no force and no moment."""

    def kernel(one, two):
        squares = ((one[:, None] - two[None]) ** 2).sum(axis=2)
        return np.where(squares > 0, squares * np.log(np.where(squares > 0, squares, 1)), 0)

    n = len(to)
    affine = np.hstack([np.ones((n, 1)), to])
    system = np.block([[kernel(to, to), affine], [affine.T, np.zeros((3, 3))]])
    weights = np.linalg.solve(system, np.vstack([source, np.zeros((3, 2))]))
    return kernel(places, to) @ weights[:n] + np.hstack([np.ones((len(places), 1)), places]) @ weights[n:]


def test_the_spline_is_bookstein_s():
    rng = np.random.default_rng(0)
    to, source, places = rng.uniform(0, 100, (9, 2)), rng.uniform(0, 50, (9, 2)), rng.uniform(-20, 120, (40, 2))
    np.testing.assert_allclose(thin_plate_spline(to, source, places), bookstein(to, source, places), atol=1e-6)
    np.testing.assert_allclose(thin_plate_spline(to, source, to), source, atol=1e-8)


def warp(person, garment, mask, cloth_mask=None, **options):
    conditions = {"agnostic-mask": Image.fromarray(mask.astype(np.uint8) * 255)}
    if cloth_mask is not None:
        conditions["cloth-mask"] = Image.fromarray(cloth_mask.astype(np.uint8) * 255)
    item = TryOnItem("a", Image.fromarray(person), Image.fromarray(garment), conditions)
    backend = ThinPlateSplineWarp(BackendContext(options=options, seed=0, device="cpu", cache=None))
    return backend.try_on([item])[0]


def flat(height, width, colour=GREY):
    return np.full((height, width, 3), colour, dtype=np.uint8)


def box(shape, rows, columns):
    mask = np.zeros(shape, dtype=bool)
    mask[slice(*rows), slice(*columns)] = True
    return mask


def stripes(rows, columns):
    """A garment whose colour is its place: red along the width, green along the height."""
    made = np.zeros((rows, columns, 3), dtype=np.uint8)
    made[..., 0] = np.linspace(40, 240, columns)[None].round()
    made[..., 1] = np.linspace(40, 240, rows)[:, None].round()
    return made


def test_a_rectangle_fills_a_rectangle_and_nothing_outside_the_mask_changes():
    photo = flat(80, 60, WHITE)
    photo[20:60, 10:50] = stripes(40, 40)
    mask = box((100, 90), (30, 91), (20, 81))
    person = np.random.default_rng(0).integers(0, 256, (100, 90, 3), dtype=np.uint8)
    made = warp(person, photo, mask)
    np.testing.assert_array_equal(made[~mask], person[~mask])
    # A gradient of 40 pixels over 61: the same from edge to edge, and none of the white background.
    worn = made[30:91, 20:81].astype(int)
    expected = np.linspace(40, 240, 61)
    assert np.abs(worn[..., 0] - expected[None]).max() <= 6
    assert np.abs(worn[..., 1] - expected[:, None]).max() <= 6
    assert worn[..., 2].max() == 0


def test_a_round_garment_fills_a_square_mask_to_its_corners():
    rows, columns = np.mgrid[:81, :81]
    disc = (rows - 40) ** 2 + (columns - 40) ** 2 <= 35**2
    photo = flat(81, 81, WHITE)
    photo[disc] = (200, 0, 0)
    made = warp(flat(70, 70), photo, box((70, 70), (5, 65), (5, 65)))
    assert (made[5:65, 5:65] == (200, 0, 0)).all()
    # Pasted without a warp, the corners of the square would be white.
    assert (photo[5:10, 5:10] == 255).all()


def test_the_inside_bends_with_the_contour():
    """Rings of a disc of radius 90 in a square: the way to a corner is longer, and the rim lies at the corner itself."""
    rows, columns = np.mgrid[:201, :201]
    radius = np.hypot(rows - 100, columns - 100)
    photo = flat(201, 201, WHITE)
    photo[radius <= 90] = np.stack([radius * 2, 0 * radius, 0 * radius], axis=-1).astype(np.uint8)[radius <= 90]
    made = warp(flat(201, 201), photo, box((201, 201), (10, 191), (10, 191)))[..., 0].astype(int)
    diagonal = [made[100 + step, 100 + step] for step in (30, 60, 70, 80)]
    # Box onto box, the disc would end at a step of 64, and its rim fill the corner from there.
    assert diagonal == sorted(set(diagonal))
    assert made[187, 187] == pytest.approx(180, abs=5)


def test_pixels_between_two_are_mixed():
    photo = flat(3, 3, (0, 0, 0))
    photo[:, 2] = 200
    mask = np.ones((9, 9), dtype=bool)
    made = warp(flat(9, 9), photo, mask, cloth_mask=np.ones((3, 3), dtype=bool))[..., 0]
    # Edges lie on edges: pixel x is at (x + 1/2) / 3 - 1/2 of the photo.
    np.testing.assert_allclose(made[4], [0, 0, 0, 0, 0, 67, 133, 200, 200], atol=20)


def test_the_garment_s_own_mask_is_used_where_there_is_one():
    photo = flat(40, 40, WHITE)
    photo[:, :20], photo[:, 20:] = (200, 0, 0), (0, 0, 200)
    mask = box((30, 30), (5, 25), (5, 25))
    made = warp(flat(30, 30), photo, mask, cloth_mask=box((40, 40), (0, 40), (0, 20)))
    assert (made[mask] == (200, 0, 0)).all()
    both = warp(flat(30, 30), photo, mask)
    assert {tuple(pixel) for pixel in both[mask]} >= {(200, 0, 0), (0, 0, 200)}


def test_the_background_is_the_colour_of_the_border_and_specks_and_holes_are_no_part_of_it():
    photo = flat(60, 60, (230, 240, 235))
    photo[10:50, 15:45] = (30, 30, 90)
    photo[25:30, 25:30] = (230, 240, 235)  # a button of the background's colour
    photo[2, 2] = (0, 0, 0)
    np.testing.assert_array_equal(garment_of(photo, 24), box((60, 60), (10, 50), (15, 45)))
    assert garment_of(flat(8, 9), 24).all()
    faint = flat(20, 20, WHITE)
    faint[5:15, 5:15] = 240
    assert garment_of(faint, 24).all()
    np.testing.assert_array_equal(garment_of(faint, 10), box((20, 20), (5, 15), (5, 15)))


def test_points_of_a_contour_lie_on_it_from_the_top_clockwise():
    points = contour_points(box((50, 70), (10, 31), (20, 61)), 8)
    expected = [(40, 10), (60, 10), (60, 20), (60, 30), (40, 30), (20, 30), (20, 20), (20, 10)]
    np.testing.assert_allclose(points, expected, atol=1)
    ring = box((50, 50), (5, 46), (5, 46)) & ~box((50, 50), (15, 36), (0, 50))
    found = contour_points(ring, 4)  # nothing of it lies to the right or to the left of the middle
    assert np.isnan(found[[1, 3]]).all()
    np.testing.assert_allclose(found[[0, 2]], [(25, 5), (25, 45)], atol=1)


@pytest.mark.parametrize(
    "mask",
    [
        box((9, 9), (4, 5), (4, 5)),
        box((9, 9), (0, 9), (3, 4)),
        box((9, 9), (2, 3), (0, 9)),
        np.eye(9, dtype=bool),
        np.ones((9, 9), dtype=bool),
        np.ones((1, 1), dtype=bool),
    ],
    ids=["dot", "column", "row", "diagonal", "all", "one-pixel photo"],
)
def test_a_mask_of_any_form_is_filled_with_the_garment(mask):
    made = warp(flat(*mask.shape), flat(5, 7, (10, 200, 10)), mask)
    assert (made[mask] == (10, 200, 10)).all()
    assert (made[~mask] == GREY).all()


def test_without_a_mask_it_is_refused_and_an_empty_one_changes_nothing():
    person = flat(6, 6)
    np.testing.assert_array_equal(warp(person, flat(4, 4, WHITE), np.zeros((6, 6), dtype=bool)), person)
    backend = ThinPlateSplineWarp(BackendContext(options={}, seed=0, device="cpu", cache=None))
    with pytest.raises(BackendError, match="a has no agnostic mask"):
        backend.try_on([TryOnItem("a", Image.fromarray(person), Image.fromarray(person), {})])
    with pytest.raises(BackendError, match=r"of a is \(5, 6\), and the person \(6, 6\)"):
        warp(person, person, np.ones((5, 6), dtype=bool))


@pytest.mark.parametrize("options", [{"points": 3}, {"tolerance": -1}, {"tolerance": 256}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        warp(flat(4, 4), flat(4, 4), np.ones((4, 4), dtype=bool), **options)
