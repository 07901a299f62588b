"""What a leg keeps of transfers: a REFER of ours under way, and one of the peer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runtime.sip.message import Request

MAX_FRAGMENT = 4096
"""Bytes of a report that are looked at: its first line is all that counts."""
_STATUS = re.compile(rb"SIP/2\.0[ \t]{1,8}([1-6][0-9][0-9])(?:[ \t]([^\r\n]{0,255}))?\r?(?:\n|\Z)")


@dataclass(slots=True)
class Asked:
    """Where a REFER of the peer sends us."""

    target: str
    replaces: str = ""
    """The dialog whose place the call is to take, as a Replaces value (RFC 3891)."""
    referred_by: str = ""
    """Who wants it, as a Referred-By value (RFC 3892)."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return what goes into the INVITE."""
        named = (("Replaces", self.replaces), ("Referred-By", self.referred_by))
        return tuple((name, value) for name, value in named if value)


@dataclass(slots=True)
class Transfer:
    """The transfers of one leg; of each direction one at a time."""

    sent: bool = False
    """Our REFER, or its reports, are under way."""
    reported: bool = False
    """A report on it came: its acceptance says nothing more."""
    challenged: bool = False
    """A server wanted credentials for our REFER: it may be sent once more."""
    asked: Asked | None = None
    """The last REFER of the peer."""
    kept: str = ""
    """The target that StoreTransferTarget kept."""
    event: str = ""
    """The subscription of the peer's REFER that we report on, such as `refer;id=3`."""
    silent: bool = False
    """The peer wants no reports (RFC 4488)."""

    @property
    def running(self) -> bool:
        """Whether a report is waited for, or owed."""
        return self.sent or bool(self.event and not self.silent)


def status_of(request: Request) -> tuple[int, str] | None:
    """Return code and reason of a report (message/sipfrag, RFC 3420); None if there is none."""
    kind = request.content_type.partition(";")[0].strip().lower()
    if kind != "message/sipfrag":
        return None
    found = _STATUS.match(request.body[:MAX_FRAGMENT])
    if found is None:
        return None
    return int(found.group(1)), (found.group(2) or b"").decode("utf-8", "replace").strip()


def fragment(code: int, reason: str) -> bytes:
    """Write a report (RFC 3515 2.4.5)."""
    return f"SIP/2.0 {code} {reason}\r\n".encode()
