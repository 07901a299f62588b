"""A media port without media, and two SIP stacks joined by a piece of string."""

from __future__ import annotations

from runtime.media.port import LegInfo, MediaError
from runtime.sip.agent import Agent, AgentSettings
from runtime.sip.hop import Hop

OFFER = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n" + (
    "m=audio 4000 RTP/AVP 0\r\n"
)
BROWSER = OFFER.replace("RTP/AVP", "UDP/TLS/RTP/SAVPF")


class FakeLink:
    """Writes down what it is asked; `failing` makes an operation fail with a code."""

    def __init__(self) -> None:
        self.log = []
        self.failing = {}
        self.legs_held = set()
        self.needs_offer = False
        self._count = 0

    async def _do(self, op, *args):
        if op in self.failing:
            raise MediaError(self.failing[op])
        self.log.append((op, *args))

    async def create(self, leg, kind, *, port=0, towards=""):
        await self._do("create", kind)
        self.legs_held.add(leg)
        return LegInfo(leg, kind)

    async def offer(self, leg, *, restart=False):
        await self._do("offer")
        self._count += 1
        return f"v=0 our offer {self._count}\r\n"

    async def answer(self, leg, remote_sdp):
        await self._do("answer", remote_sdp)
        self._count += 1
        return f"v=0 our answer {self._count}\r\n"

    async def accept(self, leg, remote_sdp):
        await self._do("accept", remote_sdp)

    async def rollback(self, leg):
        await self._do("rollback")

    async def start(self, leg):
        await self._do("start")

    async def direction(self, leg, direction):
        await self._do("direction", direction)

    async def echo(self, leg, on):
        await self._do("echo", on)

    async def tone(self, leg, frequency):
        await self._do("tone", frequency)

    async def play(self, leg, source, *, repeat=False):
        await self._do("play", source, repeat)

    async def stop(self, leg):
        await self._do("stop")

    async def dtmf(self, leg, digits, *, duration=160):
        await self._do("dtmf", digits)

    async def mute(self, leg, on):
        await self._do("mute", on)

    async def bridge(self, leg, other):
        await self._do("bridge", leg, other)

    async def unbridge(self, leg):
        await self._do("unbridge", leg)

    async def stats(self, leg):
        await self._do("stats")
        return {"packets_in": 1}

    async def recover(self, leg, info=None):
        await self._do("recover")
        return LegInfo(leg, "rtp", needs_offer=self.needs_offer)

    async def close(self, leg):
        await self._do("close")
        self.legs_held.discard(leg)

    async def shutdown(self):
        await self._do("shutdown")

    def ops(self):
        return [op for op, *_ in self.log]


OURS = Hop("UDP", ("192.0.2.9", 5060), "192.0.2.1:5060")
"""The way from us to the peer."""
THEIRS = Hop("UDP", ("192.0.2.1", 5060), "192.0.2.9:5060")


class Wire:
    """Our stack and the peer's; what one sends the other gets, at once and in order."""

    def __init__(self) -> None:
        self.time = 100.0
        self.ours = Agent(AgentSettings(token="ours"))
        self.theirs = Agent(AgentSettings(token="theirs"))
        self.happened = []
        """On the peer's side, in order."""
        self.on_happening = lambda happening: None
        """Called with each happening on our side."""
        self.sent = []
        """First line and body of each message of ours."""
        self.lost = False
        """Nothing arrives any more."""
        self._pumping = False

    def now(self):
        return self.time

    def flush(self):
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._round():
                pass
        finally:
            self._pumping = False

    def _round(self):
        ours, theirs = self.ours.take_messages(), self.theirs.take_messages()
        for message in ours:
            head, _, body = message.data.partition(b"\r\n\r\n")
            self.sent.append((head.split(b"\r\n")[0].decode(), body.decode()))
            if not self.lost:
                self.theirs.receive(message.data, THEIRS, self.time)
        for message in theirs:
            if not self.lost:
                self.ours.receive(message.data, OURS, self.time)
        self.happened += self.theirs.take_happenings()
        told = self.ours.take_happenings()
        for happening in told:
            self.on_happening(happening)
        return bool(ours or theirs or told)

    def lines(self):
        return [line for line, _ in self.sent]

    def last(self, kind):
        return [happening for happening in self.happened if isinstance(happening, kind)][-1]
