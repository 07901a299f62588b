"""The settings of one instance, read once from environment variables.

Every variable is documented in README.md with its default; a value that cannot
be used raises `EnvironmentMistake` with a sentence a person can act on.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BASE = Path(__file__).resolve().parent.parent
DATABASES = ("postgres", "postgresql", "sqlite")
REDIS = ("redis", "rediss", "unix")
NODE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,46}[A-Za-z0-9])?")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
DRAIN_OF_NODES = 30 * 60.0
LONGEST_DRAIN = 24 * 3600.0


class EnvironmentMistake(Exception):
    """A variable holds a value that cannot be used; the text says which and what to write."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Addresses, folders and services of one instance."""

    http: tuple[str, int]
    """Host and port of the pages, the API and the WebSockets."""
    sip: tuple[str, int]
    """Host and port of SIP over UDP and TCP."""
    data: Path
    """Folder for database, journal, control socket and secrets."""
    database_url: str
    redis_url: str
    media: str
    """`child` (own process, the default) or `inprocess` (tests and debuggers)."""
    media_host: str
    """Address that session descriptions name and RTP ports bind to."""
    rtp_ports: tuple[int, int]
    """First and last UDP port for telephone media, both included."""
    allowed_hosts: tuple[str, ...]
    debug: bool
    node: str = "node1"
    """The name of the node of this process: unique in the installation."""
    role: str = "serve"
    """`serve` (with pages), or `node`: a further node, without them."""
    sip_tls: tuple[str, int] | None = None
    """Host and port of SIP over TLS; None where there is none."""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_authorities: Path | None = None
    """Whose certificates are believed, instead of those the system believes."""
    sip_trusted: tuple[Network, ...] = ()
    """Networks whose requests are exempt from the rate of strangers."""
    sip_rate: float = 50.0
    """Requests a second that one other source may begin."""
    emergency: frozenset[str] | None = None
    """Numbers that go first under overload; None: those that are usual."""
    refer_anywhere: bool = False
    """Whether the far side of a call may send it to any address."""
    drain: float = 0.0
    """Seconds that calls may go on after SIGTERM, while no new ones are taken."""
    stale: float = 3600.0
    """Seconds without a step after which a session is called stale."""
    stuck: float = 300.0
    """Seconds in one state after which a session is called stuck."""
    error_rate: float = 0.3
    """Part of its steps that may be errors before a session is called prone to them."""

    @property
    def http_address(self) -> str:
        """Host and port of the pages as one writes them together."""
        host, port = self.http
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def read(variables: Mapping[str, str] = os.environ) -> Environment:
    """Read the environment; raise EnvironmentMistake for a value that cannot be used."""
    data = Path(variables.get("CALLSMITH_DATA") or BASE / "data").expanduser().absolute()
    role = variables.get("CALLSMITH_ROLE") or "serve"
    http = _address(variables, "CALLSMITH_HTTP", "127.0.0.1:8000")
    sip = _address(variables, "CALLSMITH_SIP", "127.0.0.1:5060")
    media = variables.get("CALLSMITH_MEDIA") or "child"
    if media not in ("child", "inprocess"):
        raise EnvironmentMistake(f"CALLSMITH_MEDIA is {media!r}: write child or inprocess.")
    return Environment(
        http=http,
        sip=sip,
        data=data,
        database_url=_url(variables, "DATABASE_URL", "postgres://USER@HOST/NAME", DATABASES)
        or f"sqlite:///{data / 'callsmith.sqlite3'}",
        redis_url=_url(variables, "REDIS_URL", "redis://HOST:6379/0", REDIS),
        media=media,
        media_host=variables.get("CALLSMITH_MEDIA_HOST") or sip[0],
        rtp_ports=_ports(variables, "CALLSMITH_RTP_PORTS", "16384-32767"),
        allowed_hosts=_hosts(variables, http[0]),
        debug=variables.get("CALLSMITH_DEBUG") == "1",
        node=_node(variables),
        role=role,
        sip_tls=_tls_address(variables),
        tls_certificate=_file(variables, "CALLSMITH_TLS_CERTIFICATE"),
        tls_key=_file(variables, "CALLSMITH_TLS_KEY"),
        tls_authorities=_file(variables, "CALLSMITH_TLS_CA"),
        sip_trusted=_networks(variables),
        sip_rate=_rate(variables),
        emergency=_emergency(variables),
        refer_anywhere=_switch(variables, "CALLSMITH_REFER_ANYWHERE"),
        drain=_drain(variables, DRAIN_OF_NODES if role == "node" else 0.0),
        stale=_number(variables, "CALLSMITH_STALE", 3600.0, LONGEST_DRAIN),
        stuck=_number(variables, "CALLSMITH_STUCK", 300.0, LONGEST_DRAIN),
        error_rate=_number(variables, "CALLSMITH_ERROR_RATE", 0.3, 1.0),
    )


def _node(variables: Mapping[str, str]) -> str:
    name = variables.get("CALLSMITH_NODE") or "node1"
    if not NODE_NAME.fullmatch(name):
        raise EnvironmentMistake(
            f"CALLSMITH_NODE is {name[:80]!r}: write at most 48 letters, digits and hyphens."
        )
    return name


def _switch(variables: Mapping[str, str], name: str) -> bool:
    value = variables.get(name) or "0"
    if value not in ("0", "1"):
        raise EnvironmentMistake(f"{name} is {value[:40]!r}: write 1 or 0.")
    return value == "1"


def _drain(variables: Mapping[str, str], default: float) -> float:
    value = variables.get("CALLSMITH_DRAIN") or str(default)
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_DRAIN:
        raise EnvironmentMistake(f"CALLSMITH_DRAIN is {value[:40]!r}: write seconds, 0 to 86400.")
    return seconds


def _number(variables: Mapping[str, str], name: str, default: float, most: float) -> float:
    value = variables.get(name) or str(default)
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise EnvironmentMistake(f"{name} is {value[:40]!r}: write a number, 0 to {most:g}.")
    return number


def _address(variables: Mapping[str, str], name: str, default: str) -> tuple[str, int]:
    value = variables.get(name) or default
    host, _, port = value.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise EnvironmentMistake(f"{name} is {value!r}: write HOST:PORT, for instance {default}.")
    return host, int(port)


def _tls_address(variables: Mapping[str, str]) -> tuple[str, int] | None:
    if not variables.get("CALLSMITH_SIP_TLS"):
        return None
    if not variables.get("CALLSMITH_TLS_CERTIFICATE"):
        raise EnvironmentMistake(
            "CALLSMITH_SIP_TLS needs a certificate: write the path of a PEM file into"
            " CALLSMITH_TLS_CERTIFICATE, and that of its key into CALLSMITH_TLS_KEY."
        )
    return _address(variables, "CALLSMITH_SIP_TLS", "127.0.0.1:5061")


def _file(variables: Mapping[str, str], name: str) -> Path | None:
    value = variables.get(name)
    if not value:
        return None
    path = Path(value).expanduser().absolute()
    if not os.access(path, os.R_OK) or not path.is_file():
        raise EnvironmentMistake(f"{name} is {value!r}: no file that can be read is there.")
    return path


def _networks(variables: Mapping[str, str]) -> tuple[Network, ...]:
    named = [each.strip() for each in variables.get("CALLSMITH_SIP_TRUSTED", "").split(",")]
    try:
        return tuple(ipaddress.ip_network(each) for each in named if each)
    except ValueError as mistake:
        raise EnvironmentMistake(
            f"CALLSMITH_SIP_TRUSTED: {mistake}. Write networks with commas, for instance"
            " 10.0.0.0/8,192.0.2.7."
        ) from mistake


def _rate(variables: Mapping[str, str]) -> float:
    value = variables.get("CALLSMITH_SIP_RATE") or "50"
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", value) or float(value) <= 0:
        raise EnvironmentMistake(
            f"CALLSMITH_SIP_RATE is {value[:40]!r}: write requests a second, for instance 50."
        )
    return float(value)


def _emergency(variables: Mapping[str, str]) -> frozenset[str] | None:
    if "CALLSMITH_EMERGENCY" not in variables:
        return None
    named = {each.strip().lower() for each in variables["CALLSMITH_EMERGENCY"].split(",")} - {""}
    for each in named:
        if not re.fullmatch(r"[0-9*#]{1,15}|urn:service:sos[a-z.]*", each):
            raise EnvironmentMistake(
                f"CALLSMITH_EMERGENCY has {each[:40]!r}: write numbers with commas, for instance"
                " 112,911."
            )
    return frozenset(named)


def _url(variables: Mapping[str, str], name: str, example: str, schemes: tuple[str, ...]) -> str:
    value = variables.get(name, "").strip()
    if value and value.partition("://")[0] not in schemes:
        # Not the value itself: it may hold a password.
        raise EnvironmentMistake(f"{name} cannot be used: write {example}, or leave it out.")
    return value


def _ports(variables: Mapping[str, str], name: str, default: str) -> tuple[int, int]:
    value = variables.get(name) or default
    first, _, last = value.partition("-")
    if not (first.isdigit() and last.isdigit()):
        raise EnvironmentMistake(f"{name} is {value!r}: write FIRST-LAST, for instance {default}.")
    low, high = int(first), int(last)
    if not 1024 <= low < high <= 65535:
        raise EnvironmentMistake(f"{name} is {value!r}: write two ports of 1024 to 65535.")
    return low, high


def _hosts(variables: Mapping[str, str], http_host: str) -> tuple[str, ...]:
    named = [
        h.strip() for h in variables.get("CALLSMITH_ALLOWED_HOSTS", "").split(",") if h.strip()
    ]
    own = [] if http_host in ("0.0.0.0", "::") else [http_host]
    return tuple(dict.fromkeys(["localhost", "127.0.0.1", "[::1]", *own, *named]))
