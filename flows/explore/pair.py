"""Two sides of the same table against each other, over a channel that may reorder, lose, repeat.

A joint configuration is the calling side, the called side and what is under way in each direction.
Each side takes one thing at a time; what the stacks answer by themselves is answered here too. What
a side does is remembered, so that a walk over pairs costs little more than looking it up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flows.explore import peer, wire
from flows.explore.doing import Message
from flows.explore.hearing import Channel, heard, told_again
from flows.explore.party import Config, Move, Party, Stimulus
from flows.explore.walk import BEAT_EVERY, Beat, Bounds, told

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


class Moved(NamedTuple):
    """An act with what is under way after it, by number."""

    act: Act
    coming: int
    """To the side itself."""
    going: int
    lost: int
    repeated: int


class Moves(NamedTuple):
    """What one side may do, wherever the other one stands."""

    free: tuple[Moved, ...]
    full: tuple[Act, ...]
    """What has to wait because the channel to the other side is full."""


Where = tuple[int, int, int, int, int, int]
"""A side, its configuration, what comes to it and goes from it, and what was lost and repeated."""


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
    ways: list[tuple[Moves, Moves]] = field(default_factory=list)
    """What each side may do in each joint configuration that was left again."""
    targets: list[list[int]] = field(default_factory=list)
    """Where that leads, in the order of `ways`."""
    parents: list[Step | None] = field(default_factory=list)
    complete: bool = True
    limit: str = ""
    full: list[Step] = field(default_factory=list)
    """Steps that had to wait because a channel was full; their target is their source."""

    @property
    def transitions(self) -> int:
        return sum(map(len, self.targets))

    def out(self, number: int) -> Iterator[Step]:
        """Yield the steps out of a joint configuration."""
        if number < len(self.ways):
            one, other = self.ways[number]
            for moved, target in zip((*one.free, *other.free), self.targets[number], strict=True):
                yield Step(number, moved.act, target)

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
        return [self.told(one) for one in reversed(way)]

    def told(self, step: Step) -> dict[str, Any]:
        """Return one step as plain data: who, what happened, what is under way after it."""
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
        self.channels: list[Channel] = [()]
        """Everything that was under way in one direction."""
        self._channels: dict[Channel, int] = {(): 0}
        self._moves: dict[Where, Moves] = {}

    def over(self, options: Options) -> Pair:
        """Return the same sides over another channel; what is known of each side is shared."""
        other = Pair(self.party, options, self._sides["UAS"])
        other.configs, other._numbers = self.configs, self._numbers
        other._alone, other._arrivals = self._alone, self._arrivals
        return other

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
        ways = [self.channel(channel) for channel in joint.channels]
        for side in (0, 1):
            where = (
                side,
                joint.sides[side],
                ways[side],
                ways[1 - side],
                joint.lost,
                joint.repeated,
            )
            free, full = self.moves(where)
            yield from ((act, None) for act in full)
            for act, coming, going, lost, repeated in free:
                sides, channels = [*joint.sides], [self.channels[going]] * 2
                sides[side], channels[side] = act.after, self.channels[coming]
                yield act, Joint((sides[0], sides[1]), (channels[0], channels[1]), lost, repeated)

    def channel(self, content: Channel) -> int:
        """Return the number that stands for what is under way in one direction."""
        known = self._channels.get(content)
        if known is None:
            known = self._channels[content] = len(self.channels)
            self.channels.append(content)
        return known

    def moves(self, where: Where) -> Moves:
        """Return what one side may do; the same object whenever it is asked the same."""
        known = self._moves.get(where)
        if known is None:
            found = list(self._moved(where))
            known = self._moves[where] = Moves(
                tuple(one for one in found if isinstance(one, Moved)),
                tuple(one for one in found if isinstance(one, Act)),
            )
        return known

    def _moved(self, where: Where) -> Iterator[Moved | Act]:
        side, config, coming, _, lost, repeated = where
        channel = self.channels[coming]
        if not self.configs[config].ended:
            for move, after, sends in self.by_itself(config):
                yield self._sent(where, Act(side, move, after, sends), coming)
            if lost and not (channel or self.channels[where[3]]):
                for move, after, sends in self.timeouts(config):
                    yield self._sent(where, Act(side, move, after, sends), coming)
        for at in range(len(channel) if self.options.reorder else min(1, len(channel))):
            message = channel[at]
            if at and channel[at - 1] == message:
                continue
            rest = self.channel(channel[:at] + channel[at + 1 :])
            for move, after, sends in self.arrive(config, message):
                act = Act(side, move, after, sends, message)
                yield self._sent(where, act, rest)
                if repeated < self.options.duplicates and told_again(message):
                    yield self._sent(where, act, coming, repeated=1)
            if lost < self.options.losses:
                yield self._sent(where, Act(side, None, config, (), message, "lost"), rest, lost=1)

    def _sent(
        self, where: Where, act: Act, rest: int, lost: int = 0, repeated: int = 0
    ) -> Moved | Act:
        """Put what an act sends behind what is under way; the side's own channel keeps `rest`.

        Where the channel has no room for it, the act itself is returned.
        """
        going = where[3]
        if act.sends:
            content = self.channels[going] + act.sends
            if len(content) > self.options.capacity:
                return act
            going = self.channel(tuple(sorted(content)) if self.options.reorder else content)
        return Moved(act, rest, going, where[4] + lost, where[5] + repeated)

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
    numbers: dict[Where, int] = {}
    places: list[Where] = []
    between: dict[tuple[int, int], tuple[Channel, Channel]] = {}

    def number_of(place: Where) -> int:
        """Give a place its number: both sides, what comes to each, what was lost and repeated."""
        number = numbers[place] = len(places)
        one, other, to_one, to_other, lost, repeated = place
        under_way = between.get((to_one, to_other))
        if under_way is None:
            under_way = (pair.channels[to_one], pair.channels[to_other])
            between[to_one, to_other] = under_way
        places.append(place)
        walked.joints.append(Joint((one, other), under_way, lost, repeated))
        walked.parents.append(None)
        return number

    start = pair.start().sides
    number_of((*start, 0, 0, 0, 0))
    for here, place in enumerate(places):
        if here % BEAT_EVERY == BEAT_EVERY - 1:
            if bounds.late is not None and bounds.late():
                walked.complete, walked.limit = False, "the time it was given"
                break
            if beat is not None:
                beat(here / (len(places) + BEAT_EVERY))
        if len(places) > bounds.states:
            walked.complete, walked.limit = False, f"{bounds.states} joint configurations"
            break
        one, other, to_one, to_other, lost, repeated = place
        ways = (
            pair.moves((0, one, to_one, to_other, lost, repeated)),
            pair.moves((1, other, to_other, to_one, lost, repeated)),
        )
        walked.ways.append(ways)
        walked.full += [Step(here, act, here) for moves in ways for act in moves.full]
        targets: list[int] = []
        walked.targets.append(targets)
        for side in (0, 1):
            for act, coming, going, gone, again in ways[side].free:
                if side:
                    after = (one, act.after, going, coming, gone, again)
                else:
                    after = (act.after, other, coming, going, gone, again)
                target = numbers.get(after)
                if target is None:
                    target = number_of(after)
                    walked.parents[target] = Step(here, act, target)
                targets.append(target)
    return walked
