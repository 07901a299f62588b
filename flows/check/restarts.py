"""CMP850: the far side dies and comes back, in any situation of a call.

It has lost the call then: nothing more comes from it by itself, our INVITE and our 200 are never
answered, and every request inside the call is answered 481 (RFC 3261 12.2.2). A table that claims
`restart` has a row for what follows, and comes to its end, at the latest when its person hangs up.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import NamedTuple

from flows.check.invariants import kind_of
from flows.check.meanings import MEANINGS
from flows.check.situations import HARMLESS
from flows.explore import wire
from flows.explore.doing import Message
from flows.explore.pair import FIFO, SIDES, Outcome, Pair, quiet
from flows.explore.party import Config, Move
from flows.explore.stage import Line, beside, in_lanes
from flows.explore.walk import Walk
from flows.findings import Finding

FEATURE = "restart"
CODE = "CMP850"
UNKNOWN = 481
BEFORE = -1
"""The source of a step that was done before the far side restarted."""
ALIVE = (*wire.OUR_INVITE, *wire.OPEN_INVITE, wire.ANSWERED, wire.UP)


class Left(NamedTuple):
    """A step of the side that is left behind; both configurations by number."""

    source: int
    move: Move
    target: int


def examine(walk: Walk, pair: Pair | None = None) -> list[Finding]:
    """Let the far side restart in every situation that a walk reached, if the table claims it."""
    if FEATURE not in walk.party.program.table.features:
        return []
    alone = _Alone(walk, Pair(walk.party, FIFO) if pair is None else pair)
    found: dict[tuple[int | None, str], Finding] = {}
    for step, message in (*alone.unhandled(), *alone.deaf(), *alone.stuck()):
        finding = alone.finding(step, message)
        found.setdefault((finding.row, finding.state or ""), finding)
    return list(found.values())


class _Alone:
    """Everything that one side can still do once the far side has forgotten the call."""

    def __init__(self, walk: Walk, pair: Pair) -> None:
        self.walk = walk
        self.table = walk.party.program.table
        self.pair = pair
        self.begins: dict[int, int] = {}
        """Where the far side restarts, to the same configuration in the walk."""
        self.steps: dict[int, list[Left]] = {}
        self.parents: dict[int, Left] = {}
        for at, config in enumerate(walk.configs):
            call = config.wire
            if not (config.ended or config.pending or config.failed or call.broken or call.lost):
                if call.call in ALIVE:
                    self.begins.setdefault(self.pair.number(quiet(config)), at)
        self._walk()

    def _walk(self) -> None:
        waiting = deque(self.begins)
        seen = set(waiting)
        while waiting:
            here = waiting.popleft()
            out = self.steps[here] = []
            if self.pair.configs[here].ended:
                continue
            for move, target, _ in self._happenings(here):
                if move is None:
                    continue
                step = Left(here, move, target)
                out.append(step)
                if target not in seen:
                    seen.add(target)
                    self.parents[target] = step
                    waiting.append(target)

    def _happenings(self, number: int) -> Iterator[Outcome]:
        """People, timers, what the stack waits for in vain, and 481 to what was asked."""
        yield from self.pair.by_itself(number)
        config = self.pair.configs[number]
        if config.pending or config.wire.broken:
            return
        yield from self.pair.timeouts(number)
        call = config.wire
        waits = {"re-INVITE": bool(call.own), "BYE": call.bye == "sent"}
        waits["REFER"] = call.transfer == "sent" and call.live
        for method in (name for name, asked in waits.items() if asked):
            yield from self.pair.arrive(number, Message("RESP", method, UNKNOWN))

    # -- what is wrong ---------------------------------------------------------------------------

    def unhandled(self) -> Iterator[tuple[Left, str]]:
        """What follows and meets no row."""
        for step in self._all():
            stimulus = step.move.stimulus
            if step.move.kind != "unhandled" or stimulus.kind == "user":
                continue
            if stimulus.event not in HARMLESS:
                yield step, f"{stimulus.label} follows, and no row takes it"

    def deaf(self) -> Iterator[tuple[Left, str]]:
        """481 says that the call is gone, and the side goes on as if it were not."""
        for step in self._all():
            message, after = step.move.stimulus.message, self.pair.configs[step.target]
            refused = message is not None and message.method == "re-INVITE"
            if not refused or step.move.kind == "unhandled" or after.ended or after.wire.bye:
                continue
            if kind_of(self.table.states[after.state]):
                yield step, f"481 says that the call is gone, and it goes on in {after.state}"

    def stuck(self) -> Iterator[tuple[Left, str]]:
        """No way leads to the end any more."""
        sources: dict[int, list[int]] = defaultdict(list)
        for step in self._all():
            sources[step.target].append(step.source)
        ends = {number for number in self.steps if self.pair.configs[number].ended}
        waiting = list(ends)
        while waiting:
            for source in sources[waiting.pop()]:
                if source not in ends:
                    ends.add(source)
                    waiting.append(source)
        for number, steps in self.steps.items():
            state = self.pair.configs[number].state
            further = {s.target for s in steps if self.pair.configs[s.target].state != state}
            if number not in ends and not further - ends:
                yield self._into(number), f"the session can never end any more in {state}"

    def _into(self, number: int) -> Left:
        """Return a step that says where a configuration stands, even if none led there."""
        known = self.parents.get(number)
        if known is not None:
            return known
        edge = self.walk.parents[self.begins[number]]
        assert edge is not None
        return Left(BEFORE, edge.move, number)

    def _all(self) -> Iterator[Left]:
        for steps in self.steps.values():
            yield from steps

    # -- how it is told --------------------------------------------------------------------------

    def finding(self, step: Left, message: str) -> Finding:
        severity, explanation = MEANINGS[CODE]
        before = self.pair.configs[step.source if step.source != BEFORE else step.target]
        row = step.move.row if step.move.row >= 0 and "never" not in message else None
        state = before.state if row is not None or step.move.row < 0 else step.move.target.state
        place = self.table.rows[row].place if row is not None else self.table.states[state].place
        lines = self._told(step)
        used = dict.fromkeys(line["row"] for line in lines if line["row"] >= 0)
        who = f"as {before.role} in {before.state}"
        text = f"The far side restarts: {who}, {message}."
        return Finding(
            CODE, severity, text, place, explanation, row=row, state=state, trace=tuple(lines),
            related=tuple(self.table.rows[r].place for r in used if r != row),
        )  # fmt: skip

    def _told(self, step: Left) -> list[Line]:
        after: list[tuple[Config, Move]] = []
        led: Left | None = step if step.source != BEFORE else None
        begin = step.target
        while led is not None:
            after.append((self.pair.configs[led.source], led.move))
            begin = led.source
            led = self.parents.get(begin)
        at = self.begins[begin]
        way = [(self.walk.configs[edge.source], edge.move) for edge in self.walk.way(at)]
        role = self.walk.configs[at].role
        other = SIDES[1 - SIDES.index(role)]
        restart = beside(other, "restarts and knows of no call any more")
        return [*in_lanes(way, other), restart, *in_lanes(after[::-1], other)]
