"""The shortest way from where a run stands to a state or a row: "run to"."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from designer.simulation.run import Input, Run
from designer.simulation.stage import Stage
from flows.explore import pair, peer
from flows.explore.party import Config, Move, Stimulus
from flows.semantics import SESSION_ROLES
from flows.table import Table

MOST_VISITED = 5000
Place = TypeVar("Place")
_QUIET = ("user", "peer", "answer", "timer", "media", "clock", "link")
"""Ways are looked for without trouble of the transport first."""


class Goal(NamedTuple):
    """Where to run: a state, or a row of the table; and on which side, if that matters."""

    state: str = ""
    row: int = -1
    side: str = ""

    def reached(self, move: Move) -> bool:
        """Whether a move is what was looked for."""
        if self.side and move.target.role != self.side:
            return False
        return move.row == self.row if self.row >= 0 else move.target.state == self.state


def way_to(table: Table, run: Run, goal: Goal) -> list[Input] | None:
    """Return inputs that lead there after the run, as few as can be; None if none were found."""
    stage = Stage(table, run).play()
    if stage.problem is not None:
        return None
    standing = [s.state for s in stage.sides.values() if goal.side in ("", s.role)]
    if goal.row < 0 and goal.state in standing:
        return []
    search = _joint if run.both else _alone
    for kinds in (_QUIET, (*_QUIET, "trouble")):
        inputs = search(stage, goal, kinds)
        if inputs is not None:
            longer = Run(run.roles, [*run.inputs, *inputs], run.mocks)
            return inputs if _arrives(table, longer, len(run.inputs), goal) else None
    return None


def _arrives(table: Table, run: Run, after: int, goal: Goal) -> bool:
    """Whether the executor itself goes where the model said it would."""
    stage = Stage(table, run).play()
    steps = [s for e in stage.entries[after:] for s in e.steps]
    return stage.problem is None and any(
        (not goal.side or side == goal.side)
        and (taken.step.row == goal.row if goal.row >= 0 else taken.step.to_state == goal.state)
        for _, side, taken in steps
    )


def _alone(stage: Stage, goal: Goal, kinds: tuple[str, ...]) -> list[Input] | None:
    (side,) = stage.sides.values()

    def next_of(config: Config) -> Iterator[tuple[Input, Move, Config]]:
        for stimulus in peer.options(side.party, config):
            if stimulus.kind in kinds:
                move = side.party.react(config, stimulus)[0]
                if move.broke < 0:
                    yield _input(stimulus, ""), move, move.target

    return None if side.ended else _search(side.config, next_of, goal, lambda c: c.ended)


def _joint(stage: Stage, goal: Goal, kinds: tuple[str, ...]) -> list[Input] | None:
    both = pair.Pair(stage.party, pair.Options(capacity=6, reorder=False))
    one, other = (both.number(pair.quiet(s.config)) for s in stage.sides.values())
    to_uac, to_uas = (
        tuple(line.message for line in stage.underway if line.target == role)
        for role in SESSION_ROLES
    )

    def next_of(joint: pair.Joint) -> Iterator[tuple[Input, Move | None, pair.Joint]]:
        for act, after in both.acts(joint):
            if after is None or act.fate:
                continue
            role = SESSION_ROLES[act.side]
            if act.message is not None:
                yield Input(side=role, deliver=str(act.message)), act.move, after
            elif act.move is not None and act.move.stimulus.kind in kinds:
                yield _input(act.move.stimulus, role), act.move, after

    start = pair.Joint((one, other), (to_uac, to_uas))
    return _search(start, next_of, goal, lambda joint: False)


def _search(
    start: Place,
    next_of: Callable[[Place], Iterator[tuple[Input, Move | None, Place]]],
    goal: Goal,
    over: Callable[[Place], bool],
) -> list[Input] | None:
    parents: dict[Place, tuple[Place, Input] | None] = {start: None}
    waiting = deque([start])
    while waiting and len(parents) < MOST_VISITED:
        here = waiting.popleft()
        if over(here):
            continue
        for given, move, there in next_of(here):
            if move is not None and goal.reached(move):
                return [*_way(parents, here), given]
            if there not in parents:
                parents[there] = (here, given)
                waiting.append(there)
    return None


def _way(parents: dict[Place, tuple[Place, Input] | None], here: Place) -> list[Input]:
    way: list[Input] = []
    step = parents[here]
    while step is not None:
        here, given = step
        way.append(given)
        step = parents[here]
    return way[::-1]


def _input(stimulus: Stimulus, side: str) -> Input:
    if stimulus.kind == "timer":
        return Input(due=True)
    fields = {name: value for name, value in stimulus.fields if value not in (None, "")}
    if stimulus.message is not None and not stimulus.message.direction:
        fields["sdp"] = ""
    return Input(side=side, event=stimulus.event, fields=fields)
