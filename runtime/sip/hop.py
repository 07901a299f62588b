"""Where a SIP message came from, or where it goes next: plain data, no socket."""

from __future__ import annotations

from dataclasses import dataclass

UDP = "UDP"
WS = "WS"


@dataclass(frozen=True, slots=True)
class Hop:
    """One way to a peer: a UDP address, or a connection that is already open."""

    transport: str
    '"UDP" or "WS", as written in the sent-protocol of a Via.'

    remote: tuple[str, int] | str
    "UDP: (numeric address, port). WS: the id the shell gave to the connection."

    local: str = ""
    'Our own "host:port" as this peer should see it: goes into Via and Contact.'

    @property
    def reliable(self) -> bool:
        """Whether the transport delivers by itself, so that nothing is repeated (RFC 3261 17)."""
        return self.transport != UDP

    def __str__(self) -> str:
        if isinstance(self.remote, str):
            return f"{self.transport} {self.remote}"
        host, port = self.remote
        return (
            f"{self.transport} [{host}]:{port}"
            if ":" in host
            else f"{self.transport} {host}:{port}"
        )
