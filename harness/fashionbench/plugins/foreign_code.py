"""Run a plugin's code within bounds: a time limit, and global state that is put back and named."""

from __future__ import annotations

import contextlib
import locale
import os
import random
import signal
import sys
import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fashionbench.plugins.origin import BLOCK_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Seconds that a plugin's import, and each of its providing hooks, may take.
LIMIT_VARIABLE = "FASHIONBENCH_PLUGIN_SECONDS"
_LIMIT = 60.0


class PluginTimeout(BaseException):  # no error that a plugin's own "except Exception" may catch
    """A plugin took longer than it may."""


@contextlib.contextmanager
def time_limit(name: str) -> Iterator[None]:
    """End code of a plugin that hangs; outside the main thread, and where the system has no such clock, do nothing.

    :raises PluginTimeout: naming the plugin, and again each second where the plugin swallows it.
    """
    seconds = _seconds()
    able = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not able or not seconds or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def end(_number: int, _frame: object) -> None:
        raise PluginTimeout(
            f"plugin {name} took more than {seconds:g} s: mend it, leave it out with {BLOCK_VARIABLE}={name}, "
            f"or allow more with {LIMIT_VARIABLE}"
        )

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _seconds() -> float:
    try:
        given = float(os.environ.get(LIMIT_VARIABLE, _LIMIT))
    except ValueError:
        return _LIMIT
    return given if 0 <= given < float("inf") else _LIMIT


@dataclass(frozen=True, slots=True)
class _State:
    folder: str
    locale: str
    filters: tuple[Any, ...]
    random: Any
    numpy: Any
    dtype: Any
    torch: Any
    process: dict[str, Any]


@contextlib.contextmanager
def state_kept(note: Callable[[str], object], *, seeds: bool = True) -> Iterator[None]:
    """Put back what foreign code changed for everybody: folder, locale, warnings, random numbers, streams, signals.

    :param note: called once with the names of what was changed, where anything was.
    :param seeds: whether random numbers that were drawn, or seeded, are named too; they are put back in any case.
    """
    before = _look()
    try:
        yield
    finally:
        changed = _restore(before)
        named = [what for what in changed if seeds or what != _SEED]
        if named:
            note(", ".join(named))


_SEED = "random numbers"


def _look() -> _State:
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    return _State(
        folder=_folder(),
        locale=locale.setlocale(locale.LC_ALL),
        filters=tuple(warnings.filters),
        random=random.getstate(),
        numpy=_numpy_state(numpy),
        dtype=getattr(torch, "get_default_dtype", lambda: None)(),
        torch=torch.get_rng_state() if torch is not None and hasattr(torch, "get_rng_state") else None,
        process={name: look() for name, (look, _) in _process().items()},
    )


def _process() -> dict[str, tuple[Callable[[], Any], Callable[[Any], object]]]:
    """Return how the state of the process is looked at and put back, by what it is called."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    known: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
        "the umask": (_umask, os.umask),
        "the depth of recursion": (sys.getrecursionlimit, sys.setrecursionlimit),
        "standard error": (lambda: sys.stderr, lambda stream: setattr(sys, "stderr", stream)),
        "the standard output": (lambda: sys.stdout, lambda stream: setattr(sys, "stdout", stream)),
    }
    if threading.current_thread() is threading.main_thread():
        known |= {f"what {one.name} does": _of_signal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    if numpy is not None and hasattr(numpy, "geterr"):
        known["what numpy does with errors"] = (numpy.geterr, lambda kept: numpy.seterr(**kept))
    if torch is not None and hasattr(torch, "is_grad_enabled"):
        known["torch's gradients"] = (torch.is_grad_enabled, torch.set_grad_enabled)
    return known


def _of_signal(number: signal.Signals) -> tuple[Callable[[], Any], Callable[[Any], object]]:
    # None stands for a handler of C, which Python cannot put back.
    return lambda: signal.getsignal(number), lambda kept: kept is not None and signal.signal(number, kept)


def _umask() -> int:
    """Read the umask, which only setting it returns; meanwhile, another thread's files are its user's alone."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _restore(before: _State) -> list[str]:
    changed: list[str] = []
    if before.folder and _folder() != before.folder:
        changed.append("the working folder")
        with contextlib.suppress(OSError):
            os.chdir(before.folder)
    if locale.setlocale(locale.LC_ALL) != before.locale:
        changed.append("the locale")
        locale.setlocale(locale.LC_ALL, before.locale)
    for name, (look, put) in _process().items():
        if name in before.process and look() != before.process[name]:
            changed.append(name)
            put(before.process[name])
    if _silences(before.filters):
        changed.append("the filters of warnings")
        warnings.filters[:] = before.filters  # type: ignore[index]  # typeshed says Sequence; it is a list
        getattr(warnings, "_filters_mutated", lambda: None)()
    return changed + _restore_numbers(before)


def _restore_numbers(before: _State) -> list[str]:
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    drawn = random.getstate() != before.random
    random.setstate(before.random)
    if before.numpy is not None and numpy is not None:
        now = _numpy_state(numpy)
        drawn = drawn or now[2:] != before.numpy[2:] or not (now[1] == before.numpy[1]).all()
        numpy.random.set_state(before.numpy)
    changed: list[str] = []
    if torch is not None and hasattr(torch, "get_default_dtype"):
        usual = before.dtype or torch.float32
        if torch.get_default_dtype() != usual:
            changed.append("torch's default type")
            torch.set_default_dtype(usual)
        if before.torch is not None:
            drawn = drawn or not torch.equal(torch.get_rng_state(), before.torch)
            torch.set_rng_state(before.torch)
    return [*changed, *([_SEED] if drawn else [])]


def _silences(before: tuple[Any, ...]) -> bool:
    """Tell whether filters that stood were taken away, or one for all warnings was added; others are usual."""
    now = list(warnings.filters)
    added = [one for one in now if one not in before]
    for_all = any(action in {"ignore", "error"} and kind is Warning and not (text or module or line)
                  for action, text, kind, module, line in added)  # fmt: skip
    return for_all or any(one not in now for one in before)


def _numpy_state(numpy: Any) -> Any:
    has_state = numpy is not None and hasattr(getattr(numpy, "random", None), "get_state")
    return numpy.random.get_state() if has_state else None


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109  # as a text
    except OSError:
        return ""
