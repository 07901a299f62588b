"""Whom a node talks to, as it is told of them and as it keeps it for a start without a database.

The local copy holds what the database holds: passwords of trunks sealed, hashes of accounts as they
are. It is for the owner of the data folder alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import msgspec

from runtime.node.accounts import Account, Policy
from runtime.node.keep import read_json, write
from runtime.node.location import Binding
from runtime.node.trunks import Trunk


class Peers(msgspec.Struct):
    """Trunks, accounts, and what those may do who have none."""

    trunks: list[Trunk] = []
    accounts: list[Account] = []
    policy: Policy = Policy()


class PeerSource(Protocol):
    """Where a node that starts asks for its peers; any exception means that it is away."""

    async def peers(self) -> Peers:
        """Return trunks, accounts and policy."""

    async def bindings(self) -> list[Binding]:
        """Return all registrations in force, of every node."""


def keep(path: Path, value: Any) -> None:
    """Replace a local copy, for the owner's eyes alone; OSError leaves the old one."""
    write(path, msgspec.json.encode(value), 0o600)


def peers_at(path: Path) -> Peers | None:
    """Return the kept peers, None if there are none."""
    return read_json(path, Peers)


def bindings_at(path: Path) -> list[Binding] | None:
    """Return the kept registrations, None if there are none."""
    return read_json(path, list[Binding])
