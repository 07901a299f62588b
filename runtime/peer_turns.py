"""The numbers by which nodes know what changed since they looked."""

from __future__ import annotations

from django.db.models import F

from designer import notices
from runtime.models import PeerTurn

PEERS = "peers"
"""Trunks, accounts, the policy."""
LOCATION = "location"


def take(name: str) -> int:
    """Return the next number; to be called in the transaction of the change, which it puts in an
    order with all others of its kind."""
    PeerTurn.objects.get_or_create(name=name)
    PeerTurn.objects.filter(name=name).update(number=F("number") + 1)
    number: int = PeerTurn.objects.values_list("number", flat=True).get(name=name)
    return number


def numbers() -> dict[str, int]:
    """Return how far each kind is."""
    return dict(PeerTurn.objects.values_list("name", "number"))


def changed(name: str) -> int:
    """Take the next number and ring the nodes once the change is kept."""
    number = take(name)
    notices.announce(notices.NODES, {"type": "peers.changed"})
    return number
