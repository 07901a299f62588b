"""Feeds: bounded, and never without the end of a call."""

import pytest

from runtime.node.api import feed as feeds
from runtime.node.api.feed import ENDED, STATE_CHANGED, CallEvent, Feed, Overrun


def event(name, session="a"):
    return CallEvent(session, name, "Active", 1, 0.0, "X")


async def test_events_come_in_their_order_and_end_with_the_feed():
    feed = Feed()
    for name in ("CallRinging", STATE_CHANGED, ENDED):
        feed.put(event(name))
    feed.close()
    assert [each.name async for each in feed] == ["CallRinging", STATE_CHANGED, ENDED]


async def test_a_slow_reader_loses_the_oldest_events_which_are_counted():
    feed = Feed(limit=3)
    for number in range(10):
        feed.put(event(f"Fact{number}"))
    feed.close()
    assert [each.name async for each in feed] == ["Fact7", "Fact8", "Fact9"]
    assert feed.dropped == 7


async def test_the_ends_of_calls_are_never_lost():
    feed = Feed(limit=2)
    for number in range(50):
        feed.put(event("CallRinging", f"call{number}"))
        feed.put(event(ENDED, f"call{number}"))
    feed.close()
    read = [each async for each in feed]
    assert [each.session for each in read if each.final] == [f"call{n}" for n in range(50)]
    assert len(read) == 52 and feed.dropped == 48


async def test_a_reader_that_leaves_too_many_ends_is_told_so(monkeypatch):
    monkeypatch.setattr(feeds, "MOST_ENDS", 3)
    feed = Feed()
    for number in range(9):
        feed.put(event(ENDED, f"call{number}"))
    read = []
    with pytest.raises(Overrun):
        async for each in feed:
            read.append(each.session)
    assert read == ["call0", "call1", "call2", "call3"]


def test_a_feed_has_room_for_one_event_at_least():
    with pytest.raises(ValueError, match="at least one"):
        Feed(limit=0)
