"""Digest authentication, both sides: RFC 7616 and RFC 8760 as RFC 3261 22 uses them. Pure.

The headers are read by a scanner of our own that looks at each character once: the pattern of
sipmessage takes exponential time on them. A value that cannot be read is nobody's credentials,
never an exception: `challenges` leaves it out, `DigestServer.verify` calls it malformed.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from runtime.sip.digest import (
    STRENGTH,
    available,
    canonical,
    digest_response,
    escape,
    hash_text,
    nfc,
    parse_auth,
    unescape,
)
from runtime.sip.message import Request, Response

Outcome = Literal["ok", "missing", "wrong", "stale", "malformed"]
Ha1 = Callable[[str, str], str | None]
"Gives H(user:realm:password) by user and algorithm in hexadecimal digits; None: no such user."

ALGORITHMS: Final = ("SHA-256", "MD5")
"What a server offers, the best first (RFC 8760 2.3)."

_NONCES: Final = 16
"Nonces that a client counts at once."
_USED: Final = 4096
"Nonces that a server remembers the counts of."
_WINDOW: Final = 64
"How far behind the highest count another may come: UDP reorders."
_CREDENTIALS: Final = 8
"Values of Authorization that are looked at."

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_COUNT = re.compile(r"[0-9A-Fa-f]{8}")
_EXTENDED = re.compile(r"UTF-8'[A-Za-z0-9-]*'((?:%[0-9A-Fa-f]{2}|[A-Za-z0-9!#$&+.^_`|~-])*+)", re.I)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are for a realm. The password shows in no representation."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One Digest challenge of a 401 (`proxy` False) or 407. Text stands as between its quotes."""

    realm: str
    nonce: str
    proxy: bool = False
    algorithm: str = "MD5"
    "As registered: MD5, SHA-256, SHA-512-256, each also with -sess; else as the peer wrote it."
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False
    "The credentials were right, the nonce was too old: try again without asking anybody."

    @property
    def supported(self) -> bool:
        """Whether `DigestClient.authorize` can answer it."""
        known = self.algorithm.removesuffix("-sess") in available()
        return known and (not self.qop or "auth" in self.qop or "auth-int" in self.qop)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a request proves. `user` is who it claims to be, "" where it claims nobody.

    Outcomes: "ok"; "missing" (no credentials for this realm: challenge); "wrong" (challenge, and
    count it against the source); "stale" (password right, nonce spent or too old: challenge with
    `stale=True`); "malformed" (400).
    """

    user: str
    outcome: Outcome


def ha1(username: str, realm: str, password: str, algorithm: str) -> str:
    """H(username:realm:password) in hexadecimal digits (RFC 7616 3.4.2); what a server stores.

    `algorithm` is "MD5", "SHA-256" or "SHA-512-256"; ValueError for any other. Text is normalised
    to NFC (RFC 7616 4).
    """
    return hash_text(algorithm, f"{nfc(username)}:{realm}:{nfc(password)}")


def challenges(response: Response) -> tuple[Challenge, ...]:
    """The Digest challenges of a response in its order, supported or not (RFC 3261 22.2, 22.3).

    A header line may hold several. A line that is malformed, another scheme, a challenge without
    realm or nonce are left out.
    """
    found = []
    for name, proxy in (("WWW-Authenticate", False), ("Proxy-Authenticate", True)):
        for line in response.lines(name):
            try:
                schemes = parse_auth(line)
            except ValueError:
                continue
            found += [
                _challenge(params, proxy)
                for scheme, params in schemes
                if scheme == "digest" and "realm" in params and params.get("nonce")
            ]
    return tuple(found)


def choose(offered: Iterable[Challenge]) -> tuple[Challenge, ...]:
    """Of each realm the strongest challenge that can be answered, in the order of the realms.

    More than one is left when several proxies of a forked request each want credentials
    (RFC 3261 22.3): the request then carries an answer to each.
    """
    best: dict[tuple[bool, str], Challenge] = {}
    for challenge in offered:
        if challenge.supported:
            key = (challenge.proxy, challenge.realm)
            best[key] = min(best.get(key, challenge), challenge, key=_rank)
    return tuple(best.values())


def _rank(challenge: Challenge) -> int:
    return STRENGTH.index(challenge.algorithm.removesuffix("-sess"))


def _challenge(params: dict[str, str], proxy: bool) -> Challenge:
    qop = params.get("qop", "").lower().split(",")
    return Challenge(
        params["realm"],
        params["nonce"],
        proxy,
        canonical(params.get("algorithm") or "MD5"),
        tuple(value.strip() for value in qop if value.strip()),
        params.get("opaque"),
        params.get("stale", "").lower() == "true",
    )


class DigestClient:
    """Answers challenges with one pair of credentials; counts the uses of each nonce."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        random_hex: Callable[[int], str] = secrets.token_hex,
    ) -> None:
        self.credentials = credentials
        self._random_hex = random_hex
        self._used: OrderedDict[tuple[str, str, str], tuple[str, int]] = OrderedDict()
        "By realm, nonce and algorithm: the cnonce and how often it was used."

    def authorize(
        self, challenge: Challenge, method: str, uri: str, body: bytes = b""
    ) -> tuple[str, str]:
        """The header that answers a challenge, as (name, value).

        `uri` is the Request-URI as it is sent. Quality "auth" is preferred, "auth-int" used when
        it alone is offered. Call it anew for every request, the same one repeated as well: the
        nonce count goes up. ValueError if the algorithm or quality is unknown, or if credentials
        or challenge hold what cannot be written.
        """
        if not challenge.supported:
            raise ValueError(f"digest with {challenge.algorithm[:40]!r} cannot be answered")
        name, password = nfc(self.credentials.username), nfc(self.credentials.password)
        echoed = (challenge.realm, challenge.nonce, challenge.opaque or "", uri)
        if _CONTROL.search("".join((name, password, method, *echoed))) or '"' in uri:
            raise ValueError("the credentials hold a character that cannot be sent")
        cnonce, count = self._count(challenge)
        qop = "auth" if "auth" in challenge.qop else challenge.qop and "auth-int"
        secret = hash_text(challenge.algorithm, f"{name}:{challenge.realm}:{password}")
        answer = digest_response(
            challenge.algorithm, secret, challenge.nonce, method, uri,
            (qop, f"{count:08x}", cnonce) if qop else None, body, cnonce,
        )  # fmt: skip
        params = [
            f'username="{escape(name)}"',
            f'realm="{challenge.realm}"',
            f'nonce="{challenge.nonce}"',
            f'uri="{uri}"',
            f'response="{answer}"',
            f"algorithm={challenge.algorithm}",
        ]
        if qop:
            params += [f"qop={qop}", f"nc={count:08x}"]
        if qop or challenge.algorithm.endswith("-sess"):
            params.append(f'cnonce="{cnonce}"')
        if challenge.opaque is not None:
            params.append(f'opaque="{challenge.opaque}"')
        header = "Proxy-Authorization" if challenge.proxy else "Authorization"
        return header, "Digest " + ", ".join(params)

    def _count(self, challenge: Challenge) -> tuple[str, int]:
        key = (challenge.realm, challenge.nonce, challenge.algorithm)
        cnonce, count = self._used.pop(key, ("", 0))
        self._used[key] = cnonce, count = cnonce or self._random_hex(16), count + 1
        if len(self._used) > _NONCES:
            self._used.popitem(last=False)
        return cnonce, count


class DigestServer:
    """Challenges and verifies for one realm, without memory of challenges that nobody answered.

    A nonce is its time, 8 random bytes and an HMAC over both, the source and the realm, so it
    counts for `lifetime` seconds and only from where it was sent to. Counts of used nonces are
    kept for the last 4,096; an older one is stale rather than open to replay. The counts die with
    the process, so `secret` is made anew when it starts. `now` is monotonic seconds; `source` names
    the peer (its numeric address: a port changes behind NAT).
    """

    def __init__(
        self,
        realm: str,
        secret: bytes,
        *,
        lifetime: float = 300.0,
        algorithms: Sequence[str] = ALGORITHMS,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        if _CONTROL.search(realm) or '"' in realm or "\\" in realm:
            raise ValueError("a realm has no quotes, backslashes or control characters")
        if not secret or not algorithms or any(name not in available() for name in algorithms):
            raise ValueError("a digest server needs a secret and algorithms that are known")
        self.realm = realm
        self.algorithms = tuple(algorithms)
        self._secret = secret
        self._lifetime = lifetime
        self._random_bytes = random_bytes
        self._uses: OrderedDict[str, tuple[int, int]] = OrderedDict()
        "By nonce: the highest count and the bits of those at and below it that were used."
        self._floor = -1
        "Nonces made up to this time (milliseconds) and not remembered are spent."

    def challenge(
        self,
        now: float,
        source: str,
        *,
        proxy: bool,
        stale: bool = False,
        algorithms: Sequence[str] | None = None,
    ) -> list[tuple[str, str]]:
        """The headers of a 401 or, with `proxy`, a 407: one for each algorithm, the best first.

        `algorithms` narrows the offer for a peer: JsSIP looks at the first challenge alone and
        knows MD5 only.
        """
        head = round(now * 1000).to_bytes(8, "big") + self._random_bytes(8)
        nonce = urlsafe_b64encode(head + self._seal(head, source)).decode()
        header = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
        again = ", stale=true" if stale else ""
        return [
            (
                header,
                f'Digest realm="{self.realm}", nonce="{nonce}", algorithm={name}, '
                f'qop="auth"{again}',
            )
            for name in algorithms or self.algorithms
        ]

    def verify(self, request: Request, now: float, source: str, ha1: Ha1) -> Verdict:
        """Judge the credentials that a request carries for this realm; never raises.

        `ha1` is asked once, with the user name unescaped; the work after it is the same whether
        it knew the user or not. The digest-uri is not compared with the Request-URI, which proxies
        change on the way (RFC 3261 16.6); method and digest-uri are part of what is proved.
        """
        try:
            params = self._own(request)
            if params is None:
                return Verdict("", "missing")
            user = _username(params)
            answer, algorithm, count = self._checked(params)
        except ValueError:
            return Verdict("", "malformed")
        nobody = hash_text(algorithm, f"{user}:{self.realm}:{self._secret.hex()}")
        known = ha1(user, algorithm)
        secret = nobody if known is None else known
        expected = digest_response(
            algorithm, secret, params["nonce"], request.method, params["uri"],
            (params["qop"], params["nc"], params["cnonce"]), request.body, params["cnonce"],
        )  # fmt: skip
        proved = (
            hmac.compare_digest(expected.encode(), answer.encode(errors="replace"))
            and known is not None
        )
        made = self._made(params["nonce"], source)
        if not proved:
            return Verdict(user, "wrong")
        fresh = made is not None and 0 <= now * 1000 - made + 1 <= self._lifetime * 1000
        if made is None or not fresh or not self._use(params["nonce"], made, count):
            return Verdict(user, "stale")
        return Verdict(user, "ok")

    def _own(self, request: Request) -> dict[str, str] | None:
        """The first credentials for this realm, or None; ValueError if a line is malformed."""
        lines = request.lines("Authorization") + request.lines("Proxy-Authorization")
        if len(lines) > _CREDENTIALS:
            raise ValueError("too many credentials")
        for line in lines:
            for scheme, params in parse_auth(line):
                realm = params.get("realm")
                if scheme == "digest" and realm is not None and unescape(realm) == self.realm:
                    return params
        return None

    def _checked(self, params: dict[str, str]) -> tuple[str, str, int]:
        """Answer, algorithm and nonce count; ValueError for what no client of ours sends."""
        algorithm = canonical(params.get("algorithm") or "MD5")
        needed = ("nonce", "uri", "response", "cnonce")
        if algorithm not in self.algorithms or not all(params.get(name) for name in needed):
            raise ValueError("the credentials are not complete")
        if params.get("qop", "").lower() != "auth" or not _COUNT.fullmatch(params.get("nc", "")):
            raise ValueError("the credentials answer another challenge")
        return params["response"].lower(), algorithm, int(params["nc"], 16)

    def _seal(self, head: bytes, source: str) -> bytes:
        text = head + f"{self.realm}\0{source}".encode(errors="replace")
        return hmac.digest(self._secret, text, "sha256")[:20]

    def _made(self, nonce: str, source: str) -> int | None:
        """When this server made a nonce for this source, milliseconds; None if it did not."""
        try:
            head = urlsafe_b64decode(nonce.encode())[:16]
        except ValueError:
            head = b""
        sealed = urlsafe_b64encode(head + self._seal(head, source))
        if not hmac.compare_digest(sealed, nonce.encode(errors="replace")) or len(head) < 16:
            return None
        return int.from_bytes(head[:8], "big")

    def _use(self, nonce: str, made: int, count: int) -> bool:
        """Spend one count of a nonce; False if it was spent before."""
        if nonce not in self._uses and made <= self._floor:
            return False
        highest, used = self._uses.pop(nonce, (0, 0))
        if count > highest:
            used = ((used << min(count - highest, _WINDOW)) | 1) & ((1 << _WINDOW) - 1)
            fresh, highest = True, count
        else:
            bit = 1 << (highest - count)
            fresh = count > 0 and highest - count < _WINDOW and not used & bit
            used |= bit if fresh else 0
        self._uses[nonce] = (highest, used)
        while len(self._uses) > _USED:
            oldest, _ = self._uses.popitem(last=False)
            self._floor = max(self._floor, int.from_bytes(urlsafe_b64decode(oldest)[:8], "big"))
        return fresh


def _username(params: dict[str, str]) -> str:
    """The user, of `username` or, percent-encoded, of `username*` (RFC 7616 3.4)."""
    if "username*" in params and "username" not in params:
        match = _EXTENDED.fullmatch(params["username*"])
        if match is None:
            raise ValueError("the user name is not valid")
        raw = re.sub(r"%(..)", lambda hit: chr(int(hit.group(1), 16)), match.group(1))
        name = raw.encode("latin-1").decode()
    else:
        name = unescape(params.get("username", ""))
    if not name or "username*" in params and "username" in params:
        raise ValueError("the user name is not valid")
    return nfc(name)
