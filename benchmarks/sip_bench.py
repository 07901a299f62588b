"""CPU time of the SIP stack: a call of each role without sockets, and reading one INVITE.

`python -m benchmarks.sip_bench` prints microseconds and, for the reading, the ratio to sipmessage's
own parser doing the same work (split, typed Via, CSeq, From, To, Contact). Cases take turns; the
median of the rounds counts. Wall-clock call rates depend on the machine and are not shown.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable

import sipmessage

from benchmarks.timing import cpu
from runtime.sip.agent import Agent, AgentSettings
from runtime.sip.events import InviteReceived, ResponseReceived
from runtime.sip.hop import UDP, Hop
from runtime.sip.message import Request
from runtime.sip.wire import parse

CALLS = 400
ROUNDS = 9
PHONE = Hop(UDP, ("192.0.2.7", 5071), "192.0.2.1:5060")
SERVER = Hop(UDP, ("192.0.2.1", 5060), "192.0.2.7:5071")
SDP = (
    b"v=0\r\no=- 3 3 IN IP4 192.0.2.7\r\ns=call\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
)


def agents() -> tuple[Agent, Agent]:
    return Agent(AgentSettings("caller-1")), Agent(AgentSettings("node-1"))


def recorded(calls: int) -> list[list[tuple[str, bytes]]]:
    """Messages of `calls` whole calls between two agents: (direction, data) in order."""
    caller, answerer = agents()
    return [_record(caller, answerer, number * 0.001) for number in range(calls)]


def _record(caller: Agent, answerer: Agent, now: float) -> list[tuple[str, bytes]]:
    log: list[tuple[str, bytes]] = []
    usage = caller.invite(
        "sip:echo@192.0.2.1", caller="sip:phone@192.0.2.7", hop=SERVER, sdp=SDP, now=now
    )
    moved = True
    while moved:
        moved = False
        for sent in caller.take_messages():
            moved = True
            log.append(("to", sent.data))
            answerer.receive(sent.data, PHONE, now)
            answer(answerer, now)
        for sent in answerer.take_messages():
            moved = True
            log.append(("from", sent.data))
            caller.receive(sent.data, SERVER, now)
        for happening in caller.take_happenings():
            if isinstance(happening, ResponseReceived) and happening.sdp:
                usage.ack(now=now)
                usage.bye(now=now)
    return log


def answer(agent: Agent, now: float) -> None:
    """What a table does with what came: 180 and 200 to an INVITE."""
    for happening in agent.take_happenings():
        if isinstance(happening, InviteReceived):
            happening.usage.respond(happening.transaction, 180, now=now)
            happening.usage.respond(happening.transaction, 200, sdp=SDP, now=now)


def uas_calls(calls: list[list[tuple[str, bytes]]]) -> None:
    """Answer recorded calls: INVITE 100 180 200 ACK BYE 200, without the ACK's tag known before."""
    agent = Agent(AgentSettings("node-1"))
    for number, log in enumerate(calls):
        now = number * 0.001
        tag = b""
        for direction, data in log:
            if direction == "from":
                continue
            agent.receive(_retagged(data, tag), PHONE, now)
            answer(agent, now)
            for sent in agent.take_messages():
                tag = tag or _tag(sent.data)
        agent.expire(now)


def _tag(data: bytes) -> bytes:
    _, found, rest = data.partition(b";tag=node-1.")
    return b";tag=node-1." + rest.split(b"\r\n", 1)[0] if found else b""


def _retagged(data: bytes, tag: bytes) -> bytes:
    head, found, rest = data.partition(b";tag=node-1.")
    return head + tag + rest[rest.index(b"\r\n") :] if found else data


def both_sides(calls: int) -> None:
    recorded(calls)


def read_ours(data: bytes) -> None:
    for _ in range(CALLS):
        message = parse(data)
        _ = message.via, message.cseq, message.from_, message.to, message.contacts[0].uri
        assert isinstance(message, Request)


def read_sipmessage(data: bytes) -> None:
    for _ in range(CALLS):
        message = sipmessage.Message.parse(data)
        _ = message.via, message.cseq, message.from_address, message.to_address, message.contact


def main() -> int:
    invite = recorded(1)[0][0][1]
    cases: dict[str, Callable[[], float]] = {
        "answer a call (UAS)": cpu(lambda: recorded(CALLS), uas_calls, CALLS),
        "both sides of a call": cpu(lambda: CALLS, both_sides, CALLS),
        "read and check an INVITE": cpu(lambda: invite, read_ours, CALLS),
        "the same by sipmessage": cpu(lambda: invite, read_sipmessage, CALLS),
    }
    figures: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, case in cases.items():
            figures[name].append(case() / 1000)
    out = sys.stdout.write
    for name, rounds in figures.items():
        out(f"{name:28} {statistics.median(rounds):8.1f} us CPU\n")
    ours, theirs = (statistics.median(figures[name]) for name in list(cases)[2:])
    out(f"{'reading, ours / sipmessage':28} {ours / theirs:8.2f}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
