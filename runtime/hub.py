"""From the node to browsers: who watches what, and one frame for many events.

The hub is called for every step of every session: it counts it (`runtime.tally`) and notes it for
whoever watches. Frames are made on a timer: a followed call each 30 ms, a flow or the fleet at most
four times a second. What a frame costs depends on what changed, never on how many sessions live.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

from runtime import audit
from runtime.executor.step import Step
from runtime.feeds import (
    CALL_INTERVAL,
    FLOW_INTERVAL,
    LIST_INTERVAL,
    AllFeed,
    CallFeed,
    FleetFeed,
    FlowFeed,
    FollowFeed,
    own_lines,
    unusual_lines,
)
from runtime.lists import Wanted
from runtime.node.journal import DoneRecord
from runtime.node.session import Session
from runtime.sums import Sums
from runtime.tally import Tally
from runtime.unusual import Bounds, Finder
from runtime.watchers import ACK_WINDOW, Feed, Frame, Later, Packet, Watcher

STUCK = (
    "id",
    "flow",
    "digest",
    "role",
    "caller",
    "callee",
    "state",
    "since",
    "node",
    "why",
    "bound",
)
TOLD_LINES = 20
"""Unusual sessions of a flow that one node names to others."""
LOOK_SECONDS = 2.0
"""How often unusual sessions are looked for."""

__all__ = [
    "ACK_WINDOW",
    "CALL_INTERVAL",
    "FLOW_INTERVAL",
    "LIST_INTERVAL",
    "Hub",
    "Watcher",
]


class Node(Protocol):
    """What the hub reads of the node."""

    name: str

    def each_session(self) -> Iterable[Session]:
        """Return the sessions that live now."""


class Hub:
    """The counts of this process, and the registry of its watchers."""

    def __init__(self, node: Node, *, later: Later, now: Callable[[], float]) -> None:
        self.node = node
        self.tally = Tally(now())
        self.sums = Sums(node.name, self.tally)
        self.finder = Finder(self.tally)
        self._later = later
        self._now = now
        self._calls: dict[str, CallFeed] = {}
        self._flows: dict[str, FlowFeed] = {}
        self._followed: dict[str, FollowFeed] = {}
        self._fleet: dict[frozenset[str], FleetFeed] = {}
        """By the flows that are hidden from those who watch; so is the next."""
        self._all: dict[frozenset[str], AllFeed] = {}
        self.tally.mend(node.each_session())

    def now(self) -> float:
        """Return the time as this hub counts it, in seconds since the epoch."""
        return self._now()

    # What the node calls.

    def stepped(self, session: Session, step: Step, done: DoneRecord | None) -> None:
        """A step and its actions are done; the last one of a session says so itself."""
        self.tally.stepped(session, step)
        if self._calls:
            call = self._calls.get(session.id)
            if call is not None:
                call.say(self.step_frame(session, step, done))
                if step.ended:
                    call.say({"type": "ended", "outcome": step.outcome or "completed"})
        if self._flows:
            flow = self._flows.get(session.flow)
            if flow is not None:
                flow.stepped(session, step)
        if self._followed:
            followed = self._followed.get(session.id)
            if followed is not None:
                followed.changed()
        if self._fleet and (step.ended or step.sequence == 1):
            _changed(self._fleet)
        if self._all:
            _changed(self._all)

    def relayed(self, session: str, frame: Frame) -> None:
        """Something happened in a session of another node (`runtime.relay`)."""
        call = self._calls.get(session)
        if call is not None:
            call.say(frame)

    def step_frame(self, session: Session, step: Step, done: DoneRecord | None) -> Frame:
        """Return what the watchers of a call are told about a step."""
        line = audit.live_step_line(step, done, session.machine.program.table)
        possible = [] if step.ended else audit.live_possible(session.id)
        return {"type": "step", "step": line, "possible": possible}

    # What the process around it calls.

    async def look(self) -> None:
        """Look for unusual sessions, and make good what no step told; each LOOK_SECONDS."""
        self.tally.mend(self.node.each_session())
        before, self.sums.unusual = self.sums.unusual, self.finder.look(self._now())
        for name, flow in self._flows.items():
            # What was warm cools, and what failed an hour ago is over: also where nothing happens.
            if before.get(name) != self.sums.unusual.get(name) or self.tally.of(name).dirty:
                flow.changed()
        _changed(self._all)

    def learn(self, bounds: Bounds) -> None:
        """Take over how long sessions usually stand in each state."""
        self.finder.bounds = bounds

    def told(self) -> Frame:
        """Return the counts of this node as plain data, for the hubs of other nodes."""
        flows = self.tally.told(self._now())
        for name, found in self.sums.unusual.items():
            lines = own_lines(self.sums, found.listed[:TOLD_LINES])
            flows[name].update(unusual=found.total, lines=lines)
        return {"node": self.node.name, "flows": flows}

    def hear(self, told: Frame) -> None:
        """Take over the counts that another node told; its own are left alone."""
        if told["node"] == self.node.name:
            return
        changed = self.sums.hear(told["node"], told["flows"])
        for name in changed & self._flows.keys():
            self._flows[name].fired_elsewhere(self.sums.gained(told["node"], name))
        self._changed_elsewhere(changed)

    def forget(self, node: str) -> None:
        """Count the calls of a node no more that is gone."""
        self._changed_elsewhere(self.sums.forget(node))

    def stand(self, nodes: Mapping[str, int]) -> None:
        """Take over how many nodes there are (`all`) and how many do well (`well`)."""
        if nodes != self.sums.standing:
            self.sums.standing = dict(nodes)
            _changed(self._fleet)

    def _changed_elsewhere(self, flows: set[str]) -> None:
        for name in flows & self._flows.keys():
            self._flows[name].changed()
        if flows:
            _changed(self._fleet)
            _changed(self._all)

    def stuck(self, flow: str = "", hidden: Collection[str] = ()) -> list[Frame]:
        """Return the calls that need a look: {id, flow, digest, role, caller, callee, state, since,
        node, why, bound}; of one flow, or of all that are not hidden."""
        flows = [name for name in self.sums.flows() if flow in ("", name) and name not in hidden]
        return [{name: line[name] for name in STUCK} for line in unusual_lines(self.sums, flows)]

    # What consumers call.

    def watch_call(
        self,
        session: str,
        send: Callable[[str], None],
        snapshot: Callable[[], Frame],
        busy: Callable[[], bool] = lambda: False,
    ) -> Watcher:
        """Follow one session; `snapshot` says how it stands."""
        feed = self._calls.get(session)
        if feed is None:
            feed = self._calls[session] = CallFeed(self._later, session)
        return _join(feed, Watcher(send, snapshot, busy))

    def lines_of(self, session: str) -> dict[int, Frame]:
        """Return the step lines of a followed call since somebody follows it."""
        feed = self._calls.get(session)
        return feed.lines if feed is not None else {}

    def watch_flow(
        self,
        flow: str,
        send: Callable[[str], None],
        drawn: Frame,
        busy: Callable[[], bool] = lambda: False,
    ) -> Watcher:
        """Follow all sessions of a flow."""
        feed = self._flows.get(flow)
        if feed is None:
            feed = self._flows[flow] = FlowFeed(self._later, flow, self.sums, self._now, drawn)
            self.sums.take_dirty(flow)
        feed.drawn = drawn
        watcher = Watcher(send, feed.snapshot, busy)
        watcher.more = lambda: self._own_frames(feed, watcher)
        return _join(feed, watcher)

    def want(self, watcher: Watcher, wanted: Wanted) -> None:
        """Show a watcher of a flow another list of calls."""
        for feed in self._flows.values():
            if watcher in feed.watchers:
                feed.ask(watcher, wanted)

    def follow(self, watcher: Watcher, id: str, flow: str) -> None:
        """Show a watcher of a flow one of its calls closely, and no other; none with no id."""
        self._unfollow(watcher)
        drawn = self._flows[flow].drawn if flow in self._flows else None
        session = self.tally.session(id)
        if not id or drawn is None or (session is not None and session.flow != flow):
            return
        feed = self._followed.get(id)
        if feed is None:
            feed = self._followed[id] = FollowFeed(self._later, id, self.sums, drawn)
        feed.watchers.add(watcher)
        watcher.offer(Packet(feed.frame()))

    def watch_fleet(
        self,
        send: Callable[[str], None],
        busy: Callable[[], bool] = lambda: False,
        hidden: frozenset[str] = frozenset(),
    ) -> Watcher:
        """Follow the number of sessions of each flow."""
        feed = self._fleet.get(hidden)
        if feed is None:
            feed = self._fleet[hidden] = FleetFeed(self._later, self.sums, hidden)
        return _join(feed, Watcher(send, feed.snapshot, busy))

    def watch_all(
        self,
        send: Callable[[str], None],
        busy: Callable[[], bool] = lambda: False,
        hidden: frozenset[str] = frozenset(),
    ) -> Watcher:
        """Follow all flows with what is unusual in them."""
        feed = self._all.get(hidden)
        if feed is None:
            feed = self._all[hidden] = AllFeed(self._later, self.sums, hidden, self._now)
        return _join(feed, Watcher(send, feed.snapshot, busy))

    def redrawn(self, flow: str, drawn: Frame) -> None:
        """Another version of a flow was deployed: all its watchers begin again."""
        feed = self._flows.get(flow)
        if feed is not None:
            feed.redrawn(drawn)

    def leave(self, watcher: Watcher) -> None:
        """Stop following; feeds that nobody follows are forgotten."""
        self._unfollow(watcher)
        for name, flow in list(self._flows.items()):
            flow.leave(watcher)
            if not flow.watchers:
                del self._flows[name]
        for feeds in (self._calls, self._fleet, self._all):
            _part(feeds, watcher)

    def _unfollow(self, watcher: Watcher) -> None:
        _part(self._followed, watcher)

    def _own_frames(self, feed: FlowFeed, watcher: Watcher) -> list[Frame]:
        """Return what follows a snapshot for one watcher: its list, and the call it follows."""
        followed = [each for each in self._followed.values() if watcher in each.watchers]
        return [feed.list_for(watcher), *(each.frame() for each in followed)]


def _join(feed: Feed, watcher: Watcher) -> Watcher:
    feed.watchers.add(watcher)
    watcher.begin()
    return watcher


def _part(feeds: dict[Any, Any], watcher: Watcher) -> None:
    """Take a watcher out of all feeds; those that nobody follows any more are forgotten."""
    for key, feed in list(feeds.items()):
        feed.watchers.discard(watcher)
        if not feed.watchers:
            del feeds[key]


def _changed(feeds: Mapping[Any, Feed]) -> None:
    for feed in feeds.values():
        feed.changed()
