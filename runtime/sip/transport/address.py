"""Addresses as sockets and as SIP write them."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

MAPPED: Final = "::ffff:"
"What an IPv6 socket writes before the address of an IPv4 peer (RFC 4291 2.5.5.2)."


def host_port(host: str, port: int) -> str:
    """An address and a port as SIP writes them: an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def plain(host: str) -> str:
    """An address as the peer names itself: an IPv4 one without the prefix of an IPv6 socket."""
    return host.removeprefix(MAPPED) if "." in host else host


def local_address(host: str) -> str:
    """Our own address as the kernel would show it to `host`; the loopback one if there is no way.

    Nothing is sent: only the route is asked for.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "::1" if ":" in host else "127.0.0.1"


def source_of(host: str) -> str:
    """What counts as one source of messages: an IPv4 address, or the /64 of an IPv6 one."""
    if ":" not in host:
        return host
    try:
        whole = int(ipaddress.IPv6Address(host.partition("%")[0]))
    except ValueError:
        return host
    return f"{ipaddress.IPv6Address(whole >> 64 << 64)}/64"
