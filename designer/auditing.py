"""The record of what people do: who, when, what, to what, and why.

An act is recorded in the transaction that does it, so that both are kept or neither. What calls do
is recorded elsewhere, by the journal; this is about those who change what calls will do.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from designer.models import AuditEntry, Flow
from designer.naming import person_name

PRODUCT = "Callsmith"
"""Who acts where no person does: a ramp that goes back by itself, a deadline that has come."""
LONGEST_REASON = 2000


def record(
    act: str,
    *,
    user: Any = None,
    by_name: str = "",
    flow: Flow | str | None = None,
    subject: str = "",
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Keep that somebody did this.

    `act` is a key of `designer.access.PERMISSIONS` or a dotted word beside them; `by_name` names
    whoever acts without an account (a command, the product itself); `detail` is plain JSON data.
    """
    entry = AuditEntry(
        act=act,
        at=timezone.now(),
        by=user,
        by_name=by_name or (person_name(user) if user is not None else PRODUCT),
        flow_name=flow.name if isinstance(flow, Flow) else flow or "",
        subject=subject[:200],
        reason=reason.strip()[:LONGEST_REASON],
        detail=dict(detail or {}),
        salt=secrets.randbits(63),
    )
    entry.seal = seal_of(entry)
    entry.save()
    return entry


def digest_of(entry: AuditEntry) -> bytes:
    """Return the digest under which an act stands in the chain of acts.

    What may name a caller (subject, reason, detail) is in it by a digest of its own, so that it
    can be erased and the act still be proved.
    """
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    core = json.dumps([at, entry.act, entry.by_name, entry.flow_name])
    return hashlib.sha256(core.encode() + values_digest_of(entry)).digest()


def seal_of(entry: AuditEntry) -> str:
    """Return what shows that the product itself wrote an act that is not in the chain yet."""
    return salted_hmac("callsmith.act", digest_of(entry), algorithm="sha256").hexdigest()


def is_ours(entry: AuditEntry) -> bool:
    return constant_time_compare(entry.seal, seal_of(entry))


def values_digest_of(entry: AuditEntry) -> bytes:
    """Return the digest of subject, reason and detail, also once they are erased."""
    if entry.values_digest is not None:
        return bytes(entry.values_digest)
    said = [entry.salt, entry.subject, entry.reason, _plain(entry.detail)]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).digest()


def _plain(value: Any) -> Any:
    """Return data so that it reads the same after any database kept it: 1e3 and 1000 are one."""
    match value:
        case dict():
            return {str(key): _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case float() if value.is_integer():
            return int(value)
    return value
