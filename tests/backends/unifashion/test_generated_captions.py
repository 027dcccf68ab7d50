"""Captions of a gallery are written once, and what is wrong with their file costs no more than writing them again."""

from __future__ import annotations

import pytest
from PIL import Image

from fashionbench_unifashion.generated_captions import GeneratedCaptions

IMAGES = [Image.new("RGB", (4, 3), colour) for colour in ("red", "teal", "red", "white")]


class Writer:
    """Writes a caption of each image, and counts them."""

    def __init__(self):
        self.written = 0

    def __call__(self, chosen):
        self.written += len(chosen)
        return [f"caption of {IMAGES[at].getpixel((0, 0))}" for at in chosen]


EXPECTED = [f"caption of {image.getpixel((0, 0))}" for image in IMAGES]


def ask(folder, identity="sha256:" + "a" * 64, images=IMAGES):
    writer = Writer()
    return GeneratedCaptions(folder, identity).of(images, writer), writer.written


def test_an_image_is_captioned_once_for_a_model_and_an_instruction(tmp_path):
    assert ask(tmp_path) == (EXPECTED, 3)
    assert ask(tmp_path) == (EXPECTED, 0)
    assert ask(tmp_path, "sha256:" + "b" * 64) == (EXPECTED, 3)
    other = [IMAGES[0].convert("L"), IMAGES[0].resize((3, 4))]
    _, written = ask(tmp_path, images=other)
    assert written == 2


def test_a_damaged_or_torn_line_is_written_again_and_the_rest_is_kept(tmp_path):
    ask(tmp_path)
    [path] = tmp_path.iterdir()
    lines = path.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b"caption of", b"captiom of")
    path.write_bytes(b"\n".join(lines)[:-9])
    assert ask(tmp_path) == (EXPECTED, 2)
    assert ask(tmp_path) == (EXPECTED, 0)


def test_a_folder_that_takes_nothing_is_said_once_and_captions_are_there(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    captions, writer = GeneratedCaptions(blocked, "sha256:" + "a" * 64), Writer()
    with pytest.warns(UserWarning, match="captions are not kept"):
        assert captions.of(IMAGES[:2], writer) == EXPECTED[:2]
    # Warnings are errors in tests: a second one would fail.
    assert captions.of(IMAGES, writer) == EXPECTED
    assert writer.written == 3
