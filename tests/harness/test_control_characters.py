from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench.control_characters import escaped_in_json, one_line, printable

HOSTILE = st.text(
    st.sampled_from("ab é\x00\x07\x08\t\n\r\x1b[]0;mPX^\\\x7f\x85\x90\x9b\x9c\x9d\u061c\u200e\u202e\u2028\u2066\ud800")
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b", "alinkb"),
        ("a\x1bP1;2q\x1b\\b", "ab"),
        ("a\x9b2Jb", "ab"),
        ("a\x1b", "a"),
        ("rab \u202enimda\u202c b", "rab nimda b"),
        ("10 %\r90 %", "10 %\n90 %"),
        ("bell\x07", "bell\ufffd"),
        ("half \ud83d", "half \ufffd"),
        ("plain ä – 裙\n\tend", "plain ä – 裙\n\tend"),
    ],
)
def test_what_a_terminal_would_obey_is_gone(text, left):
    assert printable(text) == left


@given(HOSTILE)
def test_no_control_character_survives(text):
    clean = printable(text)
    assert not any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in clean if sign not in "\n\t")
    assert not set(clean) & set("\u061c\u200e\u202e\u2066")
    assert printable(clean) == clean
    assert len(one_line(text).splitlines()) <= 1 and "\t" not in one_line(text)


@given(HOSTILE)
def test_json_keeps_its_meaning(text):
    written = escaped_in_json(json.dumps(text, ensure_ascii=False))
    assert json.loads(written) == text
    assert printable(written) == written
