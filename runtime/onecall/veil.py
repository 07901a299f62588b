"""What is hidden of a call before it leaves the server: numbers of people."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from runtime.onecall.ladder import party_name

_NUMBER = re.compile(r"(?<![\w.@:/-])\+?\d{7,15}(?![\w.:/-])|(?<=sip:)\+?\d{7,15}(?=[@;>\s]|$)")


@dataclass(frozen=True, slots=True)
class Veil:
    """Masks what it is given, or hands it through for whoever may see it."""

    lifted: bool = False

    def text(self, text: str) -> str:
        """Mask the numbers in a text."""
        return text if self.lifted else _NUMBER.sub(lambda found: _masked(found[0]), text)

    def name(self, address: str) -> str:
        """Return whom an address names, masked."""
        return self.text(party_name(address))

    def value(self, value: Any) -> Any:
        """Mask a field of an event."""
        return self.text(value) if isinstance(value, str) else value


def _masked(number: str) -> str:
    return (
        f"{number[:-6]}••••{number[-2:]}" if len(number) > 8 else f"{number[:2]}••••{number[-2:]}"
    )
