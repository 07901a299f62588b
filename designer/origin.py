"""Which page opened a socket: the browser says so, and cookies alone do not.

A cookie is sent to every port of a host, so a page of another program on this machine could open
our sockets in somebody's name. Only pages of this very host and port may.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit


def own_origin(scope: Mapping[str, Any]) -> bool:
    """Say whether the page that opened the socket was served by this very host and port."""
    origin, host = header(scope, b"origin"), header(scope, b"host")
    if not origin or not host:
        return False
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def header(scope: Mapping[str, Any], name: bytes) -> str:
    """Return a header of the handshake, empty if it is absent."""
    values = [value for key, value in scope.get("headers", []) if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else ""
