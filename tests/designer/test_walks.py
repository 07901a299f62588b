"""Walks over drafts: after a pause, the newest text only, one at a time."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from designer.apart import Broken, Exceeded
from designer.walks import PAUSE, Following, Walks
from tests.conftest import eventually

DONE = {"findings": [], "complete": True, "explored": 5, "limits": []}


class FakeWalker:
    """Walks until it is let go, unless nobody waits any more."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.given_up: list[str] = []
        self.go = threading.Event()
        self.stopped = False
        self.raises: Exception | None = None

    def examine(self, text: str, beat: Any = None) -> dict[str, Any]:
        self.texts.append(text)
        while not self.go.wait(0.01):
            try:
                beat(0.5, 1)
            except Exception:
                self.given_up.append(text)
                raise
        if self.raises is not None:
            raise self.raises
        return {**DONE, "explored": len(text)}

    def stop(self) -> None:
        self.stopped = True


class Timers:
    """A clock that rings when it is told to."""

    def __init__(self) -> None:
        self.set: list[Timer] = []

    def later(self, seconds: float, act: Callable[[], None]) -> Any:
        self.set.append(Timer(seconds, act))
        return self.set[-1]

    def ring(self) -> None:
        due, self.set = [t for t in self.set if not t.cancelled], []
        for timer in due:
            timer.act()


class Timer:
    def __init__(self, seconds: float, act: Callable[[], None]) -> None:
        self.seconds, self.act, self.cancelled = seconds, act, False

    def cancel(self) -> None:
        self.cancelled = True


class Stage:
    def __init__(self) -> None:
        self.walker, self.timers = FakeWalker(), Timers()
        self.walks = Walks(self.walker)
        self.told: list[dict[str, Any]] = []
        self.following = self.desk()

    def desk(self) -> Following:
        async def tell(message: dict[str, Any]) -> None:
            self.told.append(message)

        return Following(lambda: self.walks, tell, self.timers.later)

    def states(self) -> list[tuple[int, str]]:
        return [(each["revision"], each["state"]) for each in self.told]


async def test_a_text_is_walked_over_after_a_pause_and_the_answer_names_its_revision() -> None:
    stage = Stage()
    stage.walker.go.set()
    stage.following.changed("one", 1)
    assert [t.seconds for t in stage.timers.set] == [PAUSE] and stage.told == []
    stage.timers.ring()
    await eventually(lambda: stage.states() == [(1, "running"), (1, "done")])
    assert stage.told[-1]["explored"] == 3 and stage.following.last == stage.told[-1]


async def test_who_goes_on_typing_has_the_last_text_walked_over_only() -> None:
    stage = Stage()
    stage.walker.go.set()
    for revision, text in enumerate(["a", "ab", "abc"]):
        stage.following.changed(text, revision)
    stage.timers.ring()
    await eventually(lambda: (2, "done") in stage.states())
    assert stage.walker.texts == ["abc"]


async def test_a_newer_text_stops_the_walk_over_the_older_one() -> None:
    stage = Stage()
    stage.following.changed("old", 1)
    stage.timers.ring()
    await eventually(lambda: stage.walker.texts == ["old"])
    stage.following.changed("new", 2)
    await eventually(lambda: stage.walker.given_up == ["old"])
    stage.walker.go.set()
    stage.timers.ring()
    await eventually(lambda: (2, "done") in stage.states())
    assert (1, "done") not in stage.states()


async def test_two_desks_take_turns() -> None:
    stage = Stage()
    other = stage.desk()
    stage.following.changed("one", 1)
    other.changed("two", 7)
    stage.timers.ring()
    await eventually(lambda: len(stage.walker.texts) == 1)
    stage.walker.go.set()
    await eventually(lambda: {(1, "done"), (7, "done")} <= set(stage.states()))


async def test_the_same_text_again_is_answered_without_a_walk() -> None:
    stage = Stage()
    stage.walker.go.set()
    for revision, text in ((1, "one"), (2, "two"), (3, "one")):
        stage.following.changed(text, revision)
        stage.timers.ring()
        await eventually(lambda revision=revision: (revision, "done") in stage.states())
    assert stage.walker.texts == ["one", "two"]


async def test_a_walk_that_was_cut_short_says_by_what_and_is_tried_again() -> None:
    stage = Stage()
    stage.walker.go.set()
    stage.walker.raises = Exceeded("512 MiB of memory", 900)
    for revision in (1, 2):
        stage.following.changed("one", revision)
        stage.timers.ring()
        await eventually(lambda revision=revision: (revision, "done") in stage.states())
    told = stage.told[-1]
    assert told["limits"] == [
        "The walk stopped at its limit of 512 MiB of memory: nothing is proved."
    ]
    assert not told["complete"] and told["explored"] == 900
    assert stage.walker.texts == ["one", "one"]


async def test_a_walk_that_broke_off_is_told_and_ends_nothing() -> None:
    stage = Stage()
    stage.walker.go.set()
    stage.walker.raises = Broken("The process that walked ended (-9).")
    stage.following.changed("one", 1)
    stage.timers.ring()
    await eventually(lambda: (1, "failed") in stage.states())
    stage.walker.raises = None
    stage.following.changed("two", 2)
    stage.timers.ring()
    await eventually(lambda: (2, "done") in stage.states())


async def test_nobody_looks_and_nothing_is_walked_over() -> None:
    stage = Stage()
    stage.following.changed("one", 1)
    stage.timers.ring()
    await eventually(lambda: stage.walker.texts == ["one"])
    stage.following.leave()
    await eventually(lambda: stage.walker.given_up == ["one"])
    assert stage.following.last is None and stage.states() == [(1, "running")]
    await stage.walks.close()
    assert stage.walker.stopped


@pytest.mark.parametrize("again", [True, False])
async def test_a_tab_more_does_not_begin_the_walk_anew(again: bool) -> None:
    stage = Stage()
    stage.walker.go.set()
    stage.following.changed("one", 1)
    stage.timers.ring()
    await eventually(lambda: (1, "done") in stage.states())
    stage.following.changed("one", 1 if again else 2)
    assert len(stage.timers.set) == (0 if again else 1)
