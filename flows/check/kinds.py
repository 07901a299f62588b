"""Events that cannot come and actions that cannot be done where a call stands (NAM111, NAM112).

A state is before any call, or in a call that is up, whichever way led there: the phases that the
rules of coverage follow say which. What depends on the way is left to the deeper check.
"""

from __future__ import annotations

from collections.abc import Iterator

from flows.check.coverage import Phase, phases_of
from flows.findings import Finding, Severity
from flows.graph import SESSION_ROLES, Graph
from flows.table import Row

_BEFORE = frozenset((Phase.NONE,))
_UP = frozenset((Phase.CONFIRMED, Phase.PROPOSING))
_OF_A_CALL = frozenset(
    (
        *("DialogACK", "DialogBYE", "DialogCANCEL", "Dialog180Ringing"),
        *("Dialog183SessionProgress", "ReinviteReceived", "UpdateReceived", "ReinviteGlare"),
    )
)
"""What comes only once there was an INVITE."""
_IN_A_CALL = frozenset(
    ("SendBYE", "SendACK", "SendCANCEL", "SendReINVITE", "HoldCall", "ResumeCall")
)
_OF_THE_BEGINNING = frozenset(("SendINVITE", "SendCANCEL"))
_BEGINNINGS = frozenset(("IncomingCall", "MakeCall"))


def out_of_place(graph: Graph) -> Iterator[Finding]:
    """Look at each row of a state in the roles it serves; it is told if none can have it."""
    phases = {role: phases_of(graph, role) for role in SESSION_ROLES}
    for name in graph.table.states:
        for row in graph.own.get(name, ()):
            if row.ignore is not None:
                continue
            kinds = [phases[role][name] for role in graph.roles(row)]
            if kinds and all(kinds):
                yield from _of_row(row, kinds)


def _of_row(row: Row, kinds: list[set[Phase]]) -> Iterator[Finding]:
    here = set().union(*kinds)
    if row.event in _OF_A_CALL and here <= _BEFORE:
        message = f"{row.event} never comes in {row.from_state}: no call has begun there."
        yield _finding("NAM111", row, message, "A row on an event that can not come never fires.")
    elif row.event == "IncomingCall" and Phase.NONE not in here:
        message = f"IncomingCall never comes in {row.from_state}: the call has begun already."
        why = "Each INVITE that begins a call begins a session of its own."
        yield _finding("NAM111", row, message, why)
    elif row.event == "DialogCANCEL" and here <= _UP:
        message = f"DialogCANCEL never comes in {row.from_state}: the INVITE was answered."
        yield _finding("NAM111", row, message, "RFC 3261 9.2: it has no effect any more.")
    names = {word.name for word in row.actions}
    if here <= _BEFORE and row.event not in _BEGINNINGS and "SendINVITE" not in names:
        for index, word in enumerate(row.actions):
            if word.name in _IN_A_CALL:
                message = f"{word.name} has no call in {row.from_state}: none has begun there."
                yield _finding(
                    "NAM112", row, message, "The action would fail in every call.", index
                )
    if here <= _UP:
        for index, word in enumerate(row.actions):
            if word.name in _OF_THE_BEGINNING:
                message = f"{word.name} can not be done in {row.from_state}: the call is up there."
                yield _finding(
                    "NAM112", row, message, "The action would fail in every call.", index
                )


def _finding(code: str, row: Row, message: str, why: str, action: int = -1) -> Finding:
    place = row.actions[action].place if action >= 0 else row.place
    return Finding(
        code, Severity.ERROR, message, place, why, row=row.index, state=row.from_state
    )  # fmt: skip


RULES = (out_of_place,)
