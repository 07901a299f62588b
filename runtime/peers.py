"""What nodes tell of their peers and are told of them: one question each time a node looks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from channels.db import database_sync_to_async
from django.db.models import F

from runtime import accounts, peer_turns, registrations, trunks
from runtime.models import Account, AccountUse, Trunk, TrunkCall, TrunkMark
from runtime.models import TrunkStanding as StandingRow
from runtime.node.location import Binding
from runtime.node.peers import Peers
from runtime.node.screening import Note
from runtime.node.trunk_watch import Mark, Standing

CALLS_KEPT = 500
"""Calls of a trunk whose way is remembered."""
MARKS_KEPT = 200


@dataclass(slots=True)
class Said:
    """What a node has to tell. It is given back to the node if it cannot be told."""

    location: Mapping[str, Binding | None] = field(default_factory=dict)
    notes: Mapping[tuple[str, str], Note] = field(default_factory=dict)
    standings: Mapping[str, tuple[Standing, int, int]] = field(default_factory=dict)
    """By trunk: how it stands, and its calls in and out now."""
    marks: Iterable[Mark] = ()
    calls: Iterable[tuple[str, str, str, float]] = ()
    """Trunk, direction, session, when."""


@dataclass(slots=True)
class News:
    """What a node did not know yet."""

    turns: dict[str, int]
    peers: Peers | None = None
    location: list[tuple[str, Binding | None]] = field(default_factory=list)


def exchange(node: str, said: Said, seen: Mapping[str, int]) -> News:
    """Keep what a node tells, and return what changed since it has seen those turns."""
    registrations.store(said.location)
    _keep_notes(node, said.notes)
    _keep_trunks(node, said)
    turns = peer_turns.numbers()
    news = News(turns)
    if turns.get(peer_turns.PEERS, 0) != seen.get(peer_turns.PEERS, -1):
        news.peers = read()
    if turns.get(peer_turns.LOCATION, 0) > seen.get(peer_turns.LOCATION, 0):
        changed = registrations.since(seen.get(peer_turns.LOCATION, 0))
        news.location = [(key, binding) for key, binding, _ in changed]
        # What was written between the two questions is asked for again: it is harmless.
    return news


def read() -> Peers:
    """Return trunks, accounts and policy as a node takes them."""
    known, policy = accounts.for_node()
    return Peers(trunks=trunks.for_node(), accounts=known, policy=policy)


class DatabaseSource:
    """Where a node that starts asks for its peers (the port of `runtime.node.peers`)."""

    async def peers(self) -> Peers:
        """Return trunks, accounts and policy."""
        found: Peers = await database_sync_to_async(read)()
        return found

    async def bindings(self) -> list[Binding]:
        """Return all registrations that are in force."""

        def read_all() -> list[Binding]:
            known = registrations.since(0)
            now = time.time()
            return [each for _, each, _ in known if each is not None and each.expires > now]

        found: list[Binding] = await database_sync_to_async(read_all)()
        return found


def sweep() -> None:
    """Forget registrations that are long over, and old history of trunks."""
    registrations.sweep(time.time())
    for trunk in Trunk.objects.all():
        _prune(TrunkCall, trunk, CALLS_KEPT)
        _prune(TrunkMark, trunk, MARKS_KEPT)


def _prune(model: type[TrunkCall] | type[TrunkMark], trunk: Trunk, kept: int) -> None:
    known = model.objects.filter(trunk=trunk).order_by("-pk")
    last = known.values_list("pk", flat=True)[kept : kept + 1]
    for key in last:
        model.objects.filter(trunk=trunk, pk__lte=key).delete()


def _keep_notes(node: str, notes: Mapping[tuple[str, str], Note]) -> None:
    for (user, realm), note in notes.items():
        account = Account.objects.filter(user=user, realm=realm).first()
        if account is None:
            continue
        use, _ = AccountUse.objects.get_or_create(account=account, node=node)
        use.accepted = F("accepted") + note.accepted
        use.wrong = F("wrong") + note.wrong
        if note.accepted:
            use.accepted_at = note.accepted_at
        if note.wrong:
            use.wrong_at, use.source, use.until = note.wrong_at, note.source[:128], note.until
        use.save()


def _keep_trunks(node: str, said: Said) -> None:
    marks, calls = list(said.marks), list(said.calls)
    if not said.standings and not marks and not calls:
        return
    known = {trunk.name: trunk for trunk in Trunk.objects.all()}
    now = time.time()
    for name, (standing, calls_in, calls_out) in said.standings.items():
        if name in known:
            StandingRow.objects.update_or_create(
                trunk=known[name],
                node=node,
                defaults={
                    "state": standing.state,
                    "since": standing.since,
                    "checked": standing.checked,
                    "code": standing.code,
                    "milliseconds": standing.milliseconds,
                    "error": standing.error[:200],
                    "calls_in": calls_in,
                    "calls_out": calls_out,
                    "told_at": now,
                },
            )
    TrunkMark.objects.bulk_create(
        TrunkMark(
            trunk=known[each.trunk],
            node=node,
            at=each.at,
            state=each.state,
            code=each.code,
            error=each.error[:200],
        )
        for each in marks
        if each.trunk in known
    )
    TrunkCall.objects.bulk_create(
        TrunkCall(trunk=known[name], direction=direction, session=session, at=at)
        for name, direction, session, at in calls
        if name in known
    )
