"""The port between a session and the party it speaks for: actions go in, events come out.

A *leg* joins one SIP usage and at most one media leg. The session knows nothing else of the
outside, so a test or a simulation gives it another leg and the table runs unchanged.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from typing import Any, Protocol

from runtime.executor.step import Event


class ActionError(Exception):
    """The world refused an action: `reason` is one short sentence for the table's author.

    Never raised for a mistake of this program: that is any other exception.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Leg(Protocol):
    """One party of a call, as its session sees it."""

    def perform(self, call: Any, event: Event) -> Awaitable[None] | None:
        """Do one action of a row that `event` fired; None if it is done, else await its end.

        `call` is what the leg's own binder made of the action when the table was loaded. Raises
        ActionError, at once or from the awaitable.
        """

    def answer(self, cause: int | None, code: int) -> None:
        """Answer the open request `cause` (None: the oldest one) with `code`; none is harmless."""

    def is_stale(self, event: Event) -> bool:
        """Whether `event` means nothing any more (a CANCEL of what was answered meanwhile)."""

    def unsettled(self) -> str | None:
        """Say what is still open with the peer (a request, an offer, media), None if nothing is.

        While something is, the session's version must not change under it.
        """

    def knows(self, words: Collection[str]) -> None:
        """Take note of the events and actions of the table that decides from now on."""

    def release(self, code: int | None) -> Awaitable[None] | None:
        """Let go of all that is held: open requests are answered, a dialog ended, media closed.

        `code` is the answer of open requests, None what suits each. Never raises; twice is
        harmless. The awaitable ends when the media is closed.
        """
