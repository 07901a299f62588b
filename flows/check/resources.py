"""What a session holds: given back at its end, on every way (RES501 to RES510)."""

from __future__ import annotations

from flows.check.evidence import Evidence
from flows.explore import linked
from flows.explore.walk import Edge
from flows.findings import Severity

OF_RESOURCE = {"dialog": "RES501", "media": "RES502"}


def performed(evidence: Evidence) -> None:
    """RES503 to RES506, RES509, ACT601 to ACT611, OBL622 to OBL624: what the actions themselves
    found wrong when they were done."""
    for mild in (False, True):
        severity = Severity.WARNING if mild else None
        for edge in evidence.walk.all_edges():
            for said in edge.move.complaints:
                if said.mild is mild:
                    evidence.about_step(said.code, edge, f"{said.detail}.", said.action, severity)


def at_the_end(evidence: Evidence) -> None:
    """RES501, RES502, RES507, RES508: nothing is held when the table ends a session."""
    leaking: set[tuple[int, str]] = set()
    for troubled, mild in ((False, False), (True, False), (False, True)):
        for edge in evidence.walk.all_edges():
            move = edge.move
            if not move.target.ended or move.target.politely:
                continue
            if (evidence.walk.configs[edge.source].failed > 0) is not troubled:
                continue
            if _declined_at_once(evidence, edge) is not mild and not troubled:
                continue
            for resource in move.target.held:
                if resource == "link" and not linked.untold(move.target.wire):
                    continue  # it was told to end, and does so by itself
                if troubled and (move.row, resource) in leaking:
                    continue
                leaking.add((move.row, resource))
                code = "RES508" if troubled else OF_RESOURCE.get(resource, "RES507")
                way = " after an action failed" if troubled else ""
                message = f"The session ends{way} and still holds its {resource}."
                severity = Severity.WARNING if mild else None
                evidence.about_step(code, edge, message, severity=severity)


def _declined_at_once(evidence: Evidence, edge: Edge) -> bool:
    """Whether a call ends with the row that begins it: whoever closes a line in a hurry lets the
    rest of the row stand, and the runtime gives back what it took."""
    state = evidence.table.initial
    return evidence.walk.configs[edge.source].state == state and not edge.move.target.wire.talked


def at_the_beginning(evidence: Evidence) -> None:
    """RES510: a session that comes back to its initial state holds nothing."""
    for edge in evidence.walk.all_edges():
        move = edge.move
        arrived = move.target.state == evidence.table.initial and move.row >= 0
        if arrived and move.transition is not None and move.transition.moves and move.target.held:
            held = " and ".join(move.target.held)
            evidence.about_step("RES510", edge, f"The session begins anew and still holds {held}.")


RULES = (performed, at_the_end, at_the_beginning)
