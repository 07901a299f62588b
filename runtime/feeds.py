"""What the watchers of a call, of a flow and of all flows are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from runtime import audit, following, lists
from runtime.executor.step import Step
from runtime.lists import Wanted
from runtime.masking import mask_party
from runtime.node.api import summary
from runtime.node.session import Session
from runtime.sums import Sums
from runtime.tally import Key
from runtime.unusual import Unusual
from runtime.watchers import Feed, Frame, Later, Packet, Watcher

CALL_INTERVAL = 0.03
FLOW_INTERVAL = 0.25
LIST_INTERVAL = 0.5
ASK_INTERVAL = 0.03
"""Seconds after which a browser that asked for another list is answered."""
MAX_LINES = 5000
"""Steps of one followed call that are kept for snapshots."""
MAX_UNHANDLED = 20
"""Unhandled events named in one frame; all of them are counted."""

Now = Callable[[], float]


class CallFeed(Feed):
    """The steps of one session; those of one tick travel together."""

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
        return frames if len(frames) <= 1 else [{"type": "batch", "frames": frames}]


class FollowFeed(Feed):
    """One call on the diagram of its flow: how it stands, and what can happen next."""

    interval = CALL_INTERVAL

    def __init__(self, later: Later, id: str, sums: Sums, drawn: Frame) -> None:
        super().__init__(later)
        self.id = id
        self.drawn = drawn
        self._sums = sums

    def frames(self) -> list[Frame]:
        return [self.frame()]

    def frame(self) -> Frame:
        """Return the followed call as it stands."""
        session = self._sums.local.session(self.id)
        if session is None:
            return {"type": "followed", "id": self.id, "gone": True}
        why = self._sums.found(session.flow).by_id().get(self.id)
        return {
            "type": "followed",
            "id": self.id,
            "gone": False,
            "session": line_of(session, why, self._sums.name, self.drawn["numbers"]),
            **following.detail(session, self.drawn.get("program")),
        }


class FlowFeed(Feed):
    """Sessions per state of one flow, what fired, what failed, and the list of calls."""

    interval = FLOW_INTERVAL

    def __init__(self, later: Later, flow: str, sums: Sums, now: Now, drawn: Frame) -> None:
        super().__init__(later)
        self.flow = flow
        self.drawn = drawn
        """What the picture was drawn from: {"digest", "deployed", "numbers": {digest: number},
        "rows": {digest: {row: row of the picture}}, "program"}."""
        self.wanted: dict[Watcher, Wanted] = {}
        self._sums = sums
        self._now = now
        self._fired: Counter[tuple[str, int]] = Counter()
        self._unhandled: list[Frame] = []
        self._lost = 0
        self._lists: dict[Wanted, Frame] = {}
        """The list last sent to those who want it so."""
        self._listed = 0.0
        self._asking: set[Watcher] = set()

    # What happens.

    def stepped(self, session: Session, step: Step) -> None:
        if step.row >= 0:
            self._fired[step.version, step.row] += 1
        if step.kind == "unhandled":
            self._lost += 1
            said = {"session": session.id, "event": step.event, "state": step.from_state}
            self._unhandled = [*self._unhandled[1 - MAX_UNHANDLED :], said]
        self.changed()

    def fired_elsewhere(self, fired: Counter[tuple[str, int]]) -> None:
        """Take over what fired on another node."""
        self._fired.update(fired)

    # What is shown.

    def frames(self) -> list[Frame]:
        dirty = self._sums.take_dirty(self.flow)
        frame = {
            "type": "delta",
            "now": self._now(),
            "cells": _nested((key, list(self._sums.cell(self.flow, key))) for key in dirty),
            "total": self._sums.total(self.flow),
            "begun": self._sums.begun(self.flow, self._now()),
            "fired": self._drawn_rows(self._fired),
            "failed": self._failed(),
            "unusual": self._sums.unusual_count(self.flow),
            "unhandled": self._unhandled,
            "lost": self._lost,
        }
        self._fired, self._unhandled, self._lost = Counter(), [], 0
        return [frame]

    def _flush(self) -> None:
        super()._flush()
        if self._now() - self._listed >= LIST_INTERVAL:
            self._send_lists()

    def snapshot(self) -> Frame:
        """Return everything but the list."""
        keys = self._sums.keys(self.flow)
        return {
            "type": "snapshot",
            "now": self._now(),
            "cells": _nested((key, list(self._sums.cell(self.flow, key))) for key in keys),
            "total": self._sums.total(self.flow),
            "begun": self._sums.begun(self.flow, self._now()),
            "fired": self._drawn_rows(self._sums.fired(self.flow, self._now())),
            "failed": self._failed(),
            "counting": self._sums.begin,
            "unusual": self._sums.unusual_count(self.flow),
            "deployed": self.drawn["deployed"],
            "digest": self.drawn["digest"],
            "numbers": self.drawn["numbers"],
        }

    def list_for(self, watcher: Watcher) -> Frame:
        """Return the list as this watcher wants it."""
        return self._list(self.wanted.get(watcher, Wanted()))

    def ask(self, watcher: Watcher, wanted: Wanted) -> None:
        """Show a watcher another list; whoever asks often is answered with the last."""
        self.wanted[watcher] = wanted
        if not self._asking:
            self._later(ASK_INTERVAL, self._answer)
        self._asking.add(watcher)

    def redrawn(self, drawn: Frame) -> None:
        """Begin again with another picture."""
        self.drawn = drawn
        for watcher in list(self.watchers):
            watcher.refresh()

    def leave(self, watcher: Watcher) -> None:
        """Forget a watcher."""
        self.watchers.discard(watcher)
        self.wanted.pop(watcher, None)
        self._asking.discard(watcher)

    def _answer(self) -> None:
        asking, self._asking = self._asking, set()
        for watcher in asking & self.watchers:
            watcher.offer(Packet(self.list_for(watcher)))

    def _send_lists(self) -> None:
        """Send each list that is otherwise than before to those who want it."""
        self._listed = self._now()
        groups: dict[Wanted, list[Watcher]] = {}
        for watcher in self.watchers:
            groups.setdefault(self.wanted.get(watcher, Wanted()), []).append(watcher)
        lists = {wanted: self._list(wanted) for wanted in groups}
        for wanted, watchers in groups.items():
            if lists[wanted] != self._lists.get(wanted):
                packet = Packet(lists[wanted])
                for watcher in watchers:
                    watcher.offer(packet)
        self._lists = lists

    def _list(self, wanted: Wanted) -> Frame:
        found = self._sums.found(self.flow)
        here, count = lists.chosen(self._sums.local, self.flow, found, wanted)
        numbers = self.drawn["numbers"]
        own = wanted.node in ("", self._sums.name)
        lines = [line_of(session, why, self._sums.name, numbers) for session, why in here if own]
        if wanted.unusual:
            lines = [*self._elsewhere(wanted), *lines][: lists.MOST_LINES]
        return {
            "type": "list",
            "lines": lines,
            "matching": count if own else len(lines),
            "nodes": self._sums.nodes(),
        }

    def _elsewhere(self, wanted: Wanted) -> list[Frame]:
        """Return the sessions of other nodes that need a look; the others are known only there."""
        return [
            {**line, "number": self.drawn["numbers"].get(line["digest"])}
            for line in self._sums.lines_elsewhere(self.flow)
            if wanted.takes(Key(line["digest"], line["role"], line["state"]))
            and wanted.node in ("", line["node"])
            and wanted.text in f"{line['caller']} {line['callee']} {line['id']}".lower()
        ]

    def _drawn_rows(self, fired: Counter[tuple[str, int]]) -> dict[str, dict[int, int]]:
        """Return by version how often rows fired, as the rows of the picture are numbered."""
        found: dict[str, dict[int, int]] = {}
        for (digest, row), count in fired.items():
            place = row if digest == self.drawn["digest"] else self._place(digest, row)
            if place is not None:
                rows = found.setdefault(digest, {})
                rows[place] = rows.get(place, 0) + count
        return found

    def _place(self, digest: str, row: int) -> int | None:
        places: dict[int, int] = self.drawn.get("rows", {}).get(digest, {})
        return places.get(row)

    def _failed(self) -> dict[str, Any]:
        return _nested(self._sums.failed(self.flow, self._now()).items())


class FleetFeed(Feed):
    """How many sessions each flow has, but for those that are hidden from its watchers."""

    interval = FLOW_INTERVAL

    def __init__(self, later: Later, sums: Sums, hidden: frozenset[str]) -> None:
        super().__init__(later)
        self._sums = sums
        self._hidden = hidden

    def frames(self) -> list[Frame]:
        return [self.snapshot()]

    def snapshot(self) -> Frame:
        counts = {name: count for name in self.seen() if (count := self._sums.total(name))}
        return {
            "type": "fleet",
            "flows": counts,
            "total": sum(counts.values()),
            "node": self._sums.name,
            "nodes": self._sums.standing,
        }

    def seen(self) -> list[str]:
        """Return the flows its watchers may look at."""
        return [name for name in self._sums.flows() if name not in self._hidden]


class AllFeed(FleetFeed):
    """All flows on one page: their calls by version, and the calls that need a look."""

    interval = LIST_INTERVAL

    def __init__(self, later: Later, sums: Sums, hidden: frozenset[str], now: Now) -> None:
        super().__init__(later, sums, hidden)
        self._now = now

    def snapshot(self) -> Frame:
        now = self._now()
        return {
            "type": "all",
            "now": now,
            "flows": {name: self._flow(name, now) for name in self.seen()},
            "unusual": unusual_lines(self._sums, self.seen()),
            "nodes": self._sums.nodes(),
        }

    def _flow(self, name: str, now: float) -> Frame:
        return {
            "versions": self._sums.versions(name),
            "total": self._sums.total(name),
            "begun": sum(self._sums.begun(name, now).values()),
            "failed": self._sums.failed(name, now).total(),
            "unusual": self._sums.unusual_count(name),
        }


def unusual_lines(sums: Sums, flows: list[str]) -> list[Frame]:
    """Return the calls of these flows that need a look, those without a way out first."""
    listed = [each for name in flows for each in sums.found(name).listed]
    listed.sort(key=lambda each: (each.why == "long", each.since))
    lines = own_lines(sums, listed[: lists.MOST_LINES])
    lines += [line for name in flows for line in sums.lines_elsewhere(name)]
    return lines[: lists.MOST_LINES]


def own_lines(sums: Sums, listed: Iterable[Unusual]) -> list[Frame]:
    """Return sessions of this node that need a look as lines of a list."""
    found = [(sums.local.session(each.id), each) for each in listed]
    return [line_of(here, each, sums.name, {}) for here, each in found if here is not None]


def line_of(
    session: Session, why: Unusual | None, node: str, numbers: dict[str, int]
) -> dict[str, Any]:
    """Return a living session as a line of a list; who is at the other end is masked."""
    line = audit.live_summary(summary(session), numbers.get(session.digest))
    peer = "caller" if session.role == "UAS" else "callee"
    return {
        **line,
        peer: _masked(line[peer]),
        "node": node,
        "why": "" if why is None else why.words(),
        "bound": None if why is None or not why.bound else why.bound,
    }


@lru_cache(maxsize=4096)
def _masked(party: str) -> str:
    return mask_party(party)


def _nested(counts: Iterable[tuple[Key, Any]]) -> dict[str, Any]:
    """Return values by key as {digest: {role: {state: value}}}."""
    found: dict[str, Any] = {}
    for key, value in counts:
        found.setdefault(key.digest, {}).setdefault(key.role, {})[key.state] = value
    return found
