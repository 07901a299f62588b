"""Where the browsers are: the users that registered over a WebSocket, in memory only.

A binding lives as long as its connection and its expiry. Phones that register over UDP are a matter
of a registrar with credentials, which this is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from runtime.sip.hop import Hop
from runtime.sip.message import Request
from runtime.sip.uri import Uri

DEFAULT_EXPIRES = 600
MIN_EXPIRES = 60
MAX_EXPIRES = 3600
MAX_BINDINGS = 10
"""Contacts of one user."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One place where a user is reached."""

    user: str
    host: str
    """Of the address of record, lower case."""
    contact: str
    hop: Hop
    connection: str
    expires: float
    """Monotonic seconds."""


class Answer(NamedTuple):
    """The response to a REGISTER."""

    code: int
    headers: list[tuple[str, str]]


class Location:
    """Bindings by user, the newest first."""

    def __init__(self) -> None:
        self._bindings: dict[str, list[Binding]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._bindings.values()))

    def find(self, user: str, now: float) -> Binding | None:
        """Return where the user is reached, the newest place first."""
        self._expire(user, now)
        known = self._bindings.get(user)
        return known[0] if known else None

    def register(self, request: Request, hop: Hop, user: str | None, now: float) -> Answer:
        """Do what a REGISTER asks for (RFC 3261 10.3).

        `user` is whom the connection belongs to: it may register nobody else.
        """
        address = request.to.uri
        if not address.is_sip or not address.user:
            return Answer(404, [])
        if user is not None and address.user != user:
            return Answer(403, [])
        self._expire(address.user, now)
        values = request.get_all("Contact")
        if any(value.strip() == "*" for value in values):
            if len(values) > 1 or _seconds(request.get("Expires")) != 0:
                return Answer(400, [])
            self._bindings.pop(address.user, None)
        elif len(values) > MAX_BINDINGS:
            return Answer(403, [])
        else:
            for contact in request.contacts:
                wanted = _seconds(contact.params.get("expires") or request.get("Expires"))
                expires = DEFAULT_EXPIRES if wanted is None else wanted
                if 0 < expires < MIN_EXPIRES:
                    return Answer(423, [("Min-Expires", str(MIN_EXPIRES))])
                self._bind(address, contact.uri.text, hop, expires, now)
        return Answer(200, self._contacts(address.user, now))

    def lost(self, connection: str) -> None:
        """Forget all who were reached over a connection that is closed."""
        for user in list(self._bindings):
            self._keep(user, [b for b in self._bindings[user] if b.connection != connection])

    def _bind(self, address: Uri, contact: str, hop: Hop, expires: int, now: float) -> None:
        rest = [b for b in self._bindings.get(address.user, []) if b.contact != contact]
        if expires:
            until = now + min(expires, MAX_EXPIRES)
            fresh = Binding(
                address.user,
                address.host,
                contact,
                hop,
                hop.flow,
                until,
            )
            rest = [fresh, *rest][:MAX_BINDINGS]
        self._keep(address.user, rest)

    def _contacts(self, user: str, now: float) -> list[tuple[str, str]]:
        return [
            ("Contact", f"<{binding.contact}>;expires={max(0, round(binding.expires - now))}")
            for binding in self._bindings.get(user, [])
        ]

    def _expire(self, user: str, now: float) -> None:
        if user in self._bindings:
            self._keep(user, [b for b in self._bindings[user] if b.expires > now])

    def _keep(self, user: str, bindings: list[Binding]) -> None:
        if bindings:
            self._bindings[user] = bindings
        else:
            self._bindings.pop(user, None)


def _seconds(text: str | None) -> int | None:
    """Return a delta-seconds value; None for what is none (RFC 3261 20.19: then the default)."""
    text = (text or "").strip()
    return int(text[:9]) if text.isascii() and text.isdigit() else None
