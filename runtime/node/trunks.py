"""Trunks as a node knows them: where they are, what they may, what they are answered with.

A trunk's credentials are bound to the trunk a call was placed through, never found by realm: who
merely names the realm in a challenge gets nothing. Limits hold on each node.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Literal
from urllib.parse import quote

import msgspec

from runtime.node.allowance import Allowance
from runtime.node.calling import Network, network, within
from runtime.sip.auth import Challenge, Credentials
from runtime.sip.uri import Uri

log = logging.getLogger(__name__)

Direction = Literal["in", "out"]
MOST_BEGUN = 5000
INCOMING: Direction = "in"
OUTGOING: Direction = "out"


class Trunk(msgspec.Struct, frozen=True, omit_defaults=True, dict=True):
    """One peer that calls come from and go to."""

    name: str
    host: str = ""
    port: int = 0
    """0: what the transport and the name service say."""
    transport: str = "UDP"
    proxy: str = ""
    """host:port of an outbound proxy; empty: the trunk itself."""
    realm: str = ""
    """What its challenges have to name; empty: whatever the trunk itself asks with."""
    user: str = ""
    secret: str = ""
    """Its password, sealed."""
    caller: str = ""
    """Who calls out through it are from (a SIP URI); empty: as the flow says."""
    sources: tuple[str, ...] = ()
    """Networks its calls come from."""
    trusted: bool = False
    """Whether P-Asserted-Identity of its calls is believed."""
    in_calls: int = 0
    in_rate: float = 0.0
    out_calls: int = 0
    out_rate: float = 0.0
    """Calls at once and calls a second, by direction; 0 for any number."""
    every: float = 0.0
    """Seconds between two questions whether it is there; 0: it is not asked."""
    enabled: bool = True

    @cached_property
    def networks(self) -> tuple[Network, ...]:
        """The sources, ready to be asked."""
        return tuple(network(each) for each in self.sources)

    def uri(self, user: str) -> str:
        """Return the address of a user behind the trunk."""
        return f"sip:{user}@{self.place}" if user else f"sip:{self.place}"

    @property
    def place(self) -> str:
        """Host, port and transport as a URI has them."""
        return _place(f"[{self.host}]" if ":" in self.host else self.host, self.port, self)

    @property
    def address(self) -> str:
        """Return who we are for it: as whom we call, else our user there; empty without both."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = quote(self.user, safe="+*#-_.!~'()&=$,;?/")
        return self.caller or (f"sip:{user}@{host}" if user else "")

    @property
    def next_hop(self) -> str:
        """The URI of where its requests are sent."""
        return f"sip:{_place(self.proxy, 0, self)}" if self.proxy else f"sip:{self.place}"

    def limits(self, direction: Direction) -> tuple[int, float]:
        """Return how many calls at once and how many a second; 0 for any number."""
        if direction == INCOMING:
            return self.in_calls, self.in_rate
        return self.out_calls, self.out_rate

    def __repr__(self) -> str:
        """Name it without its secret."""
        return f"<Trunk {self.name}>"


def _place(host: str, port: int, trunk: Trunk) -> str:
    transport = "" if trunk.transport == "UDP" else f";transport={trunk.transport.lower()}"
    return f"{host}:{port}{transport}" if port else f"{host}{transport}"


class TrunkBook:
    """The trunks of a node by name; replaced as a whole."""

    def __init__(
        self,
        unseal: Callable[[str], str | None] = lambda sealed: None,
        lives: Callable[[str], bool] = lambda session: True,
    ) -> None:
        self._unseal = unseal
        self._lives = lives
        self._trunks: dict[str, Trunk] = {}
        self._calls: dict[tuple[str, Direction], set[str]] = {}
        """Sessions by trunk and direction; those that ended are taken out when it is asked for."""
        self._rates: dict[tuple[str, Direction], tuple[float, Allowance]] = {}
        self._opened: dict[str, str | None] = {}
        self.begun: deque[tuple[str, Direction, str]] = deque(maxlen=MOST_BEGUN)
        """Trunk, direction and session of calls that nobody was told of yet."""
        self.down: Callable[[str], str] = lambda name: ""
        """Says why nothing is sent to a trunk now; empty while it answers or is not asked."""

    def __iter__(self) -> Iterator[Trunk]:
        return iter(self._trunks.values())

    def __len__(self) -> int:
        return len(self._trunks)

    def replace(self, trunks: Iterable[Trunk]) -> None:
        """Take these trunks instead of those known."""
        self._trunks = {trunk.name.lower(): trunk for trunk in trunks}
        self._opened.clear()

    def named(self, name: str) -> Trunk | None:
        """Return a trunk that is in use, None if none has this name."""
        trunk = self._trunks.get(name.lower())
        return trunk if trunk is not None and trunk.enabled else None

    def of_source(self, address: str) -> Trunk | None:
        """Return the trunk whose networks hold an IP address."""
        if not address:
            return None
        for trunk in self._trunks.values():
            if trunk.enabled and trunk.networks and within(trunk.networks, address):
                return trunk
        return None

    def towards(self, target: Uri) -> Trunk | None:
        """Return the trunk a target lies behind: by the trunk's name, or by its address."""
        named = self.named(target.host)
        if named is not None:
            return named
        for trunk in self._trunks.values():
            same = trunk.host.lower() == target.host
            if trunk.enabled and same and (not target.port or target.port == (trunk.port or 5060)):
                return trunk
        return None

    def credentials(self, challenge: Challenge, name: str) -> Credentials | None:
        """Return what a challenge is answered with in a call placed through the trunk `name`."""
        trunk = self.named(name)
        if trunk is None or not trunk.user:
            return None
        if trunk.realm and trunk.realm != challenge.realm:
            log.warning("trunk %s is asked for another realm than its own", trunk.name)
            return None
        password = self._password(trunk)
        return None if password is None else Credentials(trunk.user, password)

    def _password(self, trunk: Trunk) -> str | None:
        if trunk.name not in self._opened:
            self._opened[trunk.name] = self._unseal(trunk.secret) if trunk.secret else ""
            if self._opened[trunk.name] is None:
                log.error("the password of trunk %s cannot be read: type it again", trunk.name)
        return self._opened[trunk.name]

    # -- limits ------------------------------------------------------------------------------------

    def began(self, trunk: Trunk, direction: Direction, session: str) -> None:
        """Count a call until its session has ended."""
        self._calls.setdefault((trunk.name, direction), set()).add(session)
        self.begun.append((trunk.name, direction, session))

    def calls(self, name: str, direction: Direction) -> int:
        """Return how many calls of a trunk there are."""
        known = self._calls.get((name, direction))
        if known is None:
            return 0
        known.difference_update([each for each in known if not self._lives(each)])
        return len(known)

    def full(self, trunk: Trunk, direction: Direction, now: float) -> str:
        """Say why a further call is not taken; empty if it is, and then its second is counted."""
        most, rate = trunk.limits(direction)
        if most and self.calls(trunk.name, direction) >= most:
            return f"all {most} calls of trunk {trunk.name} are in use"
        if rate and not self._allowance(trunk, direction, rate).take(now):
            return f"trunk {trunk.name} takes {rate:g} calls a second"
        return ""

    def _allowance(self, trunk: Trunk, direction: Direction, rate: float) -> Allowance:
        key = trunk.name, direction
        known = self._rates.get(key)
        if known is None or known[0] != rate:
            known = self._rates[key] = (rate, Allowance(rate, max(1.0, rate)))
        return known[1]
