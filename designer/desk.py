"""A desk: one person's work on one flow, shared by all the tabs that person has open on it.

It holds the text with its history and its base version, and keeps both in the database, so that
an undo outlives tabs and processes. What happens to it comes back as messages for the tabs; who
sends them is not its business.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from channels.db import database_sync_to_async
from django.contrib.auth import get_user_model
from django.db import DatabaseError

from designer import facts, renames, rendering, selectors, services, tasks
from designer.access import may
from designer.errors import Conflict, Refused
from designer.history import History
from designer.models import Flow, Version
from designer.naming import person_name
from designer.walks import Following
from flows import edit

logger = logging.getLogger(__name__)

RETRY_SECONDS = 2.0
KEEP_SECONDS = 0.3
"""A draft is written this long after the last change at the latest."""
MAX_IDLE_DESKS = 100

Message = dict[str, Any]


class Desk:
    """One person's text of one flow. Made by `Desks.at`; every method may raise Refused."""

    def __init__(
        self, flow: Flow, user: Any, text: str, base: Version | None, history: History | None = None
    ) -> None:
        self.flow = flow
        self.user = user
        self.name = person_name(user)
        self.history = history or History(text)
        self.base = base
        self.newest: Version | None = base
        """The newest version as far as this desk was told."""
        self.renames: list[renames.Rename] = []
        """States that were renamed since the base version, in order."""
        self.merged = False
        """Another version was put together with what was written here, and not saved since."""
        self.revision = 0
        self.saved_at: datetime | None = None
        self.tabs: set[Any] = set()
        self.following: Following | None = None
        """The walks over this text, while somebody looks."""
        self._unkept = False
        self._timer: asyncio.TimerHandle | None = None
        self._keeping = asyncio.Lock()
        self._writing: set[asyncio.Task[None]] = set()

    @property
    def text(self) -> str:
        return self.history.text

    # Changes: each answers the document that all tabs are shown.

    def typed(self, text: str, now: float) -> bool:
        """Take a text as typed; False if it is the one that stands here already."""
        self._require("draft.edit")
        services.usable_text(text)
        return self._changed(self.history.type(text, now))

    def edited(self, operation: str, arguments: dict[str, Any]) -> Any:
        """Do one operation of flows.edit and answer what to show then."""
        self._require("draft.edit")
        try:
            result = edit.apply(self.text, operation, arguments)
        except edit.EditRefused as refused:
            raise Refused(str(refused)) from None
        services.usable_text(result.text)
        self._changed(self.history.change(result.text))
        made = renames.renames_of(operation, arguments)
        self.renames = [*self.renames, *made][-renames.MOST_RENAMES :]
        return result.focus

    def undone(self) -> None:
        self._require("draft.edit")
        if not self._changed(self.history.undo()):
            raise Refused("There is nothing to undo.")

    def redone(self) -> None:
        self._require("draft.edit")
        if not self._changed(self.history.redo()):
            raise Refused("There is nothing to redo.")

    def rebased(self, text: str, base: Version) -> None:
        """Take a text that was built on another version; the way back is an undo."""
        self._require("draft.edit")
        services.usable_text(text)
        self.base = self.newest = base
        self.merged = text != base.text
        self._moved(self.history.change(text))
        self._unkept = True
        self._arm(KEEP_SECONDS)

    async def discard(self) -> None:
        """Begin again from the newest version; the way back is an undo."""
        self._require("draft.edit")
        async with self._keeping:
            latest = await self._look_for_newest()
            if latest is None:
                raise Refused("There is no version to go back to yet.")
            self.base = latest
            self.renames, self.merged = [], False
            self._moved(self.history.change(latest.text))
            self._forget_timer()
            await database_sync_to_async(services.draft_discard)(flow=self.flow, user=self.user)
            self.saved_at = None
            await self._keep_history()

    async def save(self, message: str, base: int | None) -> Version:
        """Make the text a version on top of number `base`; Conflict if that is not the newest."""
        await self._recognise()
        self._require("version.save")
        async with self._keeping:
            text = self.text
            try:
                version: Version = await database_sync_to_async(services.version_save)(
                    flow=self.flow,
                    text=text,
                    base=base,
                    author=self.user,
                    message=message,
                    origin=Version.Origin.MERGE if self.merged else Version.Origin.EDIT,
                    renames=self.renames,
                )
            except Conflict:
                # What could not be saved as a version is at least kept as a draft.
                self._unkept = True
                raise
            self.base = self.newest = version
            self.renames, self.merged = [], False
            if self.text == text:
                self._forget_timer()
                # An older text may be there still, of a change that was not written yet.
                await database_sync_to_async(services.draft_discard)(flow=self.flow, user=self.user)
            await self._keep_history()
        return version

    async def deploy(self, number: int, reason: str) -> None:
        """Deploy a version of this flow; Refused says why not."""
        await self._recognise()
        self._require("deployment.make")
        await database_sync_to_async(self._deploy)(number, reason)

    def _deploy(self, number: int, reason: str) -> None:
        facts.runtime().deploy(version=self._version(number), user=self.user, reason=reason)

    async def check(self, number: int, act: str) -> None:
        """Cancel the deeper check of a version, or ask for it again; Refused says why not."""
        await self._recognise()
        self._require("check.control")
        await database_sync_to_async(self._check)(number, act)

    def _check(self, number: int, act: str) -> None:
        tasks.control(self._version(number), act, by=self.name)

    def _version(self, number: int) -> Version:
        version = selectors.version_of(self.flow, number)
        if version is None:
            raise Refused(f"{self.flow.name} has no version {number}.")
        return version

    async def follow(self) -> bool:
        """Take over a newer version if nothing was changed here; say whether that was done."""
        async with self._keeping:
            latest = await self._look_for_newest()
            if latest is None or (self.base is not None and latest.pk == self.base.pk):
                return False
            if self._unkept or self.base is None or self.text != self.base.text:
                return False
            self.base = latest
            self.renames, self.merged = [], False
            return self._moved(self.history.change(latest.text))

    # The draft in the database.

    async def keep(self) -> None:
        """Write the draft now if it changed since it was last written."""
        self._forget_timer(unkept=self._unkept)
        async with self._keeping:
            if not self._unkept:
                return
            self._unkept = False
            try:
                draft = await database_sync_to_async(services.draft_save)(
                    flow=self.flow,
                    user=self.user,
                    text=self.text,
                    base=self.base,
                    renames=self.renames,
                    merged=self.merged,
                )
                await self._keep_history()
            except BaseException:
                self._unkept = True
                raise
            self.saved_at = draft.updated_at

    async def _keep_history(self) -> None:
        await database_sync_to_async(services.history_save)(
            flow=self.flow, user=self.user, text=self.text, steps=self.history.dump()
        )

    async def _look_for_newest(self) -> Version | None:
        self.newest = await database_sync_to_async(selectors.newest_version)(self.flow)
        return self.newest

    def _moved(self, changed: bool) -> bool:
        self.revision += changed
        return changed

    def _changed(self, changed: bool) -> bool:
        if changed:
            self.revision += 1
            self._unkept = True
            self._arm(KEEP_SECONDS)
        return changed

    def _due(self) -> None:
        task = asyncio.create_task(self.keep_or_retry())
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def keep_or_retry(self) -> None:
        """Write the draft; while the database is away the text stays here and is tried again."""
        try:
            await self.keep()
        except DatabaseError as error:
            logger.warning("the draft of %s waits for the database: %s", self.flow, error)
            self._arm(RETRY_SECONDS)

    def _arm(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._due)

    def _forget_timer(self, *, unkept: bool = False) -> None:
        self._unkept = unkept
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _recognise(self) -> None:
        """Look the person up anew: a right may have been taken away since the tab was opened."""
        found = get_user_model()._default_manager.filter(pk=self.user.pk)
        person = await database_sync_to_async(found.first)()
        if person is None:
            raise Refused("Your account is gone. Your text is still here: copy it.")
        self.user = person
        self.flow = await database_sync_to_async(Flow.objects.get)(pk=self.flow.pk)
        await database_sync_to_async(may)(person, "draft.edit", self.flow)

    def _require(self, act: str) -> None:
        if not may(self.user, act, self.flow):
            raise Refused("Your account may look at this flow, but not do this.")

    # What tabs are shown.

    async def document(
        self,
        origin: str,
        seq: int | None = None,
        focus: Any = None,
        view: Mapping[str, Any] | None = None,
    ) -> Message:
        """Return the document as it stands: text, findings and picture, drawn as asked."""
        text, revision = self.text, self.revision
        seen = await self._seen(text, view or {})
        drawn = rendering.drawing(text)
        message: Message = {
            "type": "document",
            "seq": seq,
            "origin": origin,
            "revision": revision,
            "findings": drawn.findings,
            **seen,
            "picture": drawn.picture,
            "verdicts": drawn.verdicts,
            "compiles": drawn.compiles,
            "errors": drawn.compiled.errors,
            "warnings": drawn.compiled.warnings,
            "can_undo": self.history.can_undo,
            "can_redo": self.history.can_redo,
            "saved_at": self.saved_at.isoformat() if self.saved_at else None,
            "base": _short(self.base),
            "latest": self.latest(),
            "focus": focus,
        }
        if origin != "text":
            message["text"] = text
        return message

    async def seen(self, view: Mapping[str, Any]) -> Message:
        """Return the drawing of the text as a tab asked for it: `dot` and `drawn`."""
        return await self._seen(self.text, view)

    async def _seen(self, text: str, view: Mapping[str, Any]) -> Message:
        if rendering.is_large(text):
            return await asyncio.to_thread(rendering.seen, text, view)
        return rendering.seen(text, view)

    def latest(self) -> Message | None:
        """Return the newest version of the flow, whoever saved it."""
        return version_message(self.newest) if self.newest else None


class Desks:
    """All desks of this process; the ones nobody sits at are forgotten, oldest first."""

    def __init__(self) -> None:
        self._desks: OrderedDict[tuple[int, int], Desk] = OrderedDict()
        self._opening = asyncio.Lock()

    async def at(self, flow: Flow, user: Any) -> Desk:
        """Return the person's desk, with the draft on it or else the newest version."""
        key = (user.pk, flow.pk)
        async with self._opening:
            desk = self._desks.get(key)
            if desk is None:
                desk = self._desks[key] = await database_sync_to_async(_new_desk)(flow, user)
            else:
                await desk.follow()
            desk.user = user
            # Asked here, in a thread: afterwards the object knows its rights without a query.
            await database_sync_to_async(may)(user, "draft.edit", flow)
            self._desks.move_to_end(key)
            self._forget_idle()
        return desk

    async def keep(self, flow: Flow, user: Any) -> None:
        """Write the person's draft now, for whoever reads it next, if it lies on a desk here."""
        desk = self._desks.get((user.pk, flow.pk))
        if desk is not None:
            await desk.keep_or_retry()

    def _forget_idle(self) -> None:
        idle = [key for key, desk in self._desks.items() if not desk.tabs and not desk._unkept]
        for key in idle[: max(0, len(self._desks) - MAX_IDLE_DESKS)]:
            del self._desks[key]


def _new_desk(flow: Flow, user: Any) -> Desk:
    draft = selectors.draft_of(flow, user)
    latest = selectors.newest_version(flow)
    if draft is not None:
        desk = Desk(flow, user, draft.text, draft.base, _history(flow, user, draft.text))
        desk.newest, desk.saved_at = latest, draft.updated_at
        desk.renames = renames.as_read(draft.renames)
        desk.merged = draft.merged
        return desk
    text = latest.text if latest else services.BLANK.format(name=flow.name)
    return Desk(flow, user, text, latest, _history(flow, user, text))


def _history(flow: Flow, user: Any, text: str) -> History:
    return services.history_load(flow=flow, user=user, text=text)


def version_message(version: Version) -> Message:
    """Return what tabs are told about a version."""
    return {
        "number": version.number,
        "digest": version.digest,
        "author": version.author_name,
        "message": version.message,
        "created_at": version.created_at.isoformat(),
        "errors": version.errors,
        "warnings": version.warnings,
        "compiles": version.compiles,
    }


def _short(version: Version | None) -> Message | None:
    return {"number": version.number, "digest": version.digest} if version else None


def initials(name: str) -> str:
    """Return one or two capitals that stand for a name."""
    parts = [part for part in name.replace(".", " ").replace("_", " ").split() if part]
    letters = [part[0] for part in (parts[:1] + parts[-1:] if len(parts) > 1 else parts)]
    return "".join(letters).upper() or "?"
