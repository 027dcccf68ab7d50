"""A Java program that stays and answers each line with a line, for one whose start costs more than its work.

METEOR reads its paraphrase table for seconds each time it starts; a run asks it once a captioner. The process is ended
with the interpreter, after a question that failed, and where another Java runtime or program is asked for.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile
from threading import Lock, Thread
from typing import TYPE_CHECKING

from fashionbench.errors import MetricError
from fashionbench.metrics.captioning.java import command_of, end_process, environment_of, find_java, last_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class JavaServer:
    """One running program.

    :param command: the whole command line.
    :param folder: where it runs; it must not write there.
    :raises MetricError: where it does not start.
    """

    def __init__(self, command: Sequence[str], name: str, folder: Path) -> None:
        self.name = name
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process
        try:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                cwd=folder,
                env=environment_of(),
                start_new_session=True,
            )
        except OSError as error:
            self._complaints.close()
            raise MetricError(f"{command[0]} does not start: {error}", remedy="check the Java runtime") from error

    def ask(self, lines: Sequence[str], seconds: float) -> list[str]:
        """Write lines, and read one answer for each.

        :raises MetricError: where the program ends, or has not answered in time; it is then gone.
        """
        answers: list[str] = []
        reader = Thread(target=self._read, args=(len(lines), answers), daemon=True)
        writer = Thread(target=self._write, args=(lines,), daemon=True)
        reader.start()
        writer.start()
        reader.join(seconds)
        if len(answers) == len(lines):
            writer.join()
            return answers
        late = reader.is_alive()
        self._end()
        said = last_words(self._complaints)
        if late:
            msg = f"{self.name} had not finished after {seconds:.0f} s{said}"
            raise MetricError(msg, remedy="look whether the machine is overloaded or the captions are very long")
        raise MetricError(f"{self.name} gave {len(answers)} lines for {len(lines)} captions, and ended{said}")

    def close(self) -> None:
        """End the process, together with what it started."""
        self._end()
        self._complaints.close()

    def _end(self) -> None:
        if self._process.poll() is None:
            end_process(self._process)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue  # what was still buffered for a program that is dead

    def _read(self, count: int, answers: list[str]) -> None:
        stream = self._process.stdout
        while stream is not None and len(answers) < count:
            line = stream.readline()
            if not line:
                return
            answers.append(line.decode().rstrip("\r\n"))

    def _write(self, lines: Sequence[str]) -> None:
        stream = self._process.stdin
        try:
            if stream is not None:
                stream.write(("\n".join(lines) + "\n").encode())
                stream.flush()
        except OSError:
            return  # its end is noticed by who reads


_running: dict[tuple[int, tuple[str, ...]], JavaServer] = {}
_lock = Lock()


def ask_java(
    arguments: Sequence[str], lines: Sequence[str], *, name: str, heap: str, seconds: float, folder: Path
) -> list[str]:
    """Ask a Java program, which is started where it does not run yet, and return an answer for each line.

    :param arguments: what follows the options of the virtual machine, such as ``-jar x.jar -stdio``.
    :param heap: the largest heap, such as ``1g``.
    :param seconds: how long the answers may take, a start included.
    :raises MetricError: where there is no Java, or the program fails, is killed or takes too long.
    """
    with _lock:
        command = command_of(find_java(), heap, arguments)
        key = (os.getpid(), tuple(command))  # a forked process must not speak to its parent's program
        server = _running.get(key)
        if server is None:
            _close_all()
            server = _running[key] = JavaServer(command, name, folder)
        try:
            return server.ask(lines, seconds)
        except BaseException:
            _running.pop(key, None)
            server.close()
            raise


def _close_all() -> None:
    for (owner, _), server in list(_running.items()):
        if owner == os.getpid():
            server.close()
    _running.clear()


atexit.register(_close_all)
