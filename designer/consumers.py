"""The editor's socket: translates frames into acts on a desk, and what happened into frames.

Frames wait in an inbox that a task of its own works off, because a consumer is given one frame at a
time and could not see that a newer text stands behind it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.http import QueryDict
from django.urls import reverse

from designer import facts, frames, notices, presence, preview, rendering, selectors, tasks, trials
from designer.access import may
from designer.desk import Desk, Desks, Message, initials, version_message
from designer.errors import Conflict, Refused
from designer.origin import own_origin
from designer.reviews import gate
from designer.walks import Following, Walks

logger = logging.getLogger(__name__)

NOT_LOGGED_IN = 4401
NO_SUCH_FLOW = 4404
NOT_A_FRAME = 4400
LONGEST_PLACE = 2000
"""Characters of what a tab says about where it is."""

desks = Desks()
"""The desks of this process."""
walks = Walks()
"""The walks over their drafts."""


class EditorConsumer(AsyncWebsocketConsumer):
    """One tab of the editor."""

    clock: Callable[[], float] = staticmethod(time.monotonic)

    desk: Desk | None = None
    worker: asyncio.Task[None] | None = None
    beating: asyncio.Task[None] | None = None
    roster: presence.Roster
    """Who has the flow open, as far as this tab heard."""
    mark: str
    """What others know this tab by."""
    at: Message | None = None
    """Where this tab is, as it said last."""
    view: Message
    """How this tab wants the table drawn."""

    async def connect(self) -> None:
        user = self.scope.get("user")
        name = self.scope["url_route"]["kwargs"]["name"]
        self.group = notices.flow_group(name)
        if not (own_origin(self.scope) and may(user, "flow.view")):
            await self.close(NOT_LOGGED_IN)
            return
        flow = await database_sync_to_async(selectors.flow_named)(name)
        if flow is None or not await database_sync_to_async(may)(user, "flow.view", flow):
            await self.close(NO_SUCH_FLOW)
            return
        self.view = rendering.asked_of(QueryDict(self.scope.get("query_string", b"")))
        self.inbox, self.rung = frames.Inbox(), asyncio.Event()
        self.mark, self.roster = secrets.token_hex(4), presence.Roster()
        self.desk = await desks.at(flow, user)
        self.desk.tabs.add(self)
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()
        await self.say(await self.desk.document("open", view=self.view))
        await self.say_what_runs()
        await self.say_here()
        await self.channel_layer.group_send(self.group, {"type": "flow.where", "tab": self.mark})
        self.beating = asyncio.create_task(self.beat())
        await self.follow_draft(self.desk)
        self.worker = asyncio.create_task(self.work())

    async def disconnect(self, code: int) -> None:
        if self.desk is None:
            return
        await self.channel_layer.group_discard(self.group, self.channel_name)
        await self.say_where(None)
        await self.say_here(here=False)
        if self.beating is not None:
            self.beating.cancel()
        if self.worker is not None:
            self.worker.cancel()
            # What was sent before the line went dead was sent: it belongs to the draft.
            await asyncio.gather(self.worker, return_exceptions=True)
            await self.finish_inbox()
        self.desk.tabs.discard(self)
        if not self.desk.tabs and self.desk.following is not None:
            self.desk.following.leave()
        await self.desk.keep_or_retry()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.desk is None:
            return
        try:
            self.inbox.put(frames.decode(text_data if text_data is not None else bytes_data or b""))
        except frames.BadFrame as error:
            await self.say({"type": "refused", "seq": None, "message": str(error)})
            await self.close(NOT_A_FRAME)
            return
        self.rung.set()

    async def work(self) -> None:
        """Do one frame after the other, until the tab goes."""
        while True:
            await self.rung.wait()
            self.rung.clear()
            while (frame := self.inbox.take()) is not None:
                await asyncio.shield(self.act(frame))

    async def finish_inbox(self) -> None:
        while (frame := self.inbox.take()) is not None:
            if isinstance(frame, frames.Text | frames.Edit):
                await self.act(frame)

    async def act(self, frame: frames.Frame) -> None:
        """Do one frame; whatever goes wrong is said, and the socket goes on."""
        assert self.desk is not None
        try:
            await self.obey(self.desk, frame)
        except Conflict as conflict:
            await self.say_conflict(frame.seq, conflict)
        except Refused as refused:
            await self.say({"type": "refused", "seq": frame.seq, "message": refused.message})
        except Exception:
            logger.exception("frame %s of %s failed", type(frame).__name__, self.desk.flow)
            text = "Something went wrong here; it is written in the server's log. Nothing was lost."
            await self.say({"type": "refused", "seq": frame.seq, "message": text})

    async def obey(self, desk: Desk, frame: frames.Frame) -> None:
        match frame:
            case frames.Text(seq, text):
                changed = desk.typed(text, self.clock())
                await self.show("text", seq, others=changed)
            case frames.Edit(seq, operation, arguments):
                await self.show("edit", seq, focus=desk.edited(operation, arguments))
            case frames.Preview(seq, operation, arguments):
                shown = await asyncio.to_thread(preview.preview, desk.text, operation, arguments)
                await self.say({"type": "preview", "seq": seq, **shown})
            case frames.View(seq):
                self.view = frame.asked()
                await self.say({"type": "view", "seq": seq, **await desk.seen(self.view)})
            case frames.Cursor(at):
                await self.say_where(at)
            case frames.Try(seq, ask, arguments):
                revision = desk.revision
                await self.say({**await trials.answer(desk, ask, arguments), "seq": seq})
                if desk.revision != revision:
                    await self.show_all("merge")
            case frames.Undo(seq):
                desk.undone()
                await self.show("undo", seq)
            case frames.Redo(seq):
                desk.redone()
                await self.show("redo", seq)
            case frames.Discard(seq):
                await desk.discard()
                await self.show("discard", seq)
            case frames.Save(seq, message, base):
                version = await desk.save(message, base)
                await self.say_saved(seq, version_message(version))
            case frames.Deploy(seq, number, reason):
                await desk.deploy(number, reason)
                await self.say({"type": "deploying", "seq": seq, "version": number})
            case frames.Check(seq, number, act):
                if act != "look":
                    await desk.check(number, act)
                await self.say_check(desk, number)
                await self.say({"type": "checking", "seq": seq, "version": number, "act": act})

    async def show(self, origin: str, seq: int, *, focus: Any = None, others: bool = True) -> None:
        """Answer with the document; this person's other tabs are shown the same text."""
        assert self.desk is not None
        document = await self.desk.document(origin, seq, focus, self.view)
        await self.say(document)
        siblings = [tab for tab in self.desk.tabs if tab is not self]
        if others:
            await self.follow_draft(self.desk)
        if siblings and others:
            merged = {**document, "origin": "merge", "seq": None, "text": self.desk.text}
            for tab in siblings:
                await tab.say({**merged, **await self.desk.seen(tab.view), "focus": None})

    async def follow_draft(self, desk: Desk) -> None:
        """Have the text walked over after a pause; a walk that is done already is told again."""
        if desk.following is None:

            async def tell(message: Message) -> None:
                for tab in list(desk.tabs):
                    await tab.say(message)

            desk.following = Following(lambda: walks, tell)
        desk.following.changed(desk.text, desk.revision)
        if desk.following.last is not None:
            await self.say(desk.following.last)

    async def show_all(self, origin: str) -> None:
        """Show each of this person's tabs the document, as it was changed by none of them."""
        assert self.desk is not None
        document = await self.desk.document(origin)
        for tab in list(self.desk.tabs):
            await tab.say({**document, **await self.desk.seen(tab.view)})

    async def say_saved(self, seq: int, version: Message) -> None:
        assert self.desk is not None
        for tab in list(self.desk.tabs):
            await tab.say(
                {"type": "saved", "seq": seq if tab is self else None, "version": version}
            )

    async def say_conflict(self, seq: int, conflict: Conflict) -> None:
        assert self.desk is not None
        latest = version_message(conflict.latest)
        arguments = [self.desk.flow.name, "draft", str(conflict.latest.number)]
        # The comparison reads the draft, so it has to be there when the link is followed.
        await self.desk.keep()
        await self.say(
            {
                "type": "conflict",
                "seq": seq,
                "message": conflict.message,
                "latest": latest,
                "compare": reverse("flow_compare", args=arguments),
            }
        )

    async def say_here(self, *, here: bool = True) -> None:
        """Tell every tab of the flow, in any process, that this one is there or goes."""
        message = {"type": "flow.here", "tab": self.mark, "here": here, **self.who()}
        await self.channel_layer.group_send(self.group, message)

    def who(self) -> Message:
        assert self.desk is not None
        name = self.desk.name
        return {"user": self.desk.user.pk, "name": name, "initials": initials(name)}

    async def beat(self) -> None:
        """Say again and again that this tab is there, and forget those that say it no more."""
        while True:
            await asyncio.sleep(presence.BEAT_SECONDS)
            await self.say_here()
            await self.say_people()

    async def say_people(self) -> None:
        people = self.roster.news(self.clock())
        if people is not None:
            await self.say({"type": "presence", "people": people})

    async def say_where(self, at: Message | None) -> None:
        """Tell whoever else has the flow open, in any process, where this tab is."""
        assert self.desk is not None
        if at is None and self.at is None:
            return
        self.at = at if at is not None and len(json.dumps(at)) <= LONGEST_PLACE else None
        message = {"type": "flow.cursor", "tab": self.mark, "at": self.at, **self.who()}
        await self.channel_layer.group_send(self.group, message)

    async def say_what_runs(self) -> None:
        """Tell a new tab of the newest deployment and of the check of the newest version."""
        assert self.desk is not None
        flow = self.desk.flow
        deployment = await database_sync_to_async(
            lambda: facts.runtime().deployment_message(flow.name)
        )()
        if deployment is not None:
            await self.say(deployment)
        await self.say_check(self.desk)

    async def say_check(self, desk: Desk, number: int | None = None) -> None:
        """Tell this tab how the deeper check of a version stands, by default the newest one's."""
        check = await database_sync_to_async(_check_message)(desk.flow, number)
        if check is not None:
            await self.say(check)

    # What the channel layer brings: the name of the handler is the message's type.

    async def flow_cursor(self, message: Message) -> None:
        """Somebody is somewhere else; of the own tabs nobody wants to know."""
        if self.desk is not None and message["user"] != self.desk.user.pk:
            told = {key: message[key] for key in ("tab", "name", "initials", "at")}
            await self.say({"type": "cursor", **told})

    async def flow_where(self, message: Message) -> None:
        """A tab was opened and does not know yet who the others are and where."""
        if self.desk is None or message["tab"] == self.mark:
            return
        await self.say_here()
        if self.at is not None:
            await self.say_where(self.at)

    async def flow_here(self, message: Message) -> None:
        """A tab came, goes, or is still there."""
        if self.desk is not None:
            self.roster.heard(message, self.clock())
            await self.say_people()

    async def check_progress(self, message: Message) -> None:
        await self.say({k: v for k, v in message.items() if k != "flow"} | {"type": "check"})

    async def tests_progress(self, message: Message) -> None:
        await self.say({k: v for k, v in message.items() if k != "flow"} | {"type": "tests"})

    async def flow_deployment(self, message: Message) -> None:
        await self.say(message["deployment"])

    async def review_changed(self, message: Message) -> None:
        """Somebody asked for a review, judged or withdrew one, or said something in it."""
        if self.desk is not None:
            told = await database_sync_to_async(gate.way_of)(self.desk.flow)
            await self.say({"type": "review", **told})

    async def version_saved(self, message: Message) -> None:
        desk = self.desk
        if desk is None or (desk.base is not None and desk.base.number >= message["number"]):
            return
        if await desk.follow():
            await self.show_all("merge")
            await self.follow_draft(desk)
        else:
            await self.say({"type": "newer", "latest": desk.latest()})

    async def say(self, message: Message) -> None:
        """Send one message; a tab that is gone meanwhile is no error."""
        try:
            await self.send(text_data=json.dumps(message, separators=(",", ":"), default=str))
        except Exception as error:  # each server raises its own type for a closed socket
            logger.debug("a tab is gone: %s", error)


def _check_message(flow: Any, number: int | None) -> Message | None:
    if number is None:
        version = selectors.newest_version(flow)
    else:
        version = selectors.version_of(flow, number)
    task = selectors.check_of(version) if version else None
    if version is None or task is None:
        return None
    return {"type": "check", **tasks.as_message(task, version)}
