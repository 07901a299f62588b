"""Accounts of phones as people keep them, and what those may do who show none.

A password is shown once, to whoever made it; kept is H(user:realm:password) alone.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from designer import auditing
from designer.errors import Refused
from runtime import peer_turns, registrations
from runtime.models import Account, PeerPolicy
from runtime.node import accounts as rules
from runtime.sip.auth import ha1

ACT = "account.manage"
_USER = re.compile(r"[A-Za-z0-9_.!~*'+-]{1,64}\Z")
_REALM = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,126}[A-Za-z0-9])?\Z")
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of made passwords: nothing that looks like something else, for they are typed into phones."""
LENGTH = 16
LEAST = 8
MOST = 128


# -- what is there ---------------------------------------------------------------------------------


def listed(query: str = "") -> QuerySet[Account]:
    """Return the accounts whose user, name or note has these characters."""
    from django.db.models import Q

    found = Account.objects.annotate(wrong=Sum("uses__wrong"))
    for word in query.split()[:8]:
        found = found.filter(
            Q(user__icontains=word) | Q(display__icontains=word) | Q(note__icontains=word)
        )
    return found


def named(user: str, realm: str = "") -> Account:
    """Return an account by its user and, if several realms have one, its realm; Refused."""
    user, at, named_realm = user.strip().partition("@")
    realm = realm or named_realm
    found = Account.objects.filter(user=user, **({"realm": realm} if realm else {}))
    accounts = list(found[:2])
    if not accounts:
        raise Refused(f"There is no account {user[:64]}{f'@{realm[:64]}' if realm else ''}.")
    if len(accounts) > 1:
        raise Refused(f"Several realms have an account {user}: say {user}@REALM.")
    return accounts[0]


def policy() -> PeerPolicy:
    """Return what holds for those without an account."""
    return PeerPolicy.objects.first() or PeerPolicy(pk=1)


def for_node() -> tuple[list[rules.Account], rules.Policy]:
    """Return accounts and policy as a node takes them."""
    rows = Account.objects.values_list("user", "realm", "md5", "sha256", "enabled")
    held = policy()
    return [rules.Account(*row) for row in rows.order_by()], rules.Policy(
        held.realm, held.anybody_calls, held.anybody_asks, held.strong
    )


def as_message(account: Account) -> dict[str, Any]:
    """Return an account as plain data, without anything of its password."""
    uses = list(account.uses.all())
    return {
        "user": account.user,
        "realm": account.realm,
        "display": account.display,
        "note": account.note,
        "enabled": account.enabled,
        "created_at": account.created_at.isoformat(),
        "password_at": account.password_at.isoformat(),
        "accepted": sum(use.accepted for use in uses),
        "wrong": sum(use.wrong for use in uses),
        "stopped_until": max((use.until for use in uses), default=0.0),
    }


def made_password() -> str:
    """Return a new password: 16 characters, 79 bits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(LENGTH))


# -- what people do --------------------------------------------------------------------------------


def account_add(
    *,
    user: str,
    realm: str = "",
    password: str = "",
    display: str = "",
    note: str = "",
    by: Any = None,
    by_name: str = "",
) -> tuple[Account, str]:
    """Add an account; return it and its password, which is made unless one is given."""
    user, realm = user.strip(), (realm.strip() or policy().realm).lower()
    if not _USER.match(user):
        raise Refused("An account's name has letters, digits and . - _ ! ~ * ' +, 64 at most.")
    if not _REALM.match(realm):
        raise Refused("A realm is written like the name of a host: letters, digits, . and -.")
    secret = _checked(password)
    with transaction.atomic():
        if Account.objects.filter(user=user, realm=realm).exists():
            raise Refused(f"There is an account {user}@{realm} already.")
        account = Account(
            user=user, realm=realm, display=display.strip()[:100], note=note.strip()[:2000]
        )
        _set(account, secret)
        account.save()
        _changed(account, "added", by, by_name)
    return account, secret


def password_renew(
    *, account: Account, password: str = "", by: Any = None, by_name: str = ""
) -> str:
    """Give an account a new password and return it; the old one opens nothing from now on.

    Where the phone is registered stays until it expires.
    """
    secret = _checked(password)
    with transaction.atomic():
        _set(account, secret)
        account.password_at = timezone.now()
        account.save(update_fields=["md5", "sha256", "password_at"])
        _changed(account, "password", by, by_name)
    return secret


def account_change(
    *, account: Account, display: str, note: str, by: Any = None, by_name: str = ""
) -> None:
    """Change what an account is called and what is noted of it."""
    with transaction.atomic():
        account.display, account.note = display.strip()[:100], note.strip()[:2000]
        account.save(update_fields=["display", "note"])
        _changed(account, "changed", by, by_name)


def account_switch(*, account: Account, enabled: bool, by: Any = None, by_name: str = "") -> None:
    """Disable an account, which ends its registrations, or enable it again."""
    with transaction.atomic():
        account.enabled = enabled
        account.save(update_fields=["enabled"])
        if not enabled:
            registrations.drop(account.user, account.realm)
        _changed(account, "enabled" if enabled else "disabled", by, by_name)


def account_remove(*, account: Account, by: Any = None, by_name: str = "") -> None:
    """Remove an account and its registrations. Calls in progress go on."""
    with transaction.atomic():
        registrations.drop(account.user, account.realm)
        _changed(account, "removed", by, by_name)
        account.delete()


def policy_set(
    *,
    anybody_calls: bool,
    anybody_asks: bool,
    strong: bool = False,
    realm: str = "",
    by: Any = None,
    by_name: str = "",
) -> PeerPolicy:
    """Say what those may do who show no account."""
    held = policy()
    realm = realm.strip().lower() or held.realm
    if not _REALM.match(realm):
        raise Refused("A realm is written like the name of a host: letters, digits, . and -.")
    with transaction.atomic():
        before = [held.realm, held.anybody_calls, held.anybody_asks, held.strong]
        held.pk = 1
        held.realm, held.strong = realm, strong
        held.anybody_calls, held.anybody_asks = anybody_calls, anybody_asks
        held.save()
        auditing.record(
            ACT,
            user=by,
            by_name=by_name or ("" if by is not None else "command line"),
            subject="calls from anybody",
            detail={
                "what": "policy",
                "before": before,
                "after": [realm, anybody_calls, anybody_asks, strong],
            },
        )
        peer_turns.changed(peer_turns.PEERS)
    return held


def _checked(password: str) -> str:
    if not password:
        return made_password()
    if not LEAST <= len(password) <= MOST or not password.isprintable():
        raise Refused(f"A password has {LEAST} to {MOST} printable characters.")
    return password


def _set(account: Account, password: str) -> None:
    account.md5 = ha1(account.user, account.realm, password, "MD5")
    account.sha256 = ha1(account.user, account.realm, password, "SHA-256")


def _changed(account: Account, what: str, by: Any, by_name: str) -> None:
    auditing.record(
        ACT,
        user=by,
        by_name=by_name or ("" if by is not None else "command line"),
        subject=str(account),
        detail={"what": what, "user": account.user, "realm": account.realm},
    )
    peer_turns.changed(peer_turns.PEERS)
