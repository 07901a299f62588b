"""One side of a call: how a session of the table stands, and what one happening makes of it.

The row is chosen by `flows.semantics.Program`, the same object the executor asks; the contracts of
the row's actions then change the call. So a walk over configurations is a walk over what the
executor would do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from flows.ends import unanswered
from flows.explore import acts, wire
from flows.explore.doing import Complaint, Doing, Message, Refused
from flows.explore.domain import Domain
from flows.explore.stimulus import Stimulus as Stimulus
from flows.explore.wire import Wire
from flows.semantics import Program, Transition
from flows.table import TIMER_EVENT
from flows.vocabulary import ACTIONS, OUTCOMES

ACTION_FAILED = "ActionFailed"
MOST_FAILURES = 1
"""Actions that fail in one session: each may be the one, but one is enough for one walk."""
CAUSES = {
    "IncomingCall": "INVITE",
    "DialogCANCEL": "INVITE",
    "ReinviteReceived": "re-INVITE",
    "UpdateReceived": "UPDATE",
    "InfoReceived": "INFO",
    "MessageReceived": "MESSAGE",
    "ReceiveMESSAGE": "MESSAGE",
    "ReceiveNOTIFY": "NOTIFY",
    "SubscriptionTerminated": "NOTIFY",
    "SubscriptionRequested": "SUBSCRIBE",
    "PublicationReceived": "PUBLISH",
    "TransferRequested": "REFER",
    "DialogPRACK": "PRACK",
}


class Story(NamedTuple):
    """What the session has told the world."""

    outcomes: int = 0
    established: bool = False
    on_hold: bool = False


class Config(NamedTuple):
    """Everything that decides what one side may do from here on."""

    role: str
    state: str
    values: tuple[Any, ...]
    wire: Wire = Wire()
    held: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    timer: int = 0
    """How many of the state's timers have fired."""
    failed: int = 0
    """How many actions have failed."""
    pending: str = ""
    """The action whose failure waits to be answered."""
    story: Story = Story()
    ended: bool = False
    """The session takes no further event."""
    politely: bool = False
    """It was ended by the runtime, which gives everything back."""

    @property
    def essence(self) -> Config:
        """The configuration as far as it has a future: those that have ended differ no more."""
        if not self.ended:
            return self
        return Config(self.role, self.state, (), ended=True, politely=self.politely)


class Move(NamedTuple):
    """One step of one side."""

    stimulus: Stimulus
    transition: Transition | None
    """None if no row and no `ignore` took the event."""
    target: Config
    sends: tuple[Message, ...] = ()
    complaints: tuple[Complaint, ...] = ()
    broke: int = -1
    """Index of the action that failed; -1 if none did."""
    values: Mapping[str, Any] = {}
    """The conditions and variables after it."""

    @property
    def row(self) -> int:
        return -1 if self.transition is None else self.transition.index

    @property
    def kind(self) -> str:
        return "unhandled" if self.transition is None else self.transition.kind


class Party:
    """A table as one side runs it. Of the values those are kept that the table reads, or `keep`."""

    def __init__(self, program: Program, *, keep: Iterable[str] | None = None) -> None:
        self.program = program
        self.domain = Domain(program.table)
        self._names = tuple(program.initial_values)
        kept = self.domain.names if keep is None else frozenset(keep)
        self._kept = tuple(name in kept for name in self._names)
        self._initial = tuple(program.initial_values.values())

    def start(self, role: str) -> Config:
        """Return the configuration in which a session of this role begins."""
        return Config(role, self.program.table.initial, self._initial)

    def values(self, config: Config) -> dict[str, Any]:
        """Return the conditions and variables of a configuration."""
        return dict(zip(self._names, config.values, strict=True))

    def react(self, config: Config, stimulus: Stimulus) -> list[Move]:
        """Return what can come of it: the row done, and the row with each of its actions failing.

        A session that has ended must not be asked.
        """
        values = self.values(config)
        fields = dict(stimulus.fields)
        transition = self.program.choose(config.state, config.role, stimulus.event, values, fields)
        if transition is None or transition.kind == "ignored":
            return [self._unanswered(config, stimulus, transition)]
        return self._fired(config, stimulus, transition, values, fields)

    # -- no row --------------------------------------------------------------------------------

    def _unanswered(
        self, config: Config, stimulus: Stimulus, transition: Transition | None
    ) -> Move:
        rule = unanswered(stimulus.event)
        request = CAUSES.get(stimulus.event, "")
        after = stimulus.wire
        sends: tuple[Message, ...] = ()
        if rule.answer is not None and request:
            after, sends = _answered_by_rule(after, request, rule.answer)
        ends = transition is None and rule.ends
        target = config._replace(
            wire=after.tidy(),
            held=_without(config.held, stimulus.lost),
            timer=self._timer(config, stimulus),
            pending="",
            ended=ends,
            politely=ends,
        )
        return Move(stimulus, transition, target, sends)

    # -- a row ---------------------------------------------------------------------------------

    def _fired(
        self,
        config: Config,
        stimulus: Stimulus,
        transition: Transition,
        values: dict[str, Any],
        fields: dict[str, Any],
    ) -> list[Move]:
        doing = Doing(
            wire=stimulus.wire,
            held=_without(config.held, stimulus.lost),
            gone=() if begins_anew(config, transition) else config.gone,
            values={**values, **transition.effect},
            event=stimulus.event,
            role=config.role,
            method=str(fields.get("method", "")),
            cause=CAUSES.get(stimulus.event, ""),
            troubled=config.failed > 0,
            code=int(fields.get("code") or 0),
        )
        moves: list[Move] = []
        for index, word in enumerate(transition.words):
            contract = ACTIONS.get(word.name)
            breaks = contract is not None and contract.may_fail and config.failed < MOST_FAILURES
            before = _copied(doing)
            refused = False
            try:
                acts.perform(doing, word, index)
            except Refused:
                refused = True
            if breaks or refused:
                acts.attempted(before, word, index)
                before.complaints = doing.complaints if refused else []
                moves.append(
                    self._broken(config, stimulus, transition, before, values, fields, index)
                )
            if refused:
                return moves
            doing.values.update(transition.action_sets[index])
        acts.finish(doing, transition.words)
        after = transition.values_after(values, fields)
        moves.insert(0, self._finished(config, stimulus, transition, doing, after))
        return moves

    def _finished(
        self,
        config: Config,
        stimulus: Stimulus,
        transition: Transition,
        doing: Doing,
        after: Mapping[str, Any],
    ) -> Move:
        target = self._arrived(config, stimulus, transition, doing, after)._replace(
            story=_told(config, transition.decision.published, doing.wire), pending=""
        )
        return Move(
            stimulus,
            transition,
            target,
            tuple(doing.sends),
            tuple(doing.complaints),
            values=after,
        )

    def _broken(
        self,
        config: Config,
        stimulus: Stimulus,
        transition: Transition,
        doing: Doing,
        values: dict[str, Any],
        fields: dict[str, Any],
        index: int,
    ) -> Move:
        after = transition.values_after(values, fields, index)
        arrived = self._arrived(config, stimulus, transition, doing, after)
        target = arrived._replace(
            failed=MOST_FAILURES,
            pending="" if arrived.ended else transition.words[index].name,
            politely=arrived.ended,
        )
        return Move(
            stimulus,
            transition,
            target,
            tuple(doing.sends),
            tuple(doing.complaints),
            index,
            values=after,
        )

    def _arrived(
        self,
        config: Config,
        stimulus: Stimulus,
        transition: Transition,
        doing: Doing,
        after: Mapping[str, Any],
    ) -> Config:
        limited = self.domain.limited
        return Config(
            config.role,
            transition.next_state,
            tuple(
                limited(after[name]) if kept else initial
                for name, kept, initial in zip(self._names, self._kept, self._initial, strict=True)
            ),
            doing.wire.tidy(),
            doing.held,
            doing.gone,
            0 if transition.moves else self._timer(config, stimulus),
            config.failed,
            "",
            config.story,
            transition.decision.ended,
        )

    def _timer(self, config: Config, stimulus: Stimulus) -> int:
        return config.timer + 1 if stimulus.event == TIMER_EVENT else config.timer


def begins_anew(config: Config, transition: Transition) -> bool:
    """Whether a row takes a dialog again where nothing is held: what was before is forgotten."""
    return not config.held and any(
        "dialog" in ACTIONS[word.name].acquires for word in transition.words if word.name in ACTIONS
    )


def _without(held: tuple[str, ...], lost: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(r for r in held if r not in lost) if lost else held


def _copied(doing: Doing) -> Doing:
    return Doing(
        doing.wire,
        doing.held,
        doing.gone,
        doing.values,
        doing.event,
        doing.role,
        doing.method,
        doing.cause,
        doing.troubled,
        doing.code,
        list(doing.sends),
    )


def _answered_by_rule(after: Wire, request: str, code: int) -> tuple[Wire, tuple[Message, ...]]:
    """Do what `flows.ends` says about a request that no row answered."""
    open_ = {
        "INVITE": after.call in wire.OPEN_INVITE,
        "re-INVITE": bool(after.asked),
        "UPDATE": bool(after.update),
    }.get(request, request in after.others)
    if not open_:
        return after, ()
    match request:
        case "INVITE":
            after = after._replace(call=wire.OVER)
        case "re-INVITE":
            after = after._replace(asked="", offer="")
        case "UPDATE":
            after = after._replace(update="", offer="")
        case _:
            after = after._replace(
                others=tuple(o for o in after.others if o != request),
                outside=after.outside.answered(request, code),
            )
    return after, (Message("RESP", request, code),)


def _told(config: Config, published: tuple[str, ...], after: Wire) -> Story:
    story = config.story
    if published:
        outcomes = sum(name in OUTCOMES for name in published)
        on_hold = ("CallOnHold" in published or story.on_hold) and "CallResumed" not in published
        established = story.established or "CallEstablished" in published
        story = Story(min(2, story.outcomes + outcomes), established, on_hold)
    if story.on_hold and (config.failed or after.bye):
        story = story._replace(on_hold=False)
    return story
