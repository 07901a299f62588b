"""Who may begin something here: trunks by their networks, browsers by their ticket, phones by
digest, everybody else by the policy.

What decides whether credentials are asked for is written in the request for all to see (its
method, its source, the host of From), never whether an account exists: known and unknown users
get the same answers. What is refused is refused without state.
"""

from __future__ import annotations

import math
import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Mapping

import msgspec

from runtime.node.accounts import AccountBook
from runtime.node.damping import Damper
from runtime.node.trunks import INCOMING, TrunkBook
from runtime.sip.auth import DigestServer
from runtime.sip.hop import Hop
from runtime.sip.message import Request
from runtime.sip.screen import Refusal
from runtime.sip.uri import Uri

BOTH = ("SHA-256", "MD5")
"""In the order of preference (RFC 8760 2.3)."""
STRONG = ("SHA-256",)
PLAIN = ("MD5",)
PLAIN_AGENTS = ("baresip",)
"""User-Agents that give up at any challenge they cannot answer, though another stands beside it."""
MOST_ASKED = 4096


class Note(msgspec.Struct):
    """What became of the attempts to use one account, since the node began."""

    accepted: int = 0
    accepted_at: float = 0.0
    wrong: int = 0
    wrong_at: float = 0.0
    source: str = ""
    """Where the last wrong password came from."""
    until: float = 0.0
    """Nobody new is listened to for it until then."""


class Screening:
    """Judges each request that would begin something. Times are seconds since the epoch, beside
    those of the stack, which are its own."""

    def __init__(
        self,
        accounts: AccountBook,
        trunks: TrunkBook,
        *,
        browsers: Mapping[str, str | None],
        own_hosts: Callable[[], Collection[str]],
        wall: Callable[[], float],
        retry_after: int,
    ) -> None:
        self._accounts = accounts
        self._trunks = trunks
        self._browsers = browsers
        self._own_hosts = own_hosts
        self._wall = wall
        self._retry_after = retry_after
        self._secret = secrets.token_bytes(32)
        self._servers: dict[str, DigestServer] = {}
        self._notes: dict[tuple[str, str], Note] = {}
        self._asked: OrderedDict[tuple[str, str], str] = OrderedDict()
        """By source and user: the request that was asked with both digests and got no answer yet;
        empty for one that is asked with MD5 alone."""
        self.damper = Damper()
        self.counters: Counter[str] = Counter()
        """How many were challenged, accepted, wrong, stopped, spoofed, denied."""

    def screen(self, request: Request, hop: Hop, now: float) -> Refusal | None:
        """Say whether a request may begin anything, and if not, how it is refused."""
        try:
            sender, receiver = request.from_.uri, request.to.uri
        except ValueError:
            return Refusal(400, [])
        if hop.flow in self._browsers:
            user = self._browsers[hop.flow]
            ours = self._ours(sender, request, hop)
            return self._browser(request, sender, receiver, user, ours=ours)
        if request.method == "REGISTER":
            realm = self._accounts.realm_of(receiver.host)
            return self._proved(request, hop, now, realm, receiver)
        trunk = self._trunks.of_source(hop.host)
        if trunk is not None:
            full = self._trunks.full(trunk, INCOMING, now) if request.method == "INVITE" else ""
            return self._busy() if full else None
        policy = self._accounts.policy
        welcome = policy.anybody_calls if request.method == "INVITE" else policy.anybody_asks
        if not len(self._accounts):
            return None if welcome else self._denied()
        if welcome and not self._ours(sender, request, hop):
            return None
        return self._proved(request, hop, now, self._accounts.realm_of(sender.host), sender)

    def realm_for(self, address: Uri) -> str:
        """Return the realm in which the user of an address is looked for."""
        return self._accounts.realm_of(address.host)

    def take_notes(self) -> dict[tuple[str, str], Note]:
        """Return what happened since the last call, by user and realm."""
        notes, self._notes = self._notes, {}
        return notes

    def give_back(self, notes: Mapping[tuple[str, str], Note]) -> None:
        """Keep for later what could not be told."""
        for key, old in notes.items():
            new = self._notes.setdefault(key, Note())
            new.accepted += old.accepted
            new.wrong += old.wrong
            new.accepted_at = max(new.accepted_at, old.accepted_at)
            if old.wrong_at > new.wrong_at:
                new.wrong_at, new.source, new.until = old.wrong_at, old.source, old.until

    # -- kinds of senders --------------------------------------------------------------------------

    def _browser(
        self, request: Request, sender: Uri, receiver: Uri, user: str | None, *, ours: bool
    ) -> Refusal | None:
        """A browser has shown its ticket: it is one person, and may be nobody else of ours."""
        if user is None:
            return None
        if request.method == "REGISTER":
            return None if receiver.user == user else self._spoofed()
        realm = self._accounts.realm_of(sender.host)
        known = ours and self._accounts.named(sender.user, realm) is not None
        return self._spoofed() if sender.user != user and known else None

    def _proved(
        self, request: Request, hop: Hop, now: float, realm: str, claimed: Uri
    ) -> Refusal | None:
        """Ask for credentials, and let only the account itself through."""
        server, source = self._server(realm), hop.host or hop.flow
        proxy = request.method != "REGISTER"
        verdict = server.verify(
            request, now, source, lambda user, kind: self._accounts.hash_of(user, realm, kind)
        )
        if verdict.outcome == "malformed":
            return Refusal(400, [])
        if verdict.outcome != "missing":
            if self._asked.get((source, claimed.user)):
                del self._asked[source, claimed.user]
            refusal = self._damped(source, verdict.user, realm)
            if refusal is not None:
                return refusal
        if verdict.outcome == "ok":
            return self._accepted(request, source, verdict.user, realm, claimed)
        if verdict.outcome == "wrong":
            self._wrong(source, verdict.user, realm)
        else:
            self.counters["challenged"] += 1
        kinds = self._offer(request, source, claimed.user) if verdict.outcome == "missing" else None
        stale = verdict.outcome == "stale"
        challenge = server.challenge(now, source, proxy=proxy, stale=stale, algorithms=kinds)
        return Refusal(407 if proxy else 401, challenge)

    def _accepted(
        self, request: Request, source: str, user: str, realm: str, claimed: Uri
    ) -> Refusal | None:
        try:
            named = request.from_.uri
        except ValueError:
            return Refusal(400, [])
        mine = claimed.user == user and named.user == user
        if not mine or self._accounts.realm_of(named.host) != realm:
            return self._spoofed()
        self.damper.right(source, _name(user, realm))
        self.counters["accepted"] += 1
        note = self._notes.setdefault((user, realm), Note())
        note.accepted += 1
        note.accepted_at = self._wall()
        request.identity = user
        return None

    # -- guesses -----------------------------------------------------------------------------------

    def _damped(self, source: str, user: str, realm: str) -> Refusal | None:
        wait = self.damper.wait(source, _name(user, realm), self._wall())
        if not wait:
            return None
        self.counters["stopped"] += 1
        return Refusal(403, [("Retry-After", str(math.ceil(wait)))])

    def _wrong(self, source: str, user: str, realm: str) -> None:
        now, name = self._wall(), _name(user, realm)
        self.counters["wrong"] += 1
        self.damper.wrong(source, name, now)
        if self._accounts.named(user, realm) is None:
            return
        note = self._notes.setdefault((user, realm), Note())
        note.wrong += 1
        note.wrong_at, note.source = now, source
        note.until = now + self.damper.wait(source, name, now)

    # -- helpers -----------------------------------------------------------------------------------

    def _ours(self, sender: Uri, request: Request, hop: Hop) -> bool:
        """Whether an address claims to be of this installation: of a realm, of an address of ours,
        or of whatever the caller himself reaches us by."""
        if not sender.host:
            return False  # A telephone number is nobody's address.
        if sender.host in self._accounts.realms or sender.host in self._own_hosts():
            return True
        return sender.host in (request.uri.host, hop.local.rpartition(":")[0].strip("[]"))

    def _server(self, realm: str) -> DigestServer:
        if realm not in self._servers:
            if len(self._servers) > len(self._accounts.realms) + 8:
                self._servers.clear()
            known = STRONG if self._accounts.policy.strong else BOTH
            self._servers[realm] = DigestServer(realm, self._secret, algorithms=known)
        return self._servers[realm]

    def _offer(self, request: Request, source: str, user: str) -> tuple[str, ...]:
        """Return what a peer is asked with.

        A phone of RFC 3261 may give up at a word it does not know. Who was asked with both and
        comes again without an answer, in another request, is asked with MD5 alone from then on.
        """
        if self._accounts.policy.strong:
            return STRONG
        if (request.get("User-Agent") or "").lower().startswith(PLAIN_AGENTS):
            return PLAIN
        key, this = (source, user), f"{request.call_id} {request.cseq.number}"
        before = self._asked.pop(key, this)
        self._asked[key] = this if before == this else ""
        while len(self._asked) > MOST_ASKED:
            self._asked.popitem(last=False)
        return BOTH if before == this else PLAIN

    def policy_changed(self) -> None:
        """Challenge as the policy says from now on."""
        self._servers.clear()

    def _busy(self) -> Refusal:
        self.counters["trunk_full"] += 1
        return Refusal(503, [("Retry-After", str(self._retry_after))])

    def _spoofed(self) -> Refusal:
        self.counters["spoofed"] += 1
        return Refusal(403, [])

    def _denied(self) -> Refusal:
        self.counters["denied"] += 1
        return Refusal(403, [])


def _name(user: str, realm: str) -> str:
    return f"{user}@{realm}"
