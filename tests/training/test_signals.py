"""Ctrl-C and SIGTERM are asked for once, and acted on as ever the second time."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from gankit.training.signals import StopSignals


@pytest.fixture
def met():
    """Signals that reach the handlers of the test itself."""
    numbers, before = [], {}
    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, lambda n, _frame: numbers.append(n))
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_is_noted_and_the_second_acts(met, number):
    with StopSignals() as signals:
        assert signals.received is None
        os.kill(os.getpid(), number)
        assert signals.received is number
        assert met == []
        os.kill(os.getpid(), number)
        assert met == [number]
    os.kill(os.getpid(), number)
    assert met == [number, number]


def test_outside_the_main_thread_nothing_is_touched(met):
    found = []

    def look():
        with StopSignals():
            found.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [before]
