"""How a call stands between two stacks, as one side knows it.

The values are what the SIP stack of this product keeps about a usage, reduced to what decides which
message may come or go next. Nothing here knows of rows or states.
"""

from __future__ import annotations

from typing import NamedTuple

NONE = "none"
READY = "ready"
CALLING = "calling"
PROCEEDING = "proceeding"
OFFERED = "offered"
CANCELLED = "cancelled"
ANSWERED = "answered"
UP = "up"
OVER = "over"

OPEN_INVITE = (OFFERED, CANCELLED)
"""The far side's INVITE waits for our final answer."""
OUR_INVITE = (CALLING, PROCEEDING)
"""Our INVITE waits for its final answer."""


class Binding(NamedTuple):
    """Our address at a registrar."""

    begun: bool = False
    """A REGISTER was sent in this session."""
    stage: str = ""
    """`registering` or `removing`: the REGISTER under way, which waits for its answer."""
    bound: bool = False
    """The registrar keeps the address, as far as we know."""
    watched: int = 0
    """2: the granted time is watched; 1: and most of it has passed; 0: it is not watched."""
    brief: bool = False
    """The last answer found our time too short (423) and was not taken over."""
    tried: bool = False
    """Credentials were sent since the registrar last accepted something."""


ACCEPTED, ON, LAST, OFF = "accepted", "on", "last", "off"


class Outside(NamedTuple):
    """A session without a call: a subscription, a publication, text messages."""

    kind: str = ""
    """`watch`, `publish`, `text` or `probe` if we began it; else `notify` or `took`."""
    own: str = ""
    """Our request under way: SUBSCRIBE, PUBLISH, MESSAGE, OPTIONS, NOTIFY; and `unSUBSCRIBE`,
    `unPUBLISH`."""
    stage: str = ""
    """`accepted`, `on`, `last` (only the last NOTIFY is to come) or `off`."""
    watched: int = 0
    """2: the granted time is watched; 1: and most of it has passed."""
    zero: bool = False
    """The SUBSCRIBE of the far side that waits for our answer ends its subscription."""
    owed: bool = False
    """A NOTIFY has to follow what we accepted."""
    saying: str = ""
    """The state that a person or program says."""

    def answered(self, request: str, code: int) -> Outside:
        """What our final answer to a request of the far side makes of its subscription."""
        if request != "SUBSCRIBE":
            return self
        if code >= 300:
            return self._replace(stage=self.stage or OFF, zero=False)
        return self._replace(stage=LAST if self.zero else ON, owed=True, zero=False)


class Leg(NamedTuple):
    """A linked session."""

    name: str
    stage: str
    """`placed`, `ringing`, `early` (its media flows before the answer), `answered` or `over`."""
    told: bool = False
    """It was told to hang up."""
    bridged: bool = False
    """Its media is joined with ours."""


class Wire(NamedTuple):
    """One side's view of the signalling and of the descriptions."""

    call: str = NONE
    cancel: bool = False
    """Our CANCEL was sent."""
    ack: bool = False
    """A 2xx to an INVITE of ours waits for SendACK."""
    own: str = ""
    """The direction that our re-INVITE under way asks for; empty if there is none."""
    bye: str = ""
    """`sent`: our BYE waits for its answer; `done`: it was answered; `failed`: it could not go."""
    asked: str = ""
    """The far side's re-INVITE waits for our answer: `offer`, or `empty` without a description."""
    update: str = ""
    """The far side's UPDATE waits for our answer: `offer` or `plain`."""
    others: tuple[str, ...] = ()
    """INFO, MESSAGE, REFER and PRACK of the far side that wait for our answer."""
    unacked: bool = False
    """Our 2xx to the far side's re-INVITE waits for its ACK."""
    offer: str = ""
    """The open offer: `theirs` or `ours`."""
    taken: bool = False
    """The far side's description was taken over since it came."""
    made: bool = False
    """Our description for the open offer was made."""
    settled: bool = False
    """An offer and its answer have met."""
    flowing: bool = False
    """The media was started."""
    gone: bool = False
    """The media flowed and was lost."""
    mine: str = "sendrecv"
    """The direction that our last accepted re-INVITE set."""
    local: str = "sendrecv"
    """What our media does: set when a re-INVITE goes out, and by UpdateMediaDirection."""
    lost: bool = False
    """The far side said that it knows no such call (408, 481 to a re-INVITE)."""
    theirs: str = "sendrecv"
    """The direction that the far side's open offer asks for."""
    hangup: bool = False
    """A person on our side hung up."""
    talked: int = 0
    """0: no 2xx to the first INVITE; 1: it was sent or received; 2: and confirmed."""
    broken: bool = False
    """The far side is out of reach, as far as the stack can tell: nothing more is owed to it."""
    refer: str = ""
    """A REFER of the far side was `accepted`, and later something `told`, but not its end."""
    transfer: str = ""
    """Our REFER was `sent`, or `accepted`, and its end was not told yet."""
    challenged: str = ""
    """Our request that a server wants credentials for: `INVITE`, `re-INVITE`, `BYE`,
    `registering` or `removing`."""
    stored: bool = False
    """And its challenge was kept."""
    timer: str = ""
    """The session timer: `asked`, `running` once it was renewed, `due` when a refresh fell due."""
    updating: str = ""
    """The direction that our UPDATE under way offers; `plain` if it offers nothing."""
    asking: tuple[str, ...] = ()
    """Our INFO, MESSAGE and OPTIONS under way."""
    retry: bool = False
    """The waiting time after a glare runs."""
    register: Binding = Binding()
    outside: Outside = Outside()
    legs: tuple[Leg, ...] = ()
    """The linked sessions; one that has ended is kept while the first INVITE is open."""

    reliable: str = ""
    """A reliable provisional answer that was not confirmed yet: `theirs`; for one of ours `plain`,
    `described` (with our description), or `lost` if no PRACK came."""

    @property
    def live(self) -> bool:
        """Whether requests can be sent inside the call."""
        return self.call == UP and not self.bye and not self.broken

    def renewed(self) -> Wire:
        """Return the call after a 2xx that begins its session interval anew."""
        return self._replace(timer="running") if self.timer else self

    def tidy(self) -> Wire:
        """Forget what can not matter any more, so that equal futures are equal."""
        if self.reliable and self.call not in (PROCEEDING, OFFERED):
            self = self._replace(reliable="")
        if self.offer == "" and (self.taken or self.made) and not self.call == READY:
            self = self._replace(taken=False, made=False)
        if self.offer != "theirs" and self.theirs != "sendrecv":
            self = self._replace(theirs="sendrecv")
        if self.bye or self.call == OVER:
            self = self._replace(
                mine="sendrecv", local="sendrecv", updating="", asking=(), retry=False, timer=""
            )
        if self.challenged and not self.stored:
            self = self._replace(challenged="")
        if self.legs and self.call not in OPEN_INVITE:
            self = self._replace(legs=tuple(leg for leg in self.legs if leg.stage != "over"))
        return self
