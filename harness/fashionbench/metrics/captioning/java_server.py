"""A Java program that stays and answers each line with a line, for one whose start costs more than its work.

METEOR reads its paraphrase table for seconds each time it starts; a run asks it once a captioner. Many captions are
divided over several processes. All are ended with the interpreter, after a question that failed, and where another Java
runtime or program is asked for.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Lock, Thread
from typing import TYPE_CHECKING

from fashionbench.cores import threads_to_use
from fashionbench.errors import MetricError
from fashionbench.metrics.captioning.java import command_of, end_process, environment_of, find_java, last_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: For how many lines another process is worth its start, and how many there are at most: each has a heap of its own.
SHARE, MOST = 4000, 4


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


_running: dict[tuple[int, tuple[str, ...]], list[JavaServer]] = {}
_lock = Lock()


def ask_java(
    arguments: Sequence[str],
    lines: Sequence[str],
    *,
    name: str,
    heap: str,
    seconds: float,
    folder: Path,
    share: int = SHARE,
) -> list[str]:
    """Ask a Java program, which is started where it does not run yet, and return an answer for each line.

    Many lines are divided over several processes, as far as there are cores. An answer depends on its line alone.

    :param arguments: what follows the options of the virtual machine, such as ``-jar x.jar -stdio``.
    :param heap: the largest heap, such as ``1g``.
    :param seconds: how long the answers may take, a start included.
    :param share: for how many lines another process is worth its start.
    :raises MetricError: where there is no Java, or the program fails, is killed or takes too long.
    """
    with _lock:
        command = command_of(find_java(), heap, arguments)
        key = (os.getpid(), tuple(command))  # a forked process must not speak to its parent's program
        servers = _running.get(key)
        if servers is None:
            _close_all()
            servers = _running[key] = []
        try:
            for _ in range(len(servers), threads_to_use(min(MOST, 1 + len(lines) // share))):
                servers.append(JavaServer(command, name, folder))
            return _asked(servers[: 1 + len(lines) // share], lines, seconds)
        except BaseException:
            _running.pop(key, None)
            for server in servers:
                server.close()
            raise


def _asked(servers: Sequence[JavaServer], lines: Sequence[str], seconds: float) -> list[str]:
    """Divide lines into as many runs as there are processes, and put the answers together in their order."""
    ends = [len(lines) * at // len(servers) for at in range(len(servers) + 1)]
    parts = [lines[start:end] for start, end in pairwise(ends)]
    if len(parts) == 1:
        return servers[0].ask(lines, seconds)
    with ThreadPoolExecutor(len(parts)) as pool:
        answers = pool.map(lambda server, part: server.ask(part, seconds), servers, parts)
        return [answer for part in answers for answer in part]


def _close_all() -> None:
    for (owner, _), servers in list(_running.items()):
        for server in servers if owner == os.getpid() else ():
            server.close()
    _running.clear()


atexit.register(_close_all)
