"""A leg without a network: it does every action in no time and writes down what it was asked.

Simulations and tests put it in the place of a call's leg. It can be told which actions fail, and
which wait until they are let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from typing import Any

from flows.table import Word
from runtime.adapters.port import ActionError
from runtime.executor.step import Event


class SimulatedLeg:
    """A leg for programs without a binder: what it performs are the table's own words."""

    def __init__(self, *, failing: Mapping[str, str] | None = None) -> None:
        self.performed: list[tuple[str, Mapping[str, Any]]] = []
        """Each action done, with its arguments, in order."""
        self.answered: list[tuple[int | None, int]] = []
        """Each (cause, code) given without a row."""
        self.released: list[int | None] = []
        self.failing = dict(failing or {})
        """Action name to the reason it fails with."""
        self.waiting: dict[str, asyncio.Future[None]] = {}
        """Action name to what has to be done before the action is."""
        self.open: str | None = None
        """What is still open with the peer, in words."""
        self.stale: set[str] = set()
        """Names of events that mean nothing any more."""

    def perform(self, call: Word, event: Event) -> Awaitable[None] | None:
        """Write the action down, and fail or wait if it was told to."""
        if call.name in self.waiting:
            return self._wait(call)
        self._do(call)
        return None

    def answer(self, cause: int | None, code: int) -> None:
        """Write the answer down."""
        self.answered.append((cause, code))

    def is_stale(self, event: Event) -> bool:
        """Whether the event was named stale."""
        return event.name in self.stale

    def unsettled(self) -> str | None:
        """What the test says is open."""
        return self.open

    def knows(self, words: Collection[str]) -> None:
        """Nothing here depends on what a table knows."""

    def release(self, code: int | None) -> None:
        """Write the release down."""
        self.released.append(code)

    async def _wait(self, call: Word) -> None:
        await self.waiting[call.name]
        self._do(call)

    def _do(self, call: Word) -> None:
        if call.name in self.failing:
            raise ActionError(self.failing[call.name])
        self.performed.append((call.name, call.arguments))
