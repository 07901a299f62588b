"""The executor: one session of a table. It decides; it performs nothing and reads no clock.

machine = Machine(program, session, role, now)
step = machine.receive(event, now)         # journal it, then perform machine.calls in order
machine.failed(step, 2, "no answer")       # the third action failed: put the event first
step = machine.expire(now)                 # once machine.deadline has passed
step = machine.migrate(other, "Held", event, now)  # go on in another version, or elsewhere
"""

from __future__ import annotations

from typing import Any, Final

from flows.ends import MAXIMUM_LIFE, Unanswered
from flows.moving import carried
from flows.semantics import NO_ROW, Decision, Position, Program, Transition, Values
from flows.table import TIMER_EVENT, Word
from runtime.executor.step import Event, Step

LONGEST_LIFE: Final = 24 * 3600.0
"""Seconds after which a session ends whatever its table says."""
ACTION_FAILED: Final = "ActionFailed"
MIGRATED: Final = "migrated"
"""`Step.kind` of a step by which somebody took the session to another version or state."""
ENTERED: Final = "entered"
"""Field of such a step: since when the timers of the state count."""


class SessionEnded(RuntimeError):
    """An event was given to a session that has ended: a mistake of the shell."""


class Machine:
    """The state of one session. All times are seconds, as the shell's `now` counts them."""

    __slots__ = (
        "program",
        "session",
        "role",
        "sequence",
        "values",
        "deadline",
        "ended",
        "calls",
        "_position",
        "_entered",
        "_timer",
        "_dies",
        "_before",
        "_own",
        "_done",
    )

    def __init__(
        self, program: Program, session: str, role: str, now: float, life: float = LONGEST_LIFE
    ) -> None:
        self.program = program
        self.session = session
        self.role = role
        self.sequence = 0
        self.values = program.initial_values
        """Conditions and variables; replaced when they change, never changed in place."""
        self.ended = False
        self.calls: tuple[Any, ...] = ()
        """What the program's binder made of each action of the last step, in order."""
        self._position = position = program.position(program.table.initial, role)
        self._entered = now
        self._timer = 0
        self._dies = now + life
        due = now + position.first_timer
        self.deadline: float | None = due if due < self._dies else self._dies
        """When `expire` wants to be called; None once the session has ended."""
        self._before = self.values
        self._own = False
        """The values are this session's alone: a row computed some, or an action failed."""
        self._done: Transition | None = None

    @property
    def state(self) -> str:
        return self._position.state

    @property
    def timers(self) -> tuple[float, ...]:
        """The durations in seconds that have not fired in this state, shortest first."""
        return self._position.timers[self._timer :]

    @property
    def words(self) -> tuple[Word, ...]:
        """The actions of the last step with their arguments, parallel to `step.actions`."""
        return () if self._done is None else self._done.words

    def receive(self, event: Event, now: float) -> Step:
        """Decide what the event does, and do what concerns the session's own memory.

        Raises SessionEnded, and changes nothing, if the session has ended.
        """
        name = event.name
        fields = event.fields
        values = self.values
        first = self._position.candidates.get(name)
        if first is None:
            return self._unanswered(name, fields, now)
        memory = first.memory
        done: Transition | None
        if memory[0] is values:
            _, done, self.values = memory
        else:
            done = self._decide(first, values, fields)
        if done is None:
            return self._unanswered(name, fields, now)
        self._before = values
        self._done = done
        self.calls = done.calls if done.bind is None else done.calls_with(values, fields)
        self.sequence = sequence = self.sequence + 1
        if done.moves:
            self._position = position = done.arrival
            if position.timers:
                self._entered = now
                self._timer = 0
                due = now + position.first_timer
                self.deadline = due if due < self._dies else self._dies
            else:
                self.deadline = self._dies
        decision = done.decision
        if decision.ended:
            self._end()
        return Step(self.session, sequence, now, name, fields, decision)

    def expire(self, now: float) -> Step | None:
        """Let the earliest timer fire if its time has come; None if it has not.

        Call it until the deadline lies ahead: timers that fell due together fire one by one.
        """
        if self.deadline is None or now < self.deadline:
            return None
        if self.deadline >= self._dies:
            return self.receive(Event(MAXIMUM_LIFE), now)
        seconds = self._position.timers[self._timer]
        self.elapsed(seconds)
        return self.receive(Event(TIMER_EVENT, {"seconds": seconds}), now)

    def elapsed(self, seconds: float) -> None:
        """Disarm this state's timers up to that duration: they have fired."""
        timers = self._position.timers
        while self._timer < len(timers) and timers[self._timer] <= seconds:
            self._timer += 1
        due = self._entered + timers[self._timer] if self._timer < len(timers) else self._dies
        self.deadline = min(due, self._dies)

    def timers_left(self) -> list[tuple[float, float]]:
        """Return the timers that run, the next first: (seconds as the row says, when it fires)."""
        timers = self._position.timers[self._timer :] if self.deadline is not None else ()
        return [(seconds, self._entered + seconds) for seconds in timers]

    def failed(self, step: Step, action: int, reason: str) -> Event:
        """Undo what the actions from number `action` (0-based) on would have set.

        Returns the event to put in front of the session's queue. `step` must be the last one;
        ValueError, and nothing changed, if it is not. The state the row led to stays.
        """
        done = self._done
        if done is None or step.sequence != self.sequence or not 0 <= action < len(done.words):
            raise ValueError(f"step {step.sequence} has no action {action} that can fail now")
        self.values = done.values_after(self._before, step.fields, action)
        self._own = True
        fields = {"action": done.words[action].name, "reason": reason, "index": action}
        return Event(ACTION_FAILED, fields)

    @property
    def entered(self) -> float | None:
        """When the running timers were armed; None if this state arms none."""
        return self._entered if self._position.timers else None

    @property
    def fired(self) -> float:
        """The longest timer of this state that has fired, in seconds; 0 if none has."""
        return self._position.timers[self._timer - 1] if self._timer else 0.0

    @property
    def waits(self) -> tuple[tuple[float, float], ...]:
        """The timers of this state that are still to fire: (seconds, when), soonest first."""
        left = self._position.timers[self._timer :]
        return () if self.ended else tuple((each, self._entered + each) for each in left)

    def migrate(self, program: Program, state: str, event: Event, now: float) -> Step:
        """Go on in `state` of `program`: another version, or another state of the same one.

        The event's field `entered` says since when the timers of the new state count (without it,
        since now). A timer whose time has passed fires at once, except one that is no longer than
        a timer which fired already. Variables and conditions are kept by name; new ones get their
        initial value. The step's fields tell what was lost and gained, so that it is never silent.

        Raises SessionEnded, or ValueError where no session of this role could live there; nothing
        is changed then.
        """
        if self.ended:
            raise SessionEnded(f"session {self.session} has ended and can not be moved")
        position = self._arrival(program, state)
        kept = carried(self.program, program, self.values)
        fired = self.fired if ENTERED in event.fields else 0.0
        decision = Decision(
            NO_ROW, "", self.state, state, self.role, (), (), MIGRATED, program.table.digest
        )
        fields = {**event.fields, **kept.told}
        self.program, self.values, self._position = program, kept.values, position
        self._own, self._done, self.calls, self._before = True, None, (), kept.values
        self._entered = float(fields.get(ENTERED, now))
        self._timer = 0
        self.elapsed(fired)
        self.sequence += 1
        return Step(self.session, self.sequence, now, event.name, fields, decision)

    def _arrival(self, program: Program, state: str) -> Position:
        try:
            position = program.position(state, self.role)
        except KeyError:
            raise ValueError(f"there is no state {state}") from None
        if position.final:
            raise ValueError(f"{state} is a final state")
        if not position.candidates:
            raise ValueError(f"{state} has no row for the role {self.role}")
        return position

    def _decide(
        self, first: Transition, values: Values, fields: dict[str, Any]
    ) -> Transition | None:
        """Ask the candidates from `first` on; write what the one that answers writes.

        Guards are pure, so the last decision about shared values is kept for whoever comes next
        with the same object, unless a guard reads the event.
        """
        done: Transition | None = first
        while done is not None:
            test = done.test
            if test is None or test(values, fields):
                break
            done = done.otherwise
        else:
            return None
        if done.computed:
            self.values = done.values_after(values, fields)
            self._own = True
            return done
        if self._own:
            if done.changes:
                self.values = {**values, **done.changes}
            return done
        if done.changes:
            before, after = done.written
            if before is not values:
                after = self.program.shared({**values, **done.changes})
                done.written = (values, after)
            self.values = after
        if not first.reads_event:
            first.memory = (values, done, self.values)
        return done

    def _end(self) -> None:
        """Take no further event: a final position has no row, so `receive` needs no question."""
        self.ended = True
        self.deadline = None
        if not self._position.final:
            version = self.program.table.digest
            self._position = Position(self._position.state, self.role, version, final=True)

    def _unanswered(self, name: str, fields: dict[str, Any], now: float) -> Step:
        """Do what architecture and RFC ask for an event that met no row."""
        if self.ended:
            raise SessionEnded(f"session {self.session} has ended and can not take {name}")
        return self._without_row(name, fields, now, self._position.refusal(name))

    def close(self, event: Event, now: float, kind: str, outcome: str) -> Step:
        """End the session from outside its table; the step says why. SessionEnded if it has."""
        if self.ended:
            raise SessionEnded(f"session {self.session} has ended already")
        decision = self._position.without_row(kind, Unanswered(None, True, outcome))
        return self._without_row(event.name, event.fields, now, decision)

    def _without_row(
        self, name: str, fields: dict[str, Any], now: float, decision: Decision
    ) -> Step:
        self._done = None
        self.calls = ()
        self.sequence += 1
        if decision.ended:
            self._end()
        return Step(self.session, self.sequence, now, name, fields, decision)
