"""What nodes tell and ask each other, over the in-memory layer in place of Redis."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer

from designer.errors import Refused
from runtime.fleet import FORGET_SECONDS, Fleet, NodeUnreachable, node_of
from runtime.relay import LEASE_SECONDS, Relays
from tests.conftest import eventually
from tests.runtime.web.stage import FakeNode


class Counts:
    """A hub that counts nothing and notes what it hears."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.heard: dict[str, Any] = {}

    def told(self) -> dict[str, Any]:
        return {"node": self.name, "flows": {"echo_test": 3}}

    def hear(self, told: dict[str, Any]) -> None:
        self.heard[told["node"]] = told["flows"]

    def forget(self, node: str) -> None:
        del self.heard[node]


class Side:
    """One process of the fleet."""

    def __init__(self, name: str, layer: Any, *, pages: bool = True, alone: bool = False) -> None:
        node = FakeNode()
        node.name = name
        self.now = 0.0
        self.counts = Counts(name)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.fleet = Fleet(
            node, layer, self.answer, self.counts, later=lambda _, act: act(),
            clock=lambda: self.now, pages=pages, alone=alone,
        )  # fmt: skip

    async def answer(self, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append((verb, dict(arguments)))
        if verb == "refuse":
            raise Refused("It is not to be.")
        if verb == "break":
            raise RuntimeError("ours")
        return {"by": self.fleet.name}


@pytest.fixture
async def sides() -> Any:
    layer = InMemoryChannelLayer()
    found = Side("node1", layer), Side("edge-2", layer, pages=False)
    tasks = [asyncio.create_task(side.fleet.run()) for side in found]
    await eventually(lambda: found[0].counts.heard, what="they hear of each other")
    yield found
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(
    ("session", "node"),
    [("edge-2-17-4", "edge-2"), ("node1-1-1", "node1"), ("call-1", ""), ("x-y-z", ""), ("", "")],
)
def test_the_id_of_a_session_names_its_node(session: str, node: str) -> None:
    assert node_of(session) == node


async def test_another_node_does_what_is_asked_and_its_answer_comes_back(sides: Any) -> None:
    here, there = sides
    assert await here.fleet.ask("edge-2", "send", {"session": "s"}) == {"by": "edge-2"}
    assert there.asked == [("send", {"session": "s"})]
    assert await here.fleet.ask("node1", "send", {}) == {"by": "node1"}


async def test_what_another_node_refuses_is_refused_here_in_its_words(sides: Any) -> None:
    with pytest.raises(Refused, match="It is not to be."):
        await sides[0].fleet.ask("edge-2", "refuse", {})


async def test_a_fault_of_another_node_is_told_without_its_insides(sides: Any) -> None:
    with pytest.raises(Refused, match="edge-2 failed at it: RuntimeError"):
        await sides[0].fleet.ask("edge-2", "break", {})


async def test_a_node_that_does_not_answer_ends_in_a_sentence(sides: Any) -> None:
    with pytest.raises(NodeUnreachable, match="edge-9 did not answer within 0.01 s"):
        await sides[0].fleet.ask("edge-9", "send", {}, timeout=0.01)


async def test_without_redis_no_other_node_is_asked() -> None:
    alone = Side("node1", InMemoryChannelLayer(), alone=True)
    with pytest.raises(NodeUnreachable, match="none is reached without Redis"):
        await alone.fleet.ask("edge-2", "send", {})


async def test_only_who_serves_pages_hears_counts_and_forgets_them_after_a_silence(
    sides: Any,
) -> None:
    here, there = sides
    assert here.counts.heard == {"edge-2": {"echo_test": 3}}
    assert there.counts.heard == {}
    here.now += FORGET_SECONDS + 1
    here.fleet.forget_late()
    assert here.counts.heard == {}


class Hub:
    """A hub with one session to be watched."""

    def __init__(self) -> None:
        self.put: Any = None
        self.relayed_frames: list[tuple[str, Any]] = []
        self.left = 0

    def watch_call(self, session: str, put: Any, snapshot: Any) -> Any:
        self.put = put
        return type("Watcher", (), {"sequence": 1, "acknowledge": lambda self, n: None})()

    def leave(self, watcher: Any) -> None:
        self.left += 1

    def relayed(self, session: str, frame: Any) -> None:
        self.relayed_frames.append((session, frame))


async def test_what_happens_in_a_call_is_told_in_one_message_to_whoever_asked_lately() -> None:
    later: list[Any] = []
    layer, hub, now = InMemoryChannelLayer(), Hub(), [0.0]
    relays = Relays(
        hub, layer, later=lambda _, act: later.append(act), clock=lambda: now[0]  # type: ignore[arg-type]
    )  # fmt: skip
    channel = await layer.new_channel()
    relays.follow("edge-2-1-1", channel)
    hub.put('{"type":"step","step":{"sequence":1},"seq":1}')
    hub.put('{"type":"batch","frames":[{"type":"step","step":{}},{"type":"ended"}],"seq":2}')
    for act in later[:]:
        act()
    message = await layer.receive(channel)
    assert message["session"] == "edge-2-1-1" and len(message["frames"]) == 2
    relays.heard(message["session"], message["frames"])
    assert [frame["type"] for _, frame in hub.relayed_frames] == ["step", "step", "ended"]
    assert "seq" not in hub.relayed_frames[0][1]
    later.clear()
    now[0] += LEASE_SECONDS + 1
    hub.put('{"type":"step","step":{"sequence":2},"seq":3}')
    for act in later:
        act()
    assert hub.left == 1, "nobody has asked again"
