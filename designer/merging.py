"""A draft and a newer version put together, and a text that a browser kept while it was offline.

merge    {choices}        -> what the merge of the draft with the newest version looks like
take     {choices}        -> take it as the draft, as one edit that can be undone
compare  {text}           -> the draft against another text, line by line
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from channels.db import database_sync_to_async

from designer import selectors, services
from designer.desk import Desk, version_message
from designer.errors import Refused
from designer.models import Version
from flows.check import examine
from flows.merge import Merged, MergeRefused, merge

Message = dict[str, Any]


async def merging(desk: Desk, arguments: Message) -> Message:
    """Answer what the merge looks like; nothing is changed."""
    newest, done = await _merged(desk, arguments)
    return {"merge": await asyncio.to_thread(_told, desk, newest, done)}


async def take(desk: Desk, arguments: Message) -> Message:
    """Take the merge over as the draft: one edit, on top of the newest version."""
    newest, done = await _merged(desk, arguments)
    asked = arguments.get("choices")
    undecided = [
        c.name for c in done.conflicts if not isinstance(asked, dict) or c.key not in asked
    ]
    if undecided:
        raise Refused(f"Say first which side counts for {undecided[0]}.")
    if arguments.get("newest") not in (None, newest.number):
        raise Refused(f"v{newest.number} was saved meanwhile. Look at the merge again.")
    desk.rebased(done.text, newest)
    return {"taken": newest.number}


async def compare(desk: Desk, arguments: Message) -> Message:
    """Answer the draft (left) against another text (right), line by line."""
    text = services.usable_text(str(arguments.get("text") or ""))
    lines = await asyncio.to_thread(selectors.compare, desk.text, text)
    return {"lines": [asdict(line) for line in lines]}


async def _merged(desk: Desk, arguments: Message) -> tuple[Version, Merged]:
    newest: Version | None = await database_sync_to_async(selectors.newest_version)(desk.flow)
    if newest is None or (desk.base is not None and desk.base.pk == newest.pk):
        raise Refused("Your draft is built on the newest version: there is nothing to merge.")
    asked = arguments.get("choices")
    choices = {str(k): str(v) for k, v in asked.items()} if isinstance(asked, dict) else {}
    base = desk.base.text if desk.base is not None else ""
    try:
        return newest, await asyncio.to_thread(merge, base, desk.text, newest.text, choices)
    except MergeRefused as problem:
        raise Refused(f"{problem}. Mend it first; both texts stay as they are.") from None


def _told(desk: Desk, newest: Version, done: Merged) -> Message:
    compiled = examine(done.text)
    lines = selectors.compare(desk.text, done.text)
    return {
        "newest": version_message(newest),
        "base": desk.base.number if desk.base is not None else None,
        "conflicts": [asdict(conflict) for conflict in done.conflicts],
        "taken": [asdict(change) for change in done.taken],
        "kept": [asdict(change) for change in done.kept],
        "findings": [finding.as_dict() for finding in compiled.findings],
        "errors": compiled.errors,
        "warnings": compiled.warnings,
        "compiles": compiled.table is not None,
        "lines": [asdict(line) for line in lines],
    }
