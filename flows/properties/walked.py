"""The explorer's walks, of one side or of two, as graphs of moments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flows.explore.doing import Message
from flows.explore.pair import SIDES, Step, Walked
from flows.explore.party import Config, Move, Party
from flows.explore.walk import Walk, told
from flows.properties.judge import Moment, Steps, View


def steps_of(walk: Walk) -> Steps:
    """Return the walk of one party, each role from its own beginning."""
    graph = Steps()
    for number, config in enumerate(walk.configs):
        view = _view(walk.party, config, None)
        graph.node(Moment({config.role: view}), start=walk.parents[number] is None)
    for source, edges in enumerate(walk.edges):
        for edge in edges:
            graph.step(source, _moment(walk, source, edge.move), edge.target)
    return graph


def _view(party: Party, config: Config, move: Move | None) -> View:
    if move is not None and move.values:
        values = dict(move.values)
    else:
        values = party.values(config) if config.values else {}
    true = frozenset(name for name, value in values.items() if value is True)
    # A session that ends itself, or whose last row broke off, gives back what the row did not.
    swept = config.ended and (config.politely or (move is not None and move.broke >= 0))
    return View(config.state, config.ended, frozenset(() if swept else config.held), true)


def _moment(walk: Walk, source: int, move: Move) -> Moment:
    before = walk.configs[source]
    step = told(before, move)
    published: tuple[str, ...] = ()
    if move.broke < 0 and move.transition is not None:
        published = move.transition.decision.published
    return Moment(
        views={before.role: _view(walk.party, move.target, move)},
        side=before.role,
        event=move.stimulus.event,
        actions=tuple(step["actions"]),
        published=published,
        sends=_names(move.sends),
        told=step,
    )


def _names(messages: Iterable[Message]) -> tuple[str, ...]:
    """Return messages as properties name them: requests by method, answers by code."""
    return tuple(str(m.code) if m.kind == "RESP" else m.kind for m in messages)


# -- two sides -------------------------------------------------------------------------------------


def steps_of_both(walked: Walked) -> Steps:
    """Return a walk over the two sides of a call, with how both stand at each moment."""
    graph = Steps()
    views: dict[int, View] = {}

    def standing(number: int) -> dict[str, View]:
        found = {}
        for side, config in zip(SIDES, walked.joints[number].sides, strict=True):
            if config not in views:
                views[config] = _view(walked.pair.side(side), walked.pair.configs[config], None)
            found[side] = views[config]
        return found

    stand = [standing(number) for number in range(len(walked.joints))]
    for number, sides in enumerate(stand):
        graph.node(Moment(sides), start=number == 0)
    done: dict[int, tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {}
    for number in range(len(walked.joints)):
        for step in walked.out(number):
            act = step.act
            known = done.get(id(act))
            if known is None:
                # The pair keeps its acts, so that an identity stands for one of them.
                known = done[id(act)] = _done(step)
            event, actions, published, sends = known
            views_after, told = stand[step.target], _Told(walked, step)
            side = SIDES[act.side]
            moment = Moment(views_after, side, event, actions, published, sends, told)
            graph.step(step.source, moment, step.target)
    return graph


def _done(step: Step) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return event, actions, published events and messages of a step."""
    move = step.act.move
    sends = _names(step.act.sends)
    if move is None or move.transition is None:
        return move.stimulus.event if move is not None else "", (), (), sends
    words = move.transition.words if move.broke < 0 else move.transition.words[: move.broke]
    published = move.transition.decision.published if move.broke < 0 else ()
    return move.stimulus.event, tuple(word.name for word in words), published, sends


class _Told(Mapping[str, Any]):
    """A step as plain data, made when somebody asks: most steps are part of no trace."""

    __slots__ = ("_walked", "_step")

    def __init__(self, walked: Walked, step: Step) -> None:
        self._walked = walked
        self._step = step

    def __getitem__(self, name: str) -> Any:
        return self._walked.told(self._step)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._walked.told(self._step))

    def __len__(self) -> int:
        return len(self._walked.told(self._step))
