"""Numbers and names of callers, made unreadable for people who need not know them.

A number keeps at most its first four digits (country and area) and its last two, a name its first
letter; extensions of up to four digits are no personal data and stay. A wire message keeps its
length and its syntax (`*` is allowed in the user part, RFC 3261 section 25.1), so that ladders,
packet captures and `Content-Length` stay right. What is masked can not be computed back.
"""

from __future__ import annotations

import re
from typing import Any, Final

DOT: Final = "•"
STAR: Final = "*"
SHORTEST: Final = 5
"""Digits from which on a number is somebody's."""
_HEAD: Final = 4
_TAIL: Final = 2
_HIDDEN: Final = 4
"""Digits that are hidden at least, of a number that has so many to spare."""

_SECRET_FIELDS: Final = frozenset({"digits", "digit", "pin", "password", "signal"})
"""Fields of events that hold what somebody typed: hidden whole, however short."""

_ADDRESS = r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)(?::\d{1,5}(?!\d))?"
_NUMBER = r"\+?\d(?:[ ()./\-\u00a0]{0,3}\d){4,}"
_URI = (
    r"(?P<scheme>\b(?:sips?|tel|h323|im|pres|mailto|xmpp):)(?P<user>[^@\s<>\"?,]{1,256})"
    r"(?P<host>@[^\s<>\",;?]{1,256})?"
)
_TEXT = re.compile(
    f"(?P<tel>tel:{_NUMBER})|{_URI}|(?P<address>{_ADDRESS})|(?P<number>{_NUMBER})", re.IGNORECASE
)
_HASH = re.compile(r"[0-9a-f]{64}")
"""The digest of a version's text: nobody's number, however many digits stand in it."""
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SPOKEN_NAME = re.compile(r"^(\s*)([^<\"]*?)(\s*<)")
_IP = re.compile(
    f"{_ADDRESS}|(?<![\\w:])(?:[0-9a-f]{{0,4}}:){{2,7}}[0-9a-f]{{0,4}}(?![\\w:])", re.I
)


def mask(text: str, dot: str = DOT) -> str:
    """Hide every URI's user and every number of five digits or more in a text.

    Hosts and addresses stay: they name a trunk, not a person.
    """
    if text.startswith(("v=0\r", "v=0\n")):
        return mask_sdp(text, dot)
    return _TEXT.sub(lambda found: _hidden(found, dot), text)


def mask_party(text: str, dot: str = DOT) -> str:
    """Hide who a party is: a URI, a number, a display name with a URI, or a bare name."""
    if "<" in text or ":" in text or "@" in text:
        shown = _names_hidden(text, dot)
        return mask(shown if ":" in shown else _bare_address(shown, dot), dot)
    return mask_user(text, dot)


def mask_user(user: str, dot: str = DOT) -> str:
    """Hide the user part of a URI, or a number or name standing alone."""
    digits = sum(each.isdigit() for each in user)
    letters = sum(each.isalpha() for each in user)
    if digits > letters or not letters:
        return _digits_hidden(user, dot) if digits >= SHORTEST else user
    return _word_hidden(user, dot)


def mask_values(value: Any, dot: str = DOT, *, name: str = "") -> Any:
    """Hide numbers and names in the fields of an event, at every depth; the shape stays."""
    match value:
        case str():
            if name.lower() in _SECRET_FIELDS:
                return dot * len(value)
            if _HASH.fullmatch(value):
                return value
            return mask_party(value, dot) if name in _PARTY_FIELDS else mask(value, dot)
        case dict():
            return {key: mask_values(each, dot, name=str(key)) for key, each in value.items()}
        case list() | tuple():
            return [mask_values(each, dot, name=name) for each in value]
        case int() if not isinstance(value, bool) and name.lower() in _SECRET_FIELDS:
            return dot * len(str(value))
    return value


_PARTY_FIELDS: Final = frozenset(
    {
        "from",
        "to",
        "called",
        "target",
        "caller",
        "callee",
        "contact",
        "display_name",
        "name",
        "user",
    }
    | {"referred_by", "refer_to", "request_uri", "asserted_identity", "username", "number"}
)


def mask_sdp(text: str, dot: str = DOT, *, addresses: bool = False) -> str:
    """Hide the people in a session description, and with `addresses` where the media goes.

    RFC 8866: the user of `o=`, what `s=`, `i=`, `u=`, `e=` and `p=` say. Its other numbers are
    ports, payload types and counters.
    """
    lines = text.split("\n")
    return "\n".join(_sdp_line(line, dot, addresses) for line in lines)


def mask_message(data: bytes, *, addresses: bool = False) -> bytes:
    """Hide the people in one SIP message as it stood on the wire; as long as before.

    Names and numbers are looked for where the message names people (request line, From, To,
    Contact, P-Asserted-Identity and their like, unknown headers, body), and what is found there is
    hidden wherever else it stands. Bodies that are no text are hidden whole.
    """
    text = data.decode("latin-1")
    head, gap, body = text.partition("\r\n\r\n")
    lines = re.split(r"\r\n(?![ \t])", head)
    secrets: set[str] = set()
    masked = [_first_line(lines[0], secrets)]
    masked += [_header(line, secrets) for line in lines[1:]]
    kind = _content_type(lines)
    whole = "\r\n".join(masked) + gap + _body(body, kind, addresses, secrets)
    for secret in sorted(secrets, key=len, reverse=True):
        whole = whole.replace(secret, mask_user(secret, STAR))
    if addresses:
        whole = _IP.sub(lambda found: _all_digits(found[0]), whole)
    return whole.encode("latin-1")


# -- numbers and names -----------------------------------------------------------------------------


def _hidden(found: re.Match[str], dot: str) -> str:
    if found["address"]:
        return found[0] if _is_address(found[0]) else _digits_hidden(found[0], dot)
    if found["tel"]:
        return found[0][:4] + _digits_hidden(found[0][4:], dot)
    if found["number"]:
        return _digits_hidden(found[0], dot)
    return _uri_hidden(found, dot)


def _uri_hidden(found: re.Match[str], dot: str) -> str:
    user, host = found["user"], found["host"] or ""
    if not host and found["scheme"].lower() not in ("tel:", "im:", "pres:"):
        # Without a user part what follows the scheme is the host.
        return found["scheme"] + (user if not _looks_like_number(user) else mask_user(user, dot))
    name, sign, parameters = user.partition(";")
    secret, colon, password = name.partition(":")
    shown = mask_user(secret, dot) + colon + dot * len(password)
    return found["scheme"] + shown + sign + mask(parameters, dot) + host


def _is_address(text: str) -> bool:
    parts = text.partition(":")[0].split(".")
    return all(int(part) <= 255 and (part == "0" or part[0] != "0") for part in parts)


def _looks_like_number(text: str) -> bool:
    host = text.partition(";")[0]
    return not re.fullmatch(_ADDRESS, host) and bool(re.match(_NUMBER, host))


def _digits_hidden(text: str, dot: str) -> str:
    """Keep the first and last digits of a number; what stands between them keeps its place."""
    count = sum(each.isdigit() for each in text)
    if count < SHORTEST:
        return text
    first, last = min(_HEAD, max(0, count - _TAIL - _HIDDEN)), count - _TAIL
    shown, seen = [], 0
    for each in text:
        if each.isdigit():
            shown.append(each if seen < first or seen >= last else dot)
            seen += 1
        else:
            shown.append(each if not each.isalpha() else dot)
    return "".join(shown)


def _word_hidden(word: str, dot: str) -> str:
    """Keep a word's first letter."""
    return word[:1] + "".join(dot if each.isalnum() or ord(each) > 127 else each
                              for each in word[1:])  # fmt: skip


def _all_digits(text: str) -> str:
    return re.sub(r"[0-9a-fA-F]", "x", text)


def _names_hidden(text: str, dot: str) -> str:
    """Hide the display names of a header like From: each word keeps its first letter."""
    quoted = _QUOTED.sub(lambda found: '"' + _words_hidden(found[1], dot) + '"', text)
    return _SPOKEN_NAME.sub(
        lambda found: found[1] + _words_hidden(found[2], dot) + found[3], quoted
    )


def _words_hidden(text: str, dot: str) -> str:
    return " ".join(mask_user(word, dot) for word in text.split(" "))


def _bare_address(text: str, dot: str) -> str:
    user, sign, host = text.partition("@")
    return mask_user(user, dot) + sign + host if sign else mask_user(text, dot)


# -- messages --------------------------------------------------------------------------------------

_TECHNICAL: Final = frozenset(
    "via v cseq content-length l max-forwards expires date rseq rack session-expires x min-se"
    " min-expires timestamp allow supported k require proxy-require content-type c user-agent"
    " server accept accept-encoding accept-language event o subscription-state retry-after"
    " www-authenticate proxy-authenticate call-id i mime-version content-encoding e"
    " content-disposition allow-events u unsupported warning sip-etag sip-if-match".split()
)
"""Headers whose numbers are counters and addresses; only what was found elsewhere is hidden."""
_WHOLE: Final = frozenset({"identity", "y", "identity-info", "user-to-user", "geolocation"})
"""Headers that name people in an encoding of their own: hidden whole."""
_SPOKEN: Final = frozenset({"subject", "s", "organization", "call-info", "alert-info"})
_SIGNED: Final = frozenset({"authorization", "proxy-authorization"})
_TAGGED: Final = frozenset({"from", "f", "to", "t"})
_SIGNAL = re.compile(r"^(signal\s*=\s*)([^\r\n]+)", re.IGNORECASE | re.MULTILINE)


def _first_line(line: str, secrets: set[str]) -> str:
    if line.startswith("SIP/"):
        return line
    return _uris_hidden(line, secrets)


def _header(line: str, secrets: set[str]) -> str:
    name, colon, value = line.partition(":")
    known = name.strip().lower()
    if not colon or known in _TECHNICAL:
        return line
    if known in _WHOLE:
        return name + colon + re.sub(r"[^\s]", STAR, value)
    if known in _SIGNED:
        return name + colon + _signature_hidden(value, secrets)
    if known in _SPOKEN and "<" not in value:
        return name + colon + _words_hidden(value, STAR)
    # A tag is a name of the dialog; only what it has in common with a number found is hidden.
    people, tag, more = value.partition(";tag=") if known in _TAGGED else (value, "", "")
    _learn(people, secrets)
    return name + colon + mask(_names_hidden(people, STAR), STAR) + tag + more


def _uris_hidden(text: str, secrets: set[str]) -> str:
    _learn(text, secrets)
    return mask(text, STAR)


def _learn(text: str, secrets: set[str]) -> None:
    """Add the users and numbers that a text names, as they are written and as bare digits."""
    for found in _TEXT.finditer(text):
        user = found["user"] or found["number"] or (found["tel"] or "")[4:]
        bare = user.partition(";")[0].partition(":")[0]
        if len(bare) >= SHORTEST and mask_user(bare, STAR) != bare:
            secrets.add(bare)
            plain = re.sub(r"[ +()./\-\u00a0]", "", bare)
            if plain.isdigit():
                secrets.add(plain)


def _signature_hidden(value: str, secrets: set[str]) -> str:
    def named(found: re.Match[str]) -> str:
        if len(found[2]) >= SHORTEST:
            secrets.add(found[2].partition("@")[0])
        return found[1] + _bare_address(found[2], STAR) + '"'

    shown = re.sub(r'(\busername\*?=")([^"]*)"', named, value, flags=re.IGNORECASE)
    return re.sub(
        r'(\buri=")([^"]*)"',
        lambda found: found[1] + _uris_hidden(found[2], secrets) + '"',
        shown,
        flags=re.IGNORECASE,
    )


def _content_type(lines: list[str]) -> str:
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip().lower() in ("content-type", "c"):
            return value.partition(";")[0].strip().lower()
    return ""


def _body(body: str, kind: str, addresses: bool, secrets: set[str]) -> str:
    if not body:
        return body
    if kind == "application/sdp" or body.startswith("v=0"):
        return mask_sdp(body, STAR, addresses=addresses)
    if kind == "application/dtmf-relay":
        return _SIGNAL.sub(lambda found: found[1] + STAR * len(found[2]), body)
    if kind.startswith(("text/", "multipart/", "message/")) or kind.endswith(("xml", "json")):
        return _uris_hidden(body, secrets)
    return re.sub(r"[^\r\n]", STAR, body)


def _sdp_line(line: str, dot: str, addresses: bool) -> str:
    kind, sign, value = line.partition("=")
    match kind:
        case "o":
            user, gap, rest = value.partition(" ")
            shown = mask_user(user, dot) + gap + rest
        case "s" | "i" | "u" | "e" | "p":
            shown = mask(value, dot) if kind in "up" else _words_hidden(mask(value, dot), dot)
        case _:
            shown = value
    if addresses:
        shown = _IP.sub(lambda found: _all_digits(found[0]), shown)
    return kind + sign + shown
