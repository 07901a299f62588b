"""What the actions of services beyond a plain call do: reliable progress (RFC 3262)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flows.explore import wire as standing
from flows.explore.doing import Doing, Refused


def _send_progress(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """A reliable provisional answer: one at a time; with a description it answers the offer."""
    wire = doing.wire
    code = int(arguments.get("code", 183))
    if wire.call != standing.OFFERED:
        if doing.troubled or wire.call == standing.CANCELLED:
            raise Refused
        doing.complain("ACT610", f"Nothing waits for the answer {code}: it was given already")
        return
    if wire.reliable:
        doing.complain("ACT610", f"{code} is sent reliably before the last one was confirmed")
    if wire.made and wire.offer == "theirs" and not wire.taken:
        doing.complain("ACT605", f"{code} answers an offer that was not taken: StoreRemoteSDP")
    answers = wire.offer == "theirs"
    doing.change(
        reliable="described" if wire.made else "plain",
        offer=("" if answers else "ours") if wire.made else wire.offer,
        made=False,
    )
    doing.send("REL", "INVITE", code, "sendrecv" if wire.made else "")


def _send_prack(doing: Doing, arguments: Mapping[str, Any]) -> None:
    if doing.wire.reliable != "theirs":
        if doing.troubled:
            raise Refused
        doing.complain("ACT610", "SendPRACK confirms what did not come, or a second time")
        return
    doing.change(reliable="")
    doing.send("PRACK")


SERVICES: dict[str, Callable[[Doing, Mapping[str, Any]], None]] = {
    "SendReliableProgress": _send_progress,
    "SendPRACK": _send_prack,
}
