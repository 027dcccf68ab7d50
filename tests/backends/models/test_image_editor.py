"""The image editor behind an endpoint, against a local server that paints the mask, after it has misbehaved."""

from __future__ import annotations

import numpy as np
import pytest
import tryon_folder
from hostile_server import HostileServer
from PIL import Image

from fashionbench import api
from fashionbench.data.items import DesignItem, TryOnItem
from fashionbench.errors import BackendError, ConfigError
from fashionbench.specs.capabilities import BackendContext

pytest.importorskip("openai")
from fashionbench_models.endpoint.image_editor import ImageEditor

KEY = "sk-a-key-that-nobody-may-see"
FAULTS = ("429", "500", "no json", "no data", "empty", "no base64", "broken image", "cut")
SIZE = (30, 40)
BOX = (10, 10, 20, 30)


@pytest.fixture
def server():
    server = HostileServer()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def editor(server, tmp_path, monkeypatch):
    """Make an editor that keeps its answers in one folder."""
    monkeypatch.setenv("ENDPOINT_KEY", KEY)

    def make(**options):
        defaults = {"url": server.url, "model": "m", "key_variable": "ENDPOINT_KEY", "timeout": 5.0, "backoff": 0.001}
        return ImageEditor(BackendContext({**defaults, **options}, 0, "cpu", tmp_path / "cache"))

    return make


def person():
    return Image.fromarray(np.random.default_rng(3).integers(0, 256, (SIZE[1], SIZE[0], 3)).astype(np.uint8))


def mask():
    image = Image.new("L", SIZE, 0)
    image.paste(255, BOX)
    return image


def items(count, **conditions):
    conditions = conditions or {"agnostic-mask": mask()}
    return [TryOnItem(f"item-{at}", person(), Image.new("RGB", (9, 9), (at, 80, 0)), conditions) for at in range(count)]


def expected(colour):
    image = person()
    image.paste(colour, BOX)
    return np.asarray(image)


def test_each_person_wears_its_garment_within_the_mask_in_spite_of_every_fault(server, editor):
    server.faults = FAULTS
    made = editor(attempts=len(FAULTS) + 1)
    for at, pixels in enumerate(made.try_on(items(3))):
        np.testing.assert_array_equal(pixels, expected((at, 80, 0)))
    assert server.attempts == dict.fromkeys(range(3), len(FAULTS) + 1)
    assert {key for *_, key, _ in server.seen} == {f"Bearer {KEY}"}
    # The good answer and three that hold no image say their tokens.
    assert made.preprocessing["answers"] == "12 asked for, 0 kept from earlier, 24 asked for again"
    assert made.preprocessing["tokens"] == "2400 sent, 12000 received"


def test_what_lies_under_the_mask_is_never_sent(server, editor):
    """In a paired task it is the answer."""
    editor().try_on(items(1))
    ((person_sent, garment, sent_mask), fields) = server.forms[0]
    np.testing.assert_array_equal(np.asarray(person_sent), expected((128, 128, 128)))
    np.testing.assert_array_equal(np.asarray(sent_mask.convert("RGB")), expected((128, 128, 128)))
    np.testing.assert_array_equal(np.asarray(sent_mask)[..., 3], 255 - np.asarray(mask()))
    assert garment.getpixel((0, 0)) == (0, 80, 0)
    assert fields["model"] == "m"
    assert fields["prompt"].startswith("Paint the grey area of the first image")
    assert set(fields) == {"model", "prompt", "mask"}


def test_the_whole_person_is_sent_on_request_alone(server, editor):
    editor(person="whole", quality="low", response_format="b64_json").try_on(items(1))
    ((person_sent, _), fields) = server.forms[0]
    np.testing.assert_array_equal(np.asarray(person_sent), np.asarray(person()))
    assert fields["prompt"].startswith("Dress the person of the first image")
    assert (fields["quality"], fields["response_format"]) == ("low", "b64_json")
    assert "mask" not in fields


def test_a_photo_of_another_shape_is_laid_on_white_and_cut_out_again(server, editor):
    made = editor(size="80x60").try_on(items(1))[0]
    ((person_sent, _, sent_mask), fields) = server.forms[0]
    assert (person_sent.size, sent_mask.size, fields["size"]) == ((80, 60), (80, 60), "80x60")
    # 30 x 40 is 45 x 60 there, from column 17 on; what lies beside it is white, and not to be painted.
    assert person_sent.getpixel((16, 30)) == person_sent.getpixel((62, 30)) == (255, 255, 255)
    assert person_sent.getpixel((17 + 22, 30)) == (128, 128, 128)
    alpha = np.asarray(sent_mask)[..., 3]
    assert (np.flatnonzero((alpha == 0).any(axis=0))[[0, -1]] == [17 + 15, 17 + 29]).all()
    assert made.shape == (*SIZE[::-1], 3)
    inside = made[BOX[1] + 2 : BOX[3] - 2, BOX[0] + 2 : BOX[2] - 2]
    assert np.abs(inside.astype(int) - (0, 80, 0)).max() <= 2


def test_an_answer_of_another_size_is_brought_to_the_photo_and_one_of_another_shape_is_refused(server, editor):
    server.edit_size = (60, 80)
    assert editor().try_on(items(1))[0].shape == (40, 30, 3)
    server.edit_size = (60, 60)
    with pytest.raises(BackendError, match="made an image of 60 x 60 for item-1, and 30 x 40 has another shape") as no:
        editor().try_on(items(2))
    assert "size=WIDTHxHEIGHT" in no.value.remedy


def test_images_are_made_smaller_on_request(server, editor):
    made = editor(image_side=20).try_on(items(1))[0]
    assert [image.size for image in server.forms[0][0]] == [(15, 20), (9, 9), (15, 20)]
    assert made.shape == (40, 30, 3)


def test_a_design_is_asked_for_by_its_words_and_its_sketch(server, editor):
    sketch = Image.new("RGB", SIZE, (200, 0, 0))
    designs = [
        DesignItem("a", person(), "a {red} dress", sketch, {"agnostic-mask": mask()}),
        DesignItem("b", person(), "a skirt", None, {"agnostic-mask": mask()}),
    ]
    made = editor(concurrency=1).design(designs)
    np.testing.assert_array_equal(made[0], expected((200, 0, 0)))
    (drawn, first), (bare, second) = server.forms
    assert (len(drawn), len(bare)) == (3, 2)
    assert "wears this garment: a {red} dress." in first["prompt"]
    assert "wears this garment: a skirt." in second["prompt"]
    editor(design_prompt="Sew {text}!").design(designs[1:])
    assert server.forms[-1][1]["prompt"] == "Sew a skirt!"


def test_a_link_is_not_followed(server, editor):
    server.faults = ("link",)
    with pytest.raises(BackendError, match=r"answers item-0 with a link.*response_format=b64_json"):
        editor(concurrency=1).try_on(items(1))
    assert len(server.seen) == 1


def test_without_an_agnostic_mask_nothing_is_sent(server, editor):
    with pytest.raises(BackendError, match="item-0 has no agnostic mask"):
        editor().try_on(items(1, parse=mask()))
    assert not server.seen


def test_a_budget_by_images_ends_the_run_and_what_was_paid_for_is_kept(server, editor):
    """Images may have a price where their tokens have none, and then need not say them."""
    server.faults = ("no usage",)
    prices = {"price_image": 0.04, "concurrency": 1}
    made = editor(**prices, budget=0.1)
    with pytest.raises(BackendError, match=r"the budget of 0.1 is spent, 0.12 for 3 answers"):
        made.try_on(items(6))
    assert made.preprocessing["cost"] == "0.12"
    again = editor(**prices, budget=0.5)
    assert len(again.try_on(items(6))) == 6
    assert len(server.seen) == 6
    assert again.preprocessing["answers"] == "3 asked for, 3 kept from earlier, 0 asked for again"


def test_another_garment_prompt_or_mask_is_another_question(server, editor):
    editor().try_on(items(1))
    editor(prompt="Another.").try_on(items(1))
    other = mask()
    other.paste(0, (0, 0, 30, 15))
    editor().try_on(items(1, **{"agnostic-mask": other}))
    editor().try_on(items(2)[1:])
    assert len(server.seen) == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"person": "half"}, "give masked or whole"),
        ({"size": "big"}, "WIDTHxHEIGHT"),
        ({"design_prompt": "Sew."}, "no {text}"),
        ({"price_image": -1.0}, "price_image is -1"),
        ({"budget": 1.0}, "a budget needs prices"),
    ],
)
def test_options_that_cannot_be_right(options, said, editor):
    with pytest.raises(ConfigError) as caught:
        editor(**options)
    assert said in str(caught.value)


@pytest.mark.slow
def test_a_whole_run_is_scored_and_keeps_no_key(server, tmp_path, monkeypatch, plugins):
    monkeypatch.setenv("ENDPOINT_KEY", KEY)
    root = tryon_folder.write(tmp_path / "viton")
    options = {"url": server.url, "model": "m", "key_variable": "ENDPOINT_KEY", "backoff": 0.001}
    fields = {
        "tasks": "viton-hd/paired",
        "backends": [{"id": "endpoint/image-editor", "options": options}],
        "data": {"viton-hd": root},
    }
    server.faults = ("500",)
    (record,) = api.run(fields, store=tmp_path / "store", plugins=plugins)
    assert record.status == "ok", record.error
    assert 0 < record.metric("ssim").value < 1
    assert record.backend.preprocessing["person"] == "masked"
    for path in (tmp_path / "store").rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
