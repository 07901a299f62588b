"""RFC 4475 and RFC 5118 message by message: what is read of each, and what the agent does."""

from __future__ import annotations

import pytest

from runtime.sip.events import InviteReceived
from runtime.sip.hop import Hop
from runtime.sip.message import Response
from runtime.sip.wire import split
from tests.runtime.sip.peer import BROWSER, PEER, Bench, request
from tests.runtime.sip.torture import Torture, messages, read

ALL = (*messages("rfc4475"), *messages("rfc5118"))
SURFACED = frozenset({"REGISTER", "MESSAGE"})


def test_the_files_hold_all_messages_of_both_documents() -> None:
    assert (len(messages("rfc4475")), len(messages("rfc5118"))) == (49, 12)
    assert len({message.name for message in ALL}) == 61


@pytest.mark.parametrize("hop", [PEER, BROWSER], ids=["datagram", "connection"])
@pytest.mark.parametrize("message", ALL, ids=lambda message: message.name)
def test_verdict(message: Torture, hop: Hop) -> None:
    bench = Bench({"out_of_dialog": SURFACED}, hop)
    data = message.data
    if data.startswith(b"SIP/2.0 "):  # Without our mark it would be dropped unread.
        data = data.replace(b"z9hG4bK", bench.agent.mark.encode())
    sent = bench.receive(data)
    codes = [one.message.code for one in sent if isinstance(one.message, Response)]
    counted = bench.agent.counters["stray_response"]
    match message.verdict:
        case "rings":
            assert codes == [100] and isinstance(bench.happenings.pop(), InviteReceived)
        case "told":
            assert codes == [] and bench.happenings.pop().request is not None  # type: ignore[union-attr]
        case "dropped" | "stray":
            assert codes == [] and counted == (message.verdict == "stray")
        case code:
            assert codes == [int(code)]
            sent_back = sent[0].message
            assert sent_back.get("Call-ID") in (None, *split_call_ids(message.data))
    assert bench.happenings == []
    bench.ring(call_id="next", branch="z9hG4bK-next")


def split_call_ids(data: bytes) -> list[str]:
    return [
        line.partition(b":")[2].strip().decode()
        for line in data.split(b"\r\n")
        if line.partition(b":")[0].strip().lower() in (b"call-id", b"i")
    ]


@pytest.mark.parametrize(
    "message", [message for message in ALL if message.expected], ids=lambda message: message.name
)
def test_what_is_read(message: Torture) -> None:
    parsed = split(message.data)
    # A body ends where Content-Length says, which is looked at after the lines are split.
    length = int(parsed.get("Content-Length") or len(parsed.body))
    parsed.body = parsed.body[:length]
    found = [(path, read(parsed, path)) for path, _ in message.expected]
    assert found == list(message.expected)


def test_all_in_a_row_leave_the_agent_as_it_was() -> None:
    bench = Bench({"out_of_dialog": SURFACED})
    for message in ALL * 2:
        bench.receive(message.data)
        for happening in bench.happenings:
            if isinstance(happening, InviteReceived):
                happening.usage.close(now=bench.now)
        bench.happenings.clear()
    agent = bench.agent
    for transaction in tuple(agent.uas.transactions.values()):
        if not transaction.answered:
            agent.respond(transaction, 200, now=bench.now)
    bench.advance(64)
    assert not (agent.usages or agent.dialogs or agent.uas.transactions or agent.uas._merge)
    assert len(agent.timers) == 0


VERDICTS = [
    ("one word as user and host", request("OPTIONS", to="sip:user@pc1"), 200),
    ("no version", request("OPTIONS").replace(b" SIP/2.0\r", b" \r", 1), 400),
    ("a foreign scheme in From", request("OPTIONS", from_="<http://x.example>;tag=3"), 200),
    ("no tag in From", request("OPTIONS", from_="<sip:old@example.com>"), 200),
    ("two topmost addresses", request(via="SIP/2.0/UDP a b;branch=z9hG4bK-1"), 400),
    ("a Via of nothing", request(via="SIP/2.0/UDP ;branch=z9hG4bK-1"), None),
    ("a Via of another protocol", request(via="HTTP/2.0/UDP h;branch=z9hG4bK-1"), None),
    ("Contact * with a time", request("REGISTER", contact="*", headers=["Expires: 1"]), 400),
    ("Contact * beside another", request("REGISTER", contact="*, <sip:a@b>"), 400),
    ("nothing acceptable", request(headers=["Accept:"]), 406),
    ("text acceptable", request(headers=["Accept: text/plain, text/*"]), 406),
    ("a method this stack knows but does not take", request("PUBLISH"), 405),
    ("a method nobody knows", request("FROB"), 501),
]


@pytest.mark.parametrize(
    ("data", "code"), [row[1:] for row in VERDICTS], ids=[row[0] for row in VERDICTS]
)
def test_verdict_on_further_messages(data: bytes, code: int | None) -> None:
    bench = Bench({"out_of_dialog": SURFACED})
    codes = [
        sent.message.code for sent in bench.receive(data) if isinstance(sent.message, Response)
    ]
    assert codes == ([] if code is None else [code])
    assert bench.happenings == []


@pytest.mark.parametrize("accept", ["application/sdp;level=1", "text/plain, */*", "Application/*"])
def test_a_call_whose_caller_takes_session_descriptions_rings(accept: str) -> None:
    bench = Bench()
    bench.receive(request(headers=[f"Accept: {accept}"]))
    bench.take(InviteReceived)
