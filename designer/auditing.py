"""The record of what people do: who, when, what, to what, and why.

An act is recorded in the transaction that does it, so that both are kept or neither. What calls do
is recorded elsewhere, by the journal; this is about those who change what calls will do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    return AuditEntry.objects.create(
        act=act,
        by=user,
        by_name=by_name or (person_name(user) if user is not None else PRODUCT),
        flow_name=flow.name if isinstance(flow, Flow) else flow or "",
        subject=subject[:200],
        reason=reason.strip()[:LONGEST_REASON],
        detail=dict(detail or {}),
    )
