"""Each check fails on the fault that it looks for, and a sound backend passes all of them."""

from __future__ import annotations

import numpy as np
import pytest

from fashionbench.conformance.checks import CHECKS
from fashionbench.conformance.subject import Subject
from fashionbench.errors import BackendError
from fashionbench.plugins.manager import Plugins

BY_NAME = {check.name: check for check in CHECKS}


class Sound:
    """The mean colour of an image, the letters of a text, and the person as it is."""

    def encode_images(self, items, role):
        return np.stack([np.asarray(item.image, dtype=float).mean(axis=(0, 1)) for item in items])

    def encode_texts(self, items, role):
        return np.stack(
            [np.bincount([ord(c) % 64 for c in item.text] + [0], minlength=64).astype(float) for item in items]
        )

    def caption(self, items, instruction):
        return [f"a garment of {int(np.asarray(item.image).mean())}" for item in items]

    def try_on(self, items):
        return np.stack([np.asarray(item.person) for item in items])

    def transfer_style(self, items):
        return np.stack([np.asarray(item.garment) // (2 if item.text else 3) for item in items])


class Unseeded(Sound):
    def encode_images(self, items, role):
        return super().encode_images(items, role) + np.random.default_rng().normal(size=3)


class BatchNorm(Sound):
    def encode_images(self, items, role):
        rows = super().encode_images(items, role)
        return rows - rows.mean(axis=0) + 1


class Remembers(Sound):
    def __init__(self):
        self.first = None

    def encode_images(self, items, role):
        rows = super().encode_images(items, role)
        self.first = rows[0] if self.first is None else self.first
        return rows + self.first


class ReadsIds(Sound):
    def encode_images(self, items, role):
        return super().encode_images(items, role) + np.array([[len(item.id)] for item in items])


class Constant(Sound):
    def encode_images(self, items, role):
        return np.ones((len(items), 3))


class Crops(Sound):
    def encode_images(self, items, role):
        return np.stack([np.asarray(item.image, dtype=float)[2:, 2:].mean(axis=(0, 1)) for item in items])


class Divides(Sound):
    def encode_texts(self, items, role):
        return np.stack(
            [row / len(item.text) for row, item in zip(super().encode_texts(items, role), items, strict=True)]
        )


class Paints(Sound):
    def encode_images(self, items, role):
        rows = super().encode_images(items, role)
        items[0].image.paste("black", (0, 0, 4, 4))
        return rows


class Half(Sound):
    def try_on(self, items):
        return super().try_on(items)[:, ::2]


class LastWords(Sound):
    def transfer_style(self, items):
        return [np.asarray(item.garment) // (2 if items[-1].text else 3) for item in items]


class StyleSized(Sound):
    def transfer_style(self, items):
        return [np.asarray((item.style or item.garment).resize((9, 9))) for item in items]


class Numbers(Sound):
    def caption(self, items, instruction):
        return [f"number {at}" for at, _ in enumerate(items)]


def subject(backend, tmp_path):
    plugins = Plugins(strict=True)
    return Subject(plugins.add_backend(backend), plugins, tmp_path, {})


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_sound_backend_passes(check, tmp_path):
    sound = subject(Sound, tmp_path)
    for capability in sorted(sound.spec.capabilities):
        if check.applies(sound.spec, capability):
            check.run(sound, capability)


@pytest.mark.parametrize(
    ("backend", "check", "capability", "message"),
    [
        (Unseeded, "same-twice", "encode-image", "differs by .* the second time"),
        (BatchNorm, "any-batch-size", "encode-image", "in batches of 1"),
        (Remembers, "any-order", "encode-image", "in the other order"),
        (ReadsIds, "ids-unread", "encode-image", "under another id"),
        (Constant, "contents-matter", "encode-image", "7 different items have one and the same answer"),
        (Crops, "extreme-images", "encode-image", "garment of one pixel"),
        (Divides, "extreme-texts", "encode-text", "text of empty"),
        (Paints, "same-twice", "encode-image", "garment 0"),
        (Half, "same-twice", "try-on", "try-on 0"),
        (LastWords, "any-batch-size", "style-transfer", "in batches of 1"),
        (StyleSized, "same-twice", "style-transfer", "style transfer 0"),
        (Numbers, "any-order", "caption", "'number 0', and 'number 6' in the other order"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_each_fault_is_found(backend, check, capability, message, tmp_path):
    with pytest.raises(BackendError, match=message):
        BY_NAME[check].run(subject(backend, tmp_path), capability)


def test_a_file_of_tests_is_all_that_an_author_writes(pytester):
    pytester.makepyfile(
        mine="""
        import numpy as np

        class Mean:
            def encode_images(self, items, role):
                return np.stack([np.asarray(item.image, dtype=float).mean(axis=(0, 1)) for item in items])
        """,
        test_mine="""
        import pytest

        @pytest.mark.backend("mine.py:Mean")
        @pytest.mark.backend("control/random", without=("any-order",))
        def test_it_conforms(conformance):
            conformance()
        """,
    )
    # Else slipcover counts no line of this process from here on.
    without = ("-p", "no:cacheprovider", "-p", "no:slipcover")
    result = pytester.runpytest_inprocess("-p", "fashionbench.conformance.plugin", *without, "-v")
    # Six checks of images for the class; two of four capabilities for the control.
    result.assert_outcomes(passed=6 + 2 * 4)
    result.stdout.fnmatch_lines(["*python/mean-encode-image-extreme-images*PASSED*"])
