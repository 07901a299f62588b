"""SIP URIs, name-addr values and parameters: typed once, by linear scans only.

The character classes come from sipmessage; the shapes are ours, because the library refuses URI
headers (`?Replaces=`), one-label hosts with a digit and `*`, splits parameters inside quotes, and
reads two quoted display names as one.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from sipmessage import grammar

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_USER = re.compile(f"(?:{grammar.cset(grammar.C_USER_SAFE)}|{grammar.ESCAPED})+")
_PASSWORD = re.compile(f"(?:{grammar.cset(grammar.C_PASSWORD_SAFE)}|{grammar.ESCAPED})*")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_.])?", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}")
_SAFE_PARAM = grammar.cset(grammar.C_URI_PARAM_SAFE)
_PARAMS = re.compile(
    f"(?:;(?:{_SAFE_PARAM}|{grammar.ESCAPED})+(?:=(?:{_SAFE_PARAM}|{grammar.ESCAPED})+)?)*"
)
_HEADERS = re.compile(rf"(?:[A-Za-z0-9\-_.!~*'()\[\]/?:+$=&@;]|{grammar.ESCAPED})+")
_TEL = re.compile(r"\+?[0-9A-Fa-f*#\-.()]+")
_OPAQUE = re.compile(r"[!-;=?-~]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_DISPLAY = re.compile(r"[A-Za-z0-9\-.!%*_+`'~ \t\u0080-\U0010ffff]*")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_TOKEN = re.compile(grammar.TOKEN)


@dataclass(frozen=True, slots=True)
class Uri:
    """One URI. Only sip, sips and tel are taken apart; of others `text` is all there is."""

    text: str
    "The URI as it was written: what is sent again."

    scheme: str
    user: str = ""
    "Unescaped."

    host: str = ""
    "Lower case; an IPv6 address without brackets."

    port: int | None = None
    params: tuple[tuple[str, str | None], ...] = ()
    headers: str = ""
    "What follows the question mark."

    @property
    def is_sip(self) -> bool:
        return self.scheme in ("sip", "sips")

    def param(self, name: str) -> str | None:
        """The value of a parameter, "" for one without a value, None if it is absent."""
        for key, value in self.params:
            if key == name:
                return value if value is not None else ""
        return None

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=512)
def parse_uri(text: str) -> Uri:
    """Parse a URI (RFC 3261 25.1); ValueError if it is none."""
    scheme, colon, rest = text.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme):
        raise ValueError("URI has no scheme")
    scheme = scheme.lower()
    if scheme in ("sip", "sips"):
        return _parse_sip(text, scheme, rest)
    if scheme == "tel":
        number, semicolon, params = rest.partition(";")
        if not _TEL.fullmatch(number) or not _PARAMS.fullmatch(semicolon + params):
            raise ValueError("telephone number is not valid")
        return Uri(text, scheme, user=number, params=_uri_params(semicolon + params))
    if not _OPAQUE.fullmatch(rest):
        raise ValueError("URI has a character that is not allowed")
    return Uri(text, scheme)


def _parse_sip(text: str, scheme: str, rest: str) -> Uri:
    # A user part holds no bare "@"; in headers some phones do not escape the one of a Call-ID.
    userinfo, at, tail = rest.partition("@")
    user = ""
    if not at:
        tail = rest
    else:
        user, colon, password = userinfo.partition(":")
        if not _USER.fullmatch(user) or not _PASSWORD.fullmatch(password):
            raise ValueError("URI has a user part that is not valid")
    tail, question, headers = tail.partition("?")
    if question and not _HEADERS.fullmatch(headers):
        raise ValueError("URI has headers that are not valid")
    hostport, semicolon, params = tail.partition(";")
    if not _PARAMS.fullmatch(semicolon + params):
        raise ValueError("URI has parameters that are not valid")
    host, port = parse_hostport(hostport)
    return Uri(text, scheme, unquote(user), host, port, _uri_params(semicolon + params), headers)


@lru_cache(maxsize=1024)
def parse_hostport(text: str) -> tuple[str, int | None]:
    """Split "host[:port]"; brackets of IPv6 are taken away; ValueError if it is not valid."""
    if text.startswith("["):
        address, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ValueError("host is not valid")
        # RFC 5118 4.10: by the grammar of RFC 3261 a third colon may stand before an IPv4 address.
        if "." in address:
            address = address.replace(":::", "::", 1)
        return str(ipaddress.IPv6Address(address)), _port(port[1:]) if port else None
    host, colon, port = text.partition(":")
    if not _HOST.fullmatch(host):
        raise ValueError("host is not valid")
    return host.lower(), _port(port) if colon else None


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or not 0 < int(text) < 65536:
        raise ValueError("port is not valid")
    return int(text)


def _uri_params(text: str) -> tuple[tuple[str, str | None], ...]:
    if not text:
        return ()
    found = []
    for piece in text.split(";")[1:]:
        name, equal, value = piece.partition("=")
        found.append((unquote(name).lower(), unquote(value) if equal else None))
    return tuple(found)


class NameAddr(NamedTuple):
    """The value of From, To, Contact, Route and their like (RFC 3261 20.10)."""

    display: str
    "Unescaped, without the control characters that a quoted pair may hold."
    uri_text: str
    params: dict[str, str | None]

    @property
    def uri(self) -> Uri:
        """The typed URI; ValueError if it is not valid."""
        return parse_uri(self.uri_text)

    @property
    def tag(self) -> str:
        """The tag parameter, "" if there is none (an RFC 2543 peer, or a request to nobody yet)."""
        return self.params.get("tag") or ""


@lru_cache(maxsize=2048)
def parse_name_addr(value: str) -> NameAddr:
    """Parse one name-addr or addr-spec with its parameters; ValueError if it is neither."""
    value = value.strip()
    display = ""
    rest = value
    if value.startswith('"'):
        quoted = _QUOTED.match(value)
        if quoted is None:
            raise ValueError("display name has no closing quote")
        display = _CONTROL.sub("", re.sub(r"\\(.)", r"\1", quoted.group()[1:-1], flags=re.DOTALL))
        rest = value[quoted.end() :].lstrip()
        if not rest.startswith("<"):
            raise ValueError("no address follows the display name")
    opening = rest.find("<")
    if opening < 0:
        # RFC 3261 20: without brackets the parameters belong to the header, not to the URI.
        uri, semicolon, params = rest.partition(";")
        if "?" in uri:
            raise ValueError("an address with headers needs brackets")
        return NameAddr("", _checked(uri.strip()), parse_params(semicolon + params))
    if not display and opening:
        display = rest[:opening].strip()
        if not _DISPLAY.fullmatch(display):
            raise ValueError("display name needs quotes")
    closing = rest.find(">", opening)
    if closing < 0:
        raise ValueError("address has no closing bracket")
    uri = _checked(rest[opening + 1 : closing].strip())
    return NameAddr(display, uri, parse_params(rest[closing + 1 :]))


def _checked(uri: str) -> str:
    if not uri or " " in uri or "\t" in uri or "<" in uri:
        raise ValueError("address is not valid")
    return uri


def parse_params(text: str) -> dict[str, str | None]:
    """Parse `;name=value;flag`; names in lower case, quotes removed; ValueError if malformed."""
    text = text.strip()
    if not text:
        return {}
    if not text.startswith(";"):
        raise ValueError("parameters are not valid")
    pieces = text[1:].split(";") if '"' not in text else list(_split(text[1:], ";"))
    found: dict[str, str | None] = {}
    for piece in pieces:
        name, equal, value = piece.partition("=")
        name = name.strip()
        if not _TOKEN.fullmatch(name):
            raise ValueError("parameter name is not valid")
        found[name.lower()] = _unquoted(value.strip()) if equal else None
    return found


def _unquoted(value: str) -> str:
    if value.startswith('"'):
        if not _QUOTED.fullmatch(value) or _CONTROL.search(value):
            raise ValueError("parameter value has no closing quote")
        return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL)
    if not value or " " in value or "\t" in value:
        raise ValueError("parameter value is not valid")
    return value


def split_list(value: str) -> list[str]:
    """Split a header value at the commas outside quotes and angle brackets; trims each part."""
    if "," not in value:
        return [value.strip()]
    return [part.strip() for part in _split(value, ",")]


_DELIMITERS = {",": re.compile('[",<]'), ";": re.compile('[";]')}


def _split(value: str, separator: str) -> Iterator[str]:
    start = position = 0
    pattern = _DELIMITERS[separator]
    while match := pattern.search(value, position):
        found = match.group()
        if found == separator:
            yield value[start : match.start()]
            start = position = match.end()
        elif found == '"':
            quoted = _QUOTED.match(value, match.start())
            position = quoted.end() if quoted else len(value)
        else:
            closing = value.find(">", match.end())
            position = closing + 1 if closing >= 0 else len(value)
    yield value[start:]


def quote_display(text: str) -> str:
    """Write a display name as a quoted string; control characters are dropped, never sent."""
    clean = "".join(character for character in text if character >= " " and character != "\x7f")
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'
