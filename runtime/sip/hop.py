"""Where a SIP message came from, or where it goes next: plain data, no socket."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

UDP: Final = "UDP"
TCP: Final = "TCP"
TLS: Final = "TLS"
WS: Final = "WS"
WSS: Final = "WSS"

_PARAMETER: Final = {
    TCP: ";transport=tcp",
    TLS: ";transport=tls",
    WS: ";transport=ws",
    WSS: ";transport=ws",
}


@dataclass(frozen=True, slots=True)
class Hop:
    """One way to a peer: an address, a connection that is open already, or both."""

    transport: str
    '"UDP", "TCP", "TLS", "WS" or "WSS", as written in the sent-protocol of a Via.'

    remote: tuple[str, int] | str
    """UDP, TCP, TLS: (numeric address, port). WS, WSS: the id the shell gave to the connection."""

    local: str = ""
    'Our own "host:port" as this peer should see it: goes into Via and Contact.'

    connection: str = ""
    """TCP, TLS: the id of an open connection, which is used while it is there; `remote` is where a
    new one goes to when it is gone (RFC 3261 18.2.2). Empty: whichever leads to `remote`."""

    name: str = ""
    "TLS: the name that the peer's certificate has to bear (RFC 5922 7.3); empty: its address."

    others: tuple[Hop, ...] = field(default=(), compare=False)
    "Where an initial request goes if this leads to nobody, best first (RFC 3263 4.3)."

    @property
    def reliable(self) -> bool:
        """Whether the transport delivers by itself, so that nothing is repeated (RFC 3261 17)."""
        return self.transport != UDP

    @property
    def flow(self) -> str:
        """The id of the open connection this is, "" if it is none."""
        return self.remote if isinstance(self.remote, str) else self.connection

    @property
    def host(self) -> str:
        """The numeric address of the peer; "" over a WebSocket, where only the edge knows it."""
        return "" if isinstance(self.remote, str) else self.remote[0]

    @property
    def browser(self) -> bool:
        """Whether this is a WebSocket, and so a peer that cannot be connected to."""
        return isinstance(self.remote, str)

    @property
    def parameter(self) -> str:
        """The URI parameter that leads back here (RFC 3261 19.1.1; RFC 7118 5.5 knows no wss)."""
        return _PARAMETER.get(self.transport, "")

    def same_way(self, other: Hop) -> bool:
        """Whether what is sent to one of the two shares a connection with what goes to `other`."""
        if self.flow or other.flow:
            return self.flow == other.flow
        return (self.transport, self.remote, self.name) == (
            other.transport,
            other.remote,
            other.name,
        )

    def __str__(self) -> str:
        if isinstance(self.remote, str):
            return f"{self.transport} {self.remote}"
        host, port = self.remote
        return (
            f"{self.transport} [{host}]:{port}"
            if ":" in host
            else f"{self.transport} {host}:{port}"
        )
