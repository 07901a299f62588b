"""Every call can end, and ends by itself after a hang-up (LIV821 to LIV825; REA302, REA303)."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable

from flows.check.evidence import Evidence
from flows.explore.eventing import SILENCE
from flows.explore.further import GIVEN
from flows.explore.walk import Edge
from flows.findings import Severity
from flows.table import ANY_STATE, Row
from flows.vocabulary import ACTIONS, EVENTS, registration

SENDING = frozenset(("INVITE", "re-INVITE", "UPDATE", "INFO", "MESSAGE", "REFER", "REGISTER"))


CHALLENGED = frozenset((*SENDING, "BYE"))
MODELLED = GIVEN | {word.name for word in registration.EVENTS}
"""Events that this runtime does not give yet, and that the walk brings about all the same."""


def _reaching(evidence: Evidence, follows: Callable[[Edge], bool]) -> set[int]:
    """Return the configurations from which a session can come to its end along such steps."""
    sources: dict[int, list[int]] = defaultdict(list)
    for edge in evidence.walk.all_edges():
        if follows(edge):
            sources[edge.target].append(edge.source)
    reached = {n for n, config in enumerate(evidence.walk.configs) if config.ended}
    waiting = list(reached)
    while waiting:
        for source in sources[waiting.pop()]:
            if source not in reached:
                reached.add(source)
                waiting.append(source)
    return reached


def ends(evidence: Evidence) -> None:
    """LIV821: from everywhere a session can still come to its end."""
    if not evidence.walk.complete:
        return
    can = _reaching(evidence, lambda edge: True)
    for number, config in enumerate(evidence.walk.configs):
        if number not in can:
            message = f"As {config.role}, a session in {config.state} can never end any more."
            evidence.about_state("LIV821", config.state, message, evidence.walk.parents[number])
            return


def ends_alone(evidence: Evidence) -> None:
    """LIV825: after a hang-up, BYE or CANCEL the call ends even if the far side keeps silent."""
    if not evidence.walk.complete:
        return
    can = _reaching(evidence, lambda edge: _certain(edge) or _obeyed(evidence, edge))
    for number, config in enumerate(evidence.walk.configs):
        call = config.wire
        ending = call.hangup or call.bye or call.cancel
        if ending and number not in can and not config.ended:
            message = (
                f"As {config.role}, the call does not end from {config.state} if nothing more "
                "comes from the far side."
            )
            edge = evidence.walk.parents[number]
            evidence.about_state("LIV825", config.state, message, edge)


def _certain(edge: Edge) -> bool:
    stimulus = edge.move.stimulus
    silence = stimulus.kind == "trouble" and ("code", SILENCE) in stimulus.fields
    certain = stimulus.kind in ("timer", "clock", "internal")
    return certain or silence or stimulus.event == "DialogTimeout"


def _obeyed(evidence: Evidence, edge: Edge) -> bool:
    """Whether a linked session ends because it was told to."""
    if edge.move.stimulus.event not in ("LinkedFailed", "LinkedEnded"):
        return False
    link = dict(edge.move.stimulus.fields)["link"]
    legs = evidence.walk.configs[edge.source].wire.legs
    return any(leg.name == link and leg.told for leg in legs)


def loops(evidence: Evidence) -> None:
    """LIV822, LIV823: no retry goes on for ever by itself."""
    quick = ("answer", "internal", "trouble")
    _loop(evidence, "LIV822", quick, SENDING, "Answer and retry follow each other for ever")
    _loop(
        evidence,
        "LIV823",
        quick,
        CHALLENGED,
        "Credentials are tried again for ever",
        ("AuthRequired",),
    )
    slow = (*quick, "timer")
    _loop(evidence, "LIV823", slow, frozenset(("INVITE",)), "The call is tried again for ever")
    anew = "Linked sessions are started for ever"
    _loop(evidence, "LIV823", (*slow, "link"), frozenset(), anew, words=("CreateLinkedSession",))


def _loop(
    evidence: Evidence,
    code: str,
    kinds: tuple[str, ...],
    sent: frozenset[str],
    message: str,
    events: tuple[str, ...] = (),
    words: tuple[str, ...] = (),
) -> None:
    """Find a cycle of such steps in which one sends such a message, or does such a word."""
    edges = [e for e in evidence.walk.all_edges() if e.move.stimulus.kind in kinds]
    component = components([(e.source, e.target) for e in edges])
    for edge in edges:
        move = edge.move
        if events and move.stimulus.event not in events:
            continue
        tries = any(m.kind in sent for m in move.sends)
        if words and move.transition is not None and move.broke < 0:
            tries = any(word.name in words for word in move.transition.words)
        if tries and component[edge.source] == component[edge.target]:
            evidence.about_step(code, edge, f"{message}.")
            return


def components(edges: list[tuple[int, int]]) -> dict[int, int]:
    """Return for each node the number of its strongly connected component (Kosaraju)."""
    out: dict[int, list[int]] = defaultdict(list)
    back: dict[int, list[int]] = defaultdict(list)
    for source, target in edges:
        out[source].append(target)
        back[target].append(source)
    order: list[int] = []
    seen: set[int] = set()
    for start in {*out, *back}:
        if start in seen:
            continue
        seen.add(start)
        stack = [(start, iter(out[start]))]
        while stack:
            node, targets = stack[-1]
            for target in targets:
                if target not in seen:
                    seen.add(target)
                    stack.append((target, iter(out[target])))
                    break
            else:
                order.append(node)
                stack.pop()
    found: dict[int, int] = {}
    for start in reversed(order):
        if start in found:
            continue
        found[start] = start
        waiting = deque([start])
        while waiting:
            for source in back[waiting.popleft()]:
                if source not in found:
                    found[source] = start
                    waiting.append(source)
    return found


def spins(evidence: Evidence) -> None:
    """LIV824: the answer to a failed action does not fail in the same way again and again."""
    party = evidence.walk.party
    arcs: dict[tuple[str, str, str], set[tuple[str, str, str]]] = {}
    rows: dict[tuple[str, str, str], int] = {}
    troubled = {(c.role, c.state, c.values) for c in evidence.walk.configs if c.pending}
    names = {w.name for row in evidence.table.rows for w in row.actions if _may_fail(w.name)}
    for role, state, values in troubled:
        known = dict(zip(party.program.initial_values, values, strict=True))
        for name in names:
            chosen = party.program.choose(
                state, role, "ActionFailed", known, {"action": name, "reason": ""}
            )
            if chosen is None or chosen.decision.ended:
                continue
            node = (role, state, name)
            broken = {(role, chosen.next_state, w.name) for w in chosen.words if _may_fail(w.name)}
            arcs.setdefault(node, set()).update(broken)
            rows.setdefault(node, chosen.index)
    for (role, state, name), targets in arcs.items():
        row = rows[role, state, name]
        if (role, state, name) in targets and row >= 0:
            message = f"{name} fails, is done again in {state}, fails again, without end."
            evidence.about_row("LIV824", row, message, _first_failure(evidence, row, role))


def _first_failure(evidence: Evidence, row: int, role: str) -> Edge | None:
    """Return the nearest step in which the row answers a failure: it is what goes on from there."""
    configs = evidence.walk.configs
    return next(
        (
            edge
            for edge in evidence.walk.all_edges()
            if edge.move.row == row and configs[edge.source].role == role
        ),
        None,
    )


def _may_fail(name: str) -> bool:
    return name in ACTIONS and ACTIONS[name].may_fail


def reached(evidence: Evidence) -> None:
    """REA302, REA303: what no order of events brings about."""
    if not evidence.walk.complete:
        return
    states = {config.state for config in evidence.walk.configs}
    roles = {config.role for config in evidence.walk.configs}
    came: set[tuple[str, str, str]] = set()
    for edge in evidence.walk.all_edges():
        config = evidence.walk.configs[edge.source]
        came.add((config.state, config.role, edge.move.stimulus.event))
    fired = {edge.move.row for edge in evidence.walk.all_edges()}
    for name in evidence.table.states:
        if name not in states:
            message = (
                f"No order of events leads to {name}: guards, conditions or earlier rows forbid it."
            )
            evidence.about_state("REA302", name, message)
    for row in evidence.table.rows:
        word = EVENTS.get(row.event)
        modelled = word is None or word.performed or row.event in MODELLED
        if row.index in fired or not modelled or row.event in ("ActionFailed", "Reset"):
            continue
        if row.from_state == ANY_STATE or row.from_state in states:
            message = (
                f"This row never fires: no order of events brings {row.label} here with its "
                "guards true."
            )
            # Who swallows an event that never comes is careful, in a row as in a state's `ignore`.
            careful = None
            if row.ignore is not None and _serves(row, roles) and not _comes(row, came):
                careful = Severity.INFO
            evidence.about_row("REA303", row.index, message, severity=careful)


def _serves(row: Row, roles: set[str]) -> bool:
    return row.role == "Both" or row.role in roles


def _comes(row: Row, came: set[tuple[str, str, str]]) -> bool:
    """Whether the row's event comes to where the row is, so that other rows take it away."""
    return any(
        event == row.event and row.from_state in (state, ANY_STATE) and row.role in (role, "Both")
        for state, role, event in came
    )


RULES = (ends, ends_alone, loops, spins, reached)
