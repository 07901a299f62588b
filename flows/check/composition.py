"""The table against itself: a calling and a called side over a channel (CMP841 to CMP851).

The plain channel keeps the order of messages; what goes wrong only when they overtake each other,
are lost or come twice is said under a code of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import compress
from typing import NamedTuple

from flows.check.invariants import HOLD, TALK, kind_of
from flows.check.meanings import MEANINGS
from flows.check.situations import HARMLESS
from flows.explore import wire
from flows.explore.pair import FIFO, SIDES, Act, Options, Pair, Step, Walked, explore
from flows.explore.party import Config, Party
from flows.explore.peer import begins
from flows.explore.walk import Beat, Bounds
from flows.findings import Finding

REORDER = Options()
LOSS = Options(losses=1)
TWICE = Options(duplicates=1)
DEEPER = Options(capacity=3)


class Composition:
    """What the compositions of one table have shown so far."""

    def __init__(self, party: Party) -> None:
        self.party = party
        self.pair = Pair(party, FIFO)
        self.table = party.program.table
        self.findings: list[Finding] = []
        self.states = 0
        self.transitions = 0
        self.complete = True
        self.limits: list[str] = []
        self.walked: Walked | None = None
        """What two sides do while messages may overtake each other; None if there are not two."""
        self._said: set[str] = set()

    def look(self, options: Options, codes: dict[str, str], bounds: Bounds,
             beat: Beat | None) -> Walked:  # fmt: skip
        """Walk one composition; `codes` renames what it finds."""
        walked = explore(self.pair.over(options), bounds, beat)
        self.states += len(walked.joints)
        self.transitions += walked.transitions
        if not walked.complete:
            self.complete = False
            self.limits.append(walked.limit)
        for fault in self._faults(walked):
            self._say(codes.get(fault.code, fault.code), fault, walked)
        return walked

    def _faults(self, walked: Walked) -> Iterator[Fault]:
        yield from unhandled(walked)
        yield from overrun(walked)
        yield from deadlocks(walked)
        if walked.pair.options.losses:
            # Where a BYE is lost for good no table can tell the far side.
            return
        if walked.complete:
            yield from half_open(walked)
        if "direction" in self.party.domain.read["ReinviteReceived"]:
            yield from disagreements(walked)

    def _say(self, code: str, fault: Fault, walked: Walked) -> None:
        if fault.topic in self._said:
            return
        self._said.add(fault.topic)
        severity, explanation = MEANINGS[code]
        step = fault.step
        trace = tuple(walked.trace(step))
        rows = [line["row"] for line in trace if line["row"] >= 0]
        row = fault.row if fault.row >= 0 else None
        if code in OF_BOTH:
            moved = [line["row"] for line in trace if line["before"] != line["after"]]
            row = moved[-1] if moved and moved[-1] >= 0 else None
        state = fault.state or None
        if state is None and step is not None:
            state = walked.sides(step.source)[step.act.side].state
        place = self.table.states[state or self.table.initial].place
        if row is not None:
            place = self.table.rows[row].place
        self.findings.append(
            Finding(
                code,
                severity,
                fault.message,
                place,
                explanation,
                row=row,
                state=state,
                confidence="bounded",
                trace=trace,
                related=tuple(self.table.rows[r].place for r in dict.fromkeys(rows)),
            )  # fmt: skip
        )


def examine(party: Party, tier: int, bounds: Bounds, beat: Beat | None = None) -> Composition:
    """Compose the two sides; a table that serves one role only has nothing to compose."""
    found = Composition(party)
    if not all(begins(party, party.start(role)) for role in SIDES):
        return found
    found.look(FIFO, {}, bounds, beat)
    found.walked = found.look(
        REORDER, {c: "CMP845" for c in ("CMP841", "CMP847", "CMP843")}, bounds, beat
    )
    if tier > 2:
        found.look(LOSS, {c: "CMP844" for c in MEANINGS if c[:3] == "CMP"}, bounds, beat)
        found.look(TWICE, {c: "CMP846" for c in MEANINGS if c[:3] == "CMP"}, bounds, beat)
        found.look(DEEPER, {}, bounds, beat)
    return found


OF_BOTH = frozenset(("CMP843", "CMP848"))
"""What is wrong with both sides together is shown at the last row that led a side elsewhere."""


class Fault(NamedTuple):
    """Something that is wrong with two sides together."""

    code: str
    topic: str
    """What is said once, however many ways lead to it."""
    message: str
    step: Step | None
    """The last step of a shortest way to it."""
    state: str = ""
    """Where it is shown, if not where the step begins."""
    row: int = -1
    """The row at which it is shown, if it is one row's fault."""


def unhandled(walked: Walked) -> Iterator[Fault]:
    """CMP841, CMP847: something arrives and no row takes it."""
    told: set[str] = set()
    missing: dict[int, bool] = {}
    for number, ways in enumerate(walked.ways):
        for moves in ways:
            # The pair keeps its moves, so that an identity stands for one of them.
            if id(moves) not in missing:
                missing[id(moves)] = any(_meets_no_row(moved.act) for moved in moves.free)
        if any(missing[id(moves)] for moves in ways):
            yield from _unhandled_in(walked, number, told)


def _unhandled_in(walked: Walked, number: int, told: set[str]) -> Iterator[Fault]:
    for step in walked.out(number):
        move = step.act.move
        if move is None or not _meets_no_row(step.act):
            continue
        side = SIDES[step.act.side]
        state = walked.sides(step.source)[step.act.side].state
        topic = f"{side} {state} {move.stimulus.event}"
        if topic in told:
            continue
        told.add(topic)
        both = {line["side"] for line in walked.trace(step) if line["name"] in _ACTS_OF_PEOPLE}
        code = "CMP847" if len(both) > 1 else "CMP841"
        message = f"{side} in {state} gets {move.stimulus.label}, and no row takes it."
        yield Fault(code, topic, message, step)


def _meets_no_row(act: Act) -> bool:
    move = act.move
    if move is None or move.kind != "unhandled" or move.stimulus.kind == "user":
        return False
    return move.stimulus.event not in HARMLESS


_ACTS_OF_PEOPLE = frozenset(("HangupCall", "HoldCall", "ResumeCall"))


ANSWERING = ("RESP", "REL", "ACK", "PRACK", "NOTIFY")
"""What is sent because of something that came: it has its pace from there."""


def overrun(walked: Walked) -> Iterator[Fault]:
    """CMP849: a side sends the same again while the channel is full of it."""
    for step in walked.full:
        act = step.act
        channel = walked.joints[step.source].channels[1 - act.side]
        sent = [m for m in act.sends if m.kind not in ANSWERING]
        if any(channel.count(message) == len(channel) for message in sent) and len(channel) > 1:
            side = SIDES[act.side]
            message = f"{side} sends {sent[0]} again and again without waiting for an answer."
            row = act.move.row if act.move is not None else -1
            yield Fault("CMP849", f"{side} {sent[0]}", message, step, row=row)


def deadlocks(walked: Walked) -> Iterator[Fault]:
    """CMP842: nothing is under way, no timer runs, and a side waits for the other."""
    for number, joint in enumerate(walked.joints):
        if joint.channels != ((), ()):
            continue
        for side, config in enumerate(walked.sides(number)):
            call = config.wire
            waits = call.call == wire.PROCEEDING or (call.own and call.live)
            if config.ended or not waits or _armed(walked, number):
                continue
            message = f"{SIDES[side]} waits in {config.state} for what never comes."
            topic = f"{SIDES[side]} {config.state} waits"
            yield Fault("CMP842", topic, message, walked.parents[number], config.state)


def _armed(walked: Walked, number: int) -> bool:
    return any(
        not config.ended and config.timer < len(_timers(walked, config))
        for config in walked.sides(number)
    )


def _timers(walked: Walked, config: Config) -> tuple[float, ...]:
    return walked.pair.side(config.role).program.timers(config.state, config.role)


def half_open(walked: Walked) -> Iterator[Fault]:
    """CMP843: one side has ended, and without its person the other never does."""
    sources: dict[int, list[int]] = defaultdict(list)
    alone: dict[int, list[bool]] = {}
    for number, ways in enumerate(walked.ways):
        flags: list[bool] = []
        for moves in ways:
            if id(moves) not in alone:
                alone[id(moves)] = [_by_nobody(moved.act) for moved in moves.free]
            flags += alone[id(moves)]
        for target in compress(walked.targets[number], flags):
            sources[target].append(number)
    ended = [config.ended for config in walked.pair.configs]
    ends = {n for n, joint in enumerate(walked.joints) if all(ended[c] for c in joint.sides)}
    waiting = list(ends)
    while waiting:
        for source in sources[waiting.pop()]:
            if source not in ends:
                ends.add(source)
                waiting.append(source)
    for number, joint in enumerate(walked.joints):
        over = [ended[config] for config in joint.sides]
        if number in ends or over.count(True) != 1:
            continue
        side = over.index(False)
        config = walked.sides(number)[side]
        if config.wire.call == wire.NONE:
            continue
        state = config.state
        message = f"{SIDES[1 - side]} has ended, and {SIDES[side]} stays in {state} for ever."
        yield Fault("CMP843", f"{SIDES[side]} {state} half-open", message, walked.parents[number])


def _by_nobody(act: Act) -> bool:
    """Whether it happens without a person who wants it."""
    return act.move is None or act.move.stimulus.kind != "user"


def disagreements(walked: Walked) -> Iterator[Fault]:
    """CMP848: all is quiet, one side talks and the other one is on hold."""
    for number, joint in enumerate(walked.joints):
        if joint.channels != ((), ()):
            continue
        sides = walked.sides(number)
        if not all(_settled(walked, config) for config in sides):
            continue
        kinds = {
            kind_of(walked.pair.side(config.role).program.table.states[config.state])
            for config in sides
        }
        if kinds == {TALK, HOLD}:
            one, other = (config.state for config in sides)
            message = f"The UAC stays in {one} while the UAS is in {other}."
            yield Fault("CMP848", f"{one} {other}", message, walked.parents[number])


def _settled(walked: Walked, config: Config) -> bool:
    call = config.wire
    timers = _timers(walked, config)
    return call.live and not (call.own or config.pending or timers or call.unacked)
