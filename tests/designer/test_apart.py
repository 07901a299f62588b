"""Walks in a process of their own: what bounds them, what stops them, what becomes of the child."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from designer.apart import Apart, Bounds, Broken, Exceeded, Stopped
from designer.walker import OUT_OF_MEMORY
from tests.conftest import wait_until
from tests.designer import tables
from tests.instance import BASE
from tests.web import ECHO, LEAKING

ANSWER = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps({"share": 0.5, "searched": 7}), flush=True)
    %s
"""


def child(act: str) -> list[str]:
    """A child that tells its progress once and then does this."""
    return [sys.executable, "-c", ANSWER % act]


@pytest.fixture
def walks() -> Iterator[Any]:
    made: list[Apart] = []

    def walker(act: str = "", clock: Any = None, **bounds: Any) -> Apart:
        given: dict[str, Any] = {"tier": 1, "states": 20_000, "seconds": 30.0, "memory": 1024}
        more = {"command": child(act)} if act else {}
        if clock is not None:
            more["clock"] = clock
        made.append(Apart(Bounds(**{**given, **bounds}), **more))
        return made[-1]

    yield walker
    for each in made:
        each.stop()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_child_walks_over_one_text_after_the_other(walks: Any) -> None:
    walker = walks()
    assert walker.pid is None
    good = walker.examine(ECHO)
    pid = walker.pid
    bad = walker.examine(LEAKING)
    assert walker.pid == pid and good["errors"] == 0 and good["complete"]
    assert [f["code"] for f in bad["findings"] if f["severity"] == "error"] == ["RES501"]
    assert bad["findings"][0]["trace"] and bad["tier"] == 1 and len(bad["contract"]) == 64


@pytest.mark.parametrize("text", [tables.long(), tables.nested()])
def test_a_text_that_is_too_large_or_too_deep_is_answered_with_the_limit(
    walks: Any, text: str
) -> None:
    told = walks().examine(text)
    assert not told["complete"] and told["errors"] == 1
    assert any(word in told["findings"][0]["message"] for word in ("More than", "deep"))


def test_a_walk_stops_at_its_number_of_configurations_and_says_so(walks: Any) -> None:
    told = walks(states=2000).examine(tables.exploding())
    assert not told["complete"] and told["limits"] == [
        "The walk stopped at its limit of 2000 configurations: what it did not see is unknown."
    ]
    assert told["bounds"]["states"] == 2000


def test_a_walk_stops_when_its_time_is_over_and_says_so(walks: Any) -> None:
    told = walks(states=10_000_000, seconds=0.2).examine(tables.exploding())
    assert "limit of the time" in told["limits"][0] and not told["complete"]


def test_a_walk_that_needs_too_much_memory_is_cut_short_by_its_child(walks: Any) -> None:
    walker = walks(states=10_000_000, seconds=300.0, memory=208)
    with pytest.raises(Exceeded, match="208 MiB of memory") as cut:
        walker.examine(tables.exploding())
    assert cut.value.searched > 1000 and walker.pid is None
    walker.bounds = walks().bounds
    assert walker.examine(ECHO)["complete"], "the next walk has a child of its own"


def test_a_child_that_does_not_come_back_is_killed(walks: Any) -> None:
    now = iter(range(0, 10_000, 10))
    walker = walks("while True: pass", clock=lambda: float(next(now)), seconds=2.0)
    with pytest.raises(Exceeded, match="2 s") as cut:
        walker.examine("text")
    assert cut.value.limit == "2 s" and walker.pid is None


def test_a_beat_that_raises_stops_the_walk_at_once(walks: Any) -> None:
    class Cancelled(Exception):
        pass

    walker = walks(states=10_000_000, seconds=300.0)
    pids, told = [], []

    def beat(share: float, searched: int) -> None:
        pids.append(walker.pid)
        told.append((share, searched))
        if searched > 512:
            raise Cancelled

    with pytest.raises(Cancelled):
        walker.examine(tables.exploding(), beat)
    assert not alive(pids[0]) and walker.pid is None
    assert told[-1][0] < 1.0 and sorted(searched for _, searched in told)[-1] == told[-1][1]


def test_a_child_that_dies_breaks_its_walk_and_no_other(walks: Any) -> None:
    walker = walks("import os; os.kill(os.getpid(), 9) if asked['text'] == 'kill' else"
                   " print(json.dumps({'result': {'fine': True}}), flush=True)")  # fmt: skip
    with pytest.raises(Broken, match="-9"):
        walker.examine("kill")
    assert walker.examine("other") == {"fine": True}
    os.kill(walker.pid, signal.SIGKILL)
    wait_until(lambda: walker.pid is None)
    assert walker.examine("a killed child is started anew") == {"fine": True}


def test_what_a_child_says_of_its_own_mistake_is_said(walks: Any) -> None:
    walker = walks("print(json.dumps({'error': 'KeyError: x'}), flush=True)")
    with pytest.raises(Broken, match="KeyError: x"):
        walker.examine("text")
    assert walks(f"sys.exit({OUT_OF_MEMORY})", memory=300) is not None
    with pytest.raises(Exceeded, match="300 MiB"):
        walks(f"sys.exit({OUT_OF_MEMORY})", memory=300).examine("text")


def test_stopping_from_another_thread_ends_walk_and_child(walks: Any) -> None:
    walker = walks("while True: pass")
    begun, said = threading.Event(), []

    def walk() -> None:
        with pytest.raises(Stopped) as stopped:
            walker.examine("text", lambda share, searched: begun.set())
        said.append(str(stopped.value))

    thread = threading.Thread(target=walk)
    thread.start()
    assert begun.wait(20)
    pid = walker.pid
    walker.stop()
    thread.join(20)
    assert said and not alive(pid)


def test_a_child_ends_with_its_parent_whatever_that_died_of() -> None:
    code = (
        "import os, sys; from designer.apart import *\n"
        "from tests.designer import tables\n"
        "walker = Apart(Bounds(1, 10_000_000, 300.0, 1024))\n"
        "def beat(share, searched):\n"
        "    if searched: print(walker.pid, flush=True); os.kill(os.getpid(), 9)\n"
        "walker.examine(tables.exploding(), beat)\n"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=BASE, capture_output=True, text=True, timeout=60)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    pid = int(json.loads(ended.stdout))
    wait_until(lambda: not alive(pid), what="the child went with its parent")
