from __future__ import annotations

import signal

import pytest

from fashionbench.errors import FashionBenchError, as_error
from fashionbench.interrupts import check, watched


@pytest.mark.usefixtures("heeded_interrupts")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_work_also_where_it_was_swallowed(number):
    if number == signal.SIGHUP:  # whoever runs the tests may have left the terminal
        signal.signal(number, signal.SIG_DFL)
    with watched():
        with pytest.raises(KeyboardInterrupt) as raised:
            signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            as_error(raised.value)
        with pytest.raises(KeyboardInterrupt):
            check()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert number == signal.SIGINT or signal.getsignal(number) is signal.SIG_DFL


@pytest.mark.usefixtures("heeded_interrupts")
def test_a_hangup_that_is_ignored_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with watched():
        signal.raise_signal(signal.SIGHUP)
        check()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.parametrize("way", [signal.default_int_handler, signal.SIG_IGN])
@pytest.mark.parametrize(
    "raised", [KeyboardInterrupt(), GeneratorExit("over"), SystemExit(4), type("Odd", (BaseException,), {})()]
)
@pytest.mark.usefixtures("heeded_interrupts")
def test_without_a_signal_it_is_an_error_of_whoever_raised_it(raised, way):
    signal.signal(signal.SIGINT, way)
    with watched():
        error = as_error(raised)
        check()
    assert isinstance(error, FashionBenchError)
    assert type(raised).__name__ in error.message or "sys.exit(4)" in error.message


def test_where_nobody_watches_a_keyboard_interrupt_is_believed():
    with pytest.raises(KeyboardInterrupt):
        as_error(KeyboardInterrupt())
