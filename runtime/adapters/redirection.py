"""Where a redirected call may go next (RFC 3261 8.1.3.4): addresses of 3xx answers, best first."""

from __future__ import annotations

import re
from collections.abc import Iterable

from runtime.sip.message import Response
from runtime.sip.uri import NameAddr, Uri, parse_name_addr, parse_uri, split_list

MOST_HOPS = 5
"""Redirected tries of one call."""
MOST_ADDRESSES = 16
"""Addresses taken from one answer."""
_Q = re.compile(r"(?:0(?:\.[0-9]{1,3})?|1(?:\.0{1,3})?)")


class Redirection:
    """The addresses that one call was told of, and those it went to."""

    __slots__ = ("_gone", "_hops", "_waiting")

    def __init__(self, first: str) -> None:
        """Begin with the address that was called first: going back there is a loop."""
        self._gone = {_same(parse_uri(first))}
        self._waiting: list[str] = []
        self._hops = 0

    def heard(self, response: Response) -> None:
        """Take over the addresses of a 3xx; those of the newest answer come first."""
        self._waiting = [*addresses(response), *self._waiting][:MOST_ADDRESSES]

    @property
    def next(self) -> str | None:
        """The address to call next; None if all were called, or five redirections followed."""
        if self._hops >= MOST_HOPS:
            return None
        return next((uri for uri in self._waiting if _same(parse_uri(uri)) not in self._gone), None)

    def take(self) -> str | None:
        """Return the next address, and count it as called."""
        uri = self.next
        if uri is not None:
            self._gone.add(_same(parse_uri(uri)))
            self._hops += 1
        return uri


def addresses(response: Response) -> list[str]:
    """Return the SIP addresses of a 3xx, by falling q (RFC 3261 20.10), without URI headers.

    What is no sip or sips URI, or asks for another method than INVITE, is left out.
    """
    found: list[tuple[float, str]] = []
    pieces = (piece for line in response.lines("Contact") for piece in split_list(line))
    for _, piece in zip(range(MOST_ADDRESSES), pieces, strict=False):
        try:
            address = parse_name_addr(piece)
            uri = address.uri
        except ValueError:
            continue
        if uri.is_sip and (uri.param("method") or "INVITE").upper() == "INVITE":
            found.append((-_weight(address), uri.text.partition("?")[0]))
    found.sort(key=lambda pair: pair[0])
    return [text for _, text in found]


def contact_value(targets: Iterable[str]) -> str:
    """Return the Contact of a redirecting answer: the first address is the best one.

    ValueError for what is no sip, sips or tel address, and for more than ten.
    """
    chosen = list(targets)
    if not 0 < len(chosen) <= 10:
        raise ValueError("from one to ten addresses can be named")
    parts = []
    for place, target in enumerate(chosen):
        uri = parse_uri(target)
        if not (uri.is_sip or uri.scheme == "tel") or ">" in target:
            raise ValueError(f"{target!r} is no address a caller can be sent to")
        weight = f";q={1 - place / 10:.1f}" if len(chosen) > 1 else ""
        parts.append(f"<{target}>{weight}")
    return ", ".join(parts)


def _weight(address: NameAddr) -> float:
    text = address.params.get("q") or ""
    return float(text) if _Q.fullmatch(text) else 1.0


def _same(uri: Uri) -> tuple[str, str, str, int, str]:
    """What makes two URIs the same place for us (narrower than RFC 3261 19.1.4)."""
    port = uri.port or (5061 if uri.scheme == "sips" else 5060)
    return uri.scheme, uri.user, uri.host, port, (uri.param("transport") or "").lower()
