"""A thread of its own for the rows a node lives by, so that they never wait behind pages.

Its connection is kept: what a node asks every second, and what a new call may wait for, should not
begin with a log-in to the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

from channels.db import database_sync_to_async
from django.db import connection

Answer = TypeVar("Answer")


class Asks(Protocol):
    """Whoever asks the database off the loop."""

    async def ask(self, act: Callable[..., Answer], *args: Any, **named: Any) -> Answer:
        """Return what `act` returns."""


class Shared:
    """Asks in the thread that all of Channels shares."""

    async def ask(self, act: Callable[..., Answer], *args: Any, **named: Any) -> Answer:
        answer: Answer = await database_sync_to_async(act)(*args, **named)
        return answer


class Rows:
    """Asks the database off the loop; raises what Django raises, DatabaseError if it is away."""

    def __init__(self, name: str = "rows") -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def ask(self, act: Callable[..., Answer], *args: Any, **named: Any) -> Answer:
        """Return what `act` returns, called in the thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(_fresh, act, *args, **named))

    async def close(self) -> None:
        """Let go of thread and connection."""
        await self.ask(_close)
        self._thread.shutdown(wait=False)


def _close() -> None:
    # Its own connection: each thread has another.
    connection.close()


def _fresh(act: Callable[..., Answer], *args: Any, **named: Any) -> Answer:
    if connection.errors_occurred and not connection.in_atomic_block:
        # A connection that broke is made anew; one that works is used for ever.
        if connection.is_usable():
            connection.errors_occurred = False
        else:
            connection.close()
    return act(*args, **named)
