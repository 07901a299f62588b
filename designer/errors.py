"""The refusals of the designer: each is one sentence for a person, and changed nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from designer.models import Version


class Refused(Exception):
    """The act is not possible now; `message` says why in one sentence for a person."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Conflict(Refused):
    """Somebody saved in between: `latest` is the newest version, `base` what was built upon."""

    def __init__(self, *, base: Version | None, latest: Version) -> None:
        super().__init__(
            f"{latest.author_name} saved v{latest.number} after you began"
            f" from {'v' + str(base.number) if base else 'nothing'}. Compare the two before saving."
        )
        self.base = base
        self.latest = latest


class VersionIsImmutable(Exception):
    """Our own mistake: something tried to change a saved version."""
