"""Linked sessions: a call beside a call, started by a row, and what its owner hears of it.

A linked session lives by a table of its own. Its owner hears of it from its steps, never from its
wire: it rings when it publishes CallRinging (or when its media flows before the answer), is
answered when it publishes CallEstablished, and is over when it has ended. Nobody is left behind:
an owner that ends tells those it started, and one that was told and does not end is ended.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, NamedTuple, Protocol

from flows.semantics import Program
from flows.vocabulary import EVENTS, RESOURCES
from runtime.adapters.leg import CallLeg
from runtime.adapters.linked import Wanted
from runtime.adapters.port import ActionError
from runtime.executor.step import Event
from runtime.node.calling import NewCall, user_of
from runtime.node.session import Session
from runtime.sip.uri import parse_name_addr, parse_uri, quote_display

log = logging.getLogger(__name__)

MOST_LINKS: Final = RESOURCES["link"].capacity
"""Linked sessions that one session may have at a time."""
MOST_DEPTH: Final = 8
"""Sessions that may have started one another in a row on this node."""
MOST_TURNS: Final = 10
"""Max-Forwards of a call that we send to ourselves: a loop of routes costs no more turns."""
PATIENCE: Final = 60.0
"""Seconds in which a session that was told to hang up has to end: longer than any BYE waits."""
TIMEOUT, TOO_MANY_HOPS, TERMINATED, UNAVAILABLE = 408, 483, 487, 503
CONSULTATION = "consultation"
"""The linked session that takes the place of one that is transferred."""
PEER = "peer"
"""The name by which two sessions know each other whose common owner has left."""
REPLACED = "Replaced"
"""Event of the step by which a session ends whose place another call has taken."""
ABANDONED = "OwnerEnded"
"""Event of the step by which a session is ended that nobody wants any more."""


class Places(Protocol):
    """Begins the sessions; the node's SIP side does."""

    def start(self, start: Start) -> Session:
        """Begin a session; its first event is still to come."""

    def program(self, flow: str, call: NewCall) -> Program | None:
        """Return the version of a flow that a new call takes."""

    def full(self) -> str | None:
        """Return why no further session may begin, None if one may."""

    def home(self, target: str) -> str:
        """Return a target as an address: a bare user becomes one of this node."""

    def leads_home(self, target: str) -> bool:
        """Whether an address is one of this node."""

    def may_refer(self, target: str) -> bool:
        """Whether a far side may send us to an address: to one of our users, or over a trunk."""

    def note(self, session: Session, kind: str, detail: dict[str, Any]) -> None:
        """Keep a fact beside the steps of a session."""


class Start(NamedTuple):
    """A session that is to begin in the role UAC."""

    flow: str
    program: Program
    target: str
    caller: str
    headers: tuple[tuple[str, str], ...]
    hops: int


class Linked:
    """One linked session as its owner knows it."""

    __slots__ = ("name", "owner", "session", "told", "answered", "rung", "heard", "code", "watch")

    def __init__(self, name: str, owner: SessionLinks, session: Session) -> None:
        self.name = name
        self.owner: SessionLinks | None = owner
        """None once nobody wants to hear of it."""
        self.session = session
        self.told = False
        self.answered = False
        self.rung = False
        self.heard = False
        """Its media flows."""
        self.code = UNAVAILABLE
        self.watch: asyncio.TimerHandle | None = None

    def tell(self, event: str, **fields: Any) -> None:
        """Give the owner an event; nobody is harmless."""
        if self.owner is not None:
            fields = {"link": self.name, **fields, "session": self.session.id}
            self.owner.session.post(Event(event, fields))


class SessionLinks:
    """The sessions that one session started, and how it was started itself (`linked.Links`)."""

    __slots__ = (
        "session", "owned", "own", "depth", "hops", "carried", "replaces", "_places",
        "_children",
    )  # fmt: skip

    def __init__(
        self, session: Session, places: Places, children: dict[str, Linked], hops: int
    ) -> None:
        self.session = session
        self.owned: dict[str, Linked] = {}
        self.own: Linked | None = None
        """What the owner of this session knows of it; None for a session that nobody started."""
        self.depth = 0
        self.hops = hops
        self.carried: tuple[tuple[str, str], ...] = ()
        self.replaces: SessionLinks | None = None
        """Whose place this session wants to take (RFC 3891)."""
        self._places = places
        self._children = children

    # -- the actions -------------------------------------------------------------------------------

    def create(self, wanted: Wanted) -> None:
        """Start a session; a refusal of this node is told as one of a far side is."""
        name = wanted.link
        if name in self.owned:
            raise ActionError(f"there is a linked session {name} already")
        if len(self.owned) >= MOST_LINKS:
            raise ActionError(f"{MOST_LINKS} linked sessions are the most there may be")
        target = self.address(wanted.target)
        program = self._program(wanted.flow, target)
        hops = self.hops - 1
        if self._places.leads_home(target):
            hops = min(hops, MOST_TURNS)
        refusal = TOO_MANY_HOPS if hops < 1 or self.depth >= MOST_DEPTH else None
        if refusal is None and self._places.full() is not None:
            refusal = UNAVAILABLE
        if refusal is not None:
            fields = {"link": name, "code": refusal, "session": ""}
            self.session.post(Event("LinkedFailed", fields))
            return
        flow = wanted.flow or self.session.flow
        headers = (*self._headers(wanted.carried), *wanted.headers)
        start = Start(flow, program, target, caller_of(self.session), headers, hops)
        self._begin(name, self._places.start(start), start)

    def _begin(self, name: str, session: Session, start: Start) -> None:
        linked = Linked(name, self, session)
        self.owned[name] = self._children[session.id] = linked
        links = links_of(session)
        links.own, links.depth, links.carried = linked, self.depth + 1, self.carried
        detail = {"link": name, "session": session.id, "flow": start.flow}
        self._places.note(self.session, "linked", detail)
        fields = {"target": start.target, "caller": start.caller, "flow": start.flow}
        session.post(Event("MakeCall", {**fields, "owner": self.session.id, "link": name}))

    def _program(self, flow: str, target: str) -> Program:
        if not flow:
            program: Program | None = self.session.machine.program
        else:
            call = NewCall(target, user_of(target), call=self.session.id)
            program = self._places.program(flow, call)
        if program is None:
            raise ActionError(f"no version of {flow} is deployed")
        if "MakeCall" not in program.position(program.table.initial, "UAC").candidates:
            named = flow or self.session.flow
            raise ActionError(f"{named} has no row that places a call (role UAC, event MakeCall)")
        return program

    def _headers(self, names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        wanted = {name.lower() for name in names}
        return tuple((name, value) for name, value in self.carried if name.lower() in wanted)

    def signal(self, link: str, event: str) -> None:
        """Send a linked session an event; HangupCall is seen through."""
        linked = self._living(link)
        if event == "HangupCall":
            hang_up(linked)
            return
        word = EVENTS[event]
        if linked.session.role not in word.roles:
            raise ActionError(f"{event} is not for a session in the role {linked.session.role}")
        linked.session.post(Event(event, {"owner": self.session.id}))

    def heard(self, link: str) -> CallLeg:
        """Return the leg of a linked session whose media flows."""
        linked = self._living(link)
        if not linked.heard and not linked.answered:
            raise ActionError(f"the linked session {link} was not answered yet")
        return leg_of(linked.session)

    def address(self, target: str) -> str:
        """Return a target as an address that can be called."""
        target = self._places.home(target)
        check_address(target)
        return target

    def may_refer(self, target: str) -> bool:
        """Whether the far side may send us to an address."""
        return self._places.may_refer(target)

    def note(self, kind: str, **detail: Any) -> None:
        """Keep a fact beside the steps of the session."""
        self._places.note(self.session, kind, detail)

    def let_go(self, link: str) -> None:
        """Tell a linked session to hang up and hear of it no more."""
        linked = self.owned.pop(link, None)
        if linked is not None:
            linked.owner = None
            hang_up(linked)

    def hand_over(self) -> tuple[CallLeg, CallLeg] | None:
        """Let an answered linked session take our place; return whose media is to be joined then.

        It is joined with the one we were joined with: another linked session, or our owner. None
        if there is neither: it goes on alone.
        """
        up = [one for one in self.owned.values() if one.answered and not one.told]
        if not up:
            raise ActionError("no linked session was answered that could go on alone")
        new = next((one for one in up if one.name == CONSULTATION), up[-1])
        rest = [one for one in up if one is not new]
        for linked in self.owned.values():
            linked.owner = None
            if not linked.answered:
                hang_up(linked)
        self.owned.clear()
        if rest:
            return _paired(rest[0].session, new.session)
        own = self.own
        if own is None or own.owner is None or own.told:
            return None
        return self._put_in(new, own)

    def _put_in(self, new: Linked, own: Linked) -> tuple[CallLeg, CallLeg]:
        """Let a session be to our owner what we were."""
        assert own.owner is not None, "it has an owner: that was asked before"
        self.own = None
        self._children.pop(self.session.id, None)
        own.session, own.answered = new.session, True
        links_of(new.session).own = self._children[new.session.id] = own
        return leg_of(own.owner.session), leg_of(new.session)

    def take_over(self, link: str) -> CallLeg | None:
        """Take the place of the session that the INVITE named, which is ended."""
        old, self.replaces = self.replaces, None
        if old is None or old.session.ended:
            raise ActionError("the call whose place this one was to take is over")
        if link in self.owned:
            raise ActionError(f"there is a linked session {link} already")
        other = self._inherit(old, link) if old.owned else self._step_in(old, link)
        fields = {"session": self.session.id}
        self._places.note(self.session, "replaced", {"session": old.session.id})
        old.session.end(REPLACED, "replaced", None, fields=fields, kind="replaced")
        return None if other is None else leg_of(other)

    def _inherit(self, old: SessionLinks, link: str) -> Session:
        """Take over what the replaced session had started."""
        found = old.owned.get(link)
        if found is None or not (found.answered or found.heard):
            raise ActionError(
                f"the replaced session has no linked session {link} that was answered"
            )
        for name, linked in old.owned.items():
            linked.owner = self
            self.owned[name] = linked
        old.owned.clear()
        return found.session

    def _step_in(self, old: SessionLinks, link: str) -> Session | None:
        """Be what the replaced session was to the one that had started it, and know it in turn.

        None if that one hears of an answer only now: a call that rang elsewhere was picked up.
        """
        linked = old.own
        owner = linked.owner if linked is not None else None
        if linked is None or owner is None or owner.own is not None:
            raise ActionError("the replaced session is linked with nobody")
        self._children.pop(old.session.id, None)
        old.own = None
        answered = linked.answered
        linked.session, linked.answered, linked.told = self.session, True, False
        self.own = self._children[self.session.id] = linked
        back = Linked(link, self, owner.session)
        back.answered = True
        self.owned[link] = owner.own = self._children[owner.session.id] = back
        if not answered:
            linked.tell("LinkedAnswered")
            return None
        return owner.session

    def _living(self, link: str) -> Linked:
        linked = self.owned.get(link)
        if linked is None:
            raise ActionError(f"there is no linked session {link}")
        return linked

    # -- how they stand ----------------------------------------------------------------------------

    def unsettled(self) -> str | None:
        """Say which linked session is being called or ended."""
        for linked in self.owned.values():
            if linked.told:
                return f"the linked session {linked.name} is being ended"
            if not linked.answered:
                return f"the linked session {linked.name} is being called"
        own = self.own
        if own is not None and own.owner is not None and not own.answered:
            return "its owner waits for its answer"
        return None

    def ended(self) -> None:
        """Tell the owner, and those that were started."""
        own = self.own
        self._children.pop(self.session.id, None)
        if own is not None:
            if own.watch is not None:
                own.watch.cancel()
            if own.owner is not None:
                own.owner.owned.pop(own.name, None)
                if own.answered:
                    own.tell("LinkedEnded")
                else:
                    own.tell("LinkedFailed", code=own.code)
                own.owner = None
        for linked in list(self.owned.values()):
            linked.owner = None
            hang_up(linked)
        self.owned.clear()


def _paired(one: Session, other: Session) -> tuple[CallLeg, CallLeg]:
    """Let two sessions go on with each other: whichever ends ends the other, too."""
    for session, peer in ((one, other), (other, one)):
        linked = Linked(PEER, links_of(session), peer)
        linked.owner, linked.answered = None, True
        links_of(session).owned[PEER] = linked
        links_of(session).own = None
    return leg_of(one), leg_of(other)


def hang_up(linked: Linked) -> None:
    """Tell a session to end: by its row, else without; one that does not end in time is ended."""
    session = linked.session
    if linked.told or session.ended:
        return
    linked.told = True
    loop = asyncio.get_running_loop()
    linked.watch = loop.call_later(PATIENCE, _abandon, session)
    if takes(session, "HangupCall"):
        session.post(Event("HangupCall", {}))
    else:
        _abandon(session)


def takes(session: Session, event: str) -> bool:
    """Whether a session does something with an event, or swallows it on purpose."""
    machine = session.machine
    if machine.ended:
        return True
    found = machine.program.choose(session.state, session.role, event, machine.values, {})
    return found is not None


def _abandon(session: Session) -> None:
    session.end(ABANDONED, "abandoned", None)


def leg_of(session: Session) -> CallLeg:
    """Return the leg of a session of this node."""
    leg = session.leg
    assert isinstance(leg, CallLeg), "the sessions of a node have legs"
    return leg


def links_of(session: Session) -> SessionLinks:
    """Return the links of a session of this node."""
    links = leg_of(session).links
    assert isinstance(links, SessionLinks), "the sessions of a node have links"
    return links


def caller_of(session: Session) -> str:
    """Return the far side of a session, with its name, as the caller of the next call."""
    leg = leg_of(session)
    usage = leg.dialog.usage
    if session.role == "UAC" or usage is None or usage.dialog is None:
        return leg.caller
    sender = parse_name_addr(usage.dialog.remote)
    name = f"{quote_display(sender.display)} " if sender.display else ""
    return f"{name}<{sender.uri_text}>"


def check_address(target: str) -> None:
    """Refuse what is no address that can be called: ActionError."""
    try:
        uri = parse_uri(target)
    except ValueError as unreadable:
        raise ActionError(f"{target[:200]} is no address: {unreadable}") from unreadable
    if not uri.is_sip or uri.headers:
        raise ActionError(f"{target[:200]} is no SIP address that can be called")
