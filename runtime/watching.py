"""Following a folder of YAML files: a changed file becomes a version and is deployed.

For development beside another editor. A file with errors becomes a version too, so that the page
shows why, and the version that runs stays.
"""

from __future__ import annotations

import logging
from pathlib import Path

from channels.db import database_sync_to_async
from django.db import DatabaseError
from watchfiles import Change, awatch

from designer import services
from designer.errors import Refused
from designer.models import Version
from runtime import deployments

log = logging.getLogger(__name__)


async def follow(folder: str | Path) -> None:
    """Take over each file of the folder as it changes, until cancelled."""
    async for changes in awatch(folder, debounce=50, step=10):
        # An editor may replace a file by several changes: the content at the end counts.
        for path in sorted({Path(name) for change, name in changes if change != Change.deleted}):
            if path.suffix == ".yaml":
                await _take_over(path)


async def _take_over(path: Path) -> None:
    try:
        await database_sync_to_async(take)(path)
    except DatabaseError as away:
        log.warning("%s is not taken over: the database is away (%s)", path.name, away)
    except Exception:
        # A mistake of ours over one file must not end the watch over all of them.
        log.exception("%s is not taken over", path.name)


def take(path: Path) -> Version | None:
    """Make a file a version of the flow of its name and deploy it; None if nothing came of it."""
    author = f"file:{path.name}"
    try:
        text = path.read_bytes().decode()
        imported = services.flow_import(
            text=text,
            file_name=path.name,
            author_name=author,
            origin=Version.Origin.FILE,
            name=services.name_from_file(path.name),
        )
        version = imported.version
        if version.deployable:
            deployment = deployments.deploy(version=version, by_name=author)
            if deployment.unchecked:
                log.info("%s runs while its deeper check goes on", version)
        else:
            log.warning("%s is saved as %s and not deployed: it has errors", path.name, version)
    except (OSError, UnicodeDecodeError, Refused) as error:
        log.warning("%s is not taken over: %s", path.name, error)
        return None
    return version
