"""The legs of a call: one session each, and which sessions belong together.

Sessions are one call if one started the other, which both records say (the fact `linked` of the
one, the field `owner` of the other's first step), or if any step names the other session. Where
nothing is recorded they are if they share a Call-ID (one of our flows called another over the wire)
or if a message of one names the Call-ID of the other (Replaces, Target-Dialog, Refer-To). The leg
that began first is A.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Abs

from runtime import audit, bridge
from runtime.models import MediaRecord, Session, WireMessage
from runtime.models import Step as StepRow
from runtime.onecall.messages import Told, read

LINKS = ("linked", "replaced")
"""Facts that name another session of the call."""
MOST_LEGS = 8
MOST_WIRE = 20_000
MOST_MEDIA = 5_000
NEAR = 10.0
"""Seconds around a session's beginning and end in which the sessions linked with it begin."""
_SESSION = re.compile(r"[\w.-]+-\d+-\d+")
CANDIDATES = 60
"""Sessions looked at on each side: a busy node has thousands that have nothing to do with it."""


@dataclass(slots=True)
class Wire:
    """One message of a leg."""

    id: int
    time: float
    direction: str
    transport: str
    local: str
    remote: str
    data: bytes
    told: Told


@dataclass(slots=True)
class Leg:
    """One session of a call with all that was recorded of it, oldest first."""

    letter: str
    session: dict[str, Any]
    """As `audit.stored_summary`, with `node` and `epoch` beside."""
    steps: list[dict[str, Any]] = field(default_factory=list)
    """As `audit.step_line`."""
    wire: list[Wire] = field(default_factory=list)
    media: list[dict[str, Any]] = field(default_factory=list)
    """{"time", "kind", "detail"}"""

    @property
    def id(self) -> str:
        return str(self.session["id"])

    @property
    def role(self) -> str:
        return str(self.session["role"])


@dataclass(slots=True)
class OneCall:
    """All legs of a call; `own` is the one whose page was asked for."""

    legs: list[Leg]
    own: Leg

    @property
    def began(self) -> float:
        """Return when the first thing of it happened, in seconds since the epoch."""
        times = [leg.session["started"] for leg in self.legs]
        times += [leg.steps[0]["time"] for leg in self.legs if leg.steps]
        times += [leg.wire[0].time for leg in self.legs if leg.wire]
        return float(min(times))

    def leg(self, letter: str) -> Leg | None:
        return next((leg for leg in self.legs if leg.letter == letter), None)


def call_of(
    session_id: str, *, may_see: Callable[[str], bool] = lambda flow: True
) -> OneCall | None:
    """Return the call a session belongs to, None if nobody knows the session.

    `may_see` says of a flow's name whether its sessions may be shown; others are left out.
    """
    own = _leg(session_id)
    if own is None:
        return None
    legs = {own.id: own}
    waiting = [own]
    while waiting and len(legs) < MOST_LEGS:
        leg = waiting.pop(0)
        for found in _linked(leg, set(legs)):
            if len(legs) < MOST_LEGS and may_see(found.flow_name):
                joined = _stored_leg(found)
                legs[joined.id] = joined
                waiting.append(joined)
    ordered = sorted(legs.values(), key=lambda leg: (leg.session["started"], leg.id))
    for letter, leg in zip(string.ascii_uppercase, ordered, strict=False):
        leg.letter = letter
    return OneCall(ordered, own)


def _leg(session_id: str) -> Leg | None:
    """Return a session's leg, of the record and of the node together."""
    stored = audit.session_of(session_id)
    live = audit.live_session(session_id)
    if stored is None and live is None:
        return None
    leg = _stored_leg(stored) if stored is not None else Leg("A", {})
    if live is not None:
        beside: dict[str, Any] = {
            key: leg.session[key] for key in ("node", "epoch") if key in leg.session
        }
        summary = audit.live_summary(live, stored.number if stored else None)
        leg.session = summary | beside | {"ended": None}
        leg.steps = _with_seen(session_id, leg.steps)
    return leg


def _with_seen(session_id: str, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add what the node has told since somebody follows: the record lags behind it."""
    hub = bridge.current_hub()
    lines = {line["sequence"]: line for line in steps}
    lines |= hub.lines_of(session_id) if hub is not None else {}
    return [lines[sequence] for sequence in sorted(lines)]


def _stored_leg(stored: Session) -> Leg:
    summary = {**audit.stored_summary(stored), "node": stored.node, "epoch": stored.epoch}
    return Leg("A", summary, audit.steps_of(stored.pk), _wire(stored.pk), _media(stored.pk))


def _wire(session_id: str) -> list[Wire]:
    found = WireMessage.objects.filter(session=session_id).order_by("time", "pk")[:MOST_WIRE]
    rows = found.values_list("pk", "time", "direction", "transport", "local", "remote", "data")
    return [Wire(*row[:6], bytes(row[6]), read(bytes(row[6]))) for row in rows]


def _media(session_id: str) -> list[dict[str, Any]]:
    found = MediaRecord.objects.filter(session=session_id).order_by("time", "pk")[:MOST_MEDIA]
    return [dict(each) for each in found.values("time", "kind", "detail")]


# -- which belong together -------------------------------------------------------------------------


def _linked(leg: Leg, known: set[str]) -> Iterable[Session]:
    """Return the sessions that are linked with this one and not known yet."""
    near = _near(leg, known)
    named = _named(leg)
    own = {wire.told.call_id for wire in leg.wire if wire.told.call_id}
    spoken_of = {name for wire in leg.wire for name in wire.told.mentions()}
    invites = WireMessage.objects.filter(
        session__in=list(near), summary__startswith="INVITE "
    ).values_list("session", "data")
    for session, data in invites:
        told = read(bytes(data))
        if told.call_id in own | spoken_of or own.intersection(told.mentions()):
            named.add(session)
    first = StepRow.objects.filter(session__in=list(near), sequence=1)
    told_of: Any = first.values_list("session_id", "fields")
    named.update(session for session, fields in told_of if leg.id in fields.values())
    return Session.objects.filter(pk__in=named - known).order_by("started_at")


def _near(leg: Leg, known: set[str]) -> set[str]:
    """Return the sessions that began when this one began or ended, or ended when it began."""
    began = leg.session["started"]
    over = leg.session.get("ended") or began
    found: set[str] = set()
    for name, time in {("started_at", began), ("started_at", over), ("ended_at", began)}:
        around = Q(**{f"{name}__gte": time - NEAR, f"{name}__lte": time + NEAR})
        rows = Session.objects.filter(around).exclude(pk__in=known).order_by(Abs(F(name) - time))
        found.update(rows.values_list("pk", flat=True)[:CANDIDATES])
    return found


def _named(leg: Leg) -> set[str]:
    """Return the sessions that its facts name, and what looks like one in the fields of steps."""
    told = [fact["detail"].get("session") for fact in leg.media if fact["kind"] in LINKS]
    told += [value for step in leg.steps for value in step["fields"].values()]
    return {
        value
        for value in told
        if isinstance(value, str) and len(value) <= 128 and _SESSION.fullmatch(value)
    }
