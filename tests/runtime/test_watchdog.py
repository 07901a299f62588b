"""A loop that hangs is written down with its stack, once."""

from __future__ import annotations

import logging
import threading

import pytest

from runtime.watchdog import Watchdog, watching


def test_a_loop_that_hangs_is_written_down_once_with_where_it_hangs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    delays = iter((0.0, 4.9, 5.1, 30.0, 0.1, 6.0))
    watchdog = Watchdog(lambda: next(delays), threading.get_ident())
    with caplog.at_level(logging.ERROR):
        for _ in range(4):
            watchdog.look()
        assert watchdog.hangs == 1 and len(caplog.records) == 1
        said = caplog.records[0].getMessage()
        assert "has not turned for 5.1 s" in said and "test_a_loop_that_hangs" in said
        for _ in range(2):
            watchdog.look()
    assert watchdog.hangs == 2


def test_the_thread_that_watches_ends_with_its_work() -> None:
    before = threading.active_count()
    with watching(lambda: 0.0):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
