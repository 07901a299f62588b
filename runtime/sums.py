"""The counts of all nodes as one: this node's own tally, and what others told of theirs."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from runtime.tally import Key, Tally
from runtime.unusual import NOTHING, Found


class Count(NamedTuple):
    """How many sessions stand in a place, and since when on average."""

    sessions: int
    since: float
    """Seconds since the epoch, rounded to a tenth; 0 where there is no session."""


class Elsewhere:
    """What one other node told last."""

    def __init__(self) -> None:
        self.cells: dict[str, dict[Key, tuple[int, float]]] = {}
        """By flow and place: sessions, and the sum of the moments they came."""
        self.fired: dict[str, Counter[tuple[str, int]]] = {}
        self.failed: dict[str, Counter[Key]] = {}
        self.begun: dict[str, Counter[str]] = {}
        self.unusual: dict[str, int] = {}
        """By flow: how many of its sessions need a look."""
        self.lines: dict[str, list[dict[str, Any]]] = {}
        """By flow: some of them, as lines of a list."""
        self.gained: dict[str, Counter[tuple[str, int]]] = {}
        """What fired between its last two words, as far as the last minute tells."""

    def take(self, flows: dict[str, Any]) -> None:
        """Take over what `Tally.told` says there."""
        self.cells = {
            name: {Key(*each[:3]): (each[3], each[4]) for each in told["cells"]}
            for name, told in flows.items()
        }
        fired = {
            name: Counter({(each[0], each[1]): each[2] for each in told["fired"]})
            for name, told in flows.items()
        }
        self.gained = {name: rows - self.fired.get(name, Counter()) for name, rows in fired.items()}
        self.fired = fired
        self.unusual = {name: told.get("unusual", 0) for name, told in flows.items()}
        self.lines = {name: told.get("lines", []) for name, told in flows.items()}
        self.failed = {
            name: Counter({Key(*each[:3]): each[3] for each in told["failed"]})
            for name, told in flows.items()
        }
        self.begun = {name: Counter(told["begun"]) for name, told in flows.items()}


class Sums:
    """What all nodes count together. `local` is this node's own; sessions are known only there."""

    def __init__(self, name: str, local: Tally) -> None:
        self.name = name
        self.local = local
        self.unusual: dict[str, Found] = {}
        self.standing: dict[str, int] = {"well": 1, "all": 1}
        """How many nodes there are, and how many live and run what is deployed."""
        self._elsewhere: dict[str, Elsewhere] = {}
        self._dirty: dict[str, set[Key]] = {}
        """Places that changed on other nodes, by flow."""

    @property
    def begin(self) -> float:
        """When this node began to count."""
        return self.local.begin

    def nodes(self) -> list[str]:
        """Return the nodes that are counted."""
        return sorted({self.name, *self._elsewhere})

    def hear(self, node: str, flows: dict[str, Any]) -> set[str]:
        """Take over what another node counted; return the flows in which anything may differ."""
        known = self._elsewhere.setdefault(node, Elsewhere())
        before = known.cells
        known.take(flows)
        changed = set()
        for flow in before.keys() | known.cells.keys():
            old, new = before.get(flow, {}), known.cells.get(flow, {})
            dirty = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
            self._dirty.setdefault(flow, set()).update(dirty)
            if dirty or known.gained.get(flow):
                changed.add(flow)
        return changed

    def gained(self, node: str, flow: str) -> Counter[tuple[str, int]]:
        """Return which rows fired on another node between its last two words."""
        known = self._elsewhere.get(node)
        return Counter() if known is None else known.gained.get(flow, Counter())

    def forget(self, node: str) -> set[str]:
        """Take a node out that is gone; return the flows in which it had calls."""
        changed = self.hear(node, {})
        self._elsewhere.pop(node, None)
        return changed

    def flows(self) -> list[str]:
        """Return the flows of which anything is known."""
        return sorted(
            {*self.local.flows, *(name for each in self._elsewhere.values() for name in each.cells)}
        )

    def keys(self, flow: str) -> set[Key]:
        """Return the places where sessions of a flow stand."""
        keys = set(self.local.of(flow).cells)
        for each in self._elsewhere.values():
            keys.update(each.cells.get(flow, ()))
        return keys

    def cell(self, flow: str, key: Key) -> Count:
        """Return how many sessions stand in a place, on all nodes."""
        cell = self.local.of(flow).cells.get(key)
        count = 0 if cell is None else len(cell.since)
        total = 0.0 if cell is None else cell.total + self.begin * count
        for each in self._elsewhere.values():
            sessions, since = each.cells.get(flow, {}).get(key, (0, 0.0))
            count, total = count + sessions, total + since
        return Count(count, round(total / count, 1) if count else 0.0)

    def take_dirty(self, flow: str) -> set[Key]:
        """Return the places that changed since this was last asked."""
        own = self.local.of(flow)
        dirty = own.dirty | self._dirty.pop(flow, set())
        own.dirty = set()
        return dirty

    def total(self, flow: str) -> int:
        """Return how many sessions of a flow live."""
        return self.local.of(flow).total() + sum(
            sessions
            for each in self._elsewhere.values()
            for sessions, _ in each.cells.get(flow, {}).values()
        )

    def versions(self, flow: str) -> dict[str, int]:
        """Return the living sessions of a flow by digest."""
        counts: Counter[str] = Counter()
        for key in self.keys(flow):
            counts[key.digest] += self.cell(flow, key).sessions
        return dict(counts)

    def fired(self, flow: str, now: float) -> Counter[tuple[str, int]]:
        """Return how often each row fired in the last minute."""
        counts = Counter(self.local.of(flow).fired.counts(now))
        for each in self._elsewhere.values():
            counts.update(each.fired.get(flow, {}))
        return counts

    def failed(self, flow: str, now: float) -> Counter[Key]:
        """Return what failed in each place in the last hour."""
        counts = Counter(self.local.of(flow).failed.counts(now))
        for each in self._elsewhere.values():
            counts.update(each.failed.get(flow, {}))
        return counts

    def begun(self, flow: str, now: float) -> dict[str, int]:
        """Return how many sessions began in the last minute, by digest."""
        counts = Counter(self.local.of(flow).begun.counts(now))
        for each in self._elsewhere.values():
            counts.update(each.begun.get(flow, {}))
        return dict(counts)

    def found(self, flow: str) -> Found:
        """Return the unusual sessions of a flow on this node."""
        return self.unusual.get(flow, NOTHING)

    def unusual_count(self, flow: str) -> int:
        """Return how many sessions of a flow need a look, on all nodes."""
        elsewhere = sum(each.unusual.get(flow, 0) for each in self._elsewhere.values())
        return self.found(flow).total + elsewhere

    def lines_elsewhere(self, flow: str) -> list[dict[str, Any]]:
        """Return the lines other nodes told of sessions that need a look."""
        return [line for each in self._elsewhere.values() for line in each.lines.get(flow, [])]
