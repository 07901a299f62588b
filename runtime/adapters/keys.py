"""INFOs that follow one another: each goes out when the one before it was accepted."""

from __future__ import annotations

from collections.abc import Callable

from runtime.adapters.port import ActionError

Send = Callable[[bytes, str], None]
"""Sends one INFO: its body and its content type."""


class InfoQueue:
    """The INFOs of one action, the first of them under way."""

    __slots__ = ("_put_off", "_type", "_waiting")

    def __init__(self) -> None:
        self._type = ""
        self._waiting: list[bytes] | None = None
        """Bodies that wait until the one under way is accepted; None: none is."""
        self._put_off: list[bytes] | None = None
        """The same while that one is challenged."""

    def begin(self, send: Send, content_type: str, bodies: list[bytes]) -> None:
        """Send the first body; ActionError while earlier ones are under way."""
        if self._waiting is not None:
            raise ActionError("what was sent before is still under way")
        send(bodies[0], content_type)
        self._type, self._waiting = content_type, bodies[1:]

    def answered(self, send: Send, *, accepted: bool, challenged: bool) -> bool:
        """Go on after an answer; True if another INFO went out."""
        waiting, self._waiting = self._waiting, None
        if challenged:
            self._put_off = waiting
        elif accepted and waiting:
            send(waiting.pop(0), self._type)
            self._waiting = waiting
            return True
        return False

    def repeated(self) -> None:
        """The challenged one was sent again."""
        self._waiting, self._put_off = self._put_off or [], None

    def lost(self) -> None:
        """The one under way got no answer: the others are not sent."""
        self._waiting = None
