"""Who sees the numbers of callers: whoever may, asked, said why, and for a quarter of an hour.

Pages, frames and the API hide numbers and names (`runtime.masking`) unless this says otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from designer import auditing
from designer.access import may
from designer.errors import Refused
from runtime import masking

LASTS: Final = 15 * 60.0
SHORTEST_REASON: Final = 3
_KEY: Final = "numbers_shown_until"


def lift(request: Any, reason: str, flow: str = "") -> None:
    """Show numbers in this log-in for a while, and record who wanted it and why.

    Refused without a reason. Whether the person may is for the view to have asked.
    """
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refused("Say why: it is kept with your name.")
    until = time.time() + LASTS
    auditing.record(
        "call.unmask",
        user=request.user,
        flow=flow or None,
        reason=reason,
        detail={"minutes": int(LASTS / 60)},
    )
    request.session[_KEY] = until


def drop(request: Any) -> None:
    """Hide numbers again."""
    request.session.pop(_KEY, None)


def lifted(request: Any, flow: str | None = None) -> bool:
    """Say whether numbers of this flow's calls are shown to whoever asks; of all flows if None."""
    session = getattr(request, "session", None)
    if session is None or session.get(_KEY, 0.0) <= time.time():
        return False
    return may(request.user, "call.unmask", flow)


def seconds_left(request: Any) -> float:
    return max(0.0, float(request.session.get(_KEY, 0.0)) - time.time())


class Parties:
    """Writes who called whom, for one person: hidden or shown by the flow of each call."""

    def __init__(self, asked: Callable[[str], bool]) -> None:
        self._asked = asked
        self._flows: dict[str, bool] = {}

    def of(self, line: dict[str, Any]) -> dict[str, Any]:
        """Return a session's line with caller and callee as they may be seen."""
        flow = line["flow"]
        if flow not in self._flows:
            self._flows[flow] = self._asked(flow)
        if self._flows[flow]:
            return line
        hidden = {name: masking.mask_party(line[name]) for name in ("caller", "callee")}
        return {**line, **hidden}
