"""The stage of a run: its sides, the channel between them, the clock, and what was seen.

    stage = Stage(table, run)
    stage.play()                # does all inputs; stage.problem says where it had to stop
    stage.entries, stage.ladder # what happened, input by input and message by message

Nothing here reads a clock: time begins at 0 and passes by inputs only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from designer.simulation.run import BadRun, Failure, Input, Run
from designer.simulation.side import Side, Taken, is_timer
from flows.explore import hearing, peer
from flows.explore.doing import Message
from flows.explore.party import Party, Stimulus
from flows.expressions import literal
from flows.semantics import Program
from flows.table import Guard, Table
from flows.vocabulary import EVENTS

MOST_STEPS = 1000
FAR = "peer"
"""The far side of a run with one role: it does whatever a conformant peer may do."""
Fate = Literal["underway", "arrived", "lost"]


@dataclass(slots=True)
class Line:
    """One message of the ladder."""

    number: int
    time: float
    source: str
    target: str
    message: Message
    fate: Fate = "underway"
    sent_in: int = 0
    """Number of the step that sent it; 0 if the stack or the far side did."""
    heard_in: int = 0
    """Number of the step it led to; 0 if the stack took it alone."""
    by_stack: bool = False


@dataclass(slots=True)
class Entry:
    """One input and the steps it led to."""

    given: Input
    time: float
    steps: list[tuple[int, str, Taken]] = field(default_factory=list)
    """Number of the step, side, and the step."""
    note: str = ""


class Stage:
    """Plays a run on a table."""

    def __init__(self, table: Table, run: Run) -> None:
        self.table = table
        self.run = run
        self.party = Party(Program(_mocked(table, run.mocks)))
        self.now = 0.0
        self.sides: dict[str, Side] = {r: Side(self.party, r, 0.0) for r in run.roles}
        self.entries: list[Entry] = []
        self.ladder: list[Line] = []
        self.problem: tuple[int, str] | None = None
        """Number of the input that could not be done, and why."""
        self._steps = 0

    def play(self, until: int | None = None) -> Stage:
        """Do the inputs, or the first `until` of them; stops at the first that cannot be done."""
        for index, given in enumerate(self.run.inputs[:until]):
            self.entries.append(Entry(given, self.now))
            try:
                self._do(given)
            except BadRun as problem:
                self.entries.pop()
                self.problem = (index, str(problem))
                break
        return self

    @property
    def underway(self) -> list[Line]:
        """The messages that are neither delivered nor lost, oldest first."""
        return [line for line in self.ladder if line.fate == "underway"]

    def deadline(self) -> float | None:
        """Return when the next timer fires; None if no session lives."""
        due = [s.machine.deadline for s in self.sides.values() if s.machine.deadline is not None]
        return min(due, default=None)

    # -- inputs ------------------------------------------------------------------------------------

    def _do(self, given: Input) -> None:
        match given.kind:
            case "event":
                self._happens(self._side(given), given)
            case "wait":
                assert given.wait is not None
                self._pass(self.now + given.wait, given.fails)
            case "due":
                due = self.deadline()
                if due is None:
                    raise BadRun("No session lives, so nothing is due.")
                self._pass(due, given.fails)
            case "deliver":
                self._deliver(self._side(given), given)
            case "lose":
                line = self._message(self._side(given), given.lose)
                line.fate = "lost"
                self.entries[-1].note = "lost on its way"
            case "set":
                self._set(self._side(given), given.set)

    def _side(self, given: Input) -> Side:
        name = given.side or (self.run.roles[0] if not self.run.both else "")
        side = self.sides.get(name)
        if side is None:
            raise BadRun(
                f"This run has no side {name or 'without a name'}; say which one is meant."
            )
        return side

    def _happens(self, side: Side, given: Input) -> None:
        if side.ended:
            raise BadRun(f"The {side.role} has ended and takes no {given.event}.")
        if is_timer(given.event):
            raise BadRun("A timer fires when its time has passed: let time pass.")
        stimulus = stimulus_for(side, given.event, given.fields)
        alone: tuple[Message, ...] = ()
        line = None
        if not self.run.both and stimulus.message is not None:
            line = self._send(FAR, side.role, stimulus.message, 0)
            line.fate = "arrived"
            alone = hearing.heard(self.party, side.config, stimulus.message)[1]
        self._take(side, stimulus, given.fails, line, alone)

    def _take(
        self,
        side: Side,
        stimulus: Stimulus,
        fails: Failure | None,
        line: Line | None = None,
        alone: tuple[Message, ...] = (),
    ) -> None:
        for message in alone:
            self._send(side.role, self._other(side.role), message, 0, by_stack=True)
        self._record(side, side.take(stimulus, self.now, fails))
        if line is not None:
            line.heard_in = self.entries[-1].steps[0][0]

    def _pass(self, until: float, fails: Failure | None) -> None:
        while (due := self.deadline()) is not None and due <= until:
            side = min(
                (s for s in self.sides.values() if s.machine.deadline is not None),
                key=lambda s: s.machine.deadline or 0.0,
            )
            self.now = max(self.now, due)
            self._record(side, side.expire(self.now, fails))
        self.now = max(self.now, until)
        if not self.entries[-1].steps:
            self.entries[-1].note = "no timer fired"

    def _deliver(self, side: Side, given: Input) -> None:
        line = self._message(side, given.deliver)
        stimulus, alone = hearing.heard(self.party, side.config, line.message)
        line.fate = "arrived"
        if stimulus is not None and not side.ended:
            self._take(side, stimulus, given.fails, line, alone)
            return
        for message in alone:
            self._send(side.role, self._other(side.role), message, 0, by_stack=True)
        answers = f" with {' and '.join(map(str, alone))}" if alone else ""
        self.entries[-1].note = f"the {side.role}'s stack takes it alone{answers}"

    def _set(self, side: Side, values: Mapping[str, Any]) -> None:
        unknown = sorted(values.keys() - side.machine.values.keys())
        if unknown:
            raise BadRun(f"There is no condition or variable {unknown[0]}.")
        side.put(dict(values))
        said = ", ".join(f"{name} = {_value(value)}" for name, value in values.items())
        self.entries[-1].note = said

    # -- what is seen ------------------------------------------------------------------------------

    def _record(self, side: Side, taken: list[Taken]) -> None:
        for each in taken:
            self._steps += 1
            if self._steps > MOST_STEPS:
                raise BadRun(f"The run was stopped after {MOST_STEPS} steps.")
            self.entries[-1].steps.append((self._steps, side.role, each))
            for message in each.sends:
                self._send(side.role, self._other(side.role), message, self._steps)

    def _send(
        self, source: str, target: str, message: Message, step: int, *, by_stack: bool = False
    ) -> Line:
        line = Line(len(self.ladder) + 1, self.now, source, target, message, "underway", step)
        line.by_stack = by_stack
        if target == FAR:
            line.fate = "arrived"
        self.ladder.append(line)
        return line

    def _other(self, role: str) -> str:
        return next((name for name in self.sides if name != role), FAR)

    def _message(self, side: Side, name: str) -> Line:
        for line in self.underway:
            if line.target == side.role and str(line.message) == name:
                return line
        raise BadRun(f"No {name} is under way to the {side.role}.")


def stimulus_for(side: Side, event: str, fields: Mapping[str, Any]) -> Stimulus:
    """Return the happening as the checker's model knows it, with these fields.

    What the far side, its people or the stack could not bring now is a happening all the same: it
    changes nothing of the call by itself.
    """
    config, party = side.config, side.party
    known = [s for s in peer.options(party, config) if s.event == event] if not side.ended else []
    if not known:
        filled = {**_defaults(event), **fields}
        return Stimulus(event, tuple(filled.items()), side.wire, "internal")
    fields, known = _with_or_without_sdp(event, fields, known)
    best = max(known, key=lambda s: _likeness(s, fields))
    if event == "ReinviteReceived" and fields.get("direction"):
        best = peer.proposed(config.wire, str(fields["direction"]))
    code = fields.get("code")
    if best.kind == "answer" and best.message is not None and isinstance(code, int):
        said = best.message
        if said.code != code and hearing.event_of(said._replace(code=code)) == event:
            changed = peer.response(config.wire, said.method, event, code, said.direction)
            late = best.wire == config.wire
            best = changed._replace(wire=best.wire) if late else changed
    return best._replace(fields=tuple({**dict(best.fields), **fields}.items()))


def _likeness(stimulus: Stimulus, fields: Mapping[str, Any]) -> tuple[int, int]:
    """How well a happening fits: by the fields that were given, and by having no others."""
    fits = sum(fields.get(name) == value for name, value in stimulus.fields if name in fields)
    return fits, -len(stimulus.fields)


def _with_or_without_sdp(
    event: str, fields: Mapping[str, Any], known: list[Stimulus]
) -> tuple[Mapping[str, Any], list[Stimulus]]:
    """Tell apart what comes with a description and without: an empty `sdp` says without."""
    wanted = bool(fields["sdp"]) if "sdp" in fields else event not in peer.PROVISIONAL
    fitting = [s for s in known if any(n == "sdp" for n, _ in s.fields) == wanted]
    given = {name: value for name, value in fields.items() if name != "sdp" or value}
    return given, fitting or known


def _defaults(event: str) -> dict[str, Any]:
    word = EVENTS.get(event)
    return {} if word is None else dict.fromkeys(word.fields)


def _value(value: Any) -> str:
    return {True: "true", False: "false", None: "nothing"}.get(value, str(value))


def _mocked(table: Table, mocks: Mapping[str, bool]) -> Table:
    """Return the table with these guards answering always the same."""
    if not mocks:
        return table

    def pretended(guard: Guard) -> Guard:
        answer = mocks.get(guard.text)
        return guard if answer is None else replace(guard, expression=literal(answer))

    rows = (replace(row, guards=tuple(map(pretended, row.guards))) for row in table.rows)
    return replace(table, rows=tuple(rows))
