"""The socket that follows one call.

The record lags behind the node by what the shipper has not brought yet, so a snapshot joins both:
the steps of the record and those seen since somebody follows. What is missing between the two is
fetched as soon as it arrives.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from channels.db import database_sync_to_async
from django.db import DatabaseError

from designer.errors import Refused
from runtime import audit, bridge, masking
from runtime.consumers.watching import WatchingConsumer
from runtime.hub import Watcher
from runtime.models import WireMessage
from runtime.relay import RENEW_SECONDS

logger = logging.getLogger(__name__)

Frame = dict[str, Any]

LOOK_EVERY = 0.5
"""Seconds between looks into the record while something of a call is still on its way."""
GIVE_UP_AFTER = 60
"""Looks in a row that brought nothing new."""


class CallConsumer(WatchingConsumer):
    """One session: its steps as they happen; one that is over is shown from the record."""

    follower: asyncio.Task[None] | None = None
    listener: asyncio.Task[None] | None = None

    async def prepare(self) -> bool:
        self.id = self.scope["url_route"]["kwargs"]["id"]
        self.stored = await database_sync_to_async(stored_call)(self.id)
        live = audit.live_session(self.id)
        if self.stored is None and live is None and not await self.elsewhere():
            return False
        if self.stored is None and live is None:
            return await self.sees(self.away["flow"])
        return await self.sees(live.flow if live is not None else self.stored["session"]["flow"])

    def watch(self, hub: Any) -> Watcher:
        self.follower = asyncio.create_task(self.follow())
        if bridge.home_of(self.id):
            self.listener = asyncio.create_task(self.listen())
        watcher: Watcher = hub.watch_call(self.id, self.put_masked, self.snapshot, self.busy)
        return watcher

    async def disconnect(self, code: int) -> None:
        for task in (self.follower, self.listener):
            if task is not None:
                task.cancel()
        await super().disconnect(code)

    async def elsewhere(self) -> bool:
        """Ask the node the session's id names; a call so young is in no record yet."""
        try:
            answer = await bridge.ask_session(self.id, "session")
        except Refused:
            return False
        self.away = answer["session"]
        return self.away is not None

    async def listen(self) -> None:
        """Have what happens told here by the node the session lives on."""
        home, fleet = bridge.home_of(self.id), bridge.current_fleet()
        while fleet is not None and not self.over():
            try:
                await fleet.follow(home, self.id)
            except Exception as away:  # the layer's own library raises what it likes
                logger.info("%s is followed in the record only: %s", self.id, away)
            await asyncio.sleep(RENEW_SECONDS)

    def over(self) -> bool:
        """Say whether the record knows that the call has ended."""
        session = (self.stored or NOTHING)["session"]
        return session is not None and session["ended"] is not None

    async def without_node(self) -> None:
        frame = masked({**self.snapshot(), "seq": 0})
        await self.send(text_data=json.dumps(frame, default=str))

    def put_masked(self, text: str) -> None:
        """Send a frame without the numbers and names in it, whoever watches."""
        self.put(json.dumps(masked(json.loads(text)), separators=(",", ":")))

    def snapshot(self) -> Frame:
        """Return the call as it stands now, of the record and of the node together."""
        stored: Frame = self.stored or NOTHING
        live = audit.live_session(self.id)
        frame = {"type": "snapshot", **stored, "steps": list(self.lines().values())}
        if live is None:
            return frame
        frame["session"] = audit.live_summary(live, (stored["session"] or {}).get("number"))
        frame["possible"] = audit.live_possible(self.id)
        return frame

    def lines(self) -> dict[int, Frame]:
        """Return all known steps by sequence, in order."""
        hub = bridge.current_hub()
        seen = {line["sequence"]: line for line in (self.stored or NOTHING)["steps"]}
        seen.update(hub.lines_of(self.id) if hub is not None else {})
        return dict(sorted(seen.items()))

    def missing(self) -> bool:
        """Say whether the record has yet to bring something of this call."""
        live = audit.live_session(self.id)
        if live is not None:
            return len(self.lines()) < live.steps
        session = (self.stored or NOTHING)["session"]
        return session is None or session["ended"] is None

    async def follow(self) -> None:
        """Look into the record while there is something to come: steps missed, wire messages.

        A call in which nothing happens is not looked up for ever; its next step wakes this again.
        """
        quiet, seen = 0, 0
        while True:
            await asyncio.sleep(LOOK_EVERY)
            living, known = audit.live_session(self.id) is not None, len(self.lines())
            quiet, seen = (0 if known != seen else quiet + 1), known
            if quiet < GIVE_UP_AFTER:
                try:
                    await self.look()
                except DatabaseError as error:
                    logger.warning("the record of %s waits for the database: %s", self.id, error)
            if not living and (self.quiet_here(quiet) or not self.missing()):
                return

    def quiet_here(self, looks: int) -> bool:
        """Say whether nothing more will come: a call of another node tells of itself."""
        return looks >= GIVE_UP_AFTER and (self.listener is None or self.listener.done())

    async def look(self) -> None:
        """Fetch the record and show what it has that the browser has not."""
        before, missing = self.stored or NOTHING, self.missing()
        self.stored = await database_sync_to_async(stored_call)(self.id) or self.stored
        now = self.stored or NOTHING
        if missing and len(now["steps"]) > len(before["steps"]) and self.watcher is not None:
            self.watcher.refresh()
        elif now["wire"] > before["wire"]:
            # The page fetches its ladder anew: what a message said is masked there.
            await self.send(text_data=json.dumps({"type": "wire", "wire": now["wire"]}))


def masked(frame: Frame) -> Frame:
    """Return a frame with what names people hidden: parties, and the fields of events."""
    shown = dict(frame)
    if frame.get("session"):
        parties = {
            name: masking.mask_party(frame["session"][name]) for name in ("caller", "callee")
        }
        shown["session"] = {**frame["session"], **parties}
    if frame.get("step"):
        shown["step"] = _line(frame["step"])
    if frame.get("steps"):
        shown["steps"] = [_line(line) for line in frame["steps"]]
    return shown


def _line(line: Frame) -> Frame:
    return {**line, "fields": masking.mask_values(line["fields"])}


NOTHING: Frame = {"session": None, "steps": [], "wire": 0, "possible": []}


def stored_call(session_id: str) -> Frame | None:
    """Return what the record says of a session, None if it knows none."""
    session = audit.session_of(session_id)
    if session is None:
        return None
    over = session.ended_at is not None
    table = audit.table_of(session.digest)
    return {
        "session": audit.stored_summary(session),
        "steps": audit.steps_of(session_id),
        "wire": WireMessage.objects.filter(session=session_id).count(),
        "possible": [] if over else audit.possible_events(table, session.state, session.role),
    }
