"""Who is let in: the question the stack asks before a request begins anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from runtime.sip.hop import Hop
from runtime.sip.message import Request


class Refusal(NamedTuple):
    """How a request is refused: without state, so that a flood of refusals costs no memory."""

    code: int
    """300-699."""
    headers: list[tuple[str, str]]


Screen = Callable[[Request, Hop, float], Refusal | None]
"""Asked for each request outside a dialog that would begin something (INVITE, REGISTER and the
methods that are surfaced), with where it came from and the time (monotonic seconds). None takes it.
A repeated request is absorbed by its transaction and not asked for again."""


def admit_all(request: Request, hop: Hop, now: float) -> Refusal | None:
    """Take whatever comes."""
    return None
