"""How long sessions usually stand in each state, learned from the record of calls that are over."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from math import ceil

from channels.db import database_sync_to_async
from django.db import DatabaseError, InterfaceError
from django.db.models import F

from runtime.hub import Hub
from runtime.models import Session, Step
from runtime.unusual import Bound

log = logging.getLogger(__name__)

LEARN_SECONDS = 60.0
MOST_SESSIONS = 2000
"""Calls looked at, from the newest that is over."""
LEAST_SAMPLE = 100
"""Stays from which a bound is one: of fewer, the longest would stand for all."""
SHARE = 0.99

Place = tuple[str, str, str]


async def learning(hub: Hub) -> None:
    """Teach the hub again and again, until cancelled; a database that is away is waited for."""
    while True:
        flows = [name for name, flow in hub.tally.flows.items() if flow.cells]
        try:
            hub.learn(await database_sync_to_async(bounds)(flows))
        except (DatabaseError, InterfaceError) as away:
            log.warning("how long calls usually stay is not learned: %s", away)
        await asyncio.sleep(LEARN_SECONDS)


def bounds(flows: Iterable[str]) -> dict[Place, Bound]:
    """Return for (flow, digest, state) what 99 of 100 stays did not pass.

    With the digest empty it is that of all versions together. States with too few stays have none.
    """
    found: dict[Place, Bound] = {}
    for flow in flows:
        for (digest, state), stays in stays_of(flow).items():
            if len(stays) >= LEAST_SAMPLE:
                found[flow, digest, state] = Bound(percentile(stays), len(stays))
    return found


def stays_of(flow: str, most: int = MOST_SESSIONS) -> dict[tuple[str, str], list[float]]:
    """Return the seconds of each stay by (digest, state), and by ("", state), of recent calls.

    Recent are the newest `most` that are over.
    """
    calls = Session.objects.filter(flow_name=flow, ended_at__isnull=False).order_by("-started_at")
    moves = (
        Step.objects.filter(session_id__in=list(calls.values_list("pk", flat=True)[:most]))
        .exclude(from_state=F("to_state"))
        .order_by("session_id", "sequence")
        .values_list("session_id", "time", "digest", "to_state")
    )
    stays: dict[tuple[str, str], list[float]] = defaultdict(list)
    came: tuple[str, float, str, str] | None = None
    for move in moves.iterator(chunk_size=5000):
        if came is not None and came[0] == move[0]:
            lasted = max(0.0, move[1] - came[1])
            stays[came[2], came[3]].append(lasted)
            stays["", came[3]].append(lasted)
        came = move
    return stays


def percentile(stays: list[float], share: float = SHARE) -> float:
    """Return what this share of the stays did not pass."""
    return sorted(stays)[ceil(share * len(stays)) - 1]
