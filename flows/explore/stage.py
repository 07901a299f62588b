"""One side of a call played against a script: the far side says what the script lets it say.

A stage begins at a configuration that a walk came to, with the way there, and goes on message by
message. What the side's stack answers alone is answered here too, by the same rules as in a pair.
What was played is told in two lanes: the far side's lines say what it sends, ours what came of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from flows.explore import inside, peer
from flows.explore.doing import Message
from flows.explore.pair import SIDES, Pair
from flows.explore.party import Config, Move, Stimulus
from flows.explore.walk import told

Line = dict[str, Any]


class Played(NamedTuple):
    """What came of one thing that happened to the side."""

    before: Config
    after: Config
    move: Move | None
    """None where the stack dealt with it alone."""
    sends: tuple[Message, ...]

    @property
    def unhandled(self) -> bool:
        return self.move is not None and self.move.kind == "unhandled"

    def answers(self, method: str) -> list[int]:
        """Return the codes of the final answers to a request that went out."""
        return [
            m.code for m in self.sends if m.kind == "RESP" and m.method == method and m.code >= 200
        ]

    @property
    def answers_again(self) -> bool:
        """Whether the row answers what has its final answer already."""
        complaints = self.move.complaints if self.move is not None else ()
        return any(complaint.code == "ACT604" for complaint in complaints)

    def sent(self, kind: str) -> bool:
        """Whether a request of this method went out."""
        return any(m.kind == kind for m in self.sends)


class Wrong(Exception):
    """The side did not do what the script wants of it."""

    def __init__(self, message: str, played: Played) -> None:
        super().__init__(message)
        self.message = message
        self.played = played


class Stage:
    """A side somewhere in a call, and what has been played so far."""

    def __init__(self, pair: Pair, number: int, way: Iterable[tuple[Config, Move]]) -> None:
        """`number` is of the pair; `way` leads there from the beginning of a session."""
        self.pair = pair
        self.number = number
        config = pair.configs[number]
        self.role = config.role
        self.other = SIDES[1 - SIDES.index(self.role)]
        self.lines = in_lanes(way, self.other)

    @property
    def config(self) -> Config:
        return self.pair.configs[self.number]

    def directions(self, event: str) -> list[str]:
        """Return what a description may say, as far as the table tells it apart."""
        return [d for d in peer.directions(self.pair.party, event) if d]

    def gets(self, message: Message) -> Played:
        """Let a message of the far side arrive; raises Wrong where no row takes its event."""
        played = self.hears(message)
        if played.unhandled:
            raise Wrong(f"{message} arrives, and no row takes it", played)
        return played

    def hears(self, message: Message) -> Played:
        """Let a message arrive, whether a row takes it or not."""
        self._far(message)
        move, after, sends = self.pair.arrive(self.number, message)[0]
        return self._done(move, after, sends, str(message))

    def absorbs(self, message: Message, *repeated: Message) -> None:
        """Let the stack deal with a message, perhaps with an answer, and tell nobody."""
        self._far(message)
        self._done(None, self.number, repeated, str(message))

    def takes(self, stimulus: Stimulus) -> Played | None:
        """Play a row that is written for this very state although the stack keeps such things
        to itself; None if there is none."""
        config, party = self.config, self.pair.party
        move = party.react(config, stimulus)[0]
        row = move.transition.row if move.transition is not None else None
        if row is None or move.kind != "fired" or row.from_state != config.state:
            return None
        if stimulus.message is not None:
            self._far(stimulus.message)
        return self._done(move, self.pair.number(move.target), move.sends, "")

    def waits(self) -> Played | None:
        """Let the state's next timer fire; None if none runs."""
        stimulus = next(peer.timers(self.pair.party, self.config), None)
        if stimulus is None:
            return None
        move = self.pair.party.react(self.config, stimulus)[0]
        return self._done(move, self.pair.number(move.target), move.sends, "")

    def due(self) -> Played | None:
        """Let the waiting time after a glare pass; None if none runs."""
        stimulus = next(inside.clock(self.config), None)
        if stimulus is None:
            return None
        move = self.pair.party.react(self.config, stimulus)[0]
        return self._done(move, self.pair.number(move.target), move.sends, "")

    def _far(self, message: Message) -> None:
        self.lines.append(_sent(self.other, self.role, message))

    def _done(self, move: Move | None, after: int, sends: tuple[Message, ...], what: str) -> Played:
        before = self.config
        played = Played(before, self.pair.configs[after], move, sends)
        if move is not None:
            line = told(before, move, self.role)
            line["sends"] = [str(message) for message in sends]
        else:
            line = _by_stack(played, self.role, what)
        self.lines.append(_with_channel(line, self.role, self.other, sends))
        self.number = after
        return played


def in_lanes(way: Iterable[tuple[Config, Move]], other: str) -> list[Line]:
    """Tell a way of one side in two lanes: what the far side sent, and what came of it."""
    lines: list[Line] = []
    for before, move in way:
        if move.stimulus.message is not None:
            lines.append(_sent(other, before.role, move.stimulus.message))
        line = told(before, move)
        lines.append(_with_channel(line, before.role, other, move.sends))
    return lines


def beside(side: str, what: str) -> Line:
    """Return a line of the far side that is not about a message."""
    return {
        "side": side, "event": what, "name": "", "fields": {}, "kind": "peer", "row": -1,
        "actions": [], "sends": [], "before": "", "after": "", "resources": [], "call": "",
        "channel": {f"to {name}": [] for name in SIDES},
    }  # fmt: skip


def _sent(side: str, to: str, message: Message) -> Line:
    line = beside(side, f"sends {message}")
    line["sends"] = [str(message)]
    line["channel"] = {f"to {name}": [str(message)] if name == to else [] for name in SIDES}
    return line


def _by_stack(played: Played, side: str, what: str) -> Line:
    verb = "is answered by the stack" if played.sends else "is dealt with by the stack"
    return {
        "side": side, "event": f"{what} {verb}", "name": "", "fields": {}, "kind": "stack",
        "row": -1, "actions": [], "sends": [str(m) for m in played.sends],
        "before": played.before.state, "after": played.after.state,
        "resources": list(played.after.held), "call": played.after.wire.call,
    }  # fmt: skip


def _with_channel(line: Line, side: str, other: str, sends: Iterable[Message]) -> Line:
    line["channel"] = {f"to {other}": [str(message) for message in sends], f"to {side}": []}
    return line
