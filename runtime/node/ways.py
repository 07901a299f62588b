"""Where a call or a registration goes: behind a trunk, to a user of ours, or elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from urllib.parse import quote

from runtime.adapters.dialog import Way
from runtime.node.accounts import AccountBook
from runtime.node.location import Binding, Location
from runtime.node.trunks import OUTGOING, Trunk, TrunkBook
from runtime.sip.hop import Hop
from runtime.sip.uri import parse_name_addr, parse_uri

_USER = "+*#-_.!~'()&=$,;?/"
"""What stands as it is in the user part of an address, beside letters and digits."""


class Ways:
    """Finds ways. OSError or ValueError say why there is none."""

    def __init__(
        self,
        trunks: TrunkBook,
        accounts: AccountBook,
        location: Location,
        *,
        resolve: Callable[[str], Awaitable[Hop]],
        own_hosts: Callable[[], Collection[str]],
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._trunks = trunks
        self._accounts = accounts
        self._location = location
        self._resolve = resolve
        self._own_hosts = own_hosts
        self._now = now
        self._wall = wall

    async def of_call(self, target: str, session: str) -> Way:
        """Return the best way to a target for a call of `session`, which a trunk counts."""
        uri = parse_uri(target)
        trunk = self._trunks.towards(uri) if uri.is_sip else None
        if trunk is not None:
            return await self._through(trunk, uri.user, session)
        return (await self.all_to(target))[0]

    async def to_registrar(self, target: str) -> Way:
        """Return the way to a registrar, by its address or as the trunk that it is."""
        uri = parse_uri(target)
        trunk = self._trunks.towards(uri) if uri.is_sip else None
        if trunk is None:
            return Way(target, await self._resolve(target))
        hop = await self._resolve(trunk.next_hop)
        return Way(trunk.uri(""), hop, trunk=trunk.name, caller=trunk.address)

    async def all_to(self, target: str) -> list[Way]:
        """Return the ways to a target, best first: all places where a user of ours is reached, or
        the one way to an address elsewhere."""
        uri = parse_uri(target)
        if not uri.is_sip:
            raise ValueError(f"{uri.scheme} is no address this node can call")
        realm = self._accounts.realm_of(uri.host)
        ours = uri.host in (*self._own_hosts(), realm) or self._location.knows_host(
            uri.user, realm, uri.host
        )
        found = self._location.find(uri.user, self._wall(), realm) if ours else []
        if found:
            return [await self._to_binding(each) for each in found]
        return [Way(target, await self._resolve(target))]

    async def _to_binding(self, binding: Binding) -> Way:
        if binding.path:
            first = parse_name_addr(binding.path[0]).uri_text
            route = [("Route", value) for value in binding.path]
            return Way(binding.contact, await self._resolve(first), headers=tuple(route))
        hop = binding.hop(self._location.node)
        assert hop is not None, "find leaves out what cannot be reached from here"
        return Way(binding.contact, hop)

    async def _through(self, trunk: Trunk, user: str, session: str) -> Way:
        """Return the way to a number behind a trunk, and count the call."""
        blocked = self._trunks.down(trunk.name) or self._trunks.full(trunk, OUTGOING, self._now())
        if not blocked:
            # Before anything is waited for: no two calls take the last place.
            self._trunks.began(trunk, OUTGOING, session)
        return Way(
            trunk.uri(quote(user, safe=_USER)),
            await self._resolve(trunk.next_hop),
            trunk=trunk.name,
            caller=trunk.caller,
            blocked=blocked,
        )
