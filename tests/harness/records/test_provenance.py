from __future__ import annotations

import os
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench import api
from fashionbench.records import provenance
from fashionbench.redaction import redacted_words

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
    assert redacted_words(words) == clean


@given(SECRET, st.sampled_from(["--token", "--my-secret", "-password", "--aws_api_key"]))
def test_no_secret_survives(secret, flag):
    assert secret not in " ".join(redacted_words(["run", flag, secret, f"{flag}={secret}", f"s3://u:{secret}@h/x"]))


def test_git_state_knows_commit_and_dirt(tmp_path):
    def git(*words):
        return subprocess.run(["git", "-C", tmp_path, *words], check=True, capture_output=True, text=True).stdout

    source = tmp_path / "package" / "f"
    source.parent.mkdir()
    source.write_text("1")
    assert provenance.git_state(source) is None
    git("init", "-q")
    git("config", "user.email", "a@example.org")
    git("config", "user.name", "a")
    git("remote", "add", "origin", "https://me:secret@example.org/x.git")
    git("add", "package/f")
    git("commit", "-qm", "one")
    clean = provenance.git_state(source)
    assert clean.commit == git("rev-parse", "HEAD").strip()
    assert not clean.dirty
    assert clean.origin == "https://***@example.org/x.git"
    installed = tmp_path / "installed.py"  # as in a virtual environment within a project: there, and not tracked
    installed.write_text("")
    assert provenance.git_state(installed) is None
    source.write_text("2")
    provenance._work_tree.cache_clear()
    assert provenance.git_state(source).dirty


def test_git_state_is_that_of_the_code_and_not_of_the_folder_where_the_user_stands(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    provenance.code_state.cache_clear()
    here = provenance.code_state("fashionbench")
    monkeypatch.chdir(tmp_path)
    provenance.code_state.cache_clear()
    assert provenance.code_state("fashionbench.runner.plan:make_plan") == here
    assert (here.distribution, here.package) == ("fashionbench", "fashionbench")
    assert provenance.code_state("numpy").git is None
    assert provenance.code_state("numpy").version == np.__version__


def test_packages_and_git_are_asked_once_a_run(monkeypatch, plugins, store):
    asked = []
    monkeypatch.setattr(provenance, "_versions", lambda: asked.append("packages") or {})
    real = provenance.ask_git
    monkeypatch.setattr(
        provenance, "ask_git", lambda folder, *words: asked.append((folder, words)) or real(folder, *words)
    )
    provenance.code_state.cache_clear()
    api.run({"tasks": ["toy/squares"], "backends": ["toy/colour"], "seeds": [0, 1, 2]}, plugins=plugins, store=store)
    assert asked.count("packages") == 1
    assert len(asked) == len(set(asked))


def test_what_is_collected():
    facts = provenance.ProcessFacts.collect([], {"a": 1}, ["fashionbench", "--token", "x"])
    found = facts.provenance(provenance.now(), [])
    assert found.command == ("fashionbench", "--token", "***")
    assert found.packages["numpy"]
    assert found.cores > 0
    assert found.started <= found.ended


@pytest.mark.parametrize("setting", ["core.fsmonitor", "core.sshCommand", "core.pager", "core.hooksPath"])
def test_no_program_is_run_that_a_work_tree_names(tmp_path, setting):
    """An unpacked archive may bring a configuration of git, which names programs that git runs."""
    marker, program = tmp_path / "was-run", tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {marker}\n")
    program.chmod(0o755)
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "code.py").write_text("")
    git = ["git", "-C", str(repository), "-c", "user.name=x", "-c", "user.email=x"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    value = str(program)
    if setting == "core.hooksPath":
        value = str(tmp_path / "hooks")
        (tmp_path / "hooks").mkdir()
        for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
            shutil.copy(program, tmp_path / "hooks" / hook)
    subprocess.run([*git, "config", setting, value], check=True)
    (repository / "code.py").write_text("1\n")  # so that the index is looked at
    state = provenance.git_state(repository / "code.py")
    assert state is not None
    assert state.dirty
    assert not marker.exists()


@pytest.mark.parametrize("way", ["clean", "process", "included", "submodule", "partial clone"])
def test_no_program_is_run_to_compare_or_to_fetch_a_file(tmp_path, way):
    """Filters turn a file into what is stored of it; an object that is missing is fetched by a command."""
    marker, program = tmp_path / "was-run", tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {marker}\ncat\n")
    program.chmod(0o755)

    def git(folder, *words):
        asked = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x", *words]
        subprocess.run(asked, check=True, capture_output=True)

    def commit(folder):
        folder.mkdir(parents=True)
        (folder / "code.py").write_text("")
        git(folder, "init", "-q")
        git(folder, "add", ".")
        git(folder, "commit", "-qm", "first")

    repository = tmp_path / "repository"
    commit(repository)
    at = repository
    if way == "submodule":
        at = repository / "sub"
        commit(at)
        git(repository, "add", "sub")
        git(repository, "commit", "-qm", "second")
    name = "a=b" if way == "clean" else "x"
    if way == "included":
        (repository / "more").write_text(f'[filter "x"]\nclean = {program}\n')
        git(repository, "config", "include.path", "../more")
    elif way == "partial clone":
        settings = {
            "extensions.partialClone": "origin",
            "remote.origin.promisor": "true",
            "protocol.ext.allow": "always",
        }
        for key, value in (settings | {"remote.origin.url": f"ext::{program}"}).items():
            git(repository, "config", key, value)
        for folder in (repository / ".git" / "objects").glob("??"):
            shutil.rmtree(folder)
    else:
        git(at, "config", f"filter.{name}.{'process' if way == 'process' else 'clean'}", str(program))
    (at / ".git" / "info" / "attributes").write_text(f"*.py filter={name}\n")
    os.utime(at / "code.py", (10**9, 10**9))  # touched, so that its content is looked at
    provenance.git_state(repository / "code.py")
    assert not marker.exists()
