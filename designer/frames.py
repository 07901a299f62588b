"""What a browser may say on the editor's socket: each frame's shape, checked once at the door."""

from __future__ import annotations

from collections import deque
from typing import Any, Literal

import msgspec

MAX_FRAME = 2 << 20
"""Characters of one frame; a text has at most 1 MiB."""
MAX_WAITING = 256
"""Frames that may wait for their turn before the sender is told to stop."""


class BadFrame(ValueError):
    """What was sent is no frame of this socket; the text says why."""


class Text(msgspec.Struct, tag="text"):
    """The whole text as it stands after typing."""

    seq: int
    text: str


class Edit(msgspec.Struct, tag="edit"):
    """One operation of flows.edit."""

    seq: int
    operation: str
    arguments: dict[str, Any] = {}


class Preview(msgspec.Struct, tag="preview"):
    """What one operation of flows.edit would change; nothing is changed."""

    seq: int
    operation: str
    arguments: dict[str, Any] = {}


class Undo(msgspec.Struct, tag="undo"):
    seq: int


class Redo(msgspec.Struct, tag="redo"):
    seq: int


class Save(msgspec.Struct, tag="save"):
    """Make the draft a version, on top of version number `base`."""

    seq: int
    message: str = ""
    base: int | None = None


class Deploy(msgspec.Struct, tag="deploy"):
    """Let new calls take this version; a `reason` asks to pass over its errors."""

    seq: int
    version: int
    reason: str = ""


class View(msgspec.Struct, tag="view"):
    """Draw the table for this tab otherwise: one role, groups folded, without failures or rows."""

    seq: int
    role: str | None = None
    fold: list[str] | None = None
    failures: bool = True
    rows: bool | None = None

    def asked(self) -> dict[str, Any]:
        """What `designer.rendering.seen` is asked for."""
        return {
            "role": self.role,
            "fold": self.fold,
            "failures": self.failures,
            "rows": self.rows,
        }


class Cursor(msgspec.Struct, tag="cursor"):
    """Where this tab is: a state or row, as the text names it; None for nowhere. Never a lock."""

    at: dict[str, Any] | None = None
    seq: int = 0


class Try(msgspec.Struct, tag="try"):
    """A question to the simulator (designer.trials); the draft stays as it is."""

    seq: int
    ask: str
    arguments: dict[str, Any] = {}


class Check(msgspec.Struct, tag="check"):
    """Cancel the deeper check of a version, ask for it again, or be told how it stands."""

    seq: int
    version: int
    act: Literal["cancel", "again", "look"]


class Discard(msgspec.Struct, tag="discard"):
    """Let go of the draft and begin again from the newest version."""

    seq: int


Frame = View | Text | Edit | Preview | Undo | Redo | Save | Deploy | Check | Discard | Cursor | Try
_decoder = msgspec.json.Decoder(Frame)


def decode(data: str | bytes) -> Frame:
    """Read one frame; raise BadFrame for anything else."""
    if len(data) > MAX_FRAME:
        raise BadFrame(f"A frame has at most {MAX_FRAME >> 20} MiB.")
    try:
        frame: Frame = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadFrame(f"This frame cannot be read: {error}") from None
    return frame


class Inbox:
    """Frames that wait. Of several texts or cursors in a row only the last one is worth work."""

    def __init__(self) -> None:
        self._waiting: deque[Frame] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, frame: Frame) -> None:
        """Add a frame; raise BadFrame when too many wait."""
        last = self._waiting[-1] if self._waiting else None
        if isinstance(frame, Text | Cursor) and type(last) is type(frame):
            self._waiting[-1] = frame
        elif len(self._waiting) >= MAX_WAITING:
            raise BadFrame("Too many frames at once.")
        else:
            self._waiting.append(frame)

    def take(self) -> Frame | None:
        """Return the next frame, None if there is none."""
        return self._waiting.popleft() if self._waiting else None
