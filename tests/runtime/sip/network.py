"""Agents joined by a network that loses, doubles and reorders, on a clock that jumps.

Everything random comes from one seed: the same seed gives the same run, message for message.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count

from runtime.sip.agent import Agent, AgentSettings
from runtime.sip.events import (
    AckTimedOut,
    CancelReceived,
    Happening,
    InviteReceived,
    OutOfDialogReceived,
    OutsideReceived,
    PrackReceived,
    PrackTimedOut,
    ReliableProvisional,
    RequestReceived,
    ResponseReceived,
    SessionExpired,
    TransactionTimedOut,
)
from runtime.sip.hop import UDP, Hop
from runtime.sip.message import Request
from runtime.sip.usage import Usage, UsageError
from runtime.sip.wire import split

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nt=0 0\r\n"
Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Weather:
    """What the network does to a message, by chance."""

    loss: float = 0.0
    double: float = 0.0
    least: float = 0.01
    most: float = 0.01
    "Seconds that a message takes; a difference reorders."


FAIR = Weather()
STORM = Weather(loss=0.15, double=0.1, least=0.005, most=0.6)


@dataclass
class Passed:
    """A message that was sent, and what became of it."""

    at: float
    sender: str
    kind: str
    lost: bool = False


class Network:
    """A clock, a heap of what is on its way, and the parties."""

    def __init__(self, seed: int = 0, weather: Weather = FAIR) -> None:
        self.now = 0.0
        self.seed = seed
        self.chance = random.Random(seed)
        self.weather = weather
        self.slow: dict[str, float] = {}
        "Seconds that messages of a kind take, whatever the weather."
        self.dropped: dict[str, int] = {}
        "How many messages of a kind are lost before one comes through."
        self.passed: list[Passed] = []
        self.parties: dict[tuple[str, int], Party] = {}
        self.forks: dict[tuple[str, int], Fork] = {}
        self._coming: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def join(self, name: str, **settings: object) -> Party:
        """A new party with an address of its own."""
        address = (f"192.0.2.{len(self.parties) + 1}", 5060)
        party = self.parties[address] = Party(self, name, address, settings)
        return party

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something later; what is not possible any more then is left alone."""
        heapq.heappush(self._coming, (self.now + seconds, next(self._order), act))

    def send(self, sender: Party | Fork, data: bytes, hop: Hop) -> None:
        """One message on its way."""
        kind = kind_of(data)
        passed = Passed(self.now, sender.name, kind)
        self.passed.append(passed)
        if self.dropped.get(kind, 0) > 0:
            self.dropped[kind] -= 1
            passed.lost = True
            return
        if self.chance.random() < self.weather.loss:
            passed.lost = True
            return
        copies = 2 if self.chance.random() < self.weather.double else 1
        for _ in range(copies):
            self.after(self._delay(kind), lambda: self._deliver(sender, data, hop))

    def run(self, until: float = float("inf")) -> None:
        """Let time pass until nothing is on its way and no timer runs, or until a moment."""
        while (moment := self._next()) <= until:
            if moment == float("inf"):
                return
            assert moment < 1e6, "it never ends"
            self.now = max(self.now, moment)
            if self._coming and self._coming[0][0] <= self.now:
                heapq.heappop(self._coming)[2]()
            for party in self.parties.values():
                party.wake()
        self.now = until

    @property
    def kinds(self) -> list[str]:
        """All that was sent, in order, with who sent it."""
        return [f"{passed.sender} {passed.kind}" for passed in self.passed]

    def left(self) -> list[str]:
        """What is still there after a run: it should be nothing."""
        found = []
        for party in self.parties.values():
            agent = party.agent
            for what, size in (
                ("usages", len(agent.usages)),
                ("dialogs", len(agent.dialogs)),
                ("client transactions", len(agent.uac.transactions)),
                ("server transactions", len(agent.uas.transactions)),
                ("merged requests", len(agent.uas._merge)),
                ("timers", len(agent.timers)),
                ("internal errors", agent.counters["internal_error"]),
            ):
                if size:
                    found.append(f"{party.name}: {size} {what}")
        return found

    def _next(self) -> float:
        deadlines = [party.agent.deadline() for party in self.parties.values()]
        moments = [deadline for deadline in deadlines if deadline is not None]
        if self._coming:
            moments.append(self._coming[0][0])
        return min(moments, default=float("inf"))

    def _delay(self, kind: str) -> float:
        if kind in self.slow:
            return self.slow[kind]
        return self.chance.uniform(self.weather.least, self.weather.most)

    def _deliver(self, sender: Party | Fork, data: bytes, hop: Hop) -> None:
        assert isinstance(hop.remote, tuple)
        party = self.parties.get(hop.remote) or self.forks.get(hop.remote)
        if party is not None:
            party.receive(data, sender.address)


class Party:
    """One agent and its user: what it does when something happens is a dictionary of acts."""

    def __init__(
        self, network: Network, name: str, address: tuple[str, int], settings: dict[str, object]
    ) -> None:
        self.network = network
        self.name = name
        self.address = address
        chance = random.Random(f"{network.seed} {name}")
        self.agent = Agent(
            AgentSettings(
                f"{name}-1",
                random_hex=lambda size: f"{chance.getrandbits(8 * size):0{2 * size}x}",
                **settings,  # type: ignore[arg-type]
            )
        )
        self.happenings: list[Happening] = []
        self.user: User = User()
        self._busy = False

    @property
    def uri(self) -> str:
        return f"sip:{self.name}@{self.address[0]}:{self.address[1]}"

    @property
    def now(self) -> float:
        return self.network.now

    def hop(self, other: Party | Fork) -> Hop:
        return Hop(UDP, other.address, f"{self.address[0]}:{self.address[1]}")

    def prepare(self, other: Party | Fork, **options: object) -> Usage:
        return self.agent.prepare(
            other.uri,
            caller=self.uri,
            hop=self.hop(other),
            now=self.now,
            **options,  # type: ignore[arg-type]
        )

    def call(self, other: Party | Fork, *, sdp: bytes | None = SDP, **options: object) -> Usage:
        """Place a call."""
        usage = self.prepare(other, **options)
        usage.invite(now=self.now, sdp=sdp)
        self.flush()
        return usage

    def do(self, act: Callable[..., object], *arguments: object, **options: object) -> None:
        """Call an act of a usage at the present time."""
        act(*arguments, now=self.now, **options)
        self.flush()

    def later(
        self, seconds: float, act: Callable[..., object], *arguments: object, **options: object
    ) -> None:
        """The same after a while, if it is still possible then."""
        self.network.after(seconds, lambda: self.attempt(act, *arguments, **options))

    def attempt(self, act: Callable[..., object], *arguments: object, **options: object) -> bool:
        """Do what may have become impossible."""
        try:
            self.do(act, *arguments, **options)
        except UsageError:
            return False
        return True

    def receive(self, data: bytes, source: tuple[str, int]) -> None:
        local = f"{self.address[0]}:{self.address[1]}"
        self.agent.receive(data, Hop(UDP, source, local), self.now)
        self.flush()

    def wake(self) -> None:
        deadline = self.agent.deadline()
        if deadline is not None and deadline <= self.now:
            self.agent.expire(self.now)
            self.flush()

    def flush(self) -> None:
        if self._busy:
            return
        self._busy = True
        while True:
            for out in self.agent.take_messages():
                self.network.send(self, out.data, out.hop)
            happenings = self.agent.take_happenings()
            if not happenings:
                break
            for happening in happenings:
                self.happenings.append(happening)
                self.user.on(self, happening)
        self._busy = False

    def told(self, kind: type) -> list[Happening]:
        return [happening for happening in self.happenings if isinstance(happening, kind)]


class Fork:
    """A stateless element in front of several parties: every request goes to each of them.

    It keeps nothing, so that only calls whose branches all accept, or are all cancelled, make
    sense; that is what races of forks are about (RFC 3261 16.11).
    """

    name = "fork"

    def __init__(self, network: Network, targets: tuple[Party, ...]) -> None:
        self.network = network
        self.targets = targets
        self.address = ("192.0.2.200", 5060)
        network.forks[self.address] = self

    @property
    def uri(self) -> str:
        return "sip:all@192.0.2.200:5060"

    def receive(self, data: bytes, source: tuple[str, int]) -> None:
        message = split(data)
        if not isinstance(message, Request):
            self._back(data)
            return
        for number, target in enumerate(self.targets):
            branch = f"z9hG4bK-{number}-{message.via.branch}"
            via = f"Via: SIP/2.0/UDP {self.address[0]}:{self.address[1]};branch={branch}\r\n"
            start, _, rest = data.partition(b"\r\n")
            forwarded = start + b"\r\n" + via.encode() + rest
            self.network.send(self, forwarded, Hop(UDP, target.address, ""))

    def _back(self, data: bytes) -> None:
        start, _, rest = data.partition(b"\r\n")
        own, _, rest = rest.partition(b"\r\n")
        answer = start + b"\r\n" + rest
        via = split(answer).via
        address = (via.host, via.port or 5060)
        self.network.send(self, answer, Hop(UDP, address, ""))


@dataclass
class User:
    """A person with manners: answers what is asked, and ends what went wrong."""

    ring: float | None = 0.1
    "Seconds until 180; None: it does not ring."

    answer: float | None = 1.0
    "Seconds until the final answer; None: never."

    code: int = 200
    headers: Pairs = ()
    reliable: bool = False
    "180 as 183 with a description, to be confirmed."

    confirms: bool = True
    "Sends PRACK."

    hangs_up: float | None = None
    "Seconds after the call is up."

    lets_go: bool = True
    "Closes its usages when they are over, as a session does."

    up: list[Usage] = field(default_factory=list)
    ended: list[Usage] = field(default_factory=list)

    def on(self, party: Party, happening: Happening) -> None:
        match happening:
            case InviteReceived():
                self._rung(party, happening)
            case CancelReceived(usage=usage, transaction=transaction):
                party.attempt(usage.respond, transaction, 487)
                self._over(party, usage)
            case RequestReceived(usage=usage, method="BYE"):
                self._over(party, usage)
            case RequestReceived(usage=usage, transaction=transaction, method=method):
                sdp = SDP if method in ("INVITE", "UPDATE") and happening.sdp else None
                sdp = SDP if method == "INVITE" else sdp
                code = 491 if happening.glare else 200
                party.attempt(usage.respond, transaction, code, sdp=sdp if code == 200 else None)
            case PrackReceived(usage=usage, transaction=transaction):
                party.attempt(usage.respond, transaction, 200)
            case ReliableProvisional(usage=usage):
                if self.confirms:
                    party.attempt(usage.prack)
            case ResponseReceived():
                self._response(party, happening)
            case AckTimedOut(usage=usage) | SessionExpired(usage=usage):
                self._end(party, usage)
            case PrackTimedOut(usage=usage, transaction=transaction):
                party.attempt(usage.respond, transaction, 504)
                self._over(party, usage)
            case TransactionTimedOut(usage=usage, method=method):
                if method == "BYE" or (method == "INVITE" and not happening.reinvite):
                    self._over(party, usage)
                else:
                    self._end(party, usage)
            case OutsideReceived(usage=usage, transaction=transaction):
                party.attempt(usage.respond, transaction, 200)
            case OutOfDialogReceived(transaction=transaction):
                party.do(party.agent.respond, transaction, 200)

    def _rung(self, party: Party, invite: InviteReceived) -> None:
        usage, transaction = invite.usage, invite.transaction
        if self.ring is not None:
            if self.reliable:
                party.later(self.ring, usage.respond, transaction, 183, sdp=SDP, reliable=True)
            else:
                party.later(self.ring, usage.respond, transaction, 180)
        if self.answer is None:
            # Whoever called may have gone without a word: nobody rings for ever.
            party.later(200.0, usage.respond, transaction, 480)
        else:
            party.network.after(self.answer, lambda: self._answer(party, invite))

    def _answer(self, party: Party, invite: InviteReceived) -> None:
        usage, transaction = invite.usage, invite.transaction
        sdp = SDP if self.code < 300 else None
        done = party.attempt(usage.respond, transaction, self.code, sdp=sdp, headers=self.headers)
        if done and self.code < 300:
            self._is_up(party, usage)
        elif done:
            self._over(party, usage)

    def _response(self, party: Party, answer: ResponseReceived) -> None:
        usage, code = answer.usage, answer.code
        if answer.method == "BYE" and code >= 200:
            self._over(party, usage)
        elif answer.method == "INVITE" and 200 <= code < 300:
            party.attempt(usage.ack)
            if not answer.reinvite:
                self._is_up(party, usage)
        elif answer.method == "INVITE" and code >= 300 and not answer.reinvite:
            self._over(party, usage)
        elif answer.fatal:
            self._end(party, usage)

    def _is_up(self, party: Party, usage: Usage) -> None:
        self.up.append(usage)
        if self.hangs_up is not None:
            party.network.after(self.hangs_up, lambda: self._end(party, usage))

    def _end(self, party: Party, usage: Usage) -> None:
        party.attempt(usage.bye)

    def _over(self, party: Party, usage: Usage) -> None:
        self.ended.append(usage)
        if self.lets_go:
            party.do(usage.close)


def kind_of(data: bytes) -> str:
    """The method of a request, or "CODE METHOD" of a response."""
    message = split(data)
    if isinstance(message, Request):
        return message.method
    return f"{message.code} {message.cseq.method}"
