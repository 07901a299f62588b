"""What a node knows of all its linked sessions, and what it tells their owners.

A linked session rings when it publishes CallRinging (or when its media flows before the answer), is
answered when it publishes CallEstablished, and is over when it has ended: `links.SessionLinks`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from flows.semantics import Program
from runtime.adapters.leg import CallLeg
from runtime.executor.step import Step
from runtime.node.journal import DoneRecord
from runtime.node.links import (
    TERMINATED,
    TIMEOUT,
    Linked,
    Places,
    SessionLinks,
    links_of,
)
from runtime.node.session import Session
from runtime.sip.build import MAX_FORWARDS
from runtime.sip.message import Request

MOST_VALUES: Final = 8
MOST_CHARACTERS: Final = 1024
"""Values of one header that are carried over, and characters of each."""
_CODES: Final = {"DialogTimeout": TIMEOUT, "after": TIMEOUT, "HangupCall": TERMINATED}
"""What an ending without an answer of the far side counts as; everything else is 503."""


class LinkBook:
    """All linked sessions of a node, by their own ids."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._children: dict[str, Linked] = {}

    def attach(self, session: Session, leg: CallLeg, hops: int = MAX_FORWARDS) -> SessionLinks:
        """Let a session have linked ones."""
        leg.links = links = SessionLinks(session, self._places, self._children, hops)
        return links

    def arrived(
        self, session: Session, request: Request, header: Callable[[str], list[str]]
    ) -> None:
        """Keep of the INVITE that began a session what linked ones may need later.

        `header` gives its headers, without those that its sender is not trusted to write.
        """
        links = links_of(session)
        hops = request.get("Max-Forwards")
        links.hops = int(hops) if hops is not None and hops.isdigit() else MAX_FORWARDS
        names = carried_names(session.machine.program)
        if names:
            links.carried = tuple(_copied(header, names))

    @staticmethod
    def replaced(owner: object) -> Session | None:
        """Return the session whose flow answers a call that wants to take the place of `owner`.

        That is the one which started it, if one did. None: such calls are refused.
        """
        if not isinstance(owner, Session) or owner.ended:
            return None
        own = links_of(owner).own
        first = own.owner.session if own is not None and own.owner is not None else owner
        return first if takes_places(first.machine.program) else None

    def wants_place(self, session: Session, replaced: Session) -> str:
        """Keep whose place a session wants to take; return its id."""
        links_of(session).replaces = links_of(replaced)
        return replaced.id

    def stepped(self, session: Session, step: Step, done: DoneRecord | None) -> None:
        """Hear of a step (`supervisor.Listener`): it may say something to an owner."""
        linked = self._children.get(session.id)
        if linked is None or linked.answered:
            return
        published = step.published if done is None or all(r.ok for r in done.results) else ()
        if "CallEstablished" in published:
            linked.answered = True
            linked.tell("LinkedAnswered")
            return
        linked.code = _code(step, linked.code)
        if not linked.heard and session.machine.values.get("MediaReady"):
            linked.heard = linked.rung = True
            linked.tell("LinkedRinging", code=183)
        elif not linked.rung and "CallRinging" in published:
            linked.rung = True
            linked.tell("LinkedRinging", code=180)


def _code(step: Step, known: int) -> int:
    """Return what a session has failed with so far: the far side's last refusal, or its like."""
    code = step.fields.get("code")
    if isinstance(code, int) and code >= 300:
        return known if code == TERMINATED and known == TIMEOUT else code
    return _CODES.get(step.event, known)


@lru_cache(maxsize=256)
def carried_names(program: Program) -> frozenset[str]:
    """Return the headers of an INVITE that some row of a table carries over, in lower case."""
    return frozenset(
        name.lower()
        for row in program.table.rows
        for word in row.actions
        for name in word.arguments.get("headers") or ()
    )


@lru_cache(maxsize=256)
def takes_places(program: Program) -> bool:
    """Whether a flow has a row for calls that want to take the place of another one."""
    return any(
        row.event == "IncomingCall" and any("replaces" in g.expression.fields for g in row.guards)
        for row in program.table.rows
    )


def _copied(header: Callable[[str], list[str]], names: frozenset[str]) -> list[tuple[str, str]]:
    copied: list[tuple[str, str]] = []
    for name in sorted(names):
        for value in header(name)[:MOST_VALUES]:
            if len(value) <= MOST_CHARACTERS and value.isprintable():
                copied.append((_written(name), value))
    return copied


def _written(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))
