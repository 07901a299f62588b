"""Something that happens to a side of a call."""

from __future__ import annotations

from typing import Any, NamedTuple

from flows.explore.doing import Message
from flows.explore.wire import Wire


class Stimulus(NamedTuple):
    """Something that happened, and the call as it is when it has."""

    event: str
    fields: tuple[tuple[str, Any], ...]
    wire: Wire
    """The call after the happening arrived, before the row answers it."""
    kind: str
    """`user`, `peer`, `answer`, `timer`, `clock`, `media`, `link`, `internal` or `trouble`."""
    lost: tuple[str, ...] = ()
    """Resources that the happening itself ends."""
    message: Message | None = None

    @property
    def label(self) -> str:
        """The event as people read it."""
        shown = [f"{n} {v}" for n, v in self.fields if n in ("code", "method", "direction")]
        shown += [f"{n} {v}" for n, v in self.fields if n in ("action", "digit", "seconds")]
        return f"{self.event} ({', '.join(shown)})" if shown else self.event


def challenged(call: Wire, request: str) -> Wire:
    """A server asked for credentials before it would take the request."""
    return call._replace(challenged=request, stored=False)
