"""Descriptions of the session, and the media they speak of."""

from __future__ import annotations

from collections.abc import Awaitable

from runtime.adapters.leg import CallLeg
from runtime.adapters.performing import Arguments, performs
from runtime.executor.step import Event


@performs("GenerateLocalSDP")
def generate_local_sdp(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """Make the answer if the peer's offer waits, else an offer."""
    return leg.describe()


@performs("StoreLocalSDP")
def store_local_sdp(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Nothing is left to do: the description is in force since it was made."""


@performs("StoreRemoteSDP")
def store_remote_sdp(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Nothing is left to do: the description was kept when it arrived."""


@performs("NegotiateSDPAsUAC")
def negotiate_as_uac(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """Take the answer to our offer, or answer an offer that came in the 2xx."""
    return leg.describe() if leg.media.offer_waits else leg.media.settle()


@performs("NegotiateSDPAsUAS")
def negotiate_as_uas(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """Answer the peer's offer, or take its answer to ours from the ACK."""
    return leg.describe() if leg.media.offer_waits else leg.media.settle()


@performs("CreateMediaSession")
def create_media_session(
    leg: CallLeg, arguments: Arguments, event: Event
) -> Awaitable[None] | None:
    """Take a media leg; one that is held already is enough."""
    return None if leg.media.held else leg.take_media()


@performs("CleanupMedia")
def cleanup_media(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None] | None:
    """Give the media leg back."""
    return leg.give_media_back() if leg.media.held else None
