"""Small files that are replaced whole: a crash leaves the old content or the new, never a half."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, TypeVar

import msgspec

log = logging.getLogger(__name__)

_T = TypeVar("_T")


def write(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Replace the file; raises OSError and leaves the old one. `mode` as for open(2)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with open(part, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def write_json(path: Path, value: Any) -> None:
    """Replace the file by `value` as JSON."""
    write(path, msgspec.json.encode(value))


def read_json(path: Path, wanted: type[_T]) -> _T | None:
    """Return the file's content; None, and a line in the log, if there is none or it is broken."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=wanted)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as broken:
        log.error("%s cannot be read: %s", path.name, broken)
        return None
