"""One side of a simulation: the production executor, and beside it how the call stands.

The machine decides every step. What its actions mean for the call and for what is held is read
from the words' contracts by `flows.explore`, the checker's own model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from designer.simulation.run import Failure
from flows.ends import MAXIMUM_LIFE
from flows.explore import acts, peer, wire
from flows.explore.doing import Complaint, Doing, Message, Refused
from flows.explore.party import CAUSES, Config, Party, Stimulus, begins_anew
from flows.semantics import Transition
from flows.table import TIMER_EVENT
from runtime.executor.machine import ACTION_FAILED, Machine
from runtime.executor.step import Event, Step

LEAKS = (("RES501", "dialog"), ("RES502", "media"))


@dataclass(slots=True)
class Taken:
    """One step and what came with it."""

    step: Step
    transition: Transition | None
    sends: tuple[Message, ...] = ()
    complaints: list[Complaint] = field(default_factory=list)
    broke: int = -1
    """Index of the action that failed; -1 if all were done."""
    reason: str = ""
    published: tuple[str, ...] = ()
    changed: dict[str, Any] = field(default_factory=dict)
    """Conditions and variables that have another value after it."""
    values: dict[str, Any] = field(default_factory=dict)
    """All of them before it, to ask why."""
    notes: list[str] = field(default_factory=list)
    held: tuple[str, ...] = ()


class Side:
    """A session of the table in one role. Times are seconds of the virtual clock."""

    def __init__(self, party: Party, role: str, now: float) -> None:
        self.party = party
        self.role = role
        self.machine = Machine(party.program, role, role, now)
        self.wire = wire.Wire()
        self.held: tuple[str, ...] = ()
        self.gone: tuple[str, ...] = ()
        self.troubled = False
        self.outcome: str | None = None
        self._fired = 0
        """How many of the state's timers have fired."""

    @property
    def state(self) -> str:
        return self.machine.state

    @property
    def ended(self) -> bool:
        return self.machine.ended

    @property
    def values(self) -> dict[str, Any]:
        return dict(self.machine.values)

    @property
    def config(self) -> Config:
        """The side as the checker's model knows it."""
        values = self.machine.values
        names = self.party.program.initial_values
        return Config(
            self.role,
            self.state,
            tuple(values[name] for name in names),
            self.wire,
            self.held,
            self.gone,
            self._fired,
            ended=self.ended,
        )

    def put(self, values: dict[str, Any]) -> None:
        """Put conditions and variables to other values, as no table could."""
        # Made anew, never changed in place: the executor shares equal values between sessions.
        self.machine.values = {**self.machine.values, **values}

    def take(self, stimulus: Stimulus, now: float, fails: Failure | None = None) -> list[Taken]:
        """Let the executor answer a happening; a failing action brings its own step after it."""
        before, state = self.machine.values, self.state
        event = Event(stimulus.event, dict(stimulus.fields))
        step = self.machine.receive(event, now)
        return self._after(step, before, state, stimulus, now, fails)

    def expire(self, now: float, fails: Failure | None = None) -> list[Taken]:
        """Let the next timer fire; nothing if none is due."""
        before, state, config = self.machine.values, self.state, self.config
        step = self.machine.expire(now)
        if step is None:
            return []
        stimulus = Stimulus(step.event, tuple(step.fields.items()), self.wire, "timer")
        if step.event != MAXIMUM_LIFE:
            self._fired += 1
            stimulus = next(_timers(self.party, config, stimulus))
        return self._after(step, before, state, stimulus, now, fails)

    # -- the contracts of what the step did --------------------------------------------------------

    def _after(
        self,
        step: Step,
        before: Any,
        state: str,
        stimulus: Stimulus,
        now: float,
        fails: Failure | None,
    ) -> list[Taken]:
        fired = step.kind == "fired"
        transition = None
        if fired:
            program = self.party.program
            transition = program.choose(state, self.role, step.event, before, step.fields)
        taken = Taken(step, transition, values=dict(before))
        self.held = tuple(r for r in self.held if r not in stimulus.lost)
        if transition is not None:
            doing = self._perform(taken, transition, stimulus, before, fails)
            self.wire, self.held, self.gone = doing.wire.tidy(), doing.held, doing.gone
            taken.sends, taken.complaints = tuple(doing.sends), doing.complaints
            if transition.moves:
                self._fired = 0
        else:
            self._unanswered(taken, stimulus)
        failure = None
        if taken.broke >= 0:
            self.troubled = True
            failure = self.machine.failed(step, taken.broke, taken.reason)
        taken.published = () if taken.broke >= 0 else step.published
        after = self.machine.values
        taken.changed = {n: after[n] for n in after if after[n] != before[n]}
        if step.ended:
            self.outcome = step.outcome
            self._end(taken)
        taken.held = self.held
        if failure is None or self.ended:
            return [taken]
        told = Stimulus(ACTION_FAILED, tuple(failure.fields.items()), self.wire, "internal")
        return [taken, *self.take(told, now)]

    def _perform(
        self,
        taken: Taken,
        transition: Transition,
        stimulus: Stimulus,
        before: Any,
        fails: Failure | None,
    ) -> Doing:
        fields = dict(stimulus.fields)
        doing = Doing(
            wire=stimulus.wire,
            held=self.held,
            gone=() if begins_anew(self.config, transition) else self.gone,
            values={**before, **transition.effect},
            event=stimulus.event,
            role=self.role,
            method=str(fields.get("method", "")),
            cause=CAUSES.get(stimulus.event, ""),
            troubled=self.troubled,
        )
        for index, word in enumerate(transition.words):
            if fails is not None and word.name == fails.action:
                acts.attempted(doing, word, index)
                taken.broke, taken.reason = index, fails.reason
                return doing
            try:
                acts.perform(doing, word, index)
            except Refused:
                acts.attempted(doing, word, index)
                taken.broke, taken.reason = index, "the stack refuses it in this moment"
                return doing
            doing.values.update(transition.action_sets[index])
        acts.finish(doing, transition.words)
        if fails is not None:
            taken.notes.append(f"{fails.action} was not among the actions; nothing failed.")
        return doing

    def _unanswered(self, taken: Taken, stimulus: Stimulus) -> None:
        """Do what the runtime does about an event that no row took."""
        self.wire = stimulus.wire
        step = taken.step
        request = CAUSES.get(stimulus.event, "")
        if step.answer is not None and request:
            taken.sends = (Message("RESP", request, step.answer),)
            self.wire = _answered(self.wire, request)

    def _end(self, taken: Taken) -> None:
        """Say what the session still holds at its end, and how the runtime ends the call."""
        if taken.step.kind == "fired" and taken.broke < 0:
            for code, name in LEAKS:
                if name in self.held:
                    text = f"The session ends and still holds the {name}"
                    taken.complaints.append(Complaint(code, text))
        else:
            taken.notes.append("The runtime ends the call politely and gives back what is held.")
            if self.wire.live:
                taken.sends += (Message("BYE"),)
            elif self.wire.call == wire.PROCEEDING and not self.wire.cancel:
                taken.sends += (Message("CANCEL"),)
        self.wire = wire.Wire(call=wire.OVER, bye="sent" if self.wire.bye else "")
        self.held = ()


def _timers(party: Party, config: Config, plain: Stimulus) -> Iterator[Stimulus]:
    yield from peer.timers(party, config)
    yield plain


def _answered(call: wire.Wire, request: str) -> wire.Wire:
    match request:
        case "INVITE":
            return call._replace(call=wire.OVER)
        case "re-INVITE":
            return call._replace(asked="", offer="")
        case "UPDATE":
            return call._replace(update="", offer="")
    return call._replace(others=tuple(o for o in call.others if o != request))


def is_timer(event: str) -> bool:
    """Whether only the clock gives this event."""
    return event in (TIMER_EVENT, MAXIMUM_LIFE)
