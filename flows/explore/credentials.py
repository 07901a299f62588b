"""Challenges (401, 407) and the requests that are tried again with credentials (RFC 3261 22)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.explore.doing import Doing
from flows.explore.redirected import call_anew


def armed_with(doing: Doing, request: str, name: str) -> None:
    """A request goes out: a kept challenge is used up; without one the server only asks again."""
    wire = doing.wire
    if request and wire.challenged == request and not wire.stored and doing.event == "AuthRequired":
        doing.complain(
            "ACT601", f"{name} tries again without credentials: StoreAuthChallenge comes first"
        )
    if wire.challenged:
        doing.change(challenged="", stored=False)


def store(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """StoreAuthChallenge."""
    if not doing.wire.challenged:
        doing.complain("ACT601", "StoreAuthChallenge finds no challenge: nothing asked for one")
        return
    doing.change(stored=True)


def invite_again(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """SendINVITEWithAuth."""
    wire = doing.wire
    if wire.challenged != "INVITE" or not wire.stored:
        doing.complain(
            "ACT601", "SendINVITEWithAuth has no challenge to answer: StoreAuthChallenge"
        )
        return
    if wire.hangup or wire.cancel:
        doing.complain("ACT608", "SendINVITEWithAuth calls again after the call was given up")
    call_anew(doing)


def request_again(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """SendRequestWithAuth."""
    wire = doing.wire
    if wire.challenged != "BYE" or not wire.stored:
        doing.complain(
            "ACT601", "SendRequestWithAuth has no challenge to answer: StoreAuthChallenge"
        )
        return
    doing.change(bye="sent", challenged="", stored=False)
    doing.send("BYE")


ACTS = {
    "StoreAuthChallenge": store,
    "SendINVITEWithAuth": invite_again,
    "SendRequestWithAuth": request_again,
}
