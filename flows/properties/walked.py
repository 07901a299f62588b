"""The explorer's walk as a graph of moments."""

from __future__ import annotations

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
        sends=tuple(step["sends"]),
        told=step,
    )
