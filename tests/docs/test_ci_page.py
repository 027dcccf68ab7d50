"""The page on continuous integration: its workflows are parsed out of it, checked, and their shell steps are run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import fashionbench_tasks.wardrobe.dataset as wardrobe

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "ci.md").read_text(encoding="utf-8")
SHARDS = (ROOT / "docs" / "how-to" / "shards.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n# (\S+)(.*?)\n(.*?)^```", PAGE + SHARDS, re.MULTILINE | re.DOTALL)
#: The files that the page shows, by their path.
FILES = {path: text for path, _, text in BLOCKS if path.endswith((".yml", ".yaml"))}
SHELL = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
FIRST = ("board.yaml", "gate.yaml", ".github/workflows/board.yml")
BIN = Path(sys.executable).parent


def steps_of(path, job):
    return yaml.safe_load(FILES[path])["jobs"][job]["steps"]


def environment(folder, **more):
    """What a runner sets, and nothing that would send a command elsewhere."""
    kept = {name: os.environ[name] for name in ("PYTHONPATH", "HOME", "LANG") if name in os.environ}
    who = {f"GIT_{role}_{what}": "a@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {
        **kept, **who, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "CI": "true", "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(folder.parent / f"{folder.name}-summary.md"), "GITHUB_WORKSPACE": str(folder),
        "GITHUB_REF": "refs/heads/main", "OMP_NUM_THREADS": "1", **more,
    }  # fmt: skip


def bash(text, folder, **more):
    """Run a step as GitHub's runner does."""
    script = folder.parent / "step.sh"
    script.write_text(text, encoding="utf-8")
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
    return subprocess.run(
        command, cwd=folder, env=environment(folder, **more), capture_output=True, text=True, check=False
    )


def predictions(wrong):
    """Rankings of the embedded drawings' captions, some garments wrong in every hand."""
    garments = [
        g["id"] for g in json.loads((Path(wardrobe.__file__).parent / "data" / "garments.json").read_text("utf-8"))
    ]

    def ranked(at, own):
        others = [f"caption/{name}" for name in garments if name != own]
        return [*others, f"caption/{own}"] if at < wrong else [f"caption/{own}", *others]

    answers = {f"{artist}/{own}": ranked(at, own) for artist in wardrobe.ARTISTS for at, own in enumerate(garments)}
    return json.dumps(answers)


@pytest.fixture
def repository(tmp_path):
    """A new repository, made as the page says."""
    folder = tmp_path / "repository"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True)
    for path in FIRST:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(FILES[path], encoding="utf-8")
    (folder / "predictions.json").write_text(predictions(2), encoding="utf-8")
    done = bash(SHELL[0], folder)
    assert done.returncode == 0, done.stderr
    return folder


def checkout(repository, name):
    """What a runner has after the first step: the files of the commit alone."""
    folder = repository.parent / name
    subprocess.run(["git", "clone", "-q", str(repository), str(folder)], check=True)
    return folder


def run_steps(steps, folder):
    """Run the shell steps of a job until one fails; return the exit code, the failed step, and what was run.

    What installs FashionBench is left out, because it is installed.
    """
    done = []
    for step in steps:
        if "run" not in step or step["run"].startswith("pip install"):
            continue
        done.append(step["run"])
        result = bash(step["run"], folder)
        if result.returncode:
            return result.returncode, step["run"], done
    return 0, "", done


@pytest.mark.slow
def test_an_empty_repository_gets_a_board_and_a_gate_that_fails_on_a_planted_drop(repository):
    steps = steps_of(".github/workflows/board.yml", "board")
    assert sum("run" in step for step in steps) == 4  # one of which installs
    folder = checkout(repository, "first")
    code, failed, done = run_steps(steps, folder)
    assert (code, failed, len(done)) == (0, "", 3)
    page = next((folder / "site" / "boards").glob("my-board.html")).read_text(encoding="utf-8")
    assert "imported/my-model" in page
    assert "95.74" in page  # 45 of 47 garments
    summary = (folder.parent / "first-summary.md").read_text(encoding="utf-8")
    assert "# My board" in summary and "**gate: pass" in summary

    (repository / "predictions.json").write_text(predictions(15), encoding="utf-8")
    commit = bash("git add . && git commit -qm worse", repository)
    assert commit.returncode == 0, commit.stderr
    folder = checkout(repository, "second")
    code, failed, _ = run_steps(steps, folder)
    assert code == 1
    assert failed.startswith("fashionbench gate")
    assert "68.09" in (folder / "site" / "boards" / "my-board.html").read_text(encoding="utf-8")
    summary = (folder.parent / "second-summary.md").read_text(encoding="utf-8")
    assert "**gate: regression" in summary
    assert (folder / "gate.md").read_text(encoding="utf-8") in summary


@pytest.mark.slow
@pytest.mark.acceptance
def test_the_action_does_the_same_steps(repository):
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    (given,) = yaml.safe_load(next(text for path, _, text in BLOCKS if "uses: OWNER/fashionbench@" in text))
    assert given["with"].keys() <= action["inputs"].keys()
    assert {name for name, told in action["inputs"].items() if told.get("required")} <= given["with"].keys()
    inputs = {name: given["with"].get(name, told.get("default", "")) for name, told in action["inputs"].items()}

    def filled(text):
        return re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: inputs[found[1]], text)

    def wanted(step):
        if "if" not in step:
            return True
        name, sign, value = re.fullmatch(r"inputs\.(\w+) (==|!=) '(.*)'", step["if"]).groups()
        return (inputs[name] == value) is (sign == "==")

    codes = {}
    for wrong in (2, 15):
        (repository / "predictions.json").write_text(predictions(wrong), encoding="utf-8")
        bash("git add . && git commit -qm other", repository)
        folder = checkout(repository, f"action-{wrong}")
        for step in filter(wanted, action["runs"]["steps"]):
            if "run" in step and step["name"] != "Install":
                told = {name: filled(value) for name, value in step["env"].items()}
                done = bash(step["run"], folder, **told)
                codes[wrong, step["name"]] = done.returncode
        assert (folder / "site" / "index.html").is_file()
    assert codes == {
        (2, "Score"): 0, (2, "Publish"): 0, (2, "Gate"): 0, (15, "Score"): 0, (15, "Publish"): 0, (15, "Gate"): 1,
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.acceptance
def test_gitlab_has_the_same_exit_code(repository):
    told = yaml.safe_load(FILES[".gitlab-ci.yml"])
    install, *before = told["default"]["before_script"]
    assert install.startswith("pip install")
    for wrong, code in ((2, 0), (15, 1)):
        (repository / "predictions.json").write_text(predictions(wrong), encoding="utf-8")
        bash("git add . && git commit -qm other", repository)
        folder = checkout(repository, f"pipeline-{wrong}")
        for job, expected in (("pages", 0), ("gate", code)):
            done = bash("\n".join([*before, told[job]["script"]]), folder)
            assert done.returncode == expected, done.stderr
    assert (folder / "public" / "index.html").is_file()
    assert 'failures="3"' in (folder / "gate.xml").read_text(encoding="utf-8")


GH = """#!/bin/bash
# Stands for GitHub: one open pull request, and comments in a file, one a line.
printf '%s\\n' "$*" >> "$CALLS"
case "$*" in
  *"repos/a/b/pulls -f head=fork:patch"*) printf '%s' "$PULLS" ;;
  *"issues/7/comments --jq"*) cat "$COMMENTS" ;;
  *"--method POST repos/a/b/issues/7/comments -F body=@comment.md"*) echo 41 > "$COMMENTS"; cp comment.md posted.md ;;
  *"--method PATCH repos/a/b/issues/comments/41 -F body=@comment.md"*) cp comment.md posted.md ;;
  *) echo "unexpected: $*" >&2; exit 9 ;;
esac
"""


def test_a_pull_request_has_one_comment_which_is_edited_and_mentions_nobody(tmp_path):
    (job,) = yaml.safe_load(FILES[".github/workflows/comment.yml"])["jobs"].values()
    assert set(job["env"]) == {"GH_TOKEN", "REPO", "COMMIT", "BRANCH"}
    (step,) = [step for step in job["steps"] if "run" in step]
    assert "${{" not in step["run"]  # nothing of the event becomes program text
    folder = tmp_path / "work"
    (tmp_path / "bin").mkdir()
    folder.mkdir()
    (tmp_path / "bin" / "gh").write_text(GH, encoding="utf-8")
    (tmp_path / "bin" / "gh").chmod(0o755)
    (tmp_path / "comments").write_text("", encoding="utf-8")
    told = {
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}", "GH_TOKEN": "x", "REPO": "a/b", "COMMIT": "0" * 40,
        "BRANCH": "fork:patch", "PULLS": "7\n", "CALLS": str(tmp_path / "calls"), "COMMENTS": str(tmp_path / "comments"),
    }  # fmt: skip
    for text, method in (("**gate: pass** @maintainer $(touch evil)\n", "POST"), ("x" * 100_000, "PATCH")):
        (folder / "gate.md").write_text(text, encoding="utf-8")
        done = bash(step["run"], folder, **told)
        assert done.returncode == 0, done.stderr
        posted = (folder / "posted.md").read_text(encoding="utf-8")
        assert posted.startswith("<!-- fashionbench -->\n")
        assert "@maintainer" not in posted and len(posted) < 65_536
        assert f"--method {method}" in (tmp_path / "calls").read_text(encoding="utf-8").splitlines()[-1]
    assert not (folder / "evil").exists()
    before = (tmp_path / "calls").read_text(encoding="utf-8")
    assert bash(step["run"], folder, **{**told, "PULLS": ""}).returncode == 0  # the branch has moved on
    assert len((tmp_path / "calls").read_text(encoding="utf-8").splitlines()) == len(before.splitlines()) + 1


def test_it_takes_less_than_thirty_lines():
    lines = [line for path in FIRST for line in FILES[path].splitlines() if line.strip()]
    assert len(lines) < 30
    assert f"in {len(lines)} lines of YAML" in PAGE


def test_every_action_is_pinned_by_commit_and_the_token_may_only_read():
    used = {step["uses"] for path in FILES for step in uses_of(yaml.safe_load(FILES[path]))}
    assert used
    action = (ROOT / "action.yml").read_text(encoding="utf-8")
    workflows = [path.read_text(encoding="utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml")]
    used |= set(re.findall(r"uses: ([^.\s]\S+)", "\n".join([action, *workflows])))
    assert [name for name in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", name)] == []
    board = yaml.safe_load(FILES[".github/workflows/board.yml"])
    assert board["permissions"] == {"contents": "read"}
    assert "permissions" not in board["jobs"]["board"]


def uses_of(told):
    if isinstance(told, dict):
        return [told] * ("uses" in told) + [found for value in told.values() for found in uses_of(value)]
    return [found for value in told for found in uses_of(value)] if isinstance(told, list) else []


@pytest.mark.parametrize("path", [f".github/workflows/{name}.yml" for name in ("board", "comment", "shards")])
def test_actionlint_and_zizmor_find_nothing_in_the_workflows_of_the_page(path, tmp_path):
    for program in ("actionlint", "zizmor"):
        if not (found := shutil.which(program, path=f"{BIN}{os.pathsep}{os.environ['PATH']}")):
            pytest.skip(f"{program} is not installed")
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(FILES[path], encoding="utf-8")
        words = (
            [found, str(file)]
            if program == "actionlint"
            else [found, "--offline", "--min-severity", "medium", str(file)]
        )
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
