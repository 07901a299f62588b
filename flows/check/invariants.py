"""What holds in a state whenever a session is there (INV801, INV802, INV804).

INV803, the invariants of users, are properties (PRP).
"""

from __future__ import annotations

from collections import defaultdict

from flows.check.evidence import Evidence
from flows.explore import wire
from flows.explore.acts import ENDS_ALONE
from flows.explore.party import Config
from flows.semantics import SESSION_ROLES, Transition
from flows.table import ANY_STATE, Row, State, Table
from flows.vocabulary import EVENTS

TALK, HOLD, END = "talk", "hold", "end"


def talking(evidence: Evidence) -> None:
    """INV801: in a state of talking the call is up and media flows; on hold the call is up."""
    table = evidence.table
    program = evidence.walk.party.program
    with_media = any(w.name == "StartMediaSession" for row in table.rows for w in row.actions)
    for number, config in enumerate(evidence.walk.configs):
        if config.ended or config.pending:
            continue
        kind = kind_of(table.states[config.state])
        if not kind:
            continue
        fault = _fault(config, kind, with_media)
        passes = config.wire.retry or program.timers(config.state, config.role)
        if fault is None and kind == HOLD and not passes:
            fault = _one_way(config)
        if fault is None:
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
    if call.lost:
        return "the far side knows no such call (408, 481)"
    if kind == TALK:
        if (one_way := _one_way(config)) is not None:
            return one_way
        if with_media and not call.flowing:
            return "no media flows"
        if call.own:
            return "a re-INVITE of ours waits for its answer"
        if call.mine != "sendrecv":
            return "we hold the far side"
    if call.offer == "ours" and not call.own and not call.unacked:
        return "an offer of ours was never settled"
    return None


def _one_way(config: Config) -> str | None:
    call = config.wire
    if call.local == call.mine or call.own:
        return None
    return f"our media is {call.local} and the far side expects {call.mine}"


def ending(evidence: Evidence) -> None:
    """INV801: after BYE no media flows, and a call that is over is given back."""
    for edge in evidence.walk.all_edges():
        move = edge.move
        target, call = move.target, move.target.wire
        if target.ended or target.pending or move.kind == "unhandled":
            continue
        if call.bye == "sent" and call.flowing:
            message = f"Media still flows in {target.state} after our BYE (RFC 3261 15.1.1)."
            evidence.about_step("INV801", edge, message)
        if target.failed:
            continue
        over = call.call == wire.OVER or call.bye == "done"
        if over and "dialog" in target.held and move.stimulus.kind in ("answer", "peer"):
            message = f"The call is over and the session stays in {target.state} with its dialog."
            evidence.about_step("INV801", edge, message)


INNOCENT = frozenset(
    (
        "ReinviteReceived",
        "UpdateReceived",
        "InfoReceived",
        "MessageReceived",
        "DialogPRACK",
        "DialogACK",
        "MediaFlowEstablished",
        "Dialog180Ringing",
        "Dialog183SessionProgress",
        "DialogReliableProgress",
    )
)
"""What happens in calls that go on: none of it is a reason to end one."""


def reasons(evidence: Evidence) -> None:
    """INV801: a session that goes to its end has a reason to."""
    states = evidence.table.states
    for edge in evidence.walk.all_edges():
        move, before = edge.move, evidence.walk.configs[edge.source]
        if move.stimulus.event not in INNOCENT or move.broke >= 0 or move.kind != "fired":
            continue
        if states[before.state].group == END or before.wire.hangup or move.target.ended:
            continue
        if states[move.target.state].group == END:
            event = move.stimulus.event
            message = (
                f"{event} sends the session to {move.target.state}, and nobody ended the call."
            )
            evidence.about_step("INV801", edge, message)


def directions(evidence: Evidence) -> None:
    """INV801: hold and resume of the far side lead to where it sees the call."""
    read = evidence.walk.party.domain.read
    for edge in evidence.walk.all_edges():
        move, before = edge.move, evidence.walk.configs[edge.source]
        event = move.stimulus.event
        if event not in ("ReinviteReceived", "UpdateReceived") or "direction" not in read[event]:
            continue
        call = before.wire
        # What the session itself wants or does decides where we hold, and where we want to.
        ours = call.own or call.mine != "sendrecv" or move.target.wire.local != "sendrecv"
        if ours or move.broke >= 0:
            continue
        if not any(m.kind == "RESP" and m.code < 300 for m in move.sends):
            continue
        said = dict(move.stimulus.fields).get("direction")
        kind = kind_of(evidence.table.states[move.target.state])
        was = kind_of(evidence.table.states[before.state])
        if said == "sendonly" and kind == TALK:
            fault = f"the far side holds us and the session is in {move.target.state}"
        elif said == "sendrecv" and kind == HOLD:
            fault = f"the far side talks and the session is in {move.target.state}"
        elif said is None and kind != was:
            fault = f"nothing was proposed and the session went to {move.target.state}"
        else:
            continue
        evidence.about_step("INV801", edge, f"After {event}, {fault}.")


def ways(evidence: Evidence) -> None:
    """INV806: before and during a call, a state means the same whichever way led there."""
    seen: dict[tuple[str, str], dict[tuple[object, ...], int]] = defaultdict(dict)
    for number, config in enumerate(evidence.walk.configs):
        if config.ended or config.pending or config.failed:
            continue
        state = evidence.table.states[config.state]
        if state.group not in ("setup", TALK, HOLD) and not kind_of(state):
            continue
        call = config.wire
        held = tuple(r for r in config.held if r not in ENDS_ALONE)
        meaning = (held, call.flowing and "media flows", call.settled and "settled")
        seen[config.state, config.role].setdefault(meaning, number)
    for (name, role), meanings in seen.items():
        if len(meanings) < 2:
            continue
        (first, _), (second, number), *_ = meanings.items()
        message = (
            f"As {role}, {name} is reached with {_list(first)}, and also with {_list(second)}."
        )
        evidence.about_state("INV806", name, message, evidence.walk.parents[number])


def _list(meaning: tuple[object, ...]) -> str:
    held, *rest = meaning
    assert isinstance(held, tuple)
    return ", ".join([*held, *(str(word) for word in rest if word)]) or "nothing"


def sides(evidence: Evidence) -> None:
    """INV805: once the call is up, both sides answer everything alike."""
    program = evidence.walk.party.program
    up: dict[str, set[str]] = defaultdict(set)
    for config in evidence.walk.configs:
        if config.wire.call == wire.UP and not config.ended:
            up[config.state].add(config.role)
    for name, roles in up.items():
        if len(roles) < 2:
            continue
        one, other = (program.position(name, role).candidates for role in SESSION_ROLES)
        for event in one.keys() | other.keys():
            word = EVENTS.get(event)
            if word is not None and len(word.roles) < 2:
                continue
            first, second = _chain(one.get(event)), _chain(other.get(event))
            if first != second:
                message = f"In {name} a UAC and a UAS do not answer {event} alike."
                evidence.about_state("INV805", name, message, None, event)


def _chain(first: Transition | None) -> list[object]:
    found: list[object] = []
    while first is not None:
        row = first.row
        words = tuple((w.name, tuple(sorted(w.arguments.items()))) for w in first.words)
        guards = tuple(guard.text for guard in row.guards) if row is not None else ()
        found.append((guards, words, first.next_state, first.decision.published, first.kind))
        first = first.otherwise
    return found


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


RULES = (talking, ending, reasons, directions, ways, sides, wrong_role, twins)
