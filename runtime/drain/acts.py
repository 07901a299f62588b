"""Acts of a person on one running call. Each needs a reason, is done by the node the call lives on,
stands in the call's own steps, and is recorded with who did it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from designer import auditing
from designer.access import may
from designer.errors import Refused
from designer.models import Flow, Version
from runtime.acts import typed
from runtime.drain import judging, orders, reach
from runtime.drain.words import name_of, reason_of
from runtime.models import CallOrder, CallPin
from runtime.node.operations import ALREADY, MOVED, WAITED

PATIENCE = 2.0
"""Seconds a move is waited for while somebody looks; then it goes on behind."""


def hang_up(
    *, session: str, reason: str, force: bool = False, user: Any = None, by_name: str = ""
) -> dict[str, Any]:
    """End a call politely: by its row for HangupCall, else (or with `force`) without its table."""
    line, who, why = _begin("call.hangup", session, reason, user, by_name)
    told = reach.ask_session(session, "hang_up", by=who, reason=why, force=force)
    _keep("call.hangup", line, user, who, why, told)
    return told


def inject(
    *,
    session: str,
    event: str,
    raw: Mapping[str, str],
    reason: str,
    user: Any = None,
    by_name: str = "",
) -> dict[str, Any]:
    """Give a call an event, for repair also one that people do not send; fields as typed."""
    line, who, why = _begin("call.inject", session, reason, user, by_name)
    fields = typed(event, raw)
    told = reach.ask_session(
        session, "inject", event=event, fields=fields, by=who, reason=why, repair=True
    )
    _keep("call.inject", line, user, who, why, {"event": event, "fields": fields})
    return told


def pin(
    *, session: str, reason: str, off: bool = False, user: Any = None, by_name: str = ""
) -> dict[str, Any]:
    """Keep a call on its version, whatever is decided for others; `off` lets it go."""
    line, who, why = _begin("call.pin", session, reason, user, by_name)
    kept = {"node": line["node"], "flow_name": line["flow"], "by_name": who, "reason": why}
    # The row first, and for all to see: the node takes over what the rows say, again and again.
    if off:
        CallPin.objects.filter(pk=session).delete()
    else:
        CallPin.objects.update_or_create(session=session, defaults=kept)
    told = reach.ask_session(session, "pin", by=who, reason=why, off=off)
    _keep("call.pin", line, user, who, why, {"pinned": not off})
    return told


def migrate(
    *,
    session: str,
    version: Version,
    reason: str,
    chosen: Mapping[str, str] | None = None,
    patience: float = orders.PATIENCE,
    user: Any = None,
    by_name: str = "",
) -> dict[str, Any]:
    """Move a call to another version: now if it is quiet, else at its next quiet point.

    Returns `status` (`moved`, `waiting` with the number of the order that goes on) and where it is.
    """
    line, who, why = _begin("call.migrate", session, reason, user, by_name)
    if line["flow"] != version.flow.name:
        raise Refused(f"{session} is a call of {line['flow']}, not of {version.flow.name}.")
    orders.allowed_target(version, user)
    if line["digest"] == version.digest:
        raise Refused(f"The call runs v{version.number} already.")
    judged = judging.ways(version.flow, line["digest"], version, chosen or {})
    found = judging.line_of(line, judging.numbers(version.flow, [line["digest"]]), judged)
    if not found.possible or judged is None:
        raise Refused(f"The call is not moved: {found.why[:1].lower()}{found.why[1:]}".rstrip("."))
    told = reach.ask_session(
        session, "migrate", digest=version.digest, ways=judging.plain_ways(judged),
        by=who, reason=why, patience=PATIENCE,
    )  # fmt: skip
    detail = {"to": version.number, "from": found.number, "state": told["state"]}
    if told["status"] == WAITED:
        order = orders.give(
            version.flow, CallOrder.Act.MIGRATE, [line], user=user, by_name=who, reason=why,
            version=version, ways={line["digest"]: judging.plain_ways(judged)},
            patience=patience, scope=f"the call {session}",
        )  # fmt: skip
        return {**told, "status": "waiting", "order": order.pk}
    if told["status"] not in (MOVED, ALREADY):
        raise Refused(f"The call is not moved: {told['why']}.")
    _keep("call.migrate", line, user, who, why, detail)
    return told


def line_of(session: str) -> dict[str, Any]:
    """Return how a living call stands; Refused if it does not live."""
    return reach.standing(session)


def _begin(
    act: str, session: str, reason: str, user: Any, by_name: str
) -> tuple[dict[str, Any], str, str]:
    """Look whether this may be done, and to which call; Refused says why not."""
    why = reason_of(reason)
    line = line_of(session)
    if user is not None and not may(user, act, line["flow"]):
        raise Refused("Your account may not do this to calls of this flow.")
    return line, name_of(user, by_name), why


def _keep(
    act: str, line: Mapping[str, Any], user: Any, who: str, why: str, detail: Mapping[str, Any]
) -> None:
    flow = Flow.objects.filter(name=line["flow"]).first()
    auditing.record(
        act,
        user=user,
        by_name=who,
        flow=flow or line["flow"],
        subject=line["id"],
        reason=why,
        detail={"state": line["state"], "digest": line["digest"], **detail},
    )
