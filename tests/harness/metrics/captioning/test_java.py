from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from fashionbench.errors import MetricError
from fashionbench.metrics.captioning import java
from fashionbench.metrics.captioning.java import find_java, packaged, run_java

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-ins for java are shell scripts")
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="needs a Java runtime on PATH")

ANSWERS = 'if [ "$1" = -version ]; then echo \'openjdk version "17.0.1"\' >&2; exit 0; fi\n'


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Make a program called java, the only one that can be found, out of shell code."""

    def make(code: str) -> Path:
        path = tmp_path / "bin" / "java"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{code}")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}/bin{os.pathsep}/usr/bin")
        monkeypatch.delenv("JAVA_HOME", raising=False)
        return path

    return make


def run(code: str = "", seconds: float = 30.0, arguments: tuple[str, ...] = ()) -> str:
    return run_java(list(arguments), code, name="the program", heap="64m", seconds=seconds)


def gone(pid: int) -> bool:
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        # A killed grandchild is a zombie until init collects it.
        if Path(f"/proc/{pid}/stat").is_file() and ") Z " in Path(f"/proc/{pid}/stat").read_text():
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ('java version "1.8.0_292"', 8),
        ('openjdk version "11-ea" 2018-09-25', 11),
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('Picked up JAVA_TOOL_OPTIONS: -Dx=1\nopenjdk version "21"', 21),
    ],
)
def test_the_version_is_read_in_the_old_and_the_new_numbering(program, said, version):
    path = program(f"cat >&2 <<'END'\n{said}\nEND\n")
    assert find_java() == java.Java(str(path), version)


def test_the_runtime_of_java_home_goes_before_the_path(program, tmp_path, monkeypatch):
    on_path = program(ANSWERS)
    home = tmp_path / "home"
    (home / "bin").mkdir(parents=True)
    shutil.copy(on_path, home / "bin" / "java")
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert find_java().path == str(home / "bin" / "java")
    (home / "bin" / "java").unlink()
    assert find_java().path == str(on_path)


def test_without_java_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(MetricError, match="there is no java on PATH.*install a Java runtime of version 8"):
        find_java()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    with pytest.raises(MetricError, match="nowhere, has no bin/java; there is no java on PATH"):
        run()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("echo 'java version \"1.7.0_80\"' >&2", "is Java 7"),
        ("echo 'Unable to locate a Java Runtime' >&2; exit 1", "Unable to locate"),
        ("echo hello", "does not tell its version"),
    ],
)
def test_a_runtime_that_is_old_or_a_stub_is_refused_with_the_reason(program, code, words):
    path = program(code)
    with pytest.raises(MetricError, match=f"{path} .*{words}"):
        find_java()


def test_a_runtime_that_does_not_answer_is_given_up(program):
    program("sleep 600")
    with pytest.raises(MetricError, match="did not answer within 0 s"):
        find_java(probe_seconds=0.3)


def test_a_file_that_cannot_be_executed_is_refused(program):
    program("").write_bytes(b"\x00\x01not a program")
    with pytest.raises(MetricError, match="does not start"):
        find_java()


def test_a_hanging_program_is_ended_with_what_it_started(program, tmp_path):
    program(ANSWERS + f"echo started >&2; sleep 600 & echo $! $$ > {tmp_path}/pids; wait")
    with pytest.raises(MetricError, match="the program had not finished after 1 s; it last wrote: started"):
        run(seconds=1)
    assert all(gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())


def test_an_interruption_leaves_no_process_behind(program):
    path = program("sleep 600")
    with open(os.devnull, "w+b") as void, pytest.raises(KeyboardInterrupt):  # noqa: PTH123, SIM117
        with java._child([str(path)], void, None) as process:
            raise KeyboardInterrupt
    assert gone(process.pid)


def test_a_program_that_complains_at_length_does_not_stop(program):
    program(ANSWERS + f"{sys.executable} -c 'import sys; sys.stderr.write(\"x\" * 10**6)'; cat")
    text = "a line\n" * 50_000
    assert run(text) == text


def test_a_program_that_fails_is_reported_with_its_last_words(program):
    program(ANSWERS + "echo out of memory >&2; exit 3")
    with pytest.raises(MetricError, match="the program failed; it last wrote: out of memory.*heap of 64m"):
        run("x" * 10**6)


def test_a_program_that_is_killed_is_reported(program):
    program(ANSWERS + "kill -9 $$")
    with pytest.raises(MetricError, match="the program was killed by signal 9"):
        run("x" * 10**6)


def test_options_from_the_environment_do_not_reach_the_program(program, monkeypatch):
    for name in ("_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"):
        monkeypatch.setenv(name, "-Duser.language=de")
    monkeypatch.setenv("KEPT", "kept")
    program(ANSWERS + 'echo "$_JAVA_OPTIONS$JAVA_TOOL_OPTIONS$JDK_JAVA_OPTIONS$KEPT"; echo "$@"')
    options, arguments = run(arguments=("-jar", "x.jar")).splitlines()
    assert options == "kept"
    assert "-Xmx64m" in arguments
    assert "-Duser.language=en" in arguments
    assert arguments.endswith("-jar x.jar")


@pytest.mark.slow
@needs_java
def test_a_real_runtime_is_found_and_runs():
    assert find_java().version >= java.MINIMUM
    with pytest.raises(MetricError, match="the program failed.*NoSuchClass"):
        run(arguments=("NoSuchClass",))


def test_a_file_that_the_package_lacks_is_named():
    pytest.importorskip("pycocoevalcap", reason="needs the optional dependencies fashionbench[metrics]")
    assert packaged("meteor", "meteor-1.5.jar").name == "meteor-1.5.jar"
    with pytest.raises(MetricError, match="installed without meteor/meteor-9.jar"):
        packaged("meteor", "meteor-9.jar")


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.partition(".")[0] == "pycocoevalcap"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(MetricError, match=r"pycocoevalcap is not installed.*fashionbench\[metrics\]"):
        packaged("meteor", "meteor-1.5.jar")
