"""The accounts of phones as a node knows them, and who may call without one.

What is kept of a password is H(user:realm:password) by algorithm: enough to verify digests of that
realm, for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

DEFAULT_REALM = "callsmith"


class Account(msgspec.Struct, frozen=True, omit_defaults=True):
    """A phone's account in a realm."""

    user: str
    realm: str
    md5: str = ""
    sha256: str = ""
    enabled: bool = True

    def __repr__(self) -> str:
        """Name it without its hashes."""
        return f"<Account {self.user}@{self.realm}>"


class Policy(msgspec.Struct, frozen=True, omit_defaults=True):
    """What those may do who show no account."""

    realm: str = DEFAULT_REALM
    """The realm of new accounts, and of phones that name an address of ours instead of a realm."""
    anybody_calls: bool = True
    """Calls (INVITE) from addresses that are not ours are taken without an account."""
    anybody_asks: bool = False
    """So are MESSAGE, SUBSCRIBE, PUBLISH and REFER outside a call."""
    strong: bool = False
    """Digests are of SHA-256 alone: phones that know only MD5 cannot register."""


class AccountBook:
    """The accounts of a node; replaced as a whole."""

    def __init__(self) -> None:
        self.policy = Policy()
        self._accounts: dict[tuple[str, str], Account] = {}
        self.realms: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self._accounts)

    def replace(self, accounts: Iterable[Account]) -> None:
        """Take these accounts instead of those known."""
        self._accounts = {(each.user, each.realm): each for each in accounts}
        self.realms = frozenset(realm for _, realm in self._accounts)

    def named(self, user: str, realm: str) -> Account | None:
        """Return an account, whether it is enabled or not."""
        return self._accounts.get((user, realm))

    def realm_of(self, host: str) -> str:
        """Return the realm that a host of an address stands for: its own, else the default one."""
        return host if host in self.realms else self.policy.realm

    def hash_of(self, user: str, realm: str, algorithm: str) -> str | None:
        """Return H(user:realm:password), None for an account that opens nothing."""
        account = self._accounts.get((user, realm))
        if account is None or not account.enabled:
            return None
        return (account.sha256 if algorithm == "SHA-256" else account.md5) or None
