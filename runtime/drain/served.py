"""What a command may ask of the running server about calls, over the control socket.

Each takes plain data, with who asks in `by`, and answers plain data; Refused says why not. They run
in a thread, for they ask the database and the nodes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from designer import selectors
from designer.errors import Refused
from designer.models import Flow, Version
from runtime.acts import typed
from runtime.drain import acts, judging, orders, policy, view
from runtime.drain.judging import Only
from runtime.drain.orders import Remedy
from runtime.models import CallOrder

Given = dict[str, Any]
Answer = dict[str, Any]


def flow_of(given: Given) -> Flow:
    """Return the flow that is named; Refused if there is none."""
    found = selectors.flow_named(given["flow"])
    if found is None:
        raise Refused(f"There is no flow named {given['flow']}.")
    return found


def version_of(flow: Flow, number: int | None) -> Version:
    """Return a version by its number, the one new calls take without; Refused if there is none."""
    found = selectors.version_of(flow, number) if number else view.newest_taken(flow)
    if found is None:
        raise Refused(f"{flow.name} has no version {number or 'that takes calls'}.")
    return found


def only_of(given: Given) -> Only:
    """Return which calls are meant."""
    return Only(state=given.get("state") or "", older=float(given.get("older") or 0.0))


def old_calls(given: Given) -> Answer:
    """{flow, version?} -> who still runs another version."""
    flow = flow_of(given)
    number = given.get("version")
    version = version_of(flow, number) if number else None
    return view.old_calls(flow, version, now=time.time()).as_dict()


def dry_run(given: Given) -> Answer:
    """{flow, version?, mapping?, state?, older?} -> what a migration would do."""
    flow = flow_of(given)
    return judging.dry_run(
        flow, version_of(flow, given.get("version")), chosen=given.get("mapping") or {},
        only=only_of(given), now=time.time(),
    ).as_dict()  # fmt: skip


def migrate(given: Given) -> Answer:
    """The same and {at_most, reason, patience?, force?} -> the order."""
    flow = flow_of(given)
    order = orders.migrate(
        flow=flow, version=version_of(flow, given.get("version")),
        chosen=given.get("mapping") or {}, only=only_of(given), most=int(given["at_most"]),
        patience=float(given.get("patience", orders.PATIENCE)), reason=given.get("reason", ""),
        force=bool(given.get("force")), now=time.time(),
        user=given.get("user"), by_name=given["by"],
    )  # fmt: skip
    return orders.progress(order)


def remedy_of(given: Given) -> Remedy:
    """Return what is to be done to calls that are stuck."""
    event = given.get("event") or ""
    fields = typed(event, {k: str(v) for k, v in (given.get("fields") or {}).items()})
    return Remedy(event=event, fields=fields, to_state=given.get("to_state") or "")


def correction(given: Given) -> Answer:
    """{flow, state, older?, event? fields?, to_state?} -> what a corrective move would do."""
    flow, remedy = flow_of(given), remedy_of(given)
    found = orders.correction(flow=flow, remedy=remedy, only=only_of(given), now=time.time())
    return found.as_dict()


def correct(given: Given) -> Answer:
    """The same and {at_most, reason} -> the order."""
    order = orders.correct(
        flow=flow_of(given), remedy=remedy_of(given), only=only_of(given),
        most=int(given["at_most"]), reason=given.get("reason", ""), now=time.time(),
        user=given.get("user"), by_name=given["by"],
    )  # fmt: skip
    return orders.progress(order)


def order_of(given: Given) -> CallOrder:
    """Return an order by its number; Refused if there is none."""
    found = CallOrder.objects.select_related("flow", "version").filter(pk=given["order"]).first()
    if found is None:
        raise Refused(f"There is no order {given['order']}.")
    return found


def order(given: Given) -> Answer:
    """{order, stop?} -> how far it is, and what became of each call."""
    found = order_of(given)
    if given.get("stop"):
        orders.stop(order=found, user=given.get("user"), by_name=given["by"])
        found.refresh_from_db()
    return {**orders.progress(found), "calls": orders.calls_of(found)}


def deadline(given: Given) -> Answer:
    """{flow, act?, after_seconds?, reason?} -> what becomes of old calls; chosen if `act` is."""
    flow = flow_of(given)
    if given.get("act"):
        policy.choose(
            flow=flow, act=given["act"], after_seconds=int(given.get("after_seconds", 3600)),
            reason=given.get("reason", ""), user=given.get("user"), by_name=given["by"],
        )  # fmt: skip
    return told_policy(flow)


def told_policy(flow: Flow) -> Answer:
    """Return what becomes of old calls of a flow."""
    chosen = policy.of_flow(flow)
    return {
        "flow": flow.name,
        "act": chosen.act if chosen else "wait",
        "after_seconds": chosen.after_seconds if chosen else 0,
        "by": chosen.by_name if chosen else "",
        "words": policy.words(chosen),
    }


def hang_up(given: Given) -> Answer:
    """{session, reason, force?} -> by which row, or by force."""
    return acts.hang_up(
        session=given["session"], reason=given.get("reason", ""), force=bool(given.get("force")),
        user=given.get("user"), by_name=given["by"],
    )  # fmt: skip


def inject(given: Given) -> Answer:
    """{session, event, fields?, reason} -> {sent}."""
    return acts.inject(
        session=given["session"], event=given["event"],
        raw={k: str(v) for k, v in (given.get("fields") or {}).items()},
        reason=given.get("reason", ""), user=given.get("user"), by_name=given["by"],
    )  # fmt: skip


def pin(given: Given) -> Answer:
    """{session, reason, off?} -> {pinned}."""
    return acts.pin(
        session=given["session"], reason=given.get("reason", ""), off=bool(given.get("off")),
        user=given.get("user"), by_name=given["by"],
    )  # fmt: skip


def move(given: Given) -> Answer:
    """{session, version?, mapping?, reason} -> its status and where it is."""
    flow = flow_of({"flow": acts.line_of(given["session"])["flow"]})
    return acts.migrate(
        session=given["session"], version=version_of(flow, given.get("version")),
        chosen=given.get("mapping") or {}, reason=given.get("reason", ""),
        user=given.get("user"), by_name=given["by"],
    )  # fmt: skip


ACTS: dict[str, Callable[[Given], Answer]] = {
    each.__name__: each
    for each in (
        old_calls, dry_run, migrate, correction, correct, order, deadline, hang_up, inject, pin,
        move,
    )
}  # fmt: skip
"""What may be asked, by name."""
