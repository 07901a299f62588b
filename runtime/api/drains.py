"""The calls about calls on the old version, and about acts on running calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from django.http import Http404

from designer.naming import person_name
from designer.views.shell import flow_or_404
from runtime.api import drain_shapes as shapes
from runtime.api.declare import Call, operation
from runtime.drain import orders, served
from runtime.models import CallOrder

Act = Callable[[dict[str, Any]], dict[str, Any]]


def _done(call: Call, act: Act, **more: Any) -> dict[str, Any]:
    """Do what commands ask for too, by whom the call comes from."""
    sent = msgspec.structs.asdict(call.body or call.query) if call.body or call.query else {}
    return act({**sent, **more, "user": call.user, "by": person_name(call.user)})


@operation("deployment.view", shapes.OldCalls, query=shapes.OldCallsWanted, asks_node=True)
def old_calls(call: Call, name: str) -> Any:
    """Tell who still runs an old version.

    By state, with the age of the oldest and what they wait for.
    """
    flow_or_404(name)
    return _done(call, served.old_calls, flow=name)


@operation("call.view", shapes.DryRun, body=shapes.Migration, asks_node=True)
def dry_run(call: Call, name: str) -> Any:
    """Judge what a migration would do to each call.

    Nothing is changed. `safe` calls can go over now; `needs mapping` asks for a state in `mapping`;
    `blocked` calls say why, and with `waits` they go over once they come to a quiet point.
    """
    flow_or_404(name)
    return _done(call, served.dry_run, flow=name)


@operation("call.migrate", shapes.Order, body=shapes.MigrationOrder, status=201, asks_node=True)
def migrate(call: Call, name: str) -> Any:
    """Move calls to another version, each at its next quiet point."""
    flow_or_404(name)
    return _done(call, served.migrate, flow=name)


@operation("call.view", shapes.CorrectionFound, body=shapes.Correction, asks_node=True)
def correction(call: Call, name: str) -> Any:
    """Judge what a corrective move would do; nothing is changed."""
    flow_or_404(name)
    return _done(call, served.correction, flow=name)


@operation("call.migrate", shapes.Order, body=shapes.CorrectionOrder, status=201, asks_node=True)
def correct(call: Call, name: str) -> Any:
    """Help calls that are stuck in a state.

    They get an event, which needs the permission to give events, too; or they go on in another
    state of their own version.
    """
    flow_or_404(name)
    return _done(call, served.correct, flow=name)


@operation("call.view", list[shapes.Order])
def list_orders(call: Call, name: str) -> Any:
    """List what was done to running calls of a flow, the newest first, at most 20."""
    return [orders.progress(each) for each in orders.orders_of(flow_or_404(name))]


@operation("call.view", shapes.OrderWithCalls)
def get_order(call: Call, name: str, order: int) -> Any:
    """Tell how far an order is, and what became of each call."""
    _known(name, order)
    return _done(call, served.order, order=order)


@operation("call.migrate", shapes.OrderWithCalls, body=shapes.OrderAct)
def stop_order(call: Call, name: str, order: int) -> Any:
    """Stop an order: what was not done yet is left alone."""
    _known(name, order)
    return _done(call, served.order, order=order, stop=True)


def _known(name: str, order: int) -> None:
    if not CallOrder.objects.filter(flow=flow_or_404(name), pk=order).exists():
        raise Http404(f"{name} has no order {order}.")


@operation("deployment.view", shapes.Deadline)
def get_deadline(call: Call, name: str) -> Any:
    """Tell what becomes of calls on an old version when their time is up."""
    return served.told_policy(flow_or_404(name))


@operation("call.migrate", shapes.Deadline, body=shapes.NewDeadline)
def choose_deadline(call: Call, name: str) -> Any:
    """Choose what becomes of calls on an old version.

    To end them needs the permission to hang up, too.
    """
    flow_or_404(name)
    return _done(call, served.deadline, flow=name)


@operation("call.hangup", shapes.HungUp, body=shapes.HangUp, asks_node=True)
def hang_up(call: Call, id: str) -> Any:
    """End a call: by its row for HangupCall, else by force; the answer says which."""
    return _done(call, served.hang_up, session=id)


@operation("call.inject", shapes.Injected, body=shapes.Injection, asks_node=True)
def inject(call: Call, id: str) -> Any:
    """Give a call any event that does not come with a request of the peer."""
    return _done(call, served.inject, session=id)


@operation("call.pin", shapes.Pinned, body=shapes.Pin, asks_node=True)
def pin(call: Call, id: str) -> Any:
    """Keep a call on its version, or let it go again."""
    return _done(call, served.pin, session=id)


@operation("call.migrate", shapes.Moved, body=shapes.Move, asks_node=True)
def move(call: Call, id: str) -> Any:
    """Move one call to another version, now or at its next quiet point."""
    return _done(call, served.move, session=id)
