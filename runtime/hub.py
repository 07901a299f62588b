"""From the node to browsers: who watches what, and one frame for many events.

The hub is called for every step of every session, so it does nothing unless somebody watches, and
then only notes what changed. Frames are made on a timer: a followed call each 30 ms, a flow or the
fleet at most four times a second. A watcher that does not keep up is *stale*: it is sent nothing
more, and when it acknowledges again it gets one snapshot.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from runtime import audit
from runtime.executor.step import Step
from runtime.node.api import Summary, summary
from runtime.node.journal import DoneRecord
from runtime.node.session import Session

CALL_INTERVAL = 0.03
FLOW_INTERVAL = 0.25
ACK_WINDOW = 30
"""Unacknowledged frames from which a watcher is stale."""
MAX_SESSIONS = 200
"""Sessions listed in one frame; all of them are counted."""
MAX_LINES = 5000
"""Steps of one followed call that are kept for snapshots."""

Frame = dict[str, Any]
Later = Callable[[float, Callable[[], None]], Any]


class Node(Protocol):
    """What the hub reads of the node."""

    name: str

    def sessions(self) -> list[Summary]: ...


class Watcher:
    """One browser's window: what it was sent and what it said it got."""

    def __init__(
        self,
        send: Callable[[str], None],
        snapshot: Callable[[], Frame],
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._send = send
        self._busy = busy
        self._snapshot = snapshot
        self.sequence = 0
        self.acknowledged = 0
        self.skipped = 0
        """Frames it was spared because it was behind."""
        self.stale = False

    def begin(self) -> None:
        """Send the first snapshot."""
        self._put(self._snapshot())

    def offer(self, frame: Frame) -> None:
        """Send a frame, unless too many are on their way already."""
        behind = self.sequence - self.acknowledged >= ACK_WINDOW
        if self.stale or behind or self._busy():
            self.stale = True
            self.skipped += 1
            return
        self._put(frame)

    def acknowledge(self, sequence: Any) -> None:
        """Take note of what arrived; a stale watcher that caught up gets a snapshot."""
        if not isinstance(sequence, int) or not self.acknowledged < sequence <= self.sequence:
            return
        self.acknowledged = sequence
        if self.stale and not self._busy() and self.sequence - self.acknowledged < ACK_WINDOW:
            self.stale = False
            self._put(self._snapshot())

    def refresh(self) -> None:
        """Send a snapshot again, unless the watcher is behind and gets one anyway."""
        if not self.stale:
            self._put(self._snapshot())

    def _put(self, frame: Frame) -> None:
        self.sequence += 1
        self._send(json.dumps({**frame, "seq": self.sequence}, separators=(",", ":"), default=str))


class Feed:
    """What one set of watchers is shown; a subclass says what a frame is made of."""

    interval = FLOW_INTERVAL

    def __init__(self, later: Later) -> None:
        self._later = later
        self._due = False
        self.watchers: set[Watcher] = set()

    def changed(self) -> None:
        """Ask for a frame at the next tick."""
        if not self._due:
            self._due = True
            self._later(self.interval, self._flush)

    def _flush(self) -> None:
        self._due = False
        for frame in self.frames() if self.watchers else ():
            for watcher in list(self.watchers):
                watcher.offer(frame)

    def frames(self) -> list[Frame]:
        """Return what happened since the last frames and forget it."""
        raise NotImplementedError


class CallFeed(Feed):
    """The steps of one session, each as a frame of its own, some at a time."""

    interval = CALL_INTERVAL

    def __init__(self, later: Later, session: str) -> None:
        super().__init__(later)
        self.session = session
        self.lines: dict[int, Frame] = {}
        """The step lines seen since somebody follows, by sequence."""
        self._frames: list[Frame] = []

    def say(self, frame: Frame) -> None:
        if frame["type"] == "step" and len(self.lines) < MAX_LINES:
            self.lines[frame["step"]["sequence"]] = frame["step"]
        self._frames.append(frame)
        self.changed()

    def frames(self) -> list[Frame]:
        frames, self._frames = self._frames, []
        return frames


class FlowFeed(Feed):
    """Sessions per state of one flow, what fired, and the sessions that changed."""

    def __init__(
        self, later: Later, flow: str, node: Node, now: Callable[[], float], drawn: Frame
    ) -> None:
        super().__init__(later)
        self.flow = flow
        self.drawn = drawn
        """What the picture was drawn from: {"digest", "deployed", "numbers": {digest: number}}."""
        self._node = node
        self._now = now
        self._fired: Counter[int] = Counter()
        self._started: dict[str, Session] = {}
        self._touched: dict[str, Session] = {}
        self._ended: list[str] = []
        self._unhandled: list[Frame] = []

    def stepped(self, session: Session, step: Step) -> None:
        if step.ended:
            self._started.pop(session.id, None)
            self._touched.pop(session.id, None)
            self._ended.append(session.id)
        elif step.sequence == 1:
            self._started[session.id] = session
        elif session.id not in self._started:
            self._touched[session.id] = session
        if step.row >= 0 and step.version == self.drawn["digest"]:
            self._fired[step.row] += 1
        if step.kind == "unhandled":
            self._unhandled.append(
                {"session": session.id, "event": step.event, "state": step.from_state}
            )
        self.changed()

    def frames(self) -> list[Frame]:
        here = self._sessions()
        frame = {
            "type": "delta",
            "now": self._now(),
            "states": _by_state(here),
            "versions": dict(Counter(session.digest for session in here)),
            "total": len(here),
            "fired": {str(row): count for row, count in self._fired.items()},
            "started": self._summaries(self._started),
            "changed": self._summaries(self._touched),
            "ended": self._ended,
            "unhandled": self._unhandled[-MAX_SESSIONS:],
        }
        self._fired, self._started, self._touched = Counter(), {}, {}
        self._ended, self._unhandled = [], []
        return [frame]

    def snapshot(self) -> Frame:
        here = self._sessions()
        newest = sorted(here, key=lambda session: session.started, reverse=True)[:MAX_SESSIONS]
        return {
            "type": "snapshot",
            "now": self._now(),
            "states": _by_state(here),
            "versions": dict(Counter(session.digest for session in here)),
            "sessions": [self._summary(session) for session in newest],
            "total": len(here),
            "deployed": self.drawn["deployed"],
            "digest": self.drawn["digest"],
        }

    def _sessions(self) -> list[Summary]:
        return [session for session in self._node.sessions() if session.flow == self.flow]

    def _summaries(self, sessions: dict[str, Session]) -> list[Frame]:
        newest = list(sessions.values())[-MAX_SESSIONS:]
        return [self._summary(summary(session)) for session in newest]

    def _summary(self, line: Summary) -> Frame:
        return audit.live_summary(line, self.drawn["numbers"].get(line.digest))


class FleetFeed(Feed):
    """How many sessions each flow has."""

    def __init__(self, later: Later, node: Node) -> None:
        super().__init__(later)
        self._node = node

    def frames(self) -> list[Frame]:
        return [self.snapshot()]

    def snapshot(self) -> Frame:
        counts = Counter(session.flow for session in self._node.sessions())
        return {
            "type": "fleet",
            "flows": dict(counts),
            "total": counts.total(),
            "node": self._node.name,
        }


class Hub:
    """The registry of watchers of this process."""

    def __init__(self, node: Node, *, later: Later, now: Callable[[], float]) -> None:
        self.node = node
        self._later = later
        self._now = now
        self._calls: dict[str, CallFeed] = {}
        self._flows: dict[str, FlowFeed] = {}
        self._fleet = FleetFeed(later, node)

    # What the node calls.

    def stepped(self, session: Session, step: Step, done: DoneRecord | None) -> None:
        """A step and its actions are done; the last one of a session says so itself."""
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
        if self._fleet.watchers and (step.ended or step.sequence == 1):
            self._fleet.changed()

    def step_frame(self, session: Session, step: Step, done: DoneRecord | None) -> Frame:
        """Return what the watchers of a call are told about a step."""
        line = audit.live_step_line(step, done, session.machine.program.table)
        possible = [] if step.ended else audit.live_possible(session.id)
        return {"type": "step", "step": line, "possible": possible}

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
            feed = self._flows[flow] = FlowFeed(self._later, flow, self.node, self._now, drawn)
        feed.drawn = drawn
        return _join(feed, Watcher(send, feed.snapshot, busy))

    def watch_fleet(
        self, send: Callable[[str], None], busy: Callable[[], bool] = lambda: False
    ) -> Watcher:
        """Follow the number of sessions of each flow."""
        return _join(self._fleet, Watcher(send, self._fleet.snapshot, busy))

    def redrawn(self, flow: str, drawn: Frame) -> None:
        """Another version of a flow was deployed: all its watchers begin again."""
        feed = self._flows.get(flow)
        if feed is not None:
            feed.drawn = drawn
            frame = feed.snapshot()
            for watcher in list(feed.watchers):
                watcher.offer(frame)

    def leave(self, watcher: Watcher) -> None:
        """Stop following; feeds that nobody follows are forgotten."""
        for feeds in (self._calls, self._flows):
            for key, feed in list(feeds.items()):
                feed.watchers.discard(watcher)
                if not feed.watchers:
                    del feeds[key]
        self._fleet.watchers.discard(watcher)


def _join(feed: Feed, watcher: Watcher) -> Watcher:
    feed.watchers.add(watcher)
    watcher.begin()
    return watcher


def _by_state(sessions: list[Summary]) -> dict[str, dict[str, int]]:
    states: dict[str, dict[str, int]] = {}
    for session in sessions:
        roles = states.setdefault(session.state, {})
        roles[session.role] = roles.get(session.role, 0) + 1
    return states
