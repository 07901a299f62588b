"""Challenges (401, 407) and the requests that are tried again with credentials (RFC 3261 22)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flows.explore import inside
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
    challenged = wire.challenged
    if challenged not in AGAIN or not wire.stored:
        doing.complain(
            "ACT601", "SendRequestWithAuth has no challenge to answer: StoreAuthChallenge"
        )
        return
    doing.change(challenged="", stored=False)
    AGAIN[challenged](doing)


def _bye(doing: Doing) -> None:
    doing.change(bye="sent")
    doing.send("BYE")


def _refer(doing: Doing) -> None:
    doing.change(transfer="sent")
    doing.send("REFER")


def _reinvite(doing: Doing) -> None:
    wanted = doing.wire.local
    doing.change(own=wanted, offer="ours", made=False)
    doing.send("re-INVITE", direction=wanted)


AGAIN: Mapping[str, Callable[[Doing], None]] = {
    "BYE": _bye,
    "re-INVITE": _reinvite,
    "UPDATE": lambda doing: inside.send_update(doing, ""),
    "UPDATE offer": lambda doing: inside.send_update(doing, doing.wire.local),
    "INFO": lambda doing: inside.ask(doing, "INFO"),
    "MESSAGE": lambda doing: inside.ask(doing, "MESSAGE"),
    "REFER": _refer,
    "OPTIONS": lambda doing: inside.ask(doing, "OPTIONS"),
}
"""What was challenged, to how it goes out again."""


ACTS = {
    "StoreAuthChallenge": store,
    "SendINVITEWithAuth": invite_again,
    "SendRequestWithAuth": request_again,
}
