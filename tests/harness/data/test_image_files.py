"""Image files against the levels that were written into them."""

from __future__ import annotations

import gzip
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile, TiffImagePlugin

from fashionbench.data import image_opener
from fashionbench.data.image_files import open_image, upright_size
from fashionbench.data.images import decode, decode_with_form
from fashionbench.data.integrity import survey
from fashionbench.errors import DataError

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def png(path, rows, depth, colour, *chunks):
    """Write a PNG by hand: rows of bytes, bits a channel, colour type, and further chunks."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    width = len(rows[0]) * 8 // (depth * channels)
    head = struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [chunk(b"IHDR", head), *(chunk(*more) for more in chunks), chunk(b"IDAT", body), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


def tiff(path, array, **tags):
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        info[int(tag[1:])] = value
    Image.fromarray(array).save(path, tiffinfo=info)
    return path


def grey(path):
    pixels = np.asarray(decode(path))
    assert pixels.ndim == 3
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0]


def test_sixteen_bits_of_any_format_are_scaled_and_not_cut(tmp_path):
    wide = RAMP.astype(np.uint16) * 257
    Image.fromarray(wide).save(tmp_path / "a.png")
    tiff(tmp_path / "a.tif", wide)
    (tmp_path / "a.pgm").write_bytes(b"P5 16 16 65535\n" + wide.astype(">u2").tobytes())
    (tmp_path / "b.pgm").write_bytes(b"P5 16 16 1020\n" + (RAMP.astype(np.uint16) * 4).astype(">u2").tobytes())
    for name in ("a.png", "a.tif", "a.pgm", "b.pgm"):
        np.testing.assert_array_equal(grey(tmp_path / name), RAMP, err_msg=name)
        assert decode_with_form(tmp_path / name).form.endswith(" 16-bit")


def test_levels_between_two_of_eight_bits_are_rounded(tmp_path):
    Image.fromarray(np.array([[128, 129, 65535 - 129]], dtype=np.uint16)).save(tmp_path / "a.png")
    assert grey(tmp_path / "a.png").tolist() == [[0, 1, 254]]


def test_colours_of_sixteen_bits_are_scaled_too(tmp_path):
    rows = [struct.pack(">6H", 0, 128 * 257, 65535, 255 * 257, 7 * 257, 0)]
    path = png(tmp_path / "a.png", rows, 16, 2)
    assert np.asarray(decode(path)).tolist() == [[[0, 128, 255], [255, 7, 0]]]


def test_a_tiff_may_declare_another_range(tmp_path):
    twelve = RAMP.astype(np.uint16) * 16
    np.testing.assert_array_equal(grey(tiff(tmp_path / "a.tif", twelve, t281=4080)), RAMP)
    with pytest.raises(DataError, match="reach from 0 to 4080, and its range from 0 to 4000"):
        decode(tiff(tmp_path / "b.tif", twelve, t281=4000))


def test_floats_reach_from_nought_to_one_unless_declared(tmp_path):
    ramp = RAMP.astype(np.float32)
    np.testing.assert_array_equal(grey(tiff(tmp_path / "a.tif", ramp / 255)), RAMP)
    assert open_image(tmp_path / "a.tif").form == "TIFF float"
    with pytest.raises(DataError, match=r"b\.tif cannot be read: its values reach from 0 to 255"):
        decode(tiff(tmp_path / "b.tif", ramp))
    with pytest.raises(DataError, match="not finite"):
        decode(tiff(tmp_path / "c.tif", np.full((2, 2), np.nan, dtype=np.float32)))


def test_16_bits_of_a_format_that_may_hold_fewer_are_refused(tmp_path):
    Image.fromarray(RAMP.astype(np.uint16) * 16).save(tmp_path / "a.jp2")  # twelve bits, or sixteen that are dark
    with pytest.raises(DataError, match="JPEG2000 of the mode I;16, which declares no range"):
        decode(tmp_path / "a.jp2")


def test_32_bits_without_a_range_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"a\.tif cannot be read: it is a TIFF of the mode I, which declares no range"):
        decode(tiff(tmp_path / "a.tif", RAMP.astype(np.int32) * 257))


@pytest.mark.parametrize(
    ("mode", "pixel"),
    [("RGBA", (0, 0, 0, 0)), ("LA", (0, 0)), ("RGBA", (9, 9, 9, 0))],
)
def test_alpha_is_laid_on_white_whatever_lies_under_it(tmp_path, mode, pixel):
    Image.new(mode, (2, 2), pixel).save(tmp_path / "a.png")
    assert np.asarray(decode(tmp_path / "a.png")).min() == 255
    assert open_image(tmp_path / "a.png").form == "PNG alpha"


def test_half_transparent_black_is_grey(tmp_path):
    Image.new("RGBA", (1, 1), (0, 0, 0, 127)).save(tmp_path / "a.png")
    assert grey(tmp_path / "a.png").tolist() == [[128]]


def test_a_colour_that_a_file_calls_transparent_is_white(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 200, 10, 10])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "palette.png", transparency=0)
    assert np.asarray(decode(tmp_path / "palette.png")).tolist() == [[[255, 255, 255], [200, 10, 10]]]
    deep = png(tmp_path / "grey.png", [struct.pack(">3H", 1000, 1001, 0)], 16, 0, (b"tRNS", struct.pack(">H", 1000)))
    assert grey(deep).tolist() == [[255, 4, 0]]
    colours = struct.pack(">6H", 0x1234, 0, 0, 257, 0, 0)
    red = png(tmp_path / "red.png", [colours], 16, 2, (b"tRNS", struct.pack(">3H", 0x1234, 0, 0)))
    assert np.asarray(decode(red)).tolist() == [[[255, 255, 255], [1, 0, 0]]]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize(
    ("orientation", "right"),
    [
        (1, ["rg", "bw"]), (2, ["gr", "wb"]), (3, ["wb", "gr"]), (4, ["bw", "rg"]),
        (5, ["rb", "gw"]), (6, ["br", "wg"]), (7, ["wg", "br"]), (8, ["gw", "rb"]),
    ],
)  # fmt: skip
def test_images_are_turned_upright(tmp_path, suffix, orientation, right):
    colours = {"r": (255, 0, 0), "g": (0, 255, 0), "b": (0, 0, 255), "w": (255, 255, 255)}
    stored = np.array([[colours[c] for c in row] for row in ("rg", "bw")], dtype=np.uint8).repeat(16, 0).repeat(16, 1)
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / f"a.{suffix}"
    more = {"lossless": True} if suffix == "webp" else {"quality": 100} if suffix == "jpg" else {}
    Image.fromarray(stored).save(path, exif=exif, **more)
    seen = np.asarray(decode(path))[8::16, 8::16]
    nearest = ["".join(min(colours, key=lambda c: np.abs(np.subtract(colours[c], p)).sum()) for p in r) for r in
               seen.astype(int)]  # fmt: skip
    assert nearest == right
    assert open_image(path).form.endswith(" turned") == (orientation != 1)


def test_deep_images_are_turned_too(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(np.array([[0, 65535]], dtype=np.uint16)).save(tmp_path / "a.png", exif=exif)
    assert grey(tmp_path / "a.png").tolist() == [[0], [255]]


def test_a_photo_whose_exif_is_damaged_is_taken_as_it_is_stored_and_counted(tmp_path):
    Image.new("RGB", (8, 4), "red").save(tmp_path / "a.jpg", exif=b"Exif\0\0garbage")
    found = decode_with_form(tmp_path / "a.jpg")
    assert (found.image.size, found.form) == ((8, 4), "JPEG EXIF damaged")


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_a_file_of_several_frames_is_refused_and_named(tmp_path, suffix):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "green", "blue")]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match=rf"a\.{suffix} cannot be read: it has 3 frames"):
        decode(tmp_path / f"a.{suffix}")


def test_of_a_photo_with_a_preview_the_photo_is_read(tmp_path):
    frames = [Image.new("RGB", (8, 8), "red"), Image.new("RGB", (4, 4), "blue")]
    frames[0].save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=frames[1:])
    found = decode_with_form(tmp_path / "a.jpg")
    assert (found.image.size, found.form) == ((8, 8), "JPEG")
    assert found.image.getpixel((4, 4))[0] > 200


def test_forms_are_those_of_the_content_and_are_counted(tmp_path):
    image = Image.new("RGB", (8, 8), "red")
    image.save(tmp_path / "a.png", format="JPEG")  # the name says otherwise
    image.save(tmp_path / "b.png")
    image.save(tmp_path / "c.webp")
    image.save(tmp_path / "d.webp", lossless=True)
    (tmp_path / "e.png").write_bytes(b"")
    files = {path.stem: path for path in tmp_path.iterdir() if path.suffix != ".sqlite"}
    for _ in range(2):  # decoded, and remembered
        found = survey(files, cache=tmp_path / "files.sqlite")
        assert found.forms == {"JPEG": 1, "PNG": 1, "WEBP": 1, "WEBP lossless": 1}
        assert set(found.unreadable) == {"e"}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        (b"\xc5\xd0\xd3\xc6" + bytes(60), "EPS"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "XML, as SVG is"),
        (b"%PDF-1.7\n", "PDF"),
        (b"  \n<!-- drawn -->\n<svg/>", "SVG"),
        (b"\xef\xbb\xbf<svg/>", "SVG"),
        ("<svg/>".encode("utf-16"), "SVG"),
        (b"<!DOCTYPE svg>\n<svg/>", "SVG"),
        (b"8BPS\0\1" + bytes(60), "a Photoshop file"),
        (b"\0\0\0\x18ftypheic" + bytes(60), "HEIC"),
        (b"\xff\x0a" + bytes(60), "JPEG XL"),
        (b"\xd7\xcd\xc6\x9a" + bytes(60), "WMF"),
        (b"SIMPLE  =                    T" + bytes(2880), "FITS"),
    ],
)
def test_what_other_programs_would_draw_is_refused_by_name(tmp_path, content, kind):
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    for read in (open_image, upright_size):
        with pytest.raises(DataError, match=f"photo.png cannot be read: it is {kind}") as caught:
            read(path)
        assert "convert it to PNG or JPEG" in caught.value.remedy


@pytest.mark.parametrize(
    ("content", "kind", "remedy"),
    [
        (b"<!DOCTYPE html><html><body>404</body></html>", "a page of HTML", "fetch the file again"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n", "a pointer of Git LFS", "git lfs pull"),
        (gzip.compress(b"<svg/>", mtime=0), "packed by gzip", "unpack it"),
        (b"", "empty", "fetch the file again"),
        (b"hello", "no image of a format that is read, or it is damaged", "fetch the file again"),
    ],
)
def test_what_is_no_image_is_named_with_what_to_do(tmp_path, content, kind, remedy):
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"photo.png cannot be read: it is {kind}") as caught:
        open_image(path)
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "TIFF", "BMP", "PPM", "TGA", "JPEG2000", "WEBP"])
def test_a_file_that_takes_too_long_is_named_whatever_its_format(tmp_path, form, monkeypatch):
    Image.new("RGB", (64, 64), "red").save(tmp_path / "slow", format=form)
    assert open_image(tmp_path / "slow").image.size == (64, 64)
    monkeypatch.setattr(image_opener, "MOST_SECONDS", -1.0)
    with pytest.raises(DataError, match="slow cannot be read: it takes more than -1 s to read"):
        open_image(tmp_path / "slow")


@pytest.mark.parametrize("suffix", ["gif", "tif"])
def test_frames_that_are_found_one_by_one_are_not_counted_to_the_end(tmp_path, suffix):
    frames = [Image.new("RGB", (4, 4), (at, 0, 0)) for at in range(0, 240, 8)]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match="it has more than 20 frames"):
        open_image(tmp_path / f"a.{suffix}")


def test_a_cut_file_is_damaged_also_where_a_library_wants_cut_files_filled_up(tmp_path, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    Image.effect_noise((64, 64), 50).save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="truncated"):
        open_image(tmp_path / "a.jpg")


# Pytest takes our filter away.
@pytest.mark.filterwarnings("ignore:Image size:PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("width", "height", "said"), [(13_000, 10_000, "13000 x 10000 pixels, more"), (60_000, 60_000, "more")]
)
def test_a_file_that_claims_billions_of_pixels_is_not_decoded(tmp_path, width, height, said):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )
    for read in (open_image, upright_size):
        with pytest.raises(DataError, match=f"bomb.png cannot be read: it has {said} than 120,000,000") as caught:
            read(path)
        assert caught.value.remedy == "make it smaller"
