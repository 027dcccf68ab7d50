"""Tell by its first bytes what a file is that no image reader takes, and what to do about it."""

from __future__ import annotations

#: Bytes at the beginning of a file that are looked at.
LOOKED_AT = 1024
_CONVERT = "convert it to PNG or JPEG"
_UNPACK = "unpack it"
_REFETCH = "fetch the file again"
_BEGINNINGS = {
    b"%!PS": ("PostScript", _CONVERT),
    b"\xc5\xd0\xd3\xc6": ("EPS", _CONVERT),
    b"8BPS": ("a Photoshop file", _CONVERT),
    b"\xff\x0a": ("JPEG XL", _CONVERT),
    b"\0\0\0\x0cJXL ": ("JPEG XL", _CONVERT),
    b"\0\0\1\0": ("an icon", _CONVERT),
    b"\0\0\2\0": ("a cursor", _CONVERT),
    b"\xd7\xcd\xc6\x9a": ("WMF", _CONVERT),
    b"\1\0\0\0\x6c\0\0\0": ("EMF", _CONVERT),
    b"SIMPLE  =": ("FITS", _CONVERT),
    b"icns": ("an icon", _CONVERT),
    b"DDS ": ("DDS", _CONVERT),
    b"v/1\1": ("OpenEXR", _CONVERT),
    b"#?RADIANCE": ("Radiance HDR", _CONVERT),
    b"gimp xcf": ("a GIMP file", _CONVERT),
    b"\x93NUMPY": ("a NumPy array", _CONVERT),
    b"\x1f\x8b": ("packed by gzip", _UNPACK),
    b"PK\3\4": ("a zip archive", _UNPACK),
    b"version https://git-lfs": ("a pointer of Git LFS, and not the file itself", "run 'git lfs pull'"),
}
#: Brands of the containers that phones and cameras write; AVIF is read where Pillow was built for it.
_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF", b"avif": "AVIF"}
_TEXTS = {
    b"%PDF": ("PDF", _CONVERT),
    b"<!doctype html": ("a page of HTML", _REFETCH),
    b"<html": ("a page of HTML", _REFETCH),
    b"<?xml": ("XML, as SVG is", _CONVERT),
    b"<svg": ("SVG", _CONVERT),
    b"<!doctype svg": ("SVG", _CONVERT),
}


def kind_of(start: bytes) -> tuple[str, str]:
    """Return what a file is, as after "it is", and what to do; two empty texts where that is not known.

    :param start: its first bytes, :data:`LOOKED_AT` of them.
    """
    if not start:
        return "empty", _REFETCH
    # A text may begin with white space, and with a mark of its encoding, of UTF-16 too.
    text = start.replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf").lstrip(b"\xff\xfe \t\r\n").lower()
    if start[4:8] == b"ftyp":
        return (_BRANDS[start[8:12]], _CONVERT) if start[8:12] in _BRANDS else ("a film", "take a picture of it")
    for first, kind in _BEGINNINGS.items():
        if start.startswith(first) or text.startswith(first.lower()):
            return kind
    if b"<svg" in text and text.startswith((b"<!--", b"<!doctype svg")):
        return _TEXTS[b"<svg"]
    return next((kind for first, kind in _TEXTS.items() if text.startswith(first.lower())), ("", ""))
