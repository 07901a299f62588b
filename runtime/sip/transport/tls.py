"""The TLS side of SIP (RFC 3261 26.2.1, RFC 5922): contexts from files, and TLS without a socket.

TLS is done between the bytes of the wire and the framing rather than by the event loop, so that a
handshake is counted, limited and timed like everything else a peer can hold up.
"""

from __future__ import annotations

import contextlib
import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where certificate, key and trusted authorities are, all as PEM."""

    certificate: Path | None = None
    "The own certificate, and after it those that lead to its authority."

    key: Path | None = None
    "The key of the own certificate; None: it is in the same file."

    authorities: Path | None = None
    "Whom to believe; None: the authorities of the system."


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """For connections of peers: at least TLS 1.2. ValueError if the files cannot be used.

    A peer may show a certificate; one that does not hold ends the connection.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.certificate is None:
        raise ValueError("TLS needs a certificate")
    _load(context, files)
    if files.authorities is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
        _trust(context, files.authorities)
    return context


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """For own connections: at least TLS 1.2, and the peer's name is checked (RFC 5922 7.3).

    The own certificate is shown to a peer that asks for one. ValueError as above.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.authorities is not None:
        _trust(context, files.authorities)
    if files.certificate is not None:
        _load(context, files)
    return context


class TlsLayer:
    """One TLS connection: bytes of the wire in and out, what was said in and out."""

    __slots__ = ("_incoming", "_outgoing", "_object", "established", "ended")

    def __init__(self, context: ssl.SSLContext, *, server: bool, name: str = "") -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server, server_hostname=name or None
        )
        self.established = False
        "The handshake is done; until then nothing can be said."
        self.ended = False
        "The peer said that nothing more comes."

    def feed(self, data: bytes) -> bytes:
        """Take what was read; returns what the peer said. ssl.SSLError if TLS does not hold."""
        self._incoming.write(data)
        said = bytearray()
        try:
            if not self.established:
                self._object.do_handshake()
                self.established = True
            while chunk := self._object.read(65536):
                said += chunk
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        return bytes(said)

    def say(self, data: bytes) -> None:
        """Encrypt something for the peer."""
        self._object.write(data)

    def end(self) -> None:
        """Say that nothing more comes."""
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()

    def take(self) -> bytes:
        """What is to be written to the wire."""
        return self._outgoing.read()

    @property
    def certificate(self) -> Mapping[str, Any] | None:
        """The certificate of the peer, if it was asked for and holds."""
        return self._object.getpeercert() or None


def names_host(certificate: Mapping[str, Any], host: str) -> bool:
    """Whether a certificate that holds bears exactly this name or address (RFC 5922 7.1)."""
    for kind, value in certificate.get("subjectAltName", ()):
        if kind == "DNS" and value.lower() == host.lower():
            return True
        if kind == "URI" and value.lower() == f"sip:{host.lower()}":
            return True
        if kind == "IP Address" and _same_address(value, host):
            return True
    return False


def _same_address(one: str, other: str) -> bool:
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return False


def _load(context: ssl.SSLContext, files: TlsFiles) -> None:
    assert files.certificate is not None
    try:
        context.load_cert_chain(files.certificate, files.key, password="")
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)
        key = f" with the key {files.key}" if files.key else ""
        raise ValueError(f"{files.certificate}{key} cannot be used: {reason}") from error


def _trust(context: ssl.SSLContext, authorities: Path) -> None:
    try:
        context.load_verify_locations(authorities)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"{authorities} cannot be used: {error}") from error
