"""Trunks as a node knows them: where they are, what they may, what they are answered with.

A trunk's credentials are bound to the trunk a call was placed through, never found by realm: who
merely names the realm in a challenge gets nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from runtime.node.calling import Network, network, within

if TYPE_CHECKING:
    from runtime.sip.auth import Challenge, Credentials


class Trunk(msgspec.Struct, frozen=True, omit_defaults=True, dict=True):
    """One peer that calls come from and go to."""

    name: str
    realm: str = ""
    """What its challenges have to name; empty: whatever the trunk itself asks with."""
    user: str = ""
    password: str = ""
    sources: tuple[str, ...] = ()
    """Networks its calls come from."""
    enabled: bool = True

    @cached_property
    def networks(self) -> tuple[Network, ...]:
        """The sources, ready to be asked."""
        return tuple(network(each) for each in self.sources)

    def __repr__(self) -> str:
        """Name it without its password."""
        return f"<Trunk {self.name}>"


class TrunkBook:
    """The trunks of a node by name; replaced as a whole."""

    def __init__(self) -> None:
        self._trunks: dict[str, Trunk] = {}

    def __iter__(self) -> Iterator[Trunk]:
        return iter(self._trunks.values())

    def __len__(self) -> int:
        return len(self._trunks)

    def replace(self, trunks: Iterable[Trunk]) -> None:
        """Take these trunks instead of those known."""
        self._trunks = {trunk.name: trunk for trunk in trunks}

    def named(self, name: str) -> Trunk | None:
        """Return a trunk that is in use, None if none has this name."""
        trunk = self._trunks.get(name)
        return trunk if trunk is not None and trunk.enabled else None

    def of_source(self, address: str) -> Trunk | None:
        """Return the trunk whose networks hold an IP address."""
        for trunk in self._trunks.values():
            if trunk.enabled and trunk.networks and within(trunk.networks, address):
                return trunk
        return None

    def credentials(self, challenge: Challenge, name: str) -> Credentials | None:
        """Return what a challenge is answered with in a call placed through the trunk `name`."""
        from runtime.sip.auth import Credentials

        trunk = self.named(name)
        if trunk is None or not trunk.user:
            return None
        if trunk.realm and trunk.realm != challenge.realm:
            return None
        return Credentials(trunk.user, trunk.password)
