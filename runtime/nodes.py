"""The nodes of this installation as rows: who lives, what each runs, who shall take no new calls.

A node writes its own row, every second and a half; whether it is lost, the age of that says. Only
its data folder may go on under its name: another one that wants it is refused while the first
lives. What a person wants of a node (no new calls) stands in the row too, so that it outlives
both a bell that nobody heard and a restart.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from designer import auditing, notices
from designer.access import may
from designer.errors import Refused
from designer.naming import person_name
from runtime import bridge
from runtime.models import Deployment, Node, Session

BEAT_SECONDS = 1.5
LOST_SECONDS = 5.0
"""Age of a heartbeat from which a node counts as lost: three of them missed."""
LOST = "lost"
_SHUT = (Node.State.DRAINING, Node.State.REFUSING)


class NameTaken(Refused):
    """Another node lives under this name."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the row wants of its node."""

    drain: bool = False
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A node as pages and programs are told of it."""

    name: str
    state: str
    """ready, refusing, draining, stopped or lost."""
    trouble: str
    age: float
    """Seconds since its last heartbeat, by the clock of the database."""
    row: Node

    @property
    def lives(self) -> bool:
        """Whether it answers for itself: neither stopped nor lost."""
        return self.state not in (LOST, Node.State.STOPPED)


# -- what a node says of itself --------------------------------------------------------------------


def folder_id(folder: Path) -> str:
    """Return what tells this data folder from all others, made when it is first asked for."""
    path = folder / "folder_id"
    try:
        return path.read_text().strip()[:32]
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        made = secrets.token_hex(16)
        path.write_text(made + "\n")
        return made


def claim(name: str, folder: str) -> int:
    """Take a name for the node of a data folder; return the last start number used under it.

    NameTaken while a node of another folder lives under it.
    """
    with transaction.atomic():
        Node.objects.get_or_create(name=name, defaults={"folder": folder})
        row = _aged().select_for_update().get(name=name)
        if row.folder != folder and line_of(row).lives:
            raise NameTaken(
                f"A node named {name} lives already, on {row.host or 'another folder'}"
                f" (heartbeat {_age(row):.1f} s ago). Give this one another name:"
                " --name or CALLSMITH_NODE."
            )
        Node.objects.filter(name=name).update(
            folder=folder, started_at=Now(), heartbeat_at=Now(), sessions=0, journal_lag=0
        )
    used: int = row.epoch
    return used


def beat(name: str, folder: str, epoch: int, said: Mapping[str, Any]) -> Wanted:
    """Write what a node says of itself; return what is wanted of it.

    NameTaken if another folder, or a later start, has taken the name meanwhile: then this node
    must not go on taking calls under it.
    """
    own = Node.objects.filter(name=name, folder=folder, epoch__lte=epoch)
    if not own.update(epoch=epoch, heartbeat_at=Now(), **said):
        # Never claimed, because the database was away then; or forgotten by a person.
        if claim(name, folder) > epoch:
            raise NameTaken(f"A later start of {name} has run meanwhile; this one takes no calls.")
        own.update(epoch=epoch, heartbeat_at=Now(), **said)
        notices.announce(notices.FLEET, {"type": "fleet.nodes"})
    drain, by, reason = own.values_list("drain_wanted", "drain_by", "drain_reason").get()
    return Wanted(drain, by, reason)


def stopped(name: str, folder: str, epoch: int) -> None:
    """Say that a node has ended in order."""
    own = Node.objects.filter(name=name, folder=folder, epoch=epoch)
    own.update(state=Node.State.STOPPED, trouble="", sessions=0, heartbeat_at=Now())
    notices.announce(notices.FLEET, {"type": "fleet.nodes"})


# -- reading ---------------------------------------------------------------------------------------


def listed() -> list[Line]:
    """Return all nodes by name."""
    return [line_of(row) for row in _aged().order_by("name")]


def line_named(name: str) -> Line | None:
    """Return one node, None if there is none of this name."""
    row = _aged().filter(name=name).first()
    return line_of(row) if row is not None else None


def answers(name: str) -> bool:
    """Say whether a node of this name can be asked; False if there never was one.

    NodeAway, at once, for one that is lost or stopped: nobody has to wait for it.
    """
    line = line_named(name)
    if line is None:
        return False
    if not line.lives:
        how = "stopped" if line.state == Node.State.STOPPED else f"lost for {span(line.age)}"
        raise bridge.NodeAway(f"{name} is {how}: nothing can be asked of its calls.")
    return True


def others(name: str) -> list[str]:
    """Return the names of the other nodes that live."""
    return [line.name for line in listed() if line.lives and line.name != name]


def expected(lines: Iterable[Line]) -> list[Line]:
    """Return the nodes that a deployment has to reach: all that were not stopped in order."""
    return [line for line in lines if line.state != Node.State.STOPPED]


def line_of(row: Node) -> Line:
    """Return how a row stands now; rows come from the functions of this module."""
    age = _age(row)
    state = row.state
    if state != Node.State.STOPPED and age > LOST_SECONDS:
        state = LOST
    return Line(row.name, state, row.trouble, age, row)


def drifts(line: Line, desired: Mapping[str, str]) -> list[str]:
    """Return the flows of which a node runs something else than what is deployed."""
    runs = line.row.runs
    return sorted(flow for flow, digest in desired.items() if runs.get(flow) != digest)


def wanted_digests() -> dict[str, str]:
    """Return by flow the digest that new calls shall take."""
    found = Deployment.objects.filter(superseded_at=None)
    return dict(found.values_list("flow__name", "version__digest"))


def standing() -> dict[str, int]:
    """Return how many nodes there are, and how many live and run what is deployed."""
    wanted, desired = expected(listed()), wanted_digests()
    return {"well": sum(follows(line, desired) for line in wanted), "all": len(wanted)}


def sentence(lines: Iterable[Line], desired: Mapping[str, str]) -> str:
    """Say how many of the nodes run what is deployed, and who does not and why."""
    wanted = expected(lines)
    good = [line for line in wanted if follows(line, desired)]
    if not wanted:
        return "No node runs."
    one = len(wanted) == 1
    said = f"{len(good)} of {len(wanted)} {'node runs' if one else 'nodes run'}"
    late = [line.name for line in wanted if line.lives and line not in good]
    gone = [f"{line.name} for {span(line.age)}" for line in wanted if not line.lives]
    parts = [f"{said} what is deployed."]
    if late:
        parts.append(f"Not yet: {_and(late)}.")
    shut = [line.name for line in wanted if line.state in _SHUT]
    if shut:
        parts.append(f"{_and(shut)} {'takes' if len(shut) == 1 else 'take'} no new calls.")
    if gone:
        parts.append(f"Nothing is heard of {_and(gone)}.")
    return " ".join(parts)


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def span(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"


def follows(line: Line, desired: Mapping[str, str]) -> bool:
    """Whether a node lives and runs all that is deployed."""
    return line.lives and not drifts(line, desired)


def _aged() -> Any:
    return Node.objects.annotate(asked=Now())


def _age(row: Any) -> float:
    age: float = (row.asked - row.heartbeat_at).total_seconds()
    return max(0.0, age)


# -- how a deployment is taken ---------------------------------------------------------------------


def progress(deployment: Deployment, lines: Iterable[Line] | None = None) -> list[dict[str, Any]]:
    """Return for each node what it says to a deployment.

    `state` is runs, failed, waiting (`seconds`: for how long), lost or, of a node that has ended,
    of a deployment that is over or of a candidate that was taken back, past. A node that must
    still answer has no `at`.
    """
    ramp = getattr(deployment, "ramp", None)
    current = deployment.superseded_at is None or (ramp is not None and ramp.active)
    known = {} if not current else {line.name: line for line in lines or listed()}
    answers = {answer.node: answer for answer in deployment.acknowledgements.all()}
    names = sorted({*answers, *(line.name for line in expected(known.values()))})
    return [_progress(deployment, name, answers.get(name), known.get(name)) for name in names]


def _progress(deployment: Deployment, name: str, answer: Any, line: Line | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "node": name,
        "digest": answer.digest if answer else "",
        "milliseconds": answer.milliseconds if answer else 0.0,
        "error": answer.error if answer else "",
        "at": answer.at.isoformat() if answer else "",
        "seconds": 0.0,
    }
    good = answer is not None and not answer.error and answer.digest == deployment.version.digest
    if line is None or line.state == Node.State.STOPPED:
        state = "past" if deployment.superseded_at or line else ("runs" if good else "past")
        if answer is not None and answer.error:
            state = "failed"
    elif line.state == LOST:
        state, told["seconds"] = "lost", round(line.age, 1)
    elif answer is None:
        waited = (line.row.asked - deployment.at).total_seconds()  # type: ignore[attr-defined]
        state, told["seconds"] = "waiting", round(max(0.0, waited), 1)
    else:
        state = "runs" if good else "failed" if answer.error else "past"
    return {**told, "state": state}


# -- acts of people --------------------------------------------------------------------------------


def drain(*, name: str, user: Any = None, by_name: str = "", reason: str = "") -> Line:
    """Let a node take no new calls; those that run go on. Refused says why not."""
    line = _to_change(name, user)
    reason = reason.strip()
    if not reason:
        raise Refused("Why the node shall take no new calls is kept: give a reason.")
    if line.row.drain_wanted:
        raise Refused(f"{name} takes no new calls already, by {line.row.drain_by}.")
    with transaction.atomic():
        _want(line, True, by_name or _name_of(user), reason)
        _record("node.drain", line, user, by_name, reason)
    return line


def undrain(*, name: str, user: Any = None, by_name: str = "", reason: str = "") -> Line:
    """Let a node that was drained by a person take calls again. Refused says why not."""
    line = _to_change(name, user)
    if not line.row.drain_wanted:
        raise Refused(f"Nobody has drained {name}.")
    with transaction.atomic():
        _want(line, False, "", "")
        _record("node.undrain", line, user, by_name, reason)
    return line


def forget(*, name: str, user: Any = None, by_name: str = "", reason: str = "") -> Line:
    """Strike a node out that is stopped or lost, and close its calls as lost.

    One that comes back is in the list again with its first heartbeat.
    """
    line = _to_change(name, user)
    if line.lives:
        raise Refused(f"{name} lives (heartbeat {line.age:.1f} s ago) and cannot be forgotten.")
    with transaction.atomic():
        # Its own next start would do this; there may never be one.
        Session.objects.filter(node=name, ended_at=None).update(ended_at=_seconds(), outcome="lost")
        Node.objects.filter(name=name).delete()
        _record("node.forget", line, user, by_name, reason)
        _announce()
    return line


def _to_change(name: str, user: Any) -> Line:
    if user is not None and not may(user, "node.drain"):
        raise Refused("Your account may not change nodes.")
    line = line_named(name)
    if line is None:
        raise Refused(f"There is no node named {name[:64]}.")
    return line


def _want(line: Line, drained: bool, by: str, reason: str) -> None:
    own = Node.objects.filter(name=line.name)
    own.update(drain_wanted=drained, drain_by=by, drain_reason=reason)
    notices.announce(notices.NODES, {"type": "node.wanted", "node": line.name})
    _announce()


def _record(act: str, line: Line, user: Any, by_name: str, reason: str) -> None:
    auditing.record(
        act,
        user=user,
        by_name=by_name or ("" if user is not None else "command line"),
        subject=line.name,
        reason=reason,
        detail={"node": line.name, "state": line.state, "calls": line.row.sessions},
    )


def _announce() -> None:
    notices.announce(notices.FLEET, {"type": "fleet.nodes"})


def _name_of(user: Any) -> str:
    return person_name(user) if user is not None else "command line"


def _seconds() -> float:
    return timezone.now().timestamp()
