"""Orders about many running calls: planned on what lives now, limited, stopped, reported.

An order is a row with one row for each call it is about. Each node does what concerns its own
calls (`runtime.drain.carrier`) and writes down what became of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from designer import auditing, notices, verdicts
from designer.access import may
from designer.errors import Refused
from designer.models import Flow, Version
from flows.ends import unanswered
from flows.moving import SAFE
from flows.semantics import Program
from flows.vocabulary import EVENTS
from runtime import deployments
from runtime.drain import judging, reach
from runtime.drain.judging import BLOCKED, Line, Only
from runtime.drain.words import name_of, reason_of
from runtime.models import CallAct, CallOrder

PATIENCE = 60.0
"""Seconds a call is waited for until it comes to a quiet point."""
MOST_PATIENCE = 3600.0
MOST = 10_000
"""Calls one order is about at most."""
_RIGHTS = {
    CallOrder.Act.MIGRATE: "call.migrate",
    CallOrder.Act.MOVE: "call.migrate",
    CallOrder.Act.SEND: "call.inject",
    CallOrder.Act.END: "call.hangup",
}


def allowed_target(version: Version, user: Any = None, *, force: bool = False) -> None:
    """Refused where calls may not go over to this version: it has errors, as in a deployment."""
    errors = deployments.errors_of(version, verdicts.verdict_of(version))
    if not errors:
        return
    first = f"Line {errors[0]['line']}: {errors[0]['message']}"
    if not force:
        raise Refused(f"{version} has errors and no call is moved to it. {first}")
    if user is not None and not may(user, "deployment.force", version.flow):
        raise Refused(f"{version} has errors. Your account may not pass over them. {first}")


def migrate(
    *,
    flow: Flow,
    version: Version,
    reason: str,
    most: int,
    now: float,
    chosen: Mapping[str, str] | None = None,
    only: Only = Only(),  # noqa: B008
    patience: float = PATIENCE,
    force: bool = False,
    user: Any = None,
    by_name: str = "",
) -> CallOrder:
    """Move at most `most` calls to a version; those that need a mapping stay where they are."""
    allowed_target(version, user, force=force)
    found = judging.dry_run(flow, version, chosen=chosen, only=only, now=now)
    digests = {line.standing["digest"] for line in found.possible}
    ways = {digest: _plain(flow, digest, version, chosen or {}) for digest in digests}
    return give(
        flow, CallOrder.Act.MIGRATE, [line.standing for line in found.possible][: _most(most)],
        user=user, by_name=by_name, reason=reason, version=version, ways=ways, patience=patience,
        scope=only.words,
    )  # fmt: skip


def _plain(
    flow: Flow, digest: str, version: Version, chosen: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    judged = judging.ways(flow, digest, version, chosen)
    return judging.plain_ways(judged) if judged is not None else {}


# -- corrective moves ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Remedy:
    """What is done to calls that are stuck: they get an event, or are put into another state."""

    event: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    to_state: str = ""

    @property
    def act(self) -> CallOrder.Act:
        return CallOrder.Act.SEND if self.event else CallOrder.Act.MOVE

    @property
    def words(self) -> str:
        """Say what is done."""
        return f"gives {self.event}" if self.event else f"puts into {self.to_state}"


@dataclass(slots=True)
class Correction:
    """What a remedy would do; nothing was done."""

    remedy: Remedy
    lines: list[Line] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    @property
    def possible(self) -> list[Line]:
        """The calls it reaches, the longest in their state first."""
        found = [line for line in self.lines if line.possible]
        return sorted(found, key=lambda line: (line.waits, float(line.standing["since"])))

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        counts = Counter(line.verdict for line in self.lines)
        return {
            "does": self.remedy.words,
            "counts": {each: counts[each] for each in (SAFE, BLOCKED)},
            "silent": self.silent,
            "calls": [judging.told(line) for line in self.lines],
        }


def correction(*, flow: Flow, remedy: Remedy, only: Only, now: float) -> Correction:
    """Look what a remedy would do to the calls of a state; Refused if it makes no sense."""
    if bool(remedy.event) == bool(remedy.to_state):
        raise Refused("A corrective move gives an event or leads to a state: one of the two.")
    if remedy.event:
        _sensible(remedy.event)
    if not only.state:
        raise Refused("A corrective move is about the calls of one state: which?")
    found = reach.standings(flow.name)
    meant = [each for each in found.lines if only.has(each, now)]
    known = judging.numbers(flow, {each["digest"] for each in meant})
    lines = [_corrected(each, known.get(each["digest"]), remedy) for each in meant]
    return Correction(remedy, lines, found.silent)


def correct(
    *,
    flow: Flow,
    remedy: Remedy,
    only: Only,
    reason: str,
    most: int,
    now: float,
    patience: float = PATIENCE,
    user: Any = None,
    by_name: str = "",
) -> CallOrder:
    """Do it to at most `most` calls, those that are in the state longest first."""
    found = correction(flow=flow, remedy=remedy, only=only, now=now)
    lines = [line.standing for line in found.possible][: _most(most)]
    ways = {
        each["digest"]: {role: {only.state: remedy.to_state} for role in ("UAC", "UAS")}
        for each in lines
        if remedy.to_state
    }
    return give(
        flow, remedy.act, lines, user=user, by_name=by_name, reason=reason, ways=ways,
        event=remedy.event, fields=remedy.fields, patience=patience, scope=only.words,
    )  # fmt: skip


def _sensible(event: str) -> None:
    if event not in EVENTS:
        raise Refused(f"{event} is no event of the language.")
    if unanswered(event).answer is not None:
        raise Refused(f"{event} comes with a request of the peer and cannot be made up.")


def _corrected(standing: Mapping[str, Any], number: int | None, remedy: Remedy) -> Line:
    program = judging.program_of(standing["digest"])
    if program is None:
        return Line(standing, number, BLOCKED, "the text it runs is not in the database")
    if remedy.event:
        return _evented(standing, number, remedy.event, program)
    if standing["pinned"]:
        return Line(standing, number, BLOCKED, f"pinned by {standing['pinned']}")
    why = _nobody_there(program, remedy.to_state, standing)
    if why:
        return Line(standing, number, BLOCKED, why)
    if standing["unquiet"]:
        why = f"not now: {standing['unquiet']}"
        return Line(standing, number, BLOCKED, why, remedy.to_state, waits=True)
    return Line(standing, number, SAFE, "its timers begin anew", remedy.to_state)


def _evented(standing: Mapping[str, Any], number: int | None, event: str, program: Program) -> Line:
    position = program.position(standing["state"], standing["role"])
    first = position.candidates.get(event)
    if first is None:
        return Line(standing, number, BLOCKED, f"no row takes {event} in {position.state}")
    if first.test is not None:
        why = f"row {first.index} takes it if its guards hold"
        return Line(standing, number, SAFE, why, first.next_state)
    return Line(standing, number, SAFE, f"row {first.index} takes it", first.next_state)


def _nobody_there(program: Program, state: str, standing: Mapping[str, Any]) -> str:
    """Say why no call can be put into a state, nothing if one can."""
    if state == standing["state"]:
        return "it is there already"
    if state not in program.table.states:
        return f"its version has no state {state}"
    position = program.position(state, standing["role"])
    if position.final:
        return f"{state} is a final state: hang up instead"
    if not position.candidates:
        return f"{state} has no row for the role {position.role}"
    return ""


# -- giving, stopping, reporting -------------------------------------------------------------------


def give(
    flow: Flow,
    act: CallOrder.Act,
    lines: Iterable[Mapping[str, Any]],
    *,
    reason: str,
    user: Any = None,
    by_name: str = "",
    scope: str = "",
    **more: Any,
) -> CallOrder:
    """Write an order down and ring the nodes; Refused without calls, a reason or the right."""
    if user is not None and not may(user, _RIGHTS[act], flow):
        raise Refused("Your account may not do this to calls of this flow.")
    why = reason_of(reason)
    meant = list(lines)
    if not meant:
        raise Refused("There is no call this could be done to.")
    who = name_of(user, by_name)
    more["patience"] = min(max(0.0, float(more.get("patience", PATIENCE))), MOST_PATIENCE)
    with transaction.atomic():
        order = CallOrder.objects.create(
            flow=flow, act=act, reason=why, by_name=who, scope=scope, **more
        )
        add(order, meant)
        auditing.record(
            _RIGHTS[act],
            user=user,
            by_name=who,
            flow=flow,
            subject=f"{len(meant)} calls",
            reason=why,
            detail={"order": order.pk, "act": act, "calls": [each["id"] for each in meant]},
        )
        notices.announce(notices.NODES, {"type": "calls.order", "order": order.pk})
    return order


def add(order: CallOrder, lines: Iterable[Mapping[str, Any]]) -> None:
    """Let an order be about these calls too."""
    CallAct.objects.bulk_create(
        [
            CallAct(
                order=order, session=each["id"], node=each["node"], digest=each["digest"],
                state=each["state"],
            )
            for each in lines
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def stop(*, order: CallOrder, user: Any = None, by_name: str = "") -> int:
    """Do nothing more of an order; return how many calls are left alone by that."""
    if user is not None and not may(user, _RIGHTS[CallOrder.Act(order.act)], order.flow):
        raise Refused("Your account may not stop this.")
    who = name_of(user, by_name)
    with transaction.atomic():
        waiting = order.acts.filter(status=CallAct.Status.WAITING)
        left = waiting.update(status=CallAct.Status.STOPPED, at=timezone.now())
        CallOrder.objects.filter(pk=order.pk, stopped_at=None).update(
            stopped_at=timezone.now(), stopped_by=who
        )
        auditing.record(
            "call.stop", user=user, by_name=who, flow=order.flow, subject=f"order {order.pk}",
            detail={"order": order.pk, "left": left},
        )  # fmt: skip
        notices.announce(notices.NODES, {"type": "calls.order", "order": order.pk})
    return left


def progress(order: CallOrder) -> dict[str, Any]:
    """Return how far an order is: counts by status, and whether it is over."""
    counts = Counter(order.acts.values_list("status", flat=True))
    total = counts.total()
    waiting = counts[CallAct.Status.WAITING]
    return {
        "order": order.pk,
        "flow": order.flow.name,
        "act": order.act,
        "title": title_of(order),
        "version": order.version.number if order.version else None,
        "scope": order.scope,
        "reason": order.reason,
        "by": order.by_name,
        "at": order.created_at.isoformat(),
        "stopped": order.stopped_by,
        "total": total,
        "waiting": waiting,
        "settled": total - waiting,
        "over": waiting == 0,
        "counts": {status.value: counts[status] for status in CallAct.Status if counts[status]},
    }


def title_of(order: CallOrder) -> str:
    """Say what is done, as a heading."""
    match order.act:
        case CallOrder.Act.MIGRATE if order.version is not None:
            return f"Move calls to v{order.version.number}"
        case CallOrder.Act.SEND:
            return f"Give calls {order.event}"
        case CallOrder.Act.MOVE:
            states = {
                to for roles in order.ways.values() for w in roles.values() for to in w.values()
            }
            return f"Put calls into {', '.join(sorted(states))}"
    return "Hang calls up"


def calls_of(order: CallOrder) -> list[dict[str, Any]]:
    """Return what became of each call, those that were not done first."""
    found = sorted(order.acts.all(), key=lambda each: (each.status == CallAct.Status.DONE, each.pk))
    return [
        {
            "session": each.session, "node": each.node, "state": each.state,
            "status": each.status, "why": each.why, "to_state": each.to_state,
            "attempts": each.attempts, "at": each.at.isoformat(),
        }
        for each in found
    ]  # fmt: skip


def orders_of(flow: Flow, limit: int = 20) -> list[CallOrder]:
    """Return the newest orders of a flow."""
    return list(flow.call_orders.select_related("version", "flow")[:limit])


def _most(most: int) -> int:
    return max(0, min(most, MOST))
