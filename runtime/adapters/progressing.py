"""Reliable provisional answers and their PRACK (RFC 3262), and media before the answer."""

from __future__ import annotations

from collections.abc import Awaitable

from runtime.adapters.answers import Answer, reads
from runtime.adapters.leg import CallLeg
from runtime.adapters.performing import Arguments, performs
from runtime.executor.step import Event


@performs("PrepareEarlyMediaSDP")
def prepare_early_media_sdp(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """Make the answer to the peer's offer, or an offer of ours."""
    return leg.describe()


@performs("SendReliableProgress")
def send_reliable_progress(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Send a provisional answer that is repeated until its PRACK comes."""
    leg.progress(arguments.get("code", 183), arguments.get("reason"))


@performs("SendPRACK")
def send_prack(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None] | None:
    """Confirm the peer's reliable answer; an offer in it is answered by the PRACK."""
    if not leg.media.offer_waits:
        leg.dialog.prack(None)
        return None
    return _answer(leg)


async def _answer(leg: CallLeg) -> None:
    await leg.describe()
    leg.dialog.prack(leg.media.local_sdp)


@reads("PRACK")
def prack_answered(answer: Answer) -> None:
    """Nothing a table is told: the call goes on with the answer to its INVITE."""
