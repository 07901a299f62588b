"""What both sides of digest authentication share: reading the headers, and the hashes (RFC 7616).

Each character of a header is looked at once, whatever it holds.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

from sipmessage import grammar

STRENGTH: Final = ("SHA-512-256", "SHA-256", "MD5")
"The algorithms that are known, the strongest first (RFC 8760)."

_HASHES: Final = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}

_ITEMS: Final = 200
"Schemes and parameters of one header value."

# The possessive quantifiers keep the scan from ever going back.
_ITEM = re.compile(
    rf'({grammar.TOKEN}+)(?:[ \t]*+=[ \t]*+("(?:[^"\\]|\\.)*+"|[^\s,"]++))?+[ \t]*+', re.DOTALL
)


def digest_response(
    algorithm: str,
    secret: str,
    nonce: str,
    method: str,
    uri: str,
    quality: tuple[str, str, str] | None,
    body: bytes,
    cnonce: str,
) -> str:
    """The digest itself (RFC 7616 3.4.1); `quality` is (qop, nc, cnonce), None as in RFC 2069."""
    if algorithm.endswith("-sess"):
        secret = hash_text(algorithm, f"{secret}:{nonce}:{cnonce}")
    second = f"{method}:{uri}"
    if quality and quality[0] == "auth-int":
        second += f":{hash_bytes(algorithm, body)}"
    middle = f"{quality[1]}:{quality[2]}:{quality[0]}:" if quality else ""
    return hash_text(algorithm, f"{secret}:{nonce}:{middle}{hash_text(algorithm, second)}")


def hash_text(algorithm: str, text: str) -> str:
    return hash_bytes(algorithm, text.encode(errors="surrogatepass"))


def hash_bytes(algorithm: str, data: bytes) -> str:
    name = _HASHES.get(algorithm.removesuffix("-sess"))
    if name is None or name not in hashlib.algorithms_available:
        raise ValueError(f"digest algorithm {algorithm[:40]!r} is not known")
    return hashlib.new(name, data, usedforsecurity=False).hexdigest()


def available() -> tuple[str, ...]:
    return tuple(name for name in STRENGTH if _HASHES[name] in hashlib.algorithms_available)


def canonical(text: str) -> str:
    """The registered spelling of an algorithm, which is compared without case."""
    name, sess, _ = text.upper().partition("-SESS")
    return f"{name}-sess" if sess else name if name in _HASHES else text


def parse_auth(value: str) -> list[tuple[str, dict[str, str]]]:
    """Take `scheme name=value, name="value", scheme ...` apart; ValueError if it is not that.

    Scheme and names come in lower case; a quoted value as it stands between its quotes.
    """
    found: list[tuple[str, dict[str, str]]] = []
    position = items = 0
    separated = True
    while position < len(value):
        if value[position] in ", \t":
            separated |= value[position] == ","
            position += 1
            continue
        match = _ITEM.match(value, position)
        items += 1
        if match is None or not separated or items > _ITEMS:
            raise ValueError("the credentials are not valid")
        name, text = match.group(1).lower(), match.group(2)
        position = match.end()
        if text is None:
            found.append((name, {}))
            continue
        if not found or name in found[-1][1]:
            raise ValueError("the credentials are not valid")
        found[-1][1][name] = text[1:-1] if text.startswith('"') else text
        separated = False
    return found


def unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
