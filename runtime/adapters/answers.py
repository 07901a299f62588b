"""What the answers to our requests other than INVITE and BYE are to a table, method by method.

Each module that sends such a request says here how its answers read; an answer that asks for
credentials (401, 407) is AuthRequired for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from runtime.executor.step import Event
from runtime.sip.message import Response

NO_ANSWER = (408, "Request Timeout")
NOT_SENT = (503, "Service Unavailable")
"""What silence and a broken transport count as (RFC 3261 8.1.3.1)."""


class Answer(NamedTuple):
    """A final answer to a request of ours."""

    method: str
    code: int
    reason: str
    response: Response | None = None
    """None where no answer came."""

    @property
    def accepted(self) -> bool:
        """Whether it is a 2xx."""
        return self.code < 300

    def told(self, name: str, **more: Any) -> Event:
        """Return an event that carries the answer."""
        return Event(name, {"code": self.code, "reason": self.reason, **more})


Reading = Callable[[Answer], Event | None]

READINGS: dict[str, Reading] = {}
"""Method to what its answers are; None of it: nothing that a table is told."""


def reads(*methods: str) -> Callable[[Reading], Reading]:
    """Make a function the one that reads the answers to these methods."""

    def register(reading: Reading) -> Reading:
        READINGS.update(dict.fromkeys(methods, reading))
        return reading

    return register


def seconds_of(response: Response | None, header: str) -> int | None:
    """Return a header that is a number of seconds; None if it is absent or none."""
    text = ((response.get(header) if response is not None else None) or "").partition(";")[0]
    text = text.strip()
    return int(text[:9]) if text.isascii() and text.isdigit() else None
