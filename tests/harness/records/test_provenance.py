from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench.records import provenance

SECRET = st.text("abcdefgh0123456789", min_size=8, max_size=20)


@pytest.mark.parametrize(
    ("words", "clean"),
    [
        (["run", "--token", "abc", "quickstart"], ("run", "--token", "***", "quickstart")),
        (["--hf-token=abc"], ("--hf-token=***",)),
        (["--api_key", "abc", "--seed", "1"], ("--api_key", "***", "--seed", "1")),
        (["https://user:pw@host/x"], ("https://***@host/x",)),
        (["hf_abcdefghijk"], ("***",)),
        (["--token", "--seed", "1"], ("--token", "--seed", "1")),
        (["--tokeniser", "ptb"], ("--tokeniser", "***")),
        (["run", "quickstart", "--limit", "5"], ("run", "quickstart", "--limit", "5")),
    ],
)
def test_secrets_are_blotted_out(words, clean):
    assert provenance.redact(words) == clean


@given(SECRET, st.sampled_from(["--token", "--my-secret", "-password", "--aws_api_key"]))
def test_no_secret_survives(secret, flag):
    assert secret not in " ".join(provenance.redact(["run", flag, secret, f"{flag}={secret}", f"s3://u:{secret}@h/x"]))


def test_git_state_knows_commit_and_dirt(tmp_path):
    def git(*words):
        return subprocess.run(["git", "-C", tmp_path, *words], check=True, capture_output=True, text=True).stdout

    assert provenance.git_state(tmp_path) is None
    git("init", "-q")
    git("config", "user.email", "a@example.org")
    git("config", "user.name", "a")
    git("remote", "add", "origin", "https://me:secret@example.org/x.git")
    (tmp_path / "f").write_text("1")
    git("add", "f")
    git("commit", "-qm", "one")
    clean = provenance.git_state(tmp_path)
    assert clean.commit == git("rev-parse", "HEAD").strip()
    assert not clean.dirty
    assert clean.origin == "https://***@example.org/x.git"
    (tmp_path / "f").write_text("2")
    assert provenance.git_state(tmp_path).dirty


def test_what_is_collected():
    found = provenance.collect(provenance.now(), [], {"a": 1}, ["fashionbench", "--token", "x"])
    assert found.command == ("fashionbench", "--token", "***")
    assert found.packages["numpy"]
    assert found.cores > 0
    assert found.started <= found.ended
