"""Tokens by which programs act for a person: made, shown once, recognised, taken back.

    secret, token = token_add(user=alice, name="nightly", days=90)
    token_of(secret)                     # the row while it counts, else None

A token may do what its person may do, no more and no less; it ends with its day, with its person's
account, or when it is taken back.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from designer import auditing
from designer.errors import Refused
from designer.models import AccessToken

MARK = "csm_"
"""Each token begins so; whoever finds one in a file knows what it opens."""
RANDOM_BYTES = 32
SHOWN = 10
"""How many of its characters stay readable."""
SHAPE = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
"""b64token of RFC 6750, section 2.1."""
LONGEST = 200
LONGEST_NAME = 100
DAYS = (7, 30, 90, 365)
MOST_DAYS = 366
MOST_LIVING = 50
USE_IS_KEPT_EVERY = timedelta(minutes=1)


def token_add(
    *, user: Any, name: str, days: int, now: datetime | None = None
) -> tuple[str, AccessToken]:
    """Make a token and return its secret, which is known here only now; Refused says why not."""
    now = now or timezone.now()
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Refused(f"A token needs a name of 1 to {LONGEST_NAME} characters: what it is for.")
    if not 1 <= days <= MOST_DAYS:
        raise Refused(f"A token counts for 1 to {MOST_DAYS} days.")
    secret = MARK + secrets.token_urlsafe(RANDOM_BYTES)
    try:
        with transaction.atomic():
            unrevoked = AccessToken.objects.filter(user=user, revoked_at=None)
            # One that ran out gives its name free.
            unrevoked.filter(name=name, expires_at__lte=now).update(revoked_at=now)
            if unrevoked.filter(expires_at__gt=now).count() >= MOST_LIVING:
                raise Refused(f"A person has at most {MOST_LIVING} tokens. Take one back first.")
            token = AccessToken.objects.create(
                user=user,
                name=name,
                begins=secret[:SHOWN],
                digest=digest_of(secret),
                created_at=now,
                expires_at=now + timedelta(days=days),
            )
            auditing.record("token.add", user=user, subject=name, detail={"days": days})
    except IntegrityError:
        raise Refused(f"A token named {name} exists already. Choose another name.") from None
    return secret, token


def token_revoke(*, user: Any, name: str) -> AccessToken:
    """Take back a person's token; from the next request on it opens nothing."""
    token = AccessToken.objects.filter(user=user, name=name, revoked_at=None).first()
    if token is None:
        raise Refused(f"There is no token named {name[:LONGEST_NAME]} to take back.")
    with transaction.atomic():
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        auditing.record("token.revoke", user=user, subject=token.name)
    return token


def tokens_of(user: Any) -> QuerySet[AccessToken]:
    """Return a person's tokens, newest first, with those that count no more."""
    return AccessToken.objects.filter(user=user)


def token_of(secret: str, now: datetime | None = None) -> AccessToken | None:
    """Return the token with this secret if it counts now; its use is kept, to the minute."""
    now = now or timezone.now()
    found = AccessToken.objects.select_related("user").filter(digest=digest_of(secret)).first()
    if found is None or state_of(found, now) != "active":
        return None
    if found.used_at is None or now - found.used_at >= USE_IS_KEPT_EVERY:
        AccessToken.objects.filter(pk=found.pk).update(used_at=now)
    return found


def state_of(token: AccessToken, now: datetime | None = None) -> str:
    """Say how a token stands: active, expired, revoked, or locked with its person's account."""
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at <= (now or timezone.now()):
        return "expired"
    return "active" if token.user.is_active else "locked"


def digest_of(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def as_message(token: AccessToken, now: datetime | None = None) -> dict[str, Any]:
    """Return a token as programs read it, never its secret."""
    return {
        "name": token.name,
        "begins": token.begins,
        "user": token.user.get_username(),
        "state": state_of(token, now),
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at.isoformat(),
        "used_at": token.used_at.isoformat() if token.used_at else None,
    }
