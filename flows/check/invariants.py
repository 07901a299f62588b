"""What holds in a state whenever a session is there (INV801, INV802, INV804).

INV803, the invariants of users, are properties (PRP).
"""

from __future__ import annotations

from collections import defaultdict

from flows.check.evidence import Evidence
from flows.explore import wire
from flows.explore.party import Config
from flows.table import ANY_STATE, Row, State, Table

TALK, HOLD = "talk", "hold"


def talking(evidence: Evidence) -> None:
    """INV801: in a state of talking the call is up and media flows; on hold the call is up."""
    table = evidence.table
    with_media = any(w.name == "StartMediaSession" for row in table.rows for w in row.actions)
    for number, config in enumerate(evidence.walk.configs):
        if config.ended or config.pending:
            continue
        kind = kind_of(table.states[config.state])
        if not kind or (fault := _fault(config, kind, with_media)) is None:
            continue
        edge = evidence.walk.parents[number]
        message = f"As {config.role}, a session is in {config.state} although {fault}."
        if edge is not None and edge.move.row >= 0:
            evidence.about_step("INV801", edge, message)
        else:
            evidence.about_state("INV801", config.state, message, edge)


def kind_of(state: State) -> str:
    """Return `talk` or `hold` for a state in which a call is up, else nothing."""
    if state.group in (TALK, HOLD):
        return state.group
    return {"Active": TALK, "OnHold": HOLD}.get(state.name, "")


def _fault(config: Config, kind: str, with_media: bool) -> str | None:
    call = config.wire
    if call.call != wire.UP or "dialog" not in config.held:
        return "the call is not up"
    if call.bye:
        return "BYE was sent"
    if with_media and (not call.settled or "media" not in config.held):
        return "the descriptions are not settled"
    if kind == TALK:
        if with_media and not call.flowing:
            return "no media flows"
        if call.own:
            return "a re-INVITE of ours waits for its answer"
        if call.mine != "sendrecv":
            return "we hold the far side"
    if call.offer == "ours" and not call.own and not call.unacked:
        return "an offer of ours was never settled"
    return None


def wrong_role(evidence: Evidence) -> None:
    """INV802: a session enters only states that have rows for its role."""
    table = evidence.table
    roles: dict[str, set[str]] = defaultdict(set)
    for row in table.rows:
        if row.from_state != ANY_STATE:
            roles[row.from_state] |= {"UAC", "UAS"} if row.role == "Both" else {row.role}
    for edge in evidence.walk.all_edges():
        target = edge.move.target
        known = roles[target.state]
        if known and target.role not in known and not target.ended:
            message = f"A {target.role} enters {target.state}, which has rows for the other side."
            evidence.about_step("INV802", edge, message)


def twins(evidence: Evidence) -> None:
    """INV804: two states of one group that do the same on every event."""
    table = evidence.table
    seen: dict[object, str] = {}
    for name, state in table.states.items():
        rows = [row for row in table.rows if row.from_state == name]
        if state.final or len(rows) < 2:
            continue
        key = (state.group, frozenset(state.ignore), tuple(_behaviour(row, table) for row in rows))
        first = seen.setdefault(key, name)
        if first != name:
            message = f"{name} behaves exactly like {first}: they can be one state."
            evidence.about_state("INV804", name, message)


def _behaviour(row: Row, table: Table) -> object:
    words = tuple((w.name, tuple(sorted(w.arguments.items()))) for w in row.actions)
    stays = row.next_state is None or row.next_state == row.from_state
    target = ("stay", row.next_state is None) if stays else row.next_state
    guards = tuple(guard.text for guard in row.guards)
    sets = tuple((name, expression.text) for name, expression in row.set)
    return (row.role, row.event, row.after, guards, words, sets, target, row.publish, row.ignore)


RULES = (talking, wrong_role, twins)
