"""Does in a node's process what the rows say is to be done to its calls.

The rows are read anew each second, so nothing hangs on a bell or on this process living on. An
order that is stopped lets go of the calls that still wait for a quiet point. What became of each
call is written down; if the database is away meanwhile, it is written when it is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from channels.db import database_sync_to_async
from django.utils import timezone

from runtime.drain import policy
from runtime.models import CallAct, CallOrder, CallPin
from runtime.node.api import NoSuchSession, Refused
from runtime.node.operations import MOVED, OVER, PINNED, WAITED, Operator, Result

log = logging.getLogger(__name__)

MOST_AT_ONCE = 1000
POLICY_TURNS = 5
"""Policies are looked at each so many turns."""
_OF_RESULT = {
    MOVED: CallAct.Status.DONE,
    WAITED: CallAct.Status.MISSED,
    OVER: CallAct.Status.OVER,
    PINNED: CallAct.Status.PINNED,
}
Rows = Callable[..., Awaitable[Any]]


async def _threaded(act: Callable[..., Any], *arguments: Any) -> Any:
    return await database_sync_to_async(act)(*arguments)


class Carrier:
    """Carries orders and policies out on the sessions of one node."""

    def __init__(
        self,
        node: Any,
        *,
        rows: Rows = _threaded,
        clock: Callable[[], datetime] = timezone.now,
    ) -> None:
        """`rows` calls a function that asks the database, off the loop."""
        self.node = node
        self._rows = rows
        self._clock = clock
        self._hands: dict[int, asyncio.Task[None]] = {}
        """By row: what is being done."""
        self._settled: list[dict[str, Any]] = []
        """What became of calls and is not written down yet."""
        self._turn = 0

    async def look(self) -> None:
        """Do what is to be done now; raises what Django raises while the database is away."""
        await self._write()
        wanted = await self._rows(_wanted, self.node.name)
        rows = {row.pk: row for row in wanted}
        for number in set(self._hands) - set(rows):
            self._hands.pop(number).cancel()
        for number, row in rows.items():
            if number not in self._hands and not any(x["pk"] == number for x in self._settled):
                self._hands[number] = asyncio.create_task(self._carry(row))
        # Calls that are at rest are done with at once, so that their pages need not wait a turn.
        await asyncio.sleep(0)
        await self._write()
        await self._pins()
        self._turn += 1
        if self._turn % POLICY_TURNS == 1:
            await self._policies()

    async def close(self) -> None:
        """Let go of what is waited for; the rows keep it for the next start."""
        hands = list(self._hands.values())
        for task in hands:
            task.cancel()
        await asyncio.gather(*hands, return_exceptions=True)
        self._hands.clear()

    # -- one call ----------------------------------------------------------------------------------

    async def _carry(self, row: CallAct) -> None:
        try:
            settled = await self._do(row, row.order)
        except NoSuchSession:
            settled = {"status": CallAct.Status.OVER, "why": "the call is over"}
        except Refused as refused:
            settled = {"status": CallAct.Status.REFUSED, "why": refused.reason}
        except asyncio.CancelledError:
            raise
        except Exception as bug:
            log.exception("%s could not be done to %s", row.order.act, row.session)
            why = f"this program failed: {type(bug).__name__}"
            settled = {"status": CallAct.Status.REFUSED, "why": why}
        self._settled.append({"pk": row.pk, **settled})
        self._hands.pop(row.pk, None)

    async def _do(self, row: CallAct, order: CallOrder) -> dict[str, Any]:
        operations = self.node.operations
        operator = Operator(order.by_name, order.reason)
        line = operations.standing(row.session).line
        match order.act:
            case CallOrder.Act.END:
                # A row that was asked once and did not end the call is not asked again.
                force = row.attempts > 0
                told = operations.hang_up(row.session, operator, force=force)
                how = f"row {told['row']}" if told["how"] == "row" else f"force: {told['why']}"
                return {"status": CallAct.Status.DONE, "why": how, "to_state": told["state"]}
            case CallOrder.Act.SEND:
                operations.inject(row.session, order.event, order.fields, operator, repair=True)
                lives = operations.lives(row.session)
                state = operations.standing(row.session).line.state if lives else ""
                return {"status": CallAct.Status.DONE, "why": "", "to_state": state}
        moves = order.act == CallOrder.Act.MOVE
        digest = line.digest if moves or order.version is None else order.version.digest
        result: Result = await operations.migrate(
            row.session,
            digest,
            order.ways.get(line.digest, {}),
            operator,
            patience=order.patience,
            anew=moves,
        )
        status = _OF_RESULT.get(result.status, CallAct.Status.DONE)
        return {"status": status, "why": result.why, "to_state": result.state}

    async def _write(self) -> None:
        if self._settled:
            written = list(self._settled)
            await self._rows(_keep, written, self._clock())
            del self._settled[: len(written)]

    # -- pins and policies -------------------------------------------------------------------------

    async def _pins(self) -> None:
        """Take over who is pinned; a pin outlives what this process remembers."""
        operations = self.node.operations
        pinned = await self._rows(_pins, self.node.name)
        over = [session for session in pinned if not operations.lives(session)]
        if over:
            await self._rows(_forget_pins, over)
        operations.pinned = {name: why for name, why in pinned.items() if name not in over}

    async def _policies(self) -> None:
        lines: list[dict[str, Any]] = []
        for flow, serving in (await self._rows(policy.watched)).items():
            old = self.node.operations.standings(flow, but=serving)
            lines += [{**each.as_dict(), "node": self.node.name} for each in old]
        if lines:
            await self._rows(_enforce, lines, self._clock())


def _wanted(node: str) -> list[CallAct]:
    found = CallAct.objects.filter(
        node=node, status=CallAct.Status.WAITING, order__stopped_at=None
    ).select_related("order__version")
    return list(found.order_by("pk")[:MOST_AT_ONCE])


def _keep(settled: list[dict[str, Any]], now: datetime) -> None:
    numbers = [each["pk"] for each in settled]
    rows = {row.pk: row for row in CallAct.objects.filter(pk__in=numbers)}
    for each in settled:
        row = rows.get(each["pk"])
        if row is None:
            continue
        row.status, row.why = each["status"], each["why"]
        row.to_state = each.get("to_state", "")
        row.attempts += 1
        row.at = now
    fields = ["status", "why", "to_state", "attempts", "at"]
    CallAct.objects.bulk_update(rows.values(), fields, batch_size=500)


def _pins(node: str) -> dict[str, str]:
    found = CallPin.objects.filter(node=node).values_list("pk", "by_name", "reason")
    return {session: f"{by}: {reason}" for session, by, reason in found}


def _forget_pins(sessions: list[str]) -> None:
    CallPin.objects.filter(pk__in=sessions).delete()


def _enforce(lines: list[dict[str, Any]], now: datetime) -> None:
    for each in policy.due(lines, now):
        policy.enforce(each, now)
