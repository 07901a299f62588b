"""Where users are reached, as rows: written by the nodes that were told, read by all of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Q, QuerySet

from designer import auditing
from designer.errors import Refused
from runtime import peer_turns
from runtime.models import Registration
from runtime.node.location import Binding

ACT = "account.manage"
KEPT_GONE = 3600.0
"""Seconds for which a node that was cut off may still hear that a registration is no more."""
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Binding)


def listed(query: str = "") -> QuerySet[Registration]:
    """Return who is registered now: those whose user, contact, address or phone has these words."""
    found = Registration.objects.filter(gone=False, expires__gt=time.time())
    for word in query.split()[:8]:
        found = found.filter(
            Q(user__icontains=word)
            | Q(realm__icontains=word)
            | Q(contact__icontains=word)
            | Q(agent__icontains=word)
            | Q(remote__icontains=word)
        )
    return found.order_by("user", "-refreshed")


def as_message(row: Registration) -> dict[str, Any]:
    """Return a registration as plain data."""
    return {
        "id": row.key,
        "user": row.user,
        "realm": row.realm,
        "contact": row.contact,
        "transport": row.transport,
        "address": row.remote,
        "agent": row.agent,
        "node": row.node,
        "since": row.since,
        "refreshed": row.refreshed,
        "expires": row.expires,
    }


# -- what nodes do ---------------------------------------------------------------------------------


def store(changes: Mapping[str, Binding | None]) -> None:
    """Write what changed on a node."""
    if not changes:
        return
    with transaction.atomic():
        turn = peer_turns.changed(peer_turns.LOCATION)
        gone = [key for key, binding in changes.items() if binding is None]
        Registration.objects.filter(pk__in=gone).update(gone=True, turn=turn)
        rows = [_row(key, each, turn) for key, each in changes.items() if each is not None]
        Registration.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["key"],
            update_fields=[
                field.name for field in Registration._meta.concrete_fields if field.name != "key"
            ],
        )


def since(turn: int) -> list[tuple[str, Binding | None, int]]:
    """Return what changed after a turn, by key: the binding, or None for what is no more."""
    rows = Registration.objects.filter(turn__gt=turn).order_by("turn")
    return [
        (key, None if gone else _DECODER.decode(text), number)
        for key, gone, text, number in rows.values_list("key", "gone", "binding", "turn")
    ]


def sweep(now: float) -> None:
    """Forget rows that nobody needs any more."""
    over = Q(expires__lt=now - KEPT_GONE)
    Registration.objects.filter(over).delete()


def _row(key: str, binding: Binding, turn: int) -> Registration:
    return Registration(
        key=key,
        user=binding.user[:255],
        realm=binding.realm,
        contact=binding.contact,
        transport=binding.transport,
        remote=f"{binding.remote}:{binding.port}" if binding.remote else "",
        agent=binding.agent,
        node=binding.node,
        since=binding.since,
        refreshed=binding.refreshed,
        expires=binding.expires,
        binding=_ENCODER.encode(binding).decode(),
        turn=turn,
        gone=False,
    )


# -- what people do --------------------------------------------------------------------------------


def remove(*, key: str, reason: str, by: Any = None, by_name: str = "") -> Registration:
    """End a registration; the phone may register again. Refused without a reason."""
    row = Registration.objects.filter(pk=key, gone=False).first()
    if row is None:
        raise Refused("This registration is no more.")
    if not reason.strip():
        raise Refused("Why a registration is ended is kept: give a reason.")
    with transaction.atomic():
        _end([row.key])
        auditing.record(
            ACT,
            user=by,
            by_name=by_name or ("" if by is not None else "command line"),
            subject=f"{row.user}@{row.realm}",
            reason=reason,
            detail={"what": "registration ended", "contact": row.contact, "agent": row.agent},
        )
    return row


def drop(user: str, realm: str) -> None:
    """End all registrations of a user."""
    known = Registration.objects.filter(user=user, realm=realm, gone=False)
    _end(known.values_list("key", flat=True))


def _end(keys: Iterable[str]) -> None:
    found = list(keys)
    if found:
        turn = peer_turns.changed(peer_turns.LOCATION)
        Registration.objects.filter(pk__in=found).update(gone=True, turn=turn)
