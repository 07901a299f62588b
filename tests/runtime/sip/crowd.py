"""Twenty peers that do what is legal and what is not to one agent, and its user beside them.

An act is three small numbers: what, whose, how. So a run is a list that can be made by chance, and
made shorter by hypothesis when it found something. Time is virtual.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count

from runtime.sip.agent import Agent, AgentSettings
from runtime.sip.events import InviteReceived, OutOfDialogReceived, OutsideReceived, RequestReceived
from runtime.sip.hop import UDP, WS, Hop
from runtime.sip.message import Malformed, Request, Response
from runtime.sip.transaction import ServerTransaction
from runtime.sip.usage import Usage, UsageError
from runtime.sip.wire import parse, split
from tests.runtime.sip.peer import SDP, request, response

PEERS = 20
Act = tuple[int, int, int]
CODES = (100, 180, 183, 200, 202, 302, 401, 407, 422, 481, 486, 487, 491, 503, 603)
INSIDE = (
    "INVITE",
    "UPDATE",
    "INFO",
    "MESSAGE",
    "OPTIONS",
    "REFER",
    "NOTIFY",
    "BYE",
    "PRACK",
    "FROB",
)
OUTSIDE = ("OPTIONS", "REGISTER", "MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER", "NOTIFY", "BYE")


@dataclass
class Peer:
    """What one peer remembers: its last request, its call, and what it was asked."""

    number: int
    hop: Hop
    last: bytes = b""
    sent_at: float = 0.0
    branch: str = ""
    call_id: str = ""
    to_tag: str = ""
    cseq: int = 0
    asked: list[Request] = field(default_factory=list)


class Crowd:
    """One agent among its peers; `do` performs an act, `finish` says what is left over."""

    def __init__(self) -> None:
        numbers = count(1)
        begins = frozenset({"MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER"})
        self.agent = Agent(
            AgentSettings(
                "n1-1",
                out_of_dialog=frozenset({"REGISTER"}),
                begins=begins,
                random_hex=lambda size: f"{next(numbers):0{2 * size}x}",
            )
        )
        self.now = 0.0
        self.peers = [Peer(number, _hop(number)) for number in range(PEERS)]
        self.usages: list[Usage] = []
        self.open: list[ServerTransaction] = []
        self.finals: dict[str, set[str]] = defaultdict(set)
        "The distinct final answers to each INVITE, by its branch."
        self.invites: set[str] = set()
        self._branches = count(1)

    def do(self, act: Act) -> None:
        what, whose, how = act
        peer = self.peers[whose % PEERS]
        acts = (
            self._invite, self._repeat, self._cancel, self._ack, self._inside, self._inside,
            self._outside, self._garbage, self._respond, self._respond, self._respond,
            self._answer, self._answer, self._user, self._user, self._call, self._close,
            self._pass_time, self._pass_time, self._lose,
        )  # fmt: skip
        acts[what % len(acts)](peer, how)
        self._settle()

    # What peers do.

    def _say(self, peer: Peer, data: bytes) -> None:
        peer.last, peer.sent_at = data, self.now
        self.agent.receive(data, peer.hop, self.now)

    def _branch(self, peer: Peer) -> str:
        peer.branch = f"z9hG4bK-{next(self._branches)}"
        return peer.branch

    def _invite(self, peer: Peer, how: int) -> None:
        peer.call_id, peer.to_tag, peer.cseq = f"call-{next(self._branches)}", "", 1
        lines = ["Supported: 100rel, timer, replaces"] if how % 2 else []
        lines += ["Session-Expires: 90"] if how % 3 == 1 else []
        lines += ["Require: 100rel"] if how % 5 == 3 else []
        data = self._request(peer, "INVITE", headers=lines, body=SDP if how % 4 else b"")
        self.invites.add(peer.branch)
        self._say(peer, data)

    def _request(self, peer: Peer, method: str, **options: object) -> bytes:
        options.setdefault("number", peer.cseq)
        return request(
            method,
            branch=self._branch(peer),
            call_id=peer.call_id or f"none-{peer.number}",
            from_=f"<sip:{peer.number}@192.0.2.7>;tag=peer{peer.number}",
            **options,  # type: ignore[arg-type]
        )

    def _repeat(self, peer: Peer, how: int) -> None:
        # Later, its transaction may be over: it would rightly begin another.
        if peer.last and self.now - peer.sent_at < 5:
            for _ in range(1 + how % 3):
                self.agent.receive(peer.last, peer.hop, self.now)

    def _cancel(self, peer: Peer, how: int) -> None:
        branch = peer.branch if how % 4 else "z9hG4bK-none"
        data = request(
            "CANCEL", branch=branch, call_id=peer.call_id or "none", number=peer.cseq,
            from_=f"<sip:{peer.number}@192.0.2.7>;tag=peer{peer.number}",
        )  # fmt: skip
        self.agent.receive(data, peer.hop, self.now)

    def _ack(self, peer: Peer, how: int) -> None:
        tag = peer.to_tag if how % 4 else "wrong"
        self._say(peer, self._request(peer, "ACK", to_tag=tag, body=SDP if how % 2 else b""))

    def _inside(self, peer: Peer, how: int) -> None:
        method = INSIDE[how % len(INSIDE)]
        peer.cseq += 0 if how % 7 == 6 else 1
        lines = {
            "REFER": ["Refer-To: <sip:c@192.0.2.9>"],
            "NOTIFY": ["Event: refer", "Subscription-State: active"],
            "PRACK": ["RAck: 1 1 INVITE"],
        }.get(method, [])
        body = SDP if method in ("INVITE", "UPDATE") and how % 3 else b""
        data = self._request(peer, method, to_tag=peer.to_tag or "none", headers=lines, body=body)
        if method == "INVITE":
            self.invites.add(peer.branch)
        self._say(peer, data)

    def _outside(self, peer: Peer, how: int) -> None:
        peer.call_id, peer.cseq, peer.to_tag = f"out-{next(self._branches)}", 1, ""
        lines = ["Event: presence", "Expires: 60", "Refer-To: <sip:c@192.0.2.9>"]
        body = b"x" if how % 2 else b""
        method = OUTSIDE[how % len(OUTSIDE)]
        self._say(peer, self._request(peer, method, headers=lines, body=body))

    def _garbage(self, peer: Peer, how: int) -> None:
        # Under a branch of its own: what is damaged is another request than the whole one.
        data = (peer.last or request()).replace(b"branch=z9hG4bK", b"branch=z9hG4bKx", 1)
        cut = data[: len(data) * (how % 16) // 16] + b"\xff" * (how % 3)
        self.agent.receive(cut, peer.hop, self.now)

    def _respond(self, peer: Peer, how: int) -> None:
        if not peer.asked:
            return
        asked = peer.asked[-1 - how % min(3, len(peer.asked))]
        code = CODES[how % len(CODES)]
        lines = ["Require: 100rel", f"RSeq: {1 + how % 3}"] if 100 < code < 200 and how % 2 else []
        lines += ['WWW-Authenticate: Digest realm="r", nonce="n"'] if code == 401 else []
        lines += ["Expires: 60", "Session-Expires: 90;refresher=uac"]
        data = response(asked, code, tag=f"t{how % 2}", headers=lines, body=SDP if how % 3 else b"")
        self.agent.receive(data, peer.hop, self.now)

    # What the user does; what is not possible now is a UsageError and changes nothing.

    def _answer(self, peer: Peer, how: int) -> None:
        if self.open:
            tx = self.open[how % len(self.open)]
            code = CODES[how % len(CODES)]
            self._try(lambda: self._answer_now(tx, code, how))

    def _answer_now(self, tx: ServerTransaction, code: int, how: int) -> None:
        if tx.usage is None:
            self.agent.respond(tx, code, now=self.now)
        else:
            tx.usage.respond(tx, code, now=self.now, sdp=SDP if how % 3 else None)

    def _user(self, peer: Peer, how: int) -> None:
        if not self.usages:
            return
        usage = self.usages[how % len(self.usages)]
        acts = (
            lambda: usage.bye(now=self.now),
            lambda: usage.cancel(now=self.now),
            lambda: usage.ack(now=self.now),
            lambda: usage.reinvite(now=self.now, sdp=SDP),
            lambda: usage.request("INFO", now=self.now),
            lambda: usage.request("UPDATE", now=self.now, body=SDP, content_type="application/sdp"),
            lambda: usage.request("REFER", now=self.now, headers=[("Refer-To", "<sip:a@b>")]),
            lambda: usage.prack(now=self.now),
            lambda: usage.invite(now=self.now, sdp=SDP),
            lambda: usage.register(now=self.now, expires=60),
            lambda: usage.subscribe("presence", now=self.now, expires=60),
            lambda: usage.ack(now=self.now),
        )
        self._try(acts[(how // 3) % len(acts)])

    def _call(self, peer: Peer, how: int) -> None:
        target = f"sip:{peer.number}@192.0.2.{100 + peer.number}"
        usage = self.agent.prepare(target, caller="sip:us@192.0.2.1", hop=peer.hop, now=self.now)
        self.usages.append(usage)
        if how % 3:
            usage.invite(now=self.now, sdp=SDP if how % 4 else None)
        elif how % 2:
            usage.register(now=self.now)
        else:
            usage.subscribe("presence", now=self.now)

    def _close(self, peer: Peer, how: int) -> None:
        if self.usages:
            self.usages.pop(how % len(self.usages)).close(now=self.now)

    # What the world does.

    def _pass_time(self, peer: Peer, how: int) -> None:
        self._run((0.1, 0.6, 2.0, 5.0, 35.0, 100.0)[how % 6])

    def _lose(self, peer: Peer, how: int) -> None:
        if how % 3 == 0 and isinstance(peer.hop.remote, str):
            self.agent.connection_lost(peer.hop.remote, self.now)
        elif how % 3 == 1:
            self.agent.transport_failed(peer.hop, self.now)

    def _run(self, seconds: float) -> None:
        end = self.now + seconds
        while (deadline := self.agent.deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.agent.expire(self.now)
            self._settle()
        self.now = end

    @staticmethod
    def _try(act: object) -> None:
        try:
            act()  # type: ignore[operator]
        except UsageError:
            return

    # What is heard of it.

    def _settle(self) -> None:
        while True:
            sent, happened = self.agent.take_messages(), self.agent.take_happenings()
            if not sent and not happened:
                break
            for one in sent:
                self._hear(one.data, one.hop)
            for happening in happened:
                if isinstance(happening, InviteReceived | OutsideReceived):
                    self.usages.append(happening.usage)
                if isinstance(
                    happening,
                    InviteReceived | OutsideReceived | RequestReceived | OutOfDialogReceived,
                ):
                    self.open.append(happening.transaction)
        self.open = [tx for tx in self.open if not tx.answered]

    def _hear(self, data: bytes, hop: Hop) -> None:
        """Every message of ours can be read; answers and requests are remembered by their peer."""
        if not data.strip():
            return
        try:
            message = parse(data)
        except Malformed:
            message = split(data)  # A 400 gives back the headers of what it refuses.
            assert isinstance(message, Response) and message.code == 400
            return
        if isinstance(message, Request):
            peer = next((peer for peer in self.peers if peer.hop.remote == hop.remote), None)
            if peer is not None and message.method != "ACK":
                peer.asked = [*peer.asked[-5:], message]
            return
        branch = message.via.branch
        if message.cseq.method == "INVITE" and message.code >= 200 and branch in self.invites:
            self.finals[branch].add(f"{message.code} {message.get('To')}")
        number = message.from_.tag.removeprefix("peer")
        if number.isdigit() and message.to.tag:
            self.peers[int(number)].to_tag = message.to.tag

    def finish(self) -> list[str]:
        """Let go of everything, let all timers run out, and say what is left over."""
        for usage in self.usages:
            usage.close(now=self.now)
        for tx in self.open:
            if tx.usage is None and not tx.answered:
                self.agent.respond(tx, 503, now=self.now)
        self._settle()
        self._run(4000)
        agent = self.agent
        left = [
            f"{name}: {len(held)}"
            for name, held in (
                ("usages", agent.usages),
                ("dialogs", agent.dialogs),
                ("server transactions", agent.uas.transactions),
                ("client transactions", agent.uac.transactions),
                ("merge keys", agent.uas._merge),
                ("timers", agent.timers),
            )
            if len(held)  # type: ignore[arg-type]
        ]
        return left + [
            f"{found} answered {branch}"
            for branch in sorted(self.invites)
            if not _settled(found := self.finals[branch])
        ]


def _settled(finals: set[str]) -> bool:
    """One final answer; a refusal without state may become another one for a late repeat."""
    return len(finals) == 1 or (len(finals) == 2 and all(final[0] in "45" for final in finals))


def _hop(number: int) -> Hop:
    if number % 4 == 3:
        return Hop(WS, f"connection-{number}", "192.0.2.1:8000")
    return Hop(UDP, (f"192.0.2.{100 + number}", 5071), "192.0.2.1:5060")
