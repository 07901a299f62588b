"""Calls that are refused, sent elsewhere, or go on to where they were sent (RFC 3261 8.1.3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.carried import tellable
from flows.explore import wire as standing
from flows.explore.answers import accept
from flows.explore.doing import Doing, Refused


def reject(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """SendRejectResponse; a cancelled INVITE is answered 487 by itself."""
    cancelled = doing.wire.call == standing.CANCELLED
    told = doing.code if doing.event == "LinkedFailed" and tellable(doing.code) else 0
    _answer(doing, 487 if cancelled else told or int(arguments.get("code", 486)))


def send_elsewhere(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """SendRedirectResponse."""
    _answer(doing, int(arguments.get("code", 302)))


def _answer(doing: Doing, code: int) -> None:
    if doing.wire.call not in standing.OPEN_INVITE:
        if doing.troubled:
            raise Refused
        doing.complain("ACT604", f"No INVITE waits for the answer {code}: it was given already")
        return
    accept(doing, "INVITE", code)


def follow(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """RetryWithContact."""
    wire = doing.wire
    if doing.method != "INVITE" or wire.call != standing.OVER or wire.talked:
        doing.complain("ACT601", "RetryWithContact has no refused call of ours to place anew")
        return
    if wire.hangup or wire.cancel:
        doing.complain("ACT608", "RetryWithContact calls again after the call was given up")
    call_anew(doing)


def call_anew(doing: Doing) -> None:
    """The INVITE goes out again with our description, in the same session."""
    doing.change(
        call=standing.CALLING, offer="ours", made=False, taken=False, settled=False,
        cancel=False, challenged="", stored=False,
    )  # fmt: skip
    doing.send("INVITE", direction="sendrecv")


ACTS = {
    "SendRejectResponse": reject,
    "SendRedirectResponse": send_elsewhere,
    "RetryWithContact": follow,
}
