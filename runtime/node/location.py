"""Where users are reached: the bindings of all nodes as one node knows them (RFC 3261 10).

A binding belongs to the node that was last told of it. What changes here is collected, written to
the database by others off the call path, and what other nodes wrote comes back as rows; nothing
here waits for either. Times are seconds since the epoch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from runtime.sip.hop import UDP, Hop
from runtime.sip.uri import parse_uri

SILENT_SECONDS = 60.0
"""How long a place where a call got no answer at all is tried last."""


class Binding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One place where a user is reached."""

    user: str
    realm: str
    contact: str
    """The URI that is asked for."""
    transport: str
    remote: str = ""
    """The address it is sent to; empty where only a connection leads there, as to a browser."""
    port: int = 0
    connection: str = ""
    """The open connection it came over, on the node that was told."""
    local: str = ""
    host: str = ""
    """Of the address of record as the phone wrote it."""
    since: float = 0.0
    refreshed: float = 0.0
    expires: float = 0.0
    q: float = 1.0
    """Preference of the phone, 0 to 1 (RFC 3261 20.10)."""
    instance: str = ""
    """+sip.instance, the device (RFC 5626 4.1)."""
    reg_id: int = 0
    """Which of the device's flows, 0 for none."""
    call_id: str = ""
    cseq: int = 0
    agent: str = ""
    path: tuple[str, ...] = ()
    """Proxies on the way to it, nearest first (RFC 3327)."""
    node: str = ""
    """Which node was told."""

    @property
    def key(self) -> str:
        """What a later REGISTER has to name to mean this binding (RFC 5626 6, RFC 3261 19.1.4)."""
        named = f"{self.instance}\n{self.reg_id}" if self.flow else contact_key(self.contact)
        text = f"{self.realm}\n{self.user}\n{named}"
        return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:40]

    @property
    def flow(self) -> bool:
        """Whether it is a flow of a device that keeps its connection (RFC 5626)."""
        return bool(self.instance and self.reg_id)

    def hop(self, node: str) -> Hop | None:
        """Return the way to it from a node; None if only the node that was told can reach it."""
        connection = self.connection if node == self.node else ""
        if self.remote:
            return Hop(self.transport, (self.remote, self.port), self.local, connection)
        return Hop(self.transport, connection, self.local) if connection else None


def contact_key(contact: str) -> str:
    """Return a contact so that equal ones are equal text: case of host, default port, transport."""
    try:
        uri = parse_uri(contact)
    except ValueError:
        return contact
    if not uri.is_sip:
        return contact
    transport = (uri.param("transport") or UDP).upper()
    port = uri.port or (5061 if uri.scheme == "sips" or transport == "TLS" else 5060)
    return f"{uri.scheme}:{uri.user}@{uri.host}:{port};{transport}"


class Location:
    """Bindings by realm and user, each user's best first."""

    def __init__(self, node: str = "") -> None:
        self.node = node
        self._bindings: dict[tuple[str, str], dict[str, Binding]] = {}
        self._keys: dict[str, tuple[str, str]] = {}
        """By key: realm and user."""
        self._connections: dict[str, set[tuple[str, str, str]]] = {}
        self._changed: dict[str, Binding | None] = {}
        self._silent: dict[str, float] = {}
        """By key: until when it is tried last."""

    def __len__(self) -> int:
        return sum(map(len, self._bindings.values()))

    def __iter__(self) -> Iterator[Binding]:
        for known in self._bindings.values():
            yield from known.values()

    # -- asking ------------------------------------------------------------------------------------

    def find(self, user: str, now: float, realm: str) -> list[Binding]:
        """Return where a user is reached from this node, the best place first: those that answered,
        by preference, then the one heard of last. A connection of another node is no way from here.
        """
        known = [each for each in self.of(user, realm, now) if each.hop(self.node) is not None]
        silent = {each.key for each in known if self._silent.get(each.key, 0.0) > now}
        return sorted(known, key=lambda each: (each.key in silent, -each.q, -each.refreshed))

    def unanswered(self, contact: str, hop: Hop, now: float) -> None:
        """Nobody answered a call there: other places of its user are tried before, for a while or
        until the phone is heard of again."""
        for each in self:
            way = each.hop(self.node) if each.contact == contact else None
            if way is not None and (way.transport, way.remote) == (hop.transport, hop.remote):
                self._silent[each.key] = now + SILENT_SECONDS

    def of(self, user: str, realm: str, now: float) -> list[Binding]:
        """Return all bindings of a user, those of other nodes too."""
        known = self._bindings.get((realm, user))
        if known is None:
            return []
        for key in [key for key, each in known.items() if each.expires <= now]:
            self._drop(known[key], key)
        return list(known.values())

    def knows_host(self, user: str, realm: str, host: str) -> bool:
        """Whether a phone of the user gave this host as the one of its address."""
        known = self._bindings.get((realm, user), {})
        return any(each.host == host for each in known.values())

    # -- changing ----------------------------------------------------------------------------------

    def put(self, bindings: Iterable[Binding]) -> None:
        """Keep these, and have them written."""
        for each in bindings:
            key = each.key
            self._set(each, key)
            self._changed[key] = each

    def remove(self, bindings: Iterable[Binding]) -> None:
        """Forget these, and have that written."""
        for each in bindings:
            key = each.key
            self._drop(each, key)
            self._changed[key] = None

    def lost(self, connection: str) -> None:
        """A connection was closed: what is reached over it alone is gone (RFC 5626 4.2.1); else a
        new connection is tried to where it came from."""
        for realm, user, key in list(self._connections.get(connection, ())):
            binding = self._bindings[realm, user][key]
            if binding.flow or not binding.remote:
                self.remove([binding])
            else:
                self.put([msgspec.structs.replace(binding, connection="")])

    def expire(self, now: float) -> None:
        """Forget what is over; users nobody asks for are looked at here."""
        over = [each for each in self if each.expires <= now]
        for each in over:
            self._drop(each, each.key)

    # -- what other nodes wrote --------------------------------------------------------------------

    def take_changes(self) -> dict[str, Binding | None]:
        """Return what has to be written, by key; None for what is gone. The dict is the caller's,
        who gives it back with `give_back` if it could not be written."""
        changed, self._changed = self._changed, {}
        return changed

    def give_back(self, changes: Mapping[str, Binding | None]) -> None:
        """Have written later what could not be written; what changed meanwhile is newer."""
        self._changed = {**changes, **self._changed}

    def learn(self, rows: Iterable[tuple[str, Binding | None]]) -> None:
        """Take rows as they stand now, by key; None for one that is gone. What was changed here and
        is not written yet stays."""
        for key, binding in rows:
            if key in self._changed:
                continue
            known = self._by_key(key)
            if known is not None:
                self._drop(known, key)
            if binding is not None:
                self._set(binding, key)

    def replace(self, bindings: Iterable[Binding]) -> None:
        """Take these instead of all that was known; nothing is written."""
        self._bindings.clear()
        self._connections.clear()
        self._keys.clear()
        for each in bindings:
            self._set(each, each.key)

    # -- keeping -----------------------------------------------------------------------------------

    def _by_key(self, key: str) -> Binding | None:
        place = self._keys.get(key)
        return None if place is None else self._bindings[place].get(key)

    def _set(self, binding: Binding, key: str) -> None:
        known = self._by_key(key)
        if known is not None:
            self._drop(known, key)
        place = binding.realm, binding.user
        self._bindings.setdefault(place, {})[key] = binding
        self._keys[key] = place
        if binding.connection and binding.node == self.node:
            self._connections.setdefault(binding.connection, set()).add((*place, key))

    def _drop(self, binding: Binding, key: str) -> None:
        place = binding.realm, binding.user
        known = self._bindings.get(place)
        found = known.pop(key, None) if known is not None else None
        self._keys.pop(key, None)
        self._silent.pop(key, None)
        if known is not None and not known:
            del self._bindings[place]
        if found is not None and found.connection in self._connections:
            self._connections[found.connection].discard((*place, key))
            if not self._connections[found.connection]:
                del self._connections[found.connection]
