"""How a party is found again: by the digits of a number, however it was written."""

from __future__ import annotations

import re

_USER = re.compile(r"(?:sips?:|tel:)([^@;>\s]*)", re.IGNORECASE)
_NUMBER = re.compile(r"\+?[\d ()./\-\u00a0]+")
_NOT_DIGITS = re.compile(r"\D")
LONGEST = 128


def key_of(party: str) -> str:
    """Return what a party is searched by: its number as bare digits, or its name in small letters.

    >>> key_of('"Al" <sip:+49-30.5556@x>'), key_of("0049 30 5556"), key_of("sip:Alice@x")
    ('49305556', '49305556', 'alice')
    """
    if not party:
        return ""
    found = _USER.search(party)
    user = found[1] if found else party.strip()
    if _NUMBER.fullmatch(user):
        digits = _NOT_DIGITS.sub("", user)
        return (digits[2:] if digits.startswith("00") else digits)[:LONGEST]
    return user.lower()[:LONGEST]
