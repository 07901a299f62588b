"""Trunks that we register with: which flow does it, how it stands, beginning and ending it.

Whoever registers a trunk wants it to stay so: a registration that ended with its node is begun
again, until somebody removes it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from typing import Any, NamedTuple

from designer import auditing
from designer.errors import Refused
from designer.models import Flow
from runtime import bridge, deployments
from runtime.drain import judging
from runtime.models import Session, Trunk, TrunkRegistration
from runtime.sip.uri import parse_uri

log = logging.getLogger(__name__)

START, LEAVE = "StartRegistration", ("StartUnregistration", "UnregisterRequest")
ACT = "trunk.manage"
WITH_ITS_NODE = ("lost", "shutdown")
"""Outcomes of a session that did not end by itself."""
PAUSE = 15.0
"""Seconds between two tries, and for the record of a session to arrive."""


class Standing(NamedTuple):
    """A session that registers a trunk."""

    session: Session
    leave: str
    """The event by which its state lets a person remove the registration; empty if by none."""


def flows(hidden: Collection[str] = ()) -> list[Flow]:
    """Return the flows whose deployed version begins with StartRegistration, by name."""
    found = []
    for deployment in deployments.desired():
        flow, program = deployment.flow, judging.program_of(deployment.version.digest)
        if program is None or flow.name in hidden:
            continue
        if START in program.position(program.table.initial, "UAC").candidates:
            found.append(flow)
    return sorted(found, key=lambda flow: flow.name)


def only_flow() -> str:
    """Return the one flow that registers; Refused if there is none or several."""
    found = [flow.name for flow in flows()]
    if len(found) != 1:
        several = f"{', '.join(found)}: name one" if found else "none is deployed"
        raise Refused(f"Which flow registers? {several}.")
    return found[0]


def standing(trunk: Trunk) -> Standing | None:
    """Return the living session that registers a trunk, None if there is none."""
    living = Session.objects.filter(ended_at=None, role="UAC", callee__startswith="sip:")
    for session in living.filter(callee__in=_addresses(trunk))[:20]:
        program = judging.program_of(session.digest)
        if program is None:
            continue
        if START in program.position(program.table.initial, "UAC").candidates:
            taken = program.position(session.state, "UAC").candidates
            rows = (name for name in LEAVE if name in taken and taken[name].kind == "fired")
            return Standing(session, next(rows, ""))
    return None


def register(*, trunk: Trunk, flow: str, user: Any = None) -> str:
    """Let a flow register with a trunk; returns the session's id. Refused says why not."""
    if not trunk.enabled:
        raise Refused(f"{trunk.name} is disabled: enable it before it is registered.")
    if not trunk.user and not trunk.caller:
        raise Refused(f"{trunk.name} has no user: nobody knows whom to register.")
    there = standing(trunk)
    if there is not None:
        raise Refused(f"{trunk.name} is being registered already, by session {there.session.pk}.")
    lately = TrunkRegistration.objects.filter(trunk=trunk, tried_at__gt=time.time() - PAUSE).first()
    if lately is not None and not Session.objects.filter(pk=lately.session).exists():
        raise Refused(f"{trunk.name} is being registered already, by session {lately.session}.")
    session = _begin(trunk, flow)
    TrunkRegistration.objects.update_or_create(
        trunk=trunk, defaults={"flow_name": flow, "session": session, "tried_at": time.time()}
    )
    detail = {"what": "registered"}
    auditing.record(ACT, user=user, flow=flow, subject=trunk.name, detail=detail)
    return session


def unregister(*, trunk: Trunk, user: Any = None) -> None:
    """Remove the registration with a trunk; Refused says why not."""
    there = standing(trunk)
    if there is None:
        if not TrunkRegistration.objects.filter(trunk=trunk).delete()[0]:
            raise Refused(f"{trunk.name} is not registered by a flow.")
        auditing.record(ACT, user=user, subject=trunk.name, detail={"what": "unregistered"})
        return
    if not there.leave:
        raise Refused(f"In the state {there.session.state} the registration cannot be removed.")
    TrunkRegistration.objects.filter(trunk=trunk).delete()
    bridge.ask_session_sync(there.session.pk, "send", event=there.leave)
    detail = {"what": "unregistered"}
    flow = there.session.flow_name
    auditing.record(ACT, user=user, flow=flow, subject=trunk.name, detail=detail)


def ended(trunk: Trunk) -> Session | None:
    """Return the session that should register a trunk and has ended by itself, if it has."""
    row = TrunkRegistration.objects.filter(trunk=trunk).first()
    if row is None:
        return None
    over = Session.objects.filter(pk=row.session).exclude(ended_at=None)
    return over.exclude(outcome__in=WITH_ITS_NODE).first()


def wanted(trunk: Trunk) -> bool:
    """Whether a trunk is to stay registered, whatever becomes of its session."""
    return TrunkRegistration.objects.filter(trunk=trunk).exists()


def keep() -> None:
    """Begin again what ended with its node; what ended by itself is for people to look at."""
    now = time.time()
    for row in TrunkRegistration.objects.filter(tried_at__lt=now - PAUSE):
        last = Session.objects.filter(pk=row.session).first()
        if last is not None and (last.ended_at is None or last.outcome not in WITH_ITS_NODE):
            continue
        trunk = row.trunk
        if not trunk.enabled or standing(trunk) is not None:
            continue
        row.tried_at = now
        try:
            row.session = _begin(trunk, row.flow_name)
        except Refused as refusal:
            log.warning("trunk %s is not registered again: %s", trunk.name, refusal.message)
        row.save(update_fields=["session", "tried_at"])


def _begin(trunk: Trunk, flow: str) -> str:
    asked = {"flow": flow, "event": START, "fields": {"registrar": f"sip:{trunk.name}"}}
    return str(bridge.ask_node_sync("", "begin", asked)["session"])


def _addresses(trunk: Trunk) -> list[str]:
    """How a session may name the trunk as its registrar."""
    named = [f"sip:{trunk.name}", f"sip:{trunk.host}"]
    if trunk.port:
        named.append(f"sip:{trunk.host}:{trunk.port}")
    return [each for each in named if _readable(each)]


def _readable(address: str) -> bool:
    try:
        return bool(parse_uri(address).host)
    except ValueError:
        return False
