"""Two sides of the same table against each other, over a channel that may reorder, lose, repeat.

A joint configuration is the calling side, the called side and what is under way in each direction.
Each side takes one thing at a time; what the stacks answer by themselves is answered here too. What
a side does is remembered, so that a walk over pairs costs little more than looking it up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flows.explore import further, peer, wire
from flows.explore.doing import Message
from flows.explore.party import Config, Move, Party, Stimulus
from flows.explore.walk import BEAT_EVERY, Beat, Bounds, told

Channel = tuple[Message, ...]
SIDES = ("UAC", "UAS")


class Options(NamedTuple):
    """How the channel behaves."""

    capacity: int = 2
    """Messages under way in one direction; a side that would send more waits."""
    reorder: bool = True
    losses: int = 0
    duplicates: int = 0


FIFO = Options(reorder=False)

Outcome = tuple[Move | None, int, Channel]
"""What a side does, the configuration it comes to, and what it sends."""


class Joint(NamedTuple):
    """Both sides and what is between them."""

    sides: tuple[int, int]
    """The configurations of UAC and UAS, by their numbers in the pair."""
    channels: tuple[Channel, Channel]
    """What is under way to the UAC, and to the UAS."""
    lost: int = 0
    repeated: int = 0


class Act(NamedTuple):
    """One thing that happens to one side."""

    side: int
    move: Move | None
    """None where only the stack does something."""
    after: int
    sends: Channel
    message: Message | None = None
    """What arrived."""
    fate: str = ""
    """`lost` for a message that never arrives."""


class Step(NamedTuple):
    """One step of a pair, with the configurations by number."""

    source: int
    act: Act
    target: int


@dataclass(slots=True)
class Walked:
    """What a walk over pairs saw."""

    pair: Pair
    joints: list[Joint] = field(default_factory=list)
    steps: list[list[Step]] = field(default_factory=list)
    parents: list[Step | None] = field(default_factory=list)
    complete: bool = True
    limit: str = ""
    full: list[Step] = field(default_factory=list)
    """Steps that had to wait because a channel was full; their target is their source."""

    @property
    def transitions(self) -> int:
        return sum(map(len, self.steps))

    def sides(self, number: int) -> tuple[Config, Config]:
        """Return both configurations of a joint one."""
        one, other = self.joints[number].sides
        return self.pair.configs[one], self.pair.configs[other]

    def trace(self, step: Step | None) -> list[dict[str, Any]]:
        """Return a shortest way to and through a step, as plain data in lanes."""
        way: list[Step] = []
        while step is not None:
            way.append(step)
            step = self.parents[step.source]
        return [self._told(one) for one in reversed(way)]

    def _told(self, step: Step) -> dict[str, Any]:
        act, joints = step.act, self.joints
        after = joints[step.target]
        before = self.pair.configs[joints[step.source].sides[act.side]]
        ended_in = self.pair.configs[act.after]
        if act.move is not None:
            line = told(before, act.move, SIDES[act.side])
        else:
            happened = f"{act.message} {act.fate or 'is answered by the stack'}"
            line = {
                "side": SIDES[act.side], "event": happened, "name": "", "fields": {},
                "kind": act.fate or "stack", "row": -1, "actions": [],
                "sends": [str(m) for m in act.sends], "before": before.state,
                "after": ended_in.state, "resources": list(ended_in.held),
                "call": ended_in.wire.call,
            }  # fmt: skip
        if act.message is not None:
            line["message"] = str(act.message)
        line["channel"] = {
            f"to {name}": [str(m) for m in channel]
            for name, channel in zip(SIDES, after.channels, strict=True)
        }
        return line


class Pair:
    """The two sides of one table; `called` is the UAS where it runs another table."""

    def __init__(
        self,
        party: Party,
        options: Options = Options(),  # noqa: B008
        called: Party | None = None,
    ) -> None:
        self.party = party
        self._sides = {"UAC": party, "UAS": called or party}
        self.options = options
        self.configs: list[Config] = []
        """Every configuration a side was in."""
        self._numbers: dict[Config, int] = {}
        self._alone: dict[int, list[Outcome]] = {}
        self._arrivals: dict[tuple[int, Message], list[Outcome]] = {}

    def side(self, role: str) -> Party:
        """Return the table that one side runs."""
        return self._sides[role]

    def number(self, config: Config) -> int:
        """Return the number that stands for a configuration."""
        known = self._numbers.get(config)
        if known is None:
            known = self._numbers[config] = len(self.configs)
            self.configs.append(config)
        return known

    def start(self) -> Joint:
        """Return how it begins: nothing has happened on either side."""
        one, other = (self.number(self.side(role).start(role)) for role in SIDES)
        return Joint((one, other), ((), ()))

    def acts(self, joint: Joint) -> Iterator[tuple[Act, Joint | None]]:
        """Yield all that may happen next, with what it leads to; None where a channel is full."""
        for side in (0, 1):
            config = joint.sides[side]
            if not self.configs[config].ended:
                for move, after, sends in self.by_itself(config):
                    yield self._result(joint, Act(side, move, after, sends), None)
                if joint.lost and joint.channels == ((), ()):
                    for move, after, sends in self.timeouts(config):
                        yield self._result(joint, Act(side, move, after, sends), None)
            channel = joint.channels[side]
            places = range(len(channel)) if self.options.reorder else range(min(1, len(channel)))
            for at in places:
                message = channel[at]
                if at and channel[at - 1] == message:
                    continue
                for move, after, sends in self.arrive(config, message):
                    act = Act(side, move, after, sends, message)
                    yield self._result(joint, act, at)
                    if joint.repeated < self.options.duplicates and _told_again(message):
                        yield self._result(joint, act, None, repeated=1)
                if joint.lost < self.options.losses:
                    act = Act(side, None, config, (), message, "lost")
                    yield self._result(joint, act, at, lost=1)

    def _result(
        self, joint: Joint, act: Act, taken: int | None, lost: int = 0, repeated: int = 0
    ) -> tuple[Act, Joint | None]:
        channels = [list(channel) for channel in joint.channels]
        if taken is not None:
            del channels[act.side][taken]
        other = channels[1 - act.side]
        if len(other) + len(act.sends) > self.options.capacity and act.sends:
            return act, None
        other += act.sends
        if self.options.reorder:
            other.sort()
        one, other_side = joint.sides
        after = Joint(
            (act.after, other_side) if act.side == 0 else (one, act.after),
            (tuple(channels[0]), tuple(channels[1])),
            joint.lost + lost,
            joint.repeated + repeated,
        )
        return act, after

    def steps_known(self) -> Iterator[tuple[int, Message | None, list[Outcome]]]:
        """Yield what each configuration does by itself (no message) and on a message, as asked."""
        for number, outcomes in self._alone.items():
            yield number, None, outcomes
        for (number, message), outcomes in self._arrivals.items():
            yield number, message, outcomes

    # -- one side ------------------------------------------------------------------------------

    def by_itself(self, number: int) -> list[Outcome]:
        """Return what a side may do without the far one."""
        known = self._alone.get(number)
        if known is None:
            config = self.configs[number]
            what = peer.options if config.pending else peer.alone
            stimuli = list(what(self.side(config.role), config))
            known = self._alone[number] = [r for s in stimuli for r in self._reactions(config, s)]
        return known

    def timeouts(self, number: int) -> list[Outcome]:
        """Return what comes of it if the far side stays silent to what a side waits for."""
        config = self.configs[number]
        found: list[Outcome] = []
        for stimulus in peer.messages(self.side(config.role), config):
            if stimulus.event == "DialogTimeout":
                found += self._reactions(config, stimulus)
        return found

    def _reactions(self, config: Config, stimulus: Stimulus, first: Channel = ()) -> list[Outcome]:
        moves = self.side(config.role).react(config, stimulus)
        done = [move for move in moves if move.broke < 0] or moves[-1:]
        return [(m, self.number(quiet(m.target)), (*first, *m.sends)) for m in done]

    def arrive(self, number: int, message: Message) -> list[Outcome]:
        """Return what comes of a message that reaches a side."""
        known = self._arrivals.get((number, message))
        if known is None:
            known = self._arrivals[number, message] = self._arrived(number, message)
        return known

    def _arrived(self, number: int, message: Message) -> list[Outcome]:
        config = self.configs[number]
        stimulus, alone = heard(self.side(config.role), config, message)
        if stimulus is None:
            return [(None, number, alone)]
        return self._reactions(config, stimulus, alone)


def heard(party: Party, config: Config, message: Message) -> tuple[Stimulus | None, Channel]:
    """Return what a side makes of a message: the happening, and what its stack sends by itself."""
    call = config.wire
    alone: Channel = ()
    stimulus: Stimulus | None = None
    open_ = not config.ended and call.call in (wire.ANSWERED, wire.UP)
    match message.kind:
        case "INVITE" if call.call == wire.NONE and not config.ended:
            stimulus = peer.incoming(call, message.direction)
        case "RESP":
            stimulus, alone = _response(config, message)
        case "NOTIFY" if open_:
            stimulus = further.arrived(call, message)
        case "REL" if call.call in wire.OUR_INVITE and not (config.ended or call.reliable):
            stimulus = further.progressed(call, message.code, message.direction)
        case "PRACK" if call.reliable in ("plain", "described") and not config.ended:
            stimulus = further.confirmed(call, message.direction)
        case "ACK" if open_ and (call.call == wire.ANSWERED or call.unacked):
            stimulus = peer.acknowledged(call, message.direction)
        case "CANCEL" if call.call == wire.OFFERED:
            cancelled = call._replace(call=wire.CANCELLED)
            stimulus = Stimulus("DialogCANCEL", (), cancelled, "peer", message=message)
        case "BYE" if call.call == wire.OFFERED and not config.ended:
            alone = (Message("RESP", "BYE", 200),)
            given_up = call._replace(call=wire.CANCELLED)
            stimulus = Stimulus("DialogBYE", (), given_up, "peer", message=message)
        case "BYE" if open_ and call.bye != "done":
            alone = (Message("RESP", "BYE", 200),)
            stimulus = peer.ended(call)
        case "BYE":
            alone = (Message("RESP", "BYE", 200 if call.bye else 481),)
        case "re-INVITE" if open_ and not (call.asked or call.unacked):
            stimulus = peer.proposed(call, message.direction)
        case "re-INVITE":
            alone = (Message("RESP", "re-INVITE", 500 if open_ else 481),)
        case "UPDATE" | "INFO" | "MESSAGE" | "REFER":
            possible = peer.messages(party, config) if not config.ended else ()
            stimulus = next((s for s in possible if s.message == message), None)
            alone = () if stimulus is not None else (Message("RESP", message.kind, 481),)
    return stimulus, alone


def _response(config: Config, message: Message) -> tuple[Stimulus | None, Channel]:
    call = config.wire
    if message.method == "REFER":
        return (None if config.ended else further.arrived(call, message)), ()
    waits = {
        "INVITE": call.call in wire.OUR_INVITE,
        "re-INVITE": bool(call.own),
        "BYE": call.bye == "sent",
    }.get(message.method, False)
    if waits and not config.ended:
        event = event_of(message)
        return peer.response(call, message.method, event, message.code, message.direction), ()
    accepted = 200 <= message.code < 300
    if accepted and message.method == "INVITE" and call.call == wire.OVER:
        # The usage is gone: the stack confirms the late 2xx and ends the call.
        return None, (Message("ACK"), Message("BYE"))
    if accepted and message.method == "re-INVITE":
        return None, (Message("ACK"),)
    return None, ()


def event_of(message: Message) -> str:
    """Return the event of an answer, the most specific one."""
    exact = {
        180: "Dialog180Ringing",
        487: "Dialog487RequestTerminated",
        422: "SessionIntervalTooSmall",
    }
    if message.code == 491 and message.method == "re-INVITE":
        return "ReinviteGlare"
    if message.code in (401, 407):
        return "AuthRequired"
    classes = {1: "Dialog183SessionProgress", 2: "Dialog200OK", 3: "Dialog3xxRedirect"}
    classes |= {n: f"Dialog{n}xxFailure" for n in (4, 5, 6)}
    return exact.get(message.code) or classes[message.code // 100]


def _told_again(message: Message) -> bool:
    """Whether the stack tells of a repeated message once more: only of a provisional answer.

    It knows its transactions: other repeats are answered as before, or absorbed.
    """
    return message.kind == "RESP" and message.code < 200


def quiet(config: Config) -> Config:
    """Forget what does not concern the far side: what was told, what was given back."""
    if config.ended:
        over = wire.Wire(call=wire.OVER, bye="done" if config.wire.bye else "")
        return Config(config.role, config.state, (), over, ended=True, politely=config.politely)
    return config._replace(story=config.story._replace(outcomes=0), failed=0)


def explore(
    pair: Pair,
    bounds: Bounds = Bounds(),  # noqa: B008
    beat: Beat | None = None,
) -> Walked:
    """Visit every joint configuration within the bounds, nearest first."""
    walked = Walked(pair)
    numbers: dict[Joint, int] = {}

    def number_of(joint: Joint) -> int:
        known = numbers.get(joint)
        if known is None:
            known = numbers[joint] = len(walked.joints)
            walked.joints.append(joint)
            walked.steps.append([])
            walked.parents.append(None)
        return known

    waiting = deque([number_of(pair.start())])
    done = 0
    while waiting:
        done += 1
        if done % BEAT_EVERY == 0:
            if bounds.late is not None and bounds.late():
                walked.complete, walked.limit = False, "the time it was given"
                break
            if beat is not None:
                beat(done / (len(walked.joints) + BEAT_EVERY))
        if len(walked.joints) > bounds.states:
            walked.complete, walked.limit = False, f"{bounds.states} joint configurations"
            break
        here = waiting.popleft()
        for act, after in pair.acts(walked.joints[here]):
            if after is None:
                walked.full.append(Step(here, act, here))
                continue
            new = len(walked.joints)
            target = number_of(after)
            step = Step(here, act, target)
            walked.steps[here].append(step)
            if target == new:
                walked.parents[target] = step
                waiting.append(target)
    return walked
