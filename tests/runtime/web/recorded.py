"""Recorded calls for tests of the page of one call: real steps of real tables, written messages."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flows.compile import compile_text
from flows.semantics import Program
from runtime.executor.machine import Machine
from runtime.executor.step import Event
from runtime.node.journal import (
    ActionResult,
    DoneRecord,
    MediaRecord,
    Record,
    Segment,
    StepRecord,
    WireRecord,
)
from runtime.sink import DatabaseSink

SDP = (
    "v=0\r\no=- 1 1 IN IP4 203.0.113.20\r\ns=-\r\nc=IN IP4 203.0.113.20\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
)
CARRIER = ("203.0.113.20:5060", "198.51.100.14:5060")


def message(
    start: str,
    *,
    call: str = "384827629@203.0.113.20",
    cseq: str = "1 INVITE",
    branch: str = "z9hG4bK1",
    inside: bool = False,
    body: str = "",
    more: Iterable[str] = (),
) -> bytes:
    """Return a SIP message from +4930555017 to the support line."""
    tag = ";tag=9fxced76" if inside else ""
    lines = [
        start,
        f"Via: SIP/2.0/UDP 203.0.113.20:5060;branch={branch};rport",
        "From: <sip:+493055500017@carrier-a.example>;tag=41a7c0",
        f"To: <sip:support@desk.example>{tag}",
        f"Call-ID: {call}",
        f"CSeq: {cseq}",
        *more,
    ]
    if body:
        lines.append("Content-Type: application/sdp")
    lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


class Recorder:
    """Lets the executor run one session and writes down what a node would."""

    def __init__(
        self,
        session: str,
        text: str,
        role: str = "UAS",
        *,
        at: float = 1000.0,
        between: tuple[str, str] = CARRIER,
        transport: str = "UDP",
    ) -> None:
        table = compile_text(text).table
        assert table is not None
        self.machine = Machine(Program(table), session, role, at)
        self.session = session
        self.began = at
        self.remote, self.local = between
        self.transport = transport
        self.records: list[Record] = []

    def step(self, seconds: float, event: str, /, *, fails: str = "", **fields: Any) -> None:
        """Let an event happen; with `fails` the row's first action fails, for that reason."""
        step = self.machine.receive(Event(event, fields), self.began + seconds)
        self.records.append(StepRecord(step))
        if not step.actions:
            return
        results = tuple(ActionResult(True, 120 + 10 * i) for i, _ in enumerate(step.actions))
        if fails:
            results = (ActionResult(False, 90, fails),)
        self.records.append(DoneRecord(self.session, step.sequence, results))
        if fails:
            event_of = self.machine.failed(step, 0, fails)
            failed = self.machine.receive(event_of, self.began + seconds + 0.001)
            self.records.append(StepRecord(failed))

    def migrate(self, seconds: float, text: str, state: str) -> None:
        """Let somebody take the session to another text."""
        table = compile_text(text).table
        assert table is not None
        event = Event("Migrated", {"by": "olaf", "reason": "v1 is bad"})
        step = self.machine.migrate(Program(table), state, event, self.began + seconds)
        self.records.append(StepRecord(step))

    def wire(self, seconds: float, direction: str, data: bytes) -> None:
        given = (self.transport, self.local, self.remote, data)
        self.records.append(WireRecord(self.session, self.began + seconds, direction, *given))

    def media(self, seconds: float, kind: str, **detail: Any) -> None:
        self.records.append(MediaRecord(self.session, self.began + seconds, kind, detail))

    def store(self) -> None:
        segment = Segment("node1", 3, 0, Path(f"{self.session}.journal"))
        DatabaseSink().store(segment, self.records, 0, 500)


def echo_call(session: str, text: str, *, at: float = 1000.0, unhandled: bool = True) -> Recorder:
    """Return a call of the echo test: 100 s of talk, an INFO nobody takes, and a BYE."""
    call = Recorder(session, text, at=at)
    offer = SDP.format(direction="sendrecv")
    call.wire(0.0, "in", message("INVITE sip:support@desk.example SIP/2.0", body=offer))
    call.wire(0.0002, "out", message("SIP/2.0 100 Trying"))
    who = {"from": "sip:+493055500017@carrier-a.example", "to": "sip:support@desk.example"}
    call.step(0.001, "IncomingCall", sdp=offer, **who)
    call.wire(0.002, "out", message("SIP/2.0 200 OK", inside=True, body=offer))
    call.wire(0.502, "out", message("SIP/2.0 200 OK", inside=True, body=offer))
    ack = message("ACK sip:support@desk.example SIP/2.0", cseq="1 ACK", branch="a", inside=True)
    call.wire(0.6, "in", ack)
    call.step(0.6004, "DialogACK")
    call.media(0.7, "flowing", codec="PCMU", remote="203.0.113.20:4000")
    call.step(0.7001, "MediaFlowEstablished")
    call.media(20.0, "dtmf", digit="5", duration=100)
    call.step(20.0001, "DtmfDetected", digit="5", duration=100)
    if unhandled:
        info = message("INFO sip:x SIP/2.0", cseq="2 INFO", branch="i", inside=True)
        call.wire(30.0, "in", info)
        call.step(30.0004, "InfoReceived", content_type="text/plain", body="signal=1")
        no = message("SIP/2.0 469 Bad Info Package", cseq="2 INFO", branch="i", inside=True)
        call.wire(30.0008, "out", no)
    bye = message("BYE sip:support@desk.example SIP/2.0", cseq="3 BYE", branch="b", inside=True)
    call.wire(48.0, "in", bye)
    call.step(48.0003, "DialogBYE")
    call.wire(48.001, "out", message("SIP/2.0 200 OK", cseq="3 BYE", branch="b", inside=True))
    call.media(48.002, "stats", packets_in=2380, packets_out=2381, lost=2, jitter_ms=1.25)
    return call
