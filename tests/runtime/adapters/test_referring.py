"""REFER in both directions, as a leg does and hears it, against another stack on a string."""

import pytest

from runtime.adapters.linked import NO_LINKS
from runtime.adapters.port import ActionError
from runtime.adapters.transfer import Asked, status_of
from runtime.executor.step import Event
from runtime.sip.events import RequestReceived, ResponseReceived, TransactionTimedOut
from runtime.sip.message import Request
from runtime.sip.notifier import SIPFRAG
from runtime.sip.wire import parse
from tests.runtime.adapters.test_leg import Call

BOB = "sip:bob@192.0.2.20"


class Links(type(NO_LINKS)):
    """Nobody to link with, and one host to which nobody may refer."""

    def __init__(self):
        self.notes = []

    def may_refer(self, target):
        return "premium" not in target

    def note(self, kind, **detail):
        self.notes.append((kind, detail))


@pytest.fixture
async def call(tmp_path):
    call = Call(tmp_path)
    call.leg.links = Links()
    call.usage = await call.established()
    return call


def requested(call, method):
    found = [h for h in call.wire.happened if isinstance(h, RequestReceived)]
    return [h for h in found if h.method == method][-1]


def respond(call, happening, code, headers=()):
    happening.usage.respond(happening.transaction, code, now=call.wire.time, headers=headers)
    call.wire.flush()


def report(call, body, state="active"):
    call.usage.notify(
        now=call.wire.time, state=state, body=body.encode(), content_type=SIPFRAG if body else ""
    )
    call.wire.flush()


def refer(call, target=f"<{BOB}>", **more):
    headers = [("Refer-To", target), *((k.replace("_", "-"), v) for k, v in more.items())]
    call.usage.request("REFER", now=call.wire.time, headers=headers)
    call.wire.flush()


def answer(call):
    found = [h for h in call.wire.happened if isinstance(h, ResponseReceived)]
    return [h.code for h in found if h.method == "REFER"][-1]


def transfers(call):
    return [(e.name, e.fields.get("code")) for e in call.events if e.name.startswith("Transfer")]


# -- our own ---------------------------------------------------------------------------------------


async def test_a_refer_names_target_and_sender_and_its_reports_are_told(call):
    await call.do("SendREFER", Event("BlindTransfer", {"target": BOB}))
    asked = requested(call, "REFER")
    assert asked.request.get("Refer-To") == f"<{BOB}>"
    assert asked.request.get("Referred-By") == "<sip:echo@192.0.2.1>"
    assert call.leg.unsettled() == "a transfer is under way"
    respond(call, asked, 202)
    report(call, "SIP/2.0 100 Trying\r\n")
    report(call, "SIP/2.0 180 Ringing\r\n")
    report(call, "SIP/2.0 200 OK\r\n", "terminated")
    assert transfers(call) == [
        ("TransferAccepted", 202),
        ("TransferProgress", 100),
        ("TransferProgress", 180),
        ("TransferSuccess", 200),
    ]
    assert call.leg.unsettled() is None


@pytest.mark.parametrize(
    ("body", "state", "told"),
    [
        ("SIP/2.0 486 Busy Here\r\n", "terminated", ("TransferFailed", 486)),
        ("SIP/2.0 603 Decline", "active", ("TransferFailed", 603)),
        ("SIP/2.0 180 Ringing\r\n", "terminated", ("TransferComplete", 180)),
        ("", "terminated", ("TransferComplete", 0)),
        ("nonsense\r\nSIP/2.0 200 OK\r\n", "terminated", ("TransferComplete", 0)),
    ],
)
async def test_how_a_transfer_ended_is_told_once(call, body, state, told):
    await call.do("SendREFER", target=BOB)
    respond(call, requested(call, "REFER"), 202)
    report(call, body, state)
    assert transfers(call)[1:] == [told]


async def test_a_refused_refer_fails_and_another_one_may_follow(call):
    await call.do("SendREFER", target=BOB)
    with pytest.raises(ActionError, match="under way"):
        await call.do("SendREFER", target=BOB)
    respond(call, requested(call, "REFER"), 603)
    assert transfers(call) == [("TransferFailed", 603)]
    await call.do("SendREFER", target=BOB)
    respond(call, requested(call, "REFER"), 202)
    assert transfers(call)[-1] == ("TransferAccepted", 202)


async def test_a_challenged_refer_is_told_as_one(call):
    await call.do("SendREFER", target=BOB)
    challenge = [("WWW-Authenticate", 'Digest realm="x", nonce="1"')]
    respond(call, requested(call, "REFER"), 401, challenge)
    assert (call.event.name, call.event.fields["method"]) == ("AuthRequired", "REFER")
    assert call.leg.challenge is not None


async def test_silence_is_a_refusal(call):
    await call.do("SendREFER", target=BOB)
    call.wire.lost = True
    call.wire.time += 33
    call.wire.ours.expire(call.wire.time)
    call.wire.flush()
    assert transfers(call) == [("TransferFailed", 408)]
    assert not [h for h in call.wire.happened if isinstance(h, TransactionTimedOut)]


async def test_a_kept_target_is_used_where_nothing_else_names_one(call):
    with pytest.raises(ActionError, match="whom to call"):
        await call.do("SendREFER")
    await call.do("StoreTransferTarget", Event("StartAttendedTransfer", {"target": BOB}))
    await call.do("SendREFER")
    assert requested(call, "REFER").request.get("Refer-To") == f"<{BOB}>"


async def test_without_a_consultation_nothing_is_replaced(call):
    with pytest.raises(ActionError, match="no linked session consultation"):
        await call.do("SendREFERWithReplaces")


# -- the peer's ------------------------------------------------------------------------------------


async def test_the_peers_refer_is_told_accepted_and_reported_on(call):
    refer(call, Referred_By="<sip:boss@x.example>")
    assert (call.event.name, call.event.fields) == (
        "TransferRequested",
        {"refer_to": BOB, "referred_by": "<sip:boss@x.example>"},
    )
    await call.do("AcceptTransferREFER", call.event)
    assert answer(call) == 202
    await call.do("SendTransferNOTIFYRinging")
    await call.do("SendTransferNOTIFYFailure", Event("LinkedFailed", {"code": 486}))
    told = [h.request for h in call.wire.happened if isinstance(h, RequestReceived)]
    bodies = [r.body for r in told if r.method == "NOTIFY"]
    assert bodies == [
        b"SIP/2.0 100 Trying\r\n",
        b"SIP/2.0 180 Ringing\r\n",
        b"SIP/2.0 486 Busy Here\r\n",
    ]
    states = [r.get("Subscription-State") for r in told if r.method == "NOTIFY"]
    assert [s.partition(";")[0] for s in states] == ["active", "active", "terminated"]
    with pytest.raises(ActionError, match="no transfer waits"):
        await call.do("SendTransferNOTIFYSuccess")


async def test_who_wants_no_reports_gets_none(call):
    refer(call, Refer_Sub="false")
    await call.do("SendReferAccepted", call.event)
    await call.do("SendRefer100Trying")
    told = [h for h in call.wire.happened if isinstance(h, RequestReceived)]
    assert answer(call) == 202 and not told


async def test_a_replaces_in_the_refer_goes_into_the_call(call):
    refer(call, f"<{BOB}?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2>")
    assert call.event.fields["replaces"] == "a@b;to-tag=1;from-tag=2"
    assert call.leg.transfer.asked == Asked(BOB, "a@b;to-tag=1;from-tag=2", "")
    assert call.leg.transfer.asked.headers() == (("Replaces", "a@b;to-tag=1;from-tag=2"),)


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("<sip:1900@premium.example>", 403),
        ("<tel:+4930555>", 416),
        (f"<{BOB};method=BYE>", 501),
        (f"<{BOB}?Replaces=nonsense>", 400),
        ("<<>>", 400),
    ],
)
async def test_what_nobody_may_ask_for_is_refused_without_the_table(call, target, code):
    refer(call, target)
    assert answer(call) == code and not transfers(call)
    assert bool(call.leg.links.notes) == (code == 403)


# -- reports ---------------------------------------------------------------------------------------


def sipfrag(body, kind="message/sipfrag"):
    text = (
        b"NOTIFY sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
        b"To: <sip:a@b>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 NOTIFY\r\nContent-Type: %s\r\n"
        b"Content-Length: %d\r\n\r\n" % (kind.encode(), len(body))
    )
    request = parse(text + body)
    assert isinstance(request, Request)
    return status_of(request)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"SIP/2.0 200 OK", (200, "OK")),
        (b"SIP/2.0 180\r\n", (180, "")),
        (b"SIP/2.0 486 Busy Here\r\nTo: x\r\n", (486, "Busy Here")),
        (b"SIP/2.0 200 \xff\xfe\r\n", (200, "\ufffd\ufffd")),
        (b"SIP/2.0 700 Odd\r\n", None),
        (b"SIP/2.0 20 OK\r\n", None),
        (b"SIP/2.0" + b" " * 5000 + b"200 OK\r\n", None),
        (b"SIP/2.0 200 " + b"x" * 60000, None),
        (b"", None),
    ],
)
def test_a_report_is_read_from_its_first_line_alone(body, told):
    assert sipfrag(body) == told


def test_a_body_of_another_kind_reports_nothing():
    assert sipfrag(b"SIP/2.0 200 OK", "text/plain") is None
