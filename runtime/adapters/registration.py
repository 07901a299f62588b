"""What a leg knows of its registration with a registrar, and how the registrar's answers read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from runtime.executor.step import Event
from runtime.sip.events import Happening, ResponseReceived
from runtime.sip.headers import contact_expires, expires, min_expires
from runtime.sip.message import Message, Response
from runtime.sip.uri import NameAddr, Uri, parse_name_addr

REFRESH: Final = "RefreshRegistration"
EXPIRED: Final = "RegistrationExpired"
UNSAID: Final = 3600
"""Seconds that hold where the registrar names none (RFC 3261 10.2)."""
MARGIN: Final = 32.0
"""Seconds a registration is renewed before it ends, at least: time for a REGISTER to time out."""
LONGEST: Final = 86_400
"""What may be asked for at most, whatever a registrar demands."""


class Registration:
    """The binding of one leg: what was asked, what was granted."""

    __slots__ = ("_answer", "asked", "contact", "headers", "least", "registrar", "removing")

    def __init__(
        self, registrar: str, contact: str, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.registrar = registrar
        """Request-URI of its REGISTERs."""
        self.contact = contact
        """The address that is registered, as a Contact value."""
        self.headers = headers
        """What each of them carries on its way, such as Route."""
        self.least = 0
        """What the registrar takes at least, seconds; 0 while it said nothing."""
        self.removing = False
        """The last REGISTER removes."""
        self.asked = UNSAID
        """Seconds the last REGISTER asked for."""
        self._answer: Response | None = None

    def told(self, happening: Happening) -> Event | None:
        """Return the event of an answer to REGISTER; None for all else, challenges among it."""
        if not isinstance(happening, ResponseReceived) or happening.method != "REGISTER":
            return None
        if happening.code < 200 or happening.code in (401, 407):
            return None
        self._answer = happening.response
        accepted = happening.code < 300
        fields: dict[str, Any] = {
            "code": happening.code,
            "reason": happening.reason,
            "method": "REGISTER",
        }
        if accepted and not self.removing:
            fields["expires"] = self.granted
        elif not accepted and not self.removing:
            fields["minimum"] = self.minimum
        return Event(_NAMES[accepted, self.removing], fields)

    @staticmethod
    def outlived(event: str) -> tuple[str, ...]:
        """Return which alarms mean nothing after an event: a challenge leaves all as it is."""
        return () if event == "AuthRequired" else (REFRESH, EXPIRED)

    @property
    def granted(self) -> int:
        """Seconds that the last 2xx keeps our address (RFC 3261 10.2.4)."""
        response = self._answer
        if response is None:
            return UNSAID
        said = _read(lambda: _of_contact(response, self.contact))
        if said is None:
            said = _seconds(response, expires)
        return min(self.asked if said is None else said, LONGEST)

    @property
    def minimum(self) -> int | None:
        """Seconds that a 423 demands at least (RFC 3261 10.2.8)."""
        return None if self._answer is None else _seconds(self._answer, min_expires)

    def take_over(self) -> int | None:
        """Take over the last answer; return the granted seconds of a 2xx, else None."""
        answer, seconds = self._answer, self.granted
        if answer is None:
            return None
        if answer.code == 423:
            self.least = min(self.minimum or 0, LONGEST)
        return seconds if answer.code < 300 and not self.removing else None


_NAMES: Final = {
    (True, False): "Registration200OK",
    (False, False): "RegistrationFailed",
    (True, True): "Unregistration200OK",
    (False, True): "UnregistrationFailed",
}


def refresh_after(granted: int) -> float:
    """Seconds after which a registration is renewed: well before its end, never in its first half.

    A tenth of the time is left, at least `MARGIN`, so that one try may fail.
    """
    return granted - min(granted / 2, max(MARGIN, granted / 10))


def _seconds(response: Response, read: Callable[[Message], int | None]) -> int | None:
    return _read(lambda: read(response))


def _read(read: Callable[[], int | None]) -> int | None:
    """What a header says; what is malformed says nothing."""
    try:
        return read()
    except ValueError:
        return None


def _of_contact(response: Response, contact: str) -> int | None:
    """The expiry of our own address among all that are registered for the user."""
    own = parse_name_addr(contact).uri
    for value in response.contacts:
        if _same(value, own):
            return contact_expires(value)
    return None


def _same(value: NameAddr, own: Uri) -> bool:
    try:
        uri = value.uri
    except ValueError:
        return False
    return (uri.user, uri.host, uri.port) == (own.user, own.host, own.port)
