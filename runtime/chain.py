"""The chain of digests that shows whether anything of the record was changed afterwards.

Each record of a journal has a digest over what its row says; each batch that is stored writes one
block with the digests of its records, in their order, and a link:

    link = SHA-256(link before, chain, position, epoch, first number, count, time, digests)

So whoever knows the newest link of a chain (its head) knows everything before it. A node has a
chain of its own, since only it writes there; the acts of people have the chain `ACTS`.

What is personal (values, messages) goes into a record's digest through a digest of its own with a
random number beside it, the salt, which stands in the row and goes with it. So what was erased can
not be found again by trying numbers, and its place in the chain still holds.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Sequence
from typing import Any, Final

from runtime.node.journal import MediaRecord, WireRecord

ACTS: Final = "@acts"
BEFORE: Final = "@before:"
"""Chain of one block for each table: how many rows there were before rows had digests."""
SIZE: Final = 32
NOT_KEPT: Final = bytes(SIZE)
"""Stands for a record that was not stored: its flow keeps less, or the database refused it."""
WITH_STEP: Final = bytes([1]) * SIZE
"""Stands for results that are in the digest of their step: they were stored together."""
START: Final = "0" * 64
EMPTY: Final = hashlib.sha256().digest()
"""The digest of values where there are none."""
NULL: Final = "\\N"

sha256: Final = hashlib.sha256


def escaped(text: str) -> str:
    """Return a text so that it has no tab and no line end: as COPY takes it (PostgreSQL, COPY)."""
    if "\\" not in text and text.isprintable():
        return text
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace("\t", "\\t").replace("\r", "\\r")


def or_null(value: Any) -> str:
    return NULL if value is None else str(value)


def decision_text(columns: Sequence[Any]) -> str:
    """Return what a step takes from its row: the columns `runtime.journal_rows.DECISION`."""
    return "\t".join(escaped(each) if isinstance(each, str) else or_null(each) for each in columns)


def step_text(
    session: str,
    sequence: int,
    time: float,
    event: str,
    decision: str,
    node: str,
    epoch: int,
    number: int,
) -> str:
    """Return a step without its values and results, as a line of COPY begins.

    `decision` is made by `decision_text`; `session` and `event` are `escaped`.
    """
    return f"{session}\t{sequence}\t{time!r}\t{event}\t{decision}\t{node}\t{epoch}\t{number}"


def values_digest(salt: int | None, fields: str) -> bytes:
    """Return the digest of an event's fields, which are JSON text as it is stored."""
    return EMPTY if salt is None else sha256(f"{salt}\t{fields}".encode()).digest()


def step_digest(text: str, values: bytes, results: str = "") -> bytes:
    """Return the digest of a step, with its results if they were stored together with it."""
    return sha256(f"{text}\t{results}".encode() + values).digest()


def done_digest(
    session: str, sequence: int, results: str, node: str, epoch: int, number: int
) -> bytes:
    """Return the digest of results that came after their step was stored."""
    text = f"done\t{escaped(session)}\t{sequence}\t{node}\t{epoch}\t{number}\t{results}"
    return sha256(text.encode()).digest()


def wire_digest(message: WireRecord, node: str, epoch: int, salt: int) -> bytes:
    """Return the digest of a message; a row of the database has the same attributes."""
    text = (
        f"wire\t{escaped(message.session or '')}\t{message.time!r}\t{message.direction}"
        f"\t{message.transport}\t{escaped(message.local)}\t{escaped(message.remote)}"
        f"\t{node}\t{epoch}\t{message.number}\t{salt}\t"
    )
    return sha256(text.encode() + message.data).digest()


def media_digest(record: MediaRecord, detail: str, node: str, epoch: int, salt: int) -> bytes:
    """Return the digest of a media record with its detail as JSON text."""
    text = (
        f"media\t{escaped(record.session)}\t{record.time!r}\t{escaped(record.kind)}"
        f"\t{node}\t{epoch}\t{record.number}\t{salt}\t{detail}"
    )
    return sha256(text.encode()).digest()


def link_of(
    before: str,
    chain: str,
    position: int,
    epoch: int,
    first: int,
    count: int,
    at: float,
    digests: bytes,
) -> str:
    """Return the link of a block, in hexadecimal."""
    head = f"callsmith 1\t{before}\t{chain}\t{position}\t{epoch}\t{first}\t{count}\t{at!r}\t"
    return sha256(head.encode() + digests).hexdigest()


def salts(count: int) -> tuple[int, ...]:
    """Return random numbers of 63 bits."""
    return tuple(each >> 1 for each in struct.unpack(f"<{count}Q", os.urandom(8 * count)))
