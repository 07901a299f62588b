"""What each call under a ramp says to the figures, read from its stored record.

A call is measured once it is stored and again until nothing more can become known of it; what is
not known is None and counted nowhere. Only so many are read at a look: a backlog takes more looks
and never holds up a verdict on what is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, Exists, F, OuterRef, Q, When

from runtime.executor.machine import MIGRATED
from runtime.models import MediaRecord, Ramp, RampCall, Session, Step, WireMessage
from runtime.node.calling import Network, network, user_of, within
from runtime.node.ramp import Rule, identity, is_test_caller
from runtime.node.routes import matches
from runtime.ramps.figures import FIGURES, QUANTILE
from runtime.ramps.plan import step_of
from runtime.ramps.sequential import Arm, Quantile, Share
from runtime.ramps.services import rule_of

AT_ONCE = 2000
"""Calls that are measured in one look, each of new ones and of ones to be measured again."""
CHUNK = 200
"""Calls whose messages are read together."""
PATIENCE = 180.0
"""Seconds after which a call without a final answer counts as not answered (timer C, RFC 3261
16.6)."""
LINGER = 20.0
"""Seconds that a session may live on when its call is over on the wire."""
MINUTE = 60.0
"""Seconds in which unhandled events are looked for."""
TRAILING = 10.0
"""Seconds after its end in which records of a call may still arrive."""
KEPT = timedelta(days=90)
"""So long after its end the picture of a ramp can still be drawn."""
SPOKEN = 2.0
"""Seconds a call is answered before its audio is judged."""

CHOSEN = frozenset({480, 486, 487, 600, 603})
"""Final answers by which a person says no, or gave up: no failure of the set-up."""
CHALLENGES = frozenset({401, 407})

_STATUS = re.compile(r"SIP/2\.0 ([1-6][0-9][0-9])")
_CSEQ = re.compile(rb"\n\s*cseq\s*:\s*\d+\s+([A-Za-z]+)", re.IGNORECASE)
_FIELDS = (
    "settled", "code", "answered", "delay", "failed", "one_way", "unhandled", "unhandled_events",
    "stuck", "measured_at", "drawn",
)  # fmt: skip


@dataclass(slots=True)
class Wire:
    """What was on the wire of one call, as far as figures need it."""

    source: str = ""
    invited: float | None = None
    rang: float | None = None
    """When the first 18x or 2xx came."""
    answered: float | None = None
    code: int | None = None
    """The final answer so far; 2xx stays."""
    over: float | None = None
    """When it was over: refused, or hung up."""


def measure(ramp: Ramp, now: float) -> int:
    """Measure what is new or unfinished of the ramp's present step; return how many calls."""
    fresh = list(_fresh(ramp)[:AT_ONCE])
    RampCall.objects.bulk_create(
        [
            RampCall(
                ramp=ramp, session=each.pk, step=ramp.step, started_at=each.started_at,
                candidate=each.digest == ramp.deployment.version.digest, measured_at=0.0,
            )
            for each in fresh
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    rule = rule_of(ramp)
    networks = tuple(network(each) for each in rule.sources)
    again = list(_unfinished(ramp, now)[:AT_ONCE])
    for begin in range(0, len(again), CHUNK):
        chunk = again[begin : begin + CHUNK]
        names = [each.session for each in chunk]
        sessions = Session.objects.in_bulk(names)
        wire, audio = _wire(names), _audio(names)
        for each in chunk:
            if each.session in sessions:
                about = wire.get(each.session, Wire())
                session = sessions[each.session]
                fill(each, session, about, audio.get(each.session), now)
                each.drawn = _drawn(rule, networks, session, about)
        RampCall.objects.bulk_update(chunk, _FIELDS)
    return len(again)


def fill(
    call: RampCall, session: Session, wire: Wire, audio: Mapping[str, Any] | None, now: float
) -> None:
    """Write down what the record of a call says by now."""
    ended = session.ended_at is not None
    age = now - session.started_at
    call.measured_at = now
    call.code = wire.code
    call.unhandled_events = session.unhandled
    if wire.invited is not None:
        late = wire.code is None and (ended or age > PATIENCE)
        if wire.code is not None or late:
            call.answered = wire.code is not None and 200 <= wire.code < 300
            call.failed = not call.answered and wire.code not in CHOSEN
        if wire.rang is not None:
            call.delay = max(0.0, wire.rang - wire.invited)
        call.stuck = _stuck(session, wire, now)
    if call.unhandled is None and (ended or age > MINUTE):
        call.unhandled = session.unhandled > 0
    if ended and call.answered and wire.answered is not None and audio is not None:
        call.one_way = _one_way(audio, float(session.ended_at or 0) - wire.answered)
    call.settled = bool(call.stuck) or (ended and now - float(session.ended_at or 0) > TRAILING)


def _stuck(session: Session, wire: Wire, now: float) -> bool | None:
    over = wire.over
    if session.ended_at is not None:
        return over is not None and session.ended_at - over > LINGER
    if over is not None:
        return True if now - over > LINGER else None
    pending = wire.code is None and now - session.started_at > PATIENCE
    return True if pending else None


def _one_way(audio: Mapping[str, Any], spoken: float) -> bool | None:
    heard, sent = audio.get("packets_in") or 0, audio.get("packets_out") or 0
    if spoken < SPOKEN or not (heard or sent):
        return None
    return not heard or not sent


def forget(now: datetime) -> int:
    """Let go of what calls said to ramps that are over for long; return how many rows."""
    old = RampCall.objects.filter(ramp__ended_at__lt=now - KEPT)
    rows, _ = old.delete()
    return rows


def arms(ramp: Ramp) -> dict[str, tuple[Arm, Arm]]:
    """Return what was seen in the present step, by figure: the candidate's and the stable side."""
    drawn = step_of(ramp.steps[ramp.step]).drawn
    found = RampCall.objects.filter(ramp=ramp, step=ramp.step)
    if drawn:
        # Who is out of scope, or was chosen by name, says nothing about a choice by chance.
        found = found.filter(drawn=True)
    shares = [key for key in ramp.figures if not FIGURES[key].quantile]
    counts: dict[str, Any] = {
        f"{key}_{side}_{kind}": Count("pk", filter=Q(candidate=candidate) & wanted)
        for key in shares
        for side, candidate in (("new", True), ("old", False))
        for kind, wanted in (
            ("part", Q(**{key: True})),
            ("all", Q(**{f"{key}__isnull": False})),
        )
    }
    seen = found.aggregate(**counts) if counts else {}
    made: dict[str, tuple[Arm, Arm]] = {
        key: (
            Share(seen[f"{key}_new_part"], seen[f"{key}_new_all"]),
            Share(seen[f"{key}_old_part"], seen[f"{key}_old_all"]),
        )
        for key in shares
    }
    for key in ramp.figures:
        if FIGURES[key].quantile:
            made[key] = _times(found, key, True), _times(found, key, False)
    return made


def _times(found: Any, key: str, candidate: bool) -> Quantile:
    known = found.filter(candidate=candidate, **{f"{key}__isnull": False})
    return Quantile(list(known.order_by(key).values_list(key, flat=True)), QUANTILE)


def _fresh(ramp: Ramp) -> Any:
    """Return the calls of the step that no row speaks of yet, the oldest first."""
    digests = [ramp.deployment.version.digest, ramp.stable.version.digest]
    known = RampCall.objects.filter(ramp=ramp, session=OuterRef("pk"))
    found = Session.objects.filter(
        flow_name=ramp.flow.name, digest__in=digests, started_at__gte=ramp.step_at.timestamp()
    )
    # A call that somebody took from one version to the other says nothing about either.
    moved = Step.objects.filter(session_id=OuterRef("pk"), kind=MIGRATED)
    return found.filter(~Exists(known), ~Exists(moved)).order_by("started_at")


def _unfinished(ramp: Ramp, now: float) -> Any:
    """Return the rows of the step of which more can have become known, longest unseen first."""
    session = Session.objects.filter(pk=OuterRef("session"), ended_at__isnull=False)
    waits = Q(answered__isnull=True) | Q(stuck__isnull=True, code__gte=300)
    waits |= Q(unhandled__isnull=True, started_at__lt=now - MINUTE)
    found = RampCall.objects.filter(ramp=ramp, step=ramp.step, settled=False)
    return (
        found.annotate(ended=Exists(session))
        .filter(Q(ended=True) | waits | Q(measured_at__lt=now - LINGER))
        .annotate(first=Case(When(measured_at=0.0, then=0), default=1))
        .order_by("first", F("measured_at"), "pk")
    )


def _drawn(rule: Rule, networks: tuple[Network, ...], session: Session, wire: Wire) -> bool:
    """Whether the side of a call was left to chance: in scope, and no test caller."""
    placed = session.role == "UAC"
    party, number = session.caller, user_of(session.callee)
    who = identity(session.callee if placed else party)
    if who and is_test_caller(rule, who):
        return False
    if rule.numbers and not any(matches(pattern, number) for pattern in rule.numbers):
        return False
    return not networks or (not placed and within(networks, wire.source))


# -- the record ------------------------------------------------------------------------------------


def _wire(names: list[str]) -> dict[str, Wire]:
    wanted = Q(summary__startswith="SIP/2.0 ") | Q(summary__startswith="INVITE ")
    wanted |= Q(summary__startswith="BYE ") | Q(summary__startswith="CANCEL ")
    found = WireMessage.objects.filter(wanted, session__in=names).order_by("time", "pk")
    listed = found.values_list("session", "time", "remote", "summary", "data")
    calls: dict[str, Wire] = {}
    for name, time, remote, summary, data in listed.iterator():
        read(calls.setdefault(name, Wire()), time, remote, summary, bytes(data))
    return calls


def read(wire: Wire, time: float, remote: str, summary: str, data: bytes) -> None:
    """Take one message, in the order of time."""
    if summary.startswith("INVITE "):
        if wire.invited is None:
            wire.invited = time
            wire.source = remote.rpartition(":")[0].strip("[]")
        elif wire.code in CHALLENGES:
            # Asked for a password, it calls again: only now the call is made.
            wire.invited, wire.code, wire.over = time, None, None
    elif summary.startswith("BYE "):
        wire.over = time if wire.over is None else wire.over
    else:
        _read_answer(wire, time, summary, data)


def _read_answer(wire: Wire, time: float, summary: str, data: bytes) -> None:
    status = _STATUS.match(summary)
    if status is None or wire.invited is None or wire.answered is not None:
        return
    cseq = _CSEQ.search(data)
    if cseq is None or cseq[1].upper() != b"INVITE":
        return
    code = int(status[1])
    if code == 100:
        return
    if code < 300 and wire.rang is None:
        wire.rang = time
    if 200 <= code < 300:
        wire.code, wire.answered, wire.over = code, time, None
    elif code >= 300:
        wire.code, wire.over = code, time


def _audio(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the counters of each call's media at its end."""
    found = MediaRecord.objects.filter(session__in=list(names), kind="stats").order_by("time")
    return dict(_pairs(found.values_list("session", "detail")))


def _pairs(rows: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, detail in rows:
        if isinstance(detail, dict):
            yield name, detail
