"""What is hidden of a call before it leaves the server: who called whom (`runtime.masking`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runtime import masking
from runtime.onecall.facts import party_name


@dataclass(frozen=True, slots=True)
class Veil:
    """Masks what it is given, or hands it through for whoever may see it."""

    lifted: bool = False

    def text(self, text: str) -> str:
        """Mask the numbers in a text of ours."""
        return text if self.lifted else masking.mask(text)

    def name(self, address: str) -> str:
        """Return whom an address names, masked."""
        name = party_name(address)
        return name if self.lifted else masking.mask_user(name)

    def fields(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Mask the fields of an event."""
        return fields if self.lifted else dict(masking.mask_values(fields))

    def value(self, name: str, value: Any) -> Any:
        """Mask one value of a session."""
        return value if self.lifted else masking.mask_values(value, name=name.rpartition(".")[2])

    def message(self, data: bytes) -> bytes:
        """Mask a message as it stood on the wire; it keeps its length."""
        return data if self.lifted else masking.mask_message(data)
