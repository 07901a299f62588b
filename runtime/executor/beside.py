"""A candidate beside what really happened: same events, same times, what would it have done?

    beside = Beside(candidate, ran, role, created)     # two programs; `ran` may be unknown
    difference = beside.take(step)                     # each recorded or living step, in order

Nothing of the candidate is performed: its actions count as done where the real ones were, and as
failed where those failed. That is true for as long as both ask the same of the world. Once the
candidate would have sent another message or done another action, the far side and the media would
have gone on otherwise, and what follows says nothing about it any more: `difference.final`. A
difference that nobody outside could notice (another state, another published event) ends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from flows.ends import MAXIMUM_LIFE
from flows.pairing import pair
from flows.semantics import NO_ROW, Program
from flows.table import TIMER_EVENT, Row, Table, Word
from flows.vocabulary import ACTIONS, EVENTS
from runtime.executor.machine import ACTION_FAILED, Machine
from runtime.executor.step import Event, Step

SLACK: Final = 0.5
"""Seconds by which a real timer, or an event in front of it, may be late."""
_EVER: Final = float("inf")
_MOST_KEPT: Final = 20_000

MESSAGE: Final = "message"
"""Another SIP message would be sent, in another order, or with other parameters."""
ACTION: Final = "action"
"""The same of what is done to media and to the call's own things."""
PUBLISHED: Final = "published"
STATE: Final = "state"
OUTCOME: Final = "outcome"
"""It would have ended where it went on, gone on where it ended, or ended otherwise."""
_SPECIAL: Final = frozenset((TIMER_EVENT, ACTION_FAILED))
KINDS: Final = (OUTCOME, MESSAGE, ACTION, PUBLISHED, STATE)


class Recorded(Protocol):
    """A step as it was taken; `runtime.executor.step.Step` is one."""

    @property
    def sequence(self) -> int: ...
    @property
    def time(self) -> float: ...
    @property
    def event(self) -> str: ...
    @property
    def fields(self) -> dict[str, Any]: ...
    @property
    def row(self) -> int: ...
    @property
    def to_state(self) -> str: ...
    @property
    def actions(self) -> Sequence[str]: ...
    @property
    def published(self) -> Sequence[str]: ...
    @property
    def kind(self) -> str: ...
    @property
    def answer(self) -> int | None: ...
    @property
    def ended(self) -> bool: ...
    @property
    def outcome(self) -> str | None: ...


class Difference(msgspec.Struct, frozen=True, gc=False):
    """Where the candidate does otherwise than what was recorded."""

    sequence: int
    """The recorded step it was compared at."""
    event: str
    kinds: tuple[str, ...]
    was_row: int
    """The row that was taken, -1 if none was."""
    row: int
    """The row the candidate would have taken, -1 if none."""
    final: bool
    """What comes after it in the record says nothing about the candidate."""
    early: float | None = None
    """Seconds of a timer that the candidate alone has and that would have fired before."""


class Beside:
    """One session on the candidate, fed with what happened to the real one."""

    __slots__ = ("machine", "taken", "over", "_pairs", "_states", "_same", "_last")

    def __init__(
        self, program: Program, ran: Table | None, role: str, created: float, session: str = ""
    ) -> None:
        self.machine = Machine(program, session, role, created, _EVER)
        self.taken: list[int] = []
        """The rows of the candidate that were taken, in order."""
        self.over = False
        """Nothing more can be compared."""
        self._pairs = pairs_of(ran, program.table)
        self._states = self._pairs.states
        # Rows of a text that is not known are told apart within one session only.
        self._same = self._pairs.same if ran is not None else {}
        self._last: Step | None = None

    def take(self, real: Recorded) -> Difference | None:
        """Compare one step; None if the candidate does the same, or nothing can be said."""
        if self.over:
            return None
        decision = real.decision if type(real) is Step else None
        row = real.row if decision is None else decision.row
        if row == NO_ROW and from_outside(real):
            # Whoever ended it, it was no rule of the language: the candidate has no say in it.
            self.over = True
            return None
        event, due = real.event, self.machine.deadline
        if event in _SPECIAL or (due is not None and due < real.time - SLACK):
            return self._with_timers(real)
        step = self.machine.receive(Event(event, real.fields), real.time)
        self._note(step)
        # Most steps were compared before: what stands beside them is the same object again.
        said = step.decision
        key = (
            (id(decision), id(said))
            if decision is not None
            else (row, real.to_state, real.kind, real.answer, real.ended, real.outcome, id(said))
        )
        if key in self._same:
            self.over = said.ended
            return None
        found = self._compared(real, step)
        if found is None:
            remember(self._same, key, (decision, said))
        return found

    def _with_timers(self, real: Recorded) -> Difference | None:
        early = self._early(real)
        if early is not None and early.final:
            return early
        step = self._once_more(real)
        found = self._silent(real) if step is None else self._compared(real, step)
        if early is None or found is None:
            return early or found
        both = tuple(kind for kind in KINDS if kind in (*early.kinds, *found.kinds))
        return msgspec.structs.replace(early, kinds=both, final=found.final)

    # -- what the candidate does -------------------------------------------------------------------

    def _early(self, real: Recorded) -> Difference | None:
        """Let the timers fire that the candidate alone would have had until now."""
        machine = self.machine
        while (due := machine.deadline) is not None and due < real.time - SLACK:
            seconds = machine.timers[0]
            if real.event == TIMER_EVENT and real.fields.get("seconds") == seconds:
                return None
            step = machine.expire(due)
            if step is None:
                return None
            self._note(step)
            kinds = self._pairs.alone(step)
            if kinds:
                return self._told(real, kinds, NO_ROW, step.row, seconds)
        return None

    def _once_more(self, real: Recorded) -> Step | None:
        """Give the candidate the same event; None if it is a timer that it has not."""
        machine = self.machine
        if real.event == ACTION_FAILED:
            index = real.fields.get("index")
            last = self._last
            if last is not None and isinstance(index, int) and 0 <= index < len(last.actions):
                machine.failed(last, index, str(real.fields.get("reason", "")))
        elif real.event == TIMER_EVENT:
            seconds = real.fields.get("seconds")
            due = machine.deadline
            if not machine.timers or machine.timers[0] != seconds or due is None:
                return None
            if due > real.time + SLACK:
                return None
            machine.elapsed(float(seconds))
        step = machine.receive(Event(real.event, real.fields), real.time)
        self._note(step)
        return step

    def _note(self, step: Step) -> None:
        self._last = step
        row = step.decision.row
        if row != NO_ROW:
            self.taken.append(row)

    # -- how it compares ---------------------------------------------------------------------------

    def _compared(self, real: Recorded, step: Step) -> Difference | None:
        kinds = self._pairs.kinds(real, step)
        ended = self._ended(real, step)
        if not kinds and not ended and self._state_of(real) == step.to_state:
            self.over = step.ended
            return None
        found = [*ended, *kinds]
        if self._state_of(real) != step.to_state:
            found.append(STATE)
        return self._told(real, tuple(found), real.row, step.row)

    def _silent(self, real: Recorded) -> Difference | None:
        """Compare with a candidate to which nothing happens at all."""
        found = list(self._pairs.missing(real))
        if real.ended:
            found.insert(0, OUTCOME)
        if self._state_of(real) != self.machine.state:
            found.append(STATE)
        return self._told(real, tuple(found), real.row, NO_ROW) if found else None

    def _ended(self, real: Recorded, step: Step) -> tuple[str, ...]:
        if real.ended != step.ended:
            return (OUTCOME,)
        return (OUTCOME,) if real.ended and (real.outcome or "") != (step.outcome or "") else ()

    def _state_of(self, real: Recorded) -> str:
        return self._states.get(real.to_state, real.to_state)

    def _told(
        self,
        real: Recorded,
        kinds: tuple[str, ...],
        was_row: int,
        row: int,
        early: float | None = None,
    ) -> Difference:
        final = bool({OUTCOME, MESSAGE, ACTION}.intersection(kinds)) or self.machine.ended
        self.over = final
        return Difference(real.sequence, real.event, kinds, was_row, row, final, early)


def remember(same: dict[Any, Any], key: Any, kept: Any) -> None:
    """Keep that what the key is made of does the same."""
    if len(same) >= _MOST_KEPT:
        same.clear()
    same[key] = kept


def from_outside(real: Recorded) -> bool:
    """Whether the shell, and no rule of the language, ended the session with this step."""
    of_language = real.event in EVENTS or real.event in (TIMER_EVENT, MAXIMUM_LIFE, ACTION_FAILED)
    return real.kind == "error" or not of_language


# -- rows beside rows ------------------------------------------------------------------------------

Said = tuple[tuple[str, Mapping[str, Any]], ...]


class Pairs:
    """What the rows of two tables do otherwise, each pair looked at once."""

    __slots__ = ("states", "same", "_ran", "_table", "_known")

    def __init__(self, ran: Table | None, table: Table) -> None:
        self.states: Mapping[str, str] = {} if ran is None else pair(ran, table).states
        self._ran = ran
        self._table = table
        self._known: dict[tuple[int, int], tuple[str, ...]] = {}
        self.same: dict[tuple[Any, ...], tuple[Any, Any]] = {}
        """Decisions that stood beside each other without a difference; kept with their keys,
        which are made of the objects' identities."""

    def kinds(self, real: Recorded, step: Step) -> tuple[str, ...]:
        """Return in what the step differs from the real one, but for states and ends."""
        kinds = self._static(real, step)
        if real.answer == step.answer or MESSAGE in kinds:
            return kinds
        return (MESSAGE, *kinds)

    def alone(self, step: Step) -> tuple[str, ...]:
        """Return what of a step that nothing real stands beside anybody would notice."""
        found = list(_otherwise((), _said(_words(self._table, step.row))))
        if step.published:
            found.append(PUBLISHED)
        if step.ended:
            found.insert(0, OUTCOME)
        if step.from_state != step.to_state:
            found.append(STATE)
        return tuple(found)

    def missing(self, real: Recorded) -> tuple[str, ...]:
        """Return what of a real step is missing where the candidate does nothing."""
        found = list(_otherwise(self._of_real(real), ()))
        if real.published:
            found.append(PUBLISHED)
        return tuple(found)

    def _static(self, real: Recorded, step: Step) -> tuple[str, ...]:
        if self._ran is None:
            return self._looked_at(real, step)
        key = (real.row, step.row)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._looked_at(real, step)
        return known

    def _looked_at(self, real: Recorded, step: Step) -> tuple[str, ...]:
        now = _said(_words(self._table, step.row)) if step.kind == "fired" else ()
        was = self._of_real(real)
        if self._ran is None:
            # Only names are recorded; parameters stand in the text, which is not there.
            now = tuple((name, {}) for name, _ in now)
        found = list(_otherwise(was, now))
        if list(real.published) != list(step.published):
            found.append(PUBLISHED)
        return tuple(found)

    def _of_real(self, real: Recorded) -> Said:
        if real.kind != "fired":
            return ()
        if self._ran is not None and 0 <= real.row < len(self._ran.rows):
            return _said(_words(self._ran, real.row))
        return _said(tuple(Word(name) for name in real.actions))


_kept: dict[tuple[str, str], Pairs] = {}


def pairs_of(ran: Table | None, table: Table) -> Pairs:
    """Return the pairs of two tables, made once for two texts."""
    key = ("" if ran is None else ran.digest, table.digest)
    found = _kept.get(key)
    if found is None:
        if len(_kept) >= 64:
            _kept.clear()
        found = _kept[key] = Pairs(ran, table)
    return found


def _words(table: Table, row: int) -> tuple[Word, ...]:
    return table.rows[row].actions if 0 <= row < len(table.rows) else ()


def _said(words: Sequence[Word]) -> Said:
    """What the words do, without those that change nothing anybody could look at."""
    return tuple(
        (word.name, word.arguments)
        for word in words
        if word.name not in ACTIONS or not ACTIONS[word.name].inert
    )


def _otherwise(was: Said, now: Said) -> tuple[str, ...]:
    if was == now:
        return ()
    found = []
    if [each for each in was if sends(each[0])] != [each for each in now if sends(each[0])]:
        found.append(MESSAGE)
    if [each for each in was if not sends(each[0])] != [each for each in now if not sends(each[0])]:
        found.append(ACTION)
    return tuple(found) or (ACTION,)


def sends(action: str) -> bool:
    """Whether an action puts a message on the wire."""
    word = ACTIONS.get(action)
    return word is not None and bool(word.sends or word.clears)


# -- in words --------------------------------------------------------------------------------------


def done_by(row: Row | None, answer: int | None = None) -> str:
    """Say what a row does, for a person: its messages and actions in order, then where it leads."""
    if row is None:
        return f"no row takes it{f', answered {answer}' if answer else ''}"
    if row.ignore is not None:
        return "ignored on purpose"
    said = ", ".join(_word(word) for word in row.actions) or "does nothing"
    published = f"; publishes {', '.join(row.publish)}" if row.publish else ""
    leads = f", to {row.next_state}" if row.next_state else ", stays"
    return f"{said}{published}{leads}"


def _word(word: Word) -> str:
    given = ", ".join(f"{name}: {value}" for name, value in word.arguments.items())
    return f"{word.name}({given})" if given else word.name
