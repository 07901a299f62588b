"""`serve --watch FOLDER`: a changed YAML file becomes a version, and runs if it has no errors.

For development with an editor of one's own. A file with errors is kept as a
version too, so that its findings can be read in the page; the old version stays
deployed.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from channels.db import database_sync_to_async
from watchfiles import awatch

from designer import services
from designer.errors import Refused
from runtime import deployments

log = logging.getLogger(__name__)

DEBOUNCE = 50
"""Milliseconds of quiet before a change is read: editors write in several steps."""


async def follow(folder: str) -> None:
    """Import and deploy each YAML file of `folder` whenever it changes, until cancelled."""
    async for changes in awatch(folder, debounce=DEBOUNCE, step=10, recursive=False):
        for path in sorted({Path(name) for _, name in changes}):
            if path.suffix in (".yaml", ".yml") and path.exists():
                await take(path)


async def take(path: Path) -> None:
    """Take one changed file; what cannot be taken is said in the log and changes nothing."""
    try:
        text = await asyncio.to_thread(path.read_text, "utf-8")
        await database_sync_to_async(_import_and_deploy)(path.name, text)
    except (Refused, OSError, UnicodeError) as refusal:
        log.warning("%s: %s", path.name, refusal)


def _import_and_deploy(file_name: str, text: str) -> None:
    imported = services.flow_import(
        text=text, file_name=file_name, author_name=f"file:{file_name}"
    )
    deployments.deploy(version=imported.version, by_name=f"file:{file_name}")
