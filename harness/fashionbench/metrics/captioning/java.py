"""Run the Java programs that some caption metrics are made of.

A program gets all of its input at once and is waited for with a time-out; whatever happens, its process is gone
afterwards. Standard error goes to a temporary file, for a pipe that nobody reads stops a talkative program when it is
full. Locale and encodings are fixed: METEOR 1.5 dies of a decimal comma.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING

from fashionbench.errors import MetricError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: The lowest version that is accepted; the programs themselves are older.
MINIMUM = 8

_INSTALL = f"install a Java runtime of version {MINIMUM} or later, and put java on PATH or its folder in JAVA_HOME"
_PACKAGE = 'pip install --force-reinstall "fashionbench[metrics]"'
_FLAGS = (
    "-XX:+UseSerialGC",  # one thread that computes needs no parallel collector, and the heap stays smaller
    "-XX:-UsePerfData",  # no file in the shared temporary folder
    "-Duser.language=en",
    "-Duser.country=US",
    "-Dfile.encoding=UTF-8",
    "-Dstdout.encoding=UTF-8",
    "-Djava.awt.headless=true",
)
# Options from the environment would come after ours, or before, and change locale, encoding or heap.
_FOREIGN = frozenset({"_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"})
_VERSION = re.compile(r'version "(\d+)(?:\.(\d+))?')
_SHOWN = 400


@dataclass(frozen=True, slots=True)
class Java:
    """A Java runtime: the path of its program ``java``, and its feature release, such as 17."""

    path: str
    version: int


def find_java(probe_seconds: float = 30.0, *, home: bool = True) -> Java:
    """Find a Java runtime that starts: that of ``JAVA_HOME`` first, then the first on ``PATH``.

    :param probe_seconds: how long ``java -version`` may take.
    :param home: whether ``JAVA_HOME`` counts; a package that starts ``java`` by itself takes the one on ``PATH``.
    :raises MetricError: where there is none, or none that starts and is recent enough, with the reason for each.
    """
    faults: list[str] = []
    if home and (named := os.environ.get("JAVA_HOME")):
        path = shutil.which("java", path=str(Path(named) / "bin"))
        version, fault = _probe(path, probe_seconds) if path else (0, "has no bin/java")
        if path and not fault:
            return Java(path, version)
        faults.append(f"{path or f'JAVA_HOME, {named},'} {fault}")
    path = shutil.which("java")
    version, fault = _probe(path, probe_seconds) if path else (0, "there is no java on PATH")
    if path and not fault:
        return Java(path, version)
    faults.append(f"{path} {fault}" if path else fault)
    raise MetricError(f"no usable Java runtime: {'; '.join(faults)}", remedy=_INSTALL)


def packaged(*parts: str) -> Path:
    """Find a file inside the package ``pycocoevalcap`` without importing it.

    :raises MetricError: where the package, or the file in it, is missing.
    """
    spec = find_spec("pycocoevalcap")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise MetricError("the package pycocoevalcap is not installed", remedy='pip install "fashionbench[metrics]"')
    for folder in folders:
        if (path := Path(folder, *parts)).is_file():
            return path
    raise MetricError(f"pycocoevalcap is installed without {'/'.join(parts)}", remedy=_PACKAGE)


def run_java(
    arguments: Sequence[str], given: str, *, name: str, heap: str, seconds: float, folder: Path | None = None
) -> str:
    """Run a Java program on one input, and return what it wrote.

    :param arguments: what follows the options of the virtual machine, such as ``-cp x.jar Main``.
    :param given: its whole standard input, handed over as UTF-8.
    :param name: what errors call the program.
    :param heap: the largest heap, such as ``512m``.
    :param seconds: how long it may take.
    :param folder: where it runs; it must not write there.
    :raises MetricError: where there is no Java, or the program fails, is killed or takes too long.
    """
    java = find_java()
    command = command_of(java, heap, arguments)
    with tempfile.TemporaryFile() as complaints:
        with _child(command, complaints, folder) as process:
            try:
                written, _ = process.communicate(given.encode(), timeout=seconds)
            except subprocess.TimeoutExpired as error:
                msg = f"{name} had not finished after {seconds:.0f} s{last_words(complaints)}"
                raise MetricError(
                    msg, remedy="look whether the machine is overloaded or the captions are very long"
                ) from error
        if process.returncode:
            how = f"was killed by signal {-process.returncode}" if process.returncode < 0 else "failed"
            msg = f"{name} {how}{last_words(complaints)}"
            raise MetricError(msg, remedy=f"it ran with a heap of {heap} under {java.path}; is there memory for it?")
    return written.decode()


def command_of(java: Java, heap: str, arguments: Sequence[str]) -> list[str]:
    """Return the command line of a program: the runtime, the options that every program gets, and its own."""
    return [java.path, f"-Xmx{heap}", *_FLAGS, *arguments]


def environment_of() -> dict[str, str]:
    """Return the environment without variables from which Java takes options."""
    return {name: value for name, value in os.environ.items() if name not in _FOREIGN}


@contextmanager
def _child(command: Sequence[str], complaints: IO[bytes], folder: Path | None) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process in a session of its own, and end it together with what it started."""
    try:
        process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            cwd=folder,
            env=environment_of(),
            start_new_session=True,
        )
    except OSError as error:
        raise MetricError(f"{command[0]} does not start: {error}", remedy=_INSTALL) from error
    try:
        with process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    end_process(process)
    except BrokenPipeError:
        # What was still buffered for a program that is dead; its exit status tells the story.
        process.wait()


def end_process(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that has a session of its own, together with what it started."""
    if sys.platform == "win32":
        process.kill()
        return
    try:
        # The program called java may be a script that started the real one.
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()


def _probe(path: str, seconds: float) -> tuple[int, str]:
    with tempfile.TemporaryFile() as complaints:
        try:
            with _child([path, "-version"], complaints, None) as process:
                process.communicate(b"", timeout=seconds)
        except subprocess.TimeoutExpired:
            return 0, f"did not answer within {seconds:.0f} s"
        except MetricError as error:
            return 0, error.message
        complaints.seek(0)
        said = complaints.read().decode(errors="replace")
    found = _VERSION.search(said)
    if process.returncode or found is None:
        return 0, f"does not tell its version ({' '.join(said.split())[:80]})"
    first, second = int(found.group(1)), int(found.group(2) or 0)
    version = second if first == 1 else first  # 1.8.0 is Java 8
    return version, "" if version >= MINIMUM else f"is Java {version}"


def last_words(complaints: IO[bytes]) -> str:
    """Quote the end of what a program wrote to its standard error; nothing where it wrote nothing."""
    complaints.seek(0)
    said = " ".join(complaints.read().decode(errors="replace").split())
    return f"; it last wrote: {said[-_SHOWN:]}" if said else ""
