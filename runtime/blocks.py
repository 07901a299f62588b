"""The chain in the database: adding a block, sealing the acts of people, telling the heads."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.db import connection, transaction

from designer.auditing import digest_of, is_ours
from designer.models import AuditEntry
from runtime import chain
from runtime.models import ChainBlock

logger = logging.getLogger(__name__)

MOST_ACTS = 1000
"""Acts in one block."""
_LOCK = 0x0CA115
"""Of PostgreSQL, for the one who seals acts."""


def append_block(name: str, epoch: int, first: int, digests: bytes) -> None:
    """Add a block to a chain, within the transaction that stores what it proves."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT position, link FROM runtime_chainblock WHERE chain = %s"
            " ORDER BY position DESC LIMIT 1",
            [name],
        )
        position, before = cursor.fetchone() or (0, chain.START)
        count, at = len(digests) // chain.SIZE, time.time()
        link = chain.link_of(before, name, position + 1, epoch, first, count, at, digests)
        cursor.execute(
            "INSERT INTO runtime_chainblock (chain, position, epoch, first, count, digests, link,"
            " at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [name, position + 1, epoch, first, count, digests, link, at],
        )


def seal_acts() -> int:
    """Put the acts that are not in the chain yet into it, and return how many those were.

    An act that the product did not write itself is left out, and the verifier names it.
    """
    sealed = 0
    while count := _seal_some():
        sealed += count
    return sealed


def _seal_some() -> int:
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        waiting = list(
            AuditEntry.objects.filter(number=None).exclude(seal="").order_by("pk")[:MOST_ACTS]
        )
        entries = [entry for entry in waiting if is_ours(entry)]
        if len(entries) < len(waiting):
            logger.error("%d acts were not written by this product", len(waiting) - len(entries))
        if not entries:
            return 0
        last = ChainBlock.objects.filter(chain=chain.ACTS).order_by("-position").first()
        first = last.first + last.count if last is not None else 1
        for number, entry in enumerate(entries, first):
            entry.number = number
        AuditEntry.objects.bulk_update(entries, ["number"])
        append_block(chain.ACTS, 0, first, b"".join(map(digest_of, entries)))
    return len(entries)


def heads() -> dict[str, dict[str, Any]]:
    """Return the newest block of each chain: {name: {position, link, at, epoch, number}}.

    Whoever keeps this outside of the database can tell later whether any end was cut off.
    """
    found: dict[str, dict[str, Any]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT chain, MAX(position) FROM runtime_chainblock GROUP BY chain ORDER BY chain"
        )
        newest = cursor.fetchall()
    for name, position in newest:
        if name.startswith(chain.BEFORE):
            continue
        block = ChainBlock.objects.defer("digests").get(chain=name, position=position)
        found[name] = {
            "position": position,
            "link": block.link,
            "at": block.at,
            "epoch": block.epoch,
            "number": block.first + block.count - 1,
        }
    return found
