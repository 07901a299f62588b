"""Requests inside a call, what their answers are to a table, and re-INVITEs tried again."""

import pytest

from runtime.adapters.dtmf import key_of
from runtime.adapters.port import ActionError
from runtime.adapters.retrying import MOST_TRIES
from runtime.executor.step import Event
from runtime.sip.events import RequestReceived
from tests.runtime.adapters.fakes import OFFER
from tests.runtime.adapters.test_leg import Call


class Late:
    """Calls that were put off, to be let go by hand."""

    def __init__(self):
        self.waiting = []

    def __call__(self, seconds, call):
        entry = [seconds, call]
        self.waiting.append(entry)
        return type("Handle", (), {"cancel": lambda _: self.waiting.remove(entry)})()

    def ring(self):
        seconds, call = self.waiting.pop(0)
        call()
        return seconds


@pytest.fixture
def late():
    return Late()


@pytest.fixture
def call(tmp_path, late):
    call = Call(tmp_path, "sip:bob@192.0.2.9")
    call.leg.alarms._later = late
    return call


def theirs(call):
    return call.wire.last(RequestReceived)


def answer(call, code, **more):
    asked = theirs(call)
    asked.usage.respond(asked.transaction, code, now=call.wire.time, **more)
    call.wire.flush()


async def test_an_update_without_a_direction_only_refreshes(call):
    await call.established()
    await call.do("SendUPDATE")
    assert theirs(call).method == "UPDATE" and theirs(call).sdp is None
    answer(call, 200)
    assert call.event == Event("UpdateAccepted", {"code": 200, "reason": "OK"})
    assert call.leg.unsettled() is None


async def test_an_update_with_a_direction_is_an_offer_that_its_answer_settles(call):
    await call.established()
    await call.do("SendUPDATE", direction="sendonly")
    assert theirs(call).sdp == b"v=0 our offer 2\r\n"
    assert call.leg.unsettled() == "our UPDATE waits for its answer"
    answer(call, 200, sdp=b"v=0 their answer\r\n")
    assert call.event.fields["sdp"] == "v=0 their answer\r\n"
    await call.do("NegotiateSDPAsUAC", call.event)
    assert call.link.log[-1] == ("accept", "v=0 their answer\r\n")
    assert call.leg.unsettled() is None


async def test_a_refused_update_leaves_what_was_agreed(call):
    await call.established()
    await call.do("SendUPDATE", direction="sendonly")
    answer(call, 422, headers=[("Min-SE", "120")])
    assert (call.event.name, call.event.fields["minimum"]) == ("UpdateRefused", 120)
    assert call.leg.unsettled() is None
    await call.do("SendReINVITE")
    assert "rollback" in call.link.ops()


async def test_no_offer_goes_out_in_an_update_while_another_one_is_open(call):
    await call.established()
    await call.do("HoldCall")
    with pytest.raises(ActionError, match="another offer"):
        await call.do("SendUPDATE", direction="sendrecv")


async def test_keys_go_out_one_by_one_each_when_the_last_was_accepted(call):
    await call.established()
    await call.do("SendINFO", Event("SendDTMF", {"digits": "5#"}), duration=200)
    asked = theirs(call)
    assert asked.request.content_type == "application/dtmf-relay"
    assert asked.request.body == b"Signal=5\r\nDuration=200\r\n"
    with pytest.raises(ActionError, match="still under way"):
        await call.do("SendINFO", digits="1")
    answer(call, 200)
    assert theirs(call).request.body.startswith(b"Signal=#")
    answer(call, 200)
    told = [e for e in call.events if e.name == "RequestAnswered"]
    assert [e.fields for e in told] == [{"code": 200, "reason": "OK", "method": "INFO"}]


async def test_keys_behind_a_refused_one_are_not_sent(call):
    await call.established()
    await call.do("SendINFO", digits="12")
    answer(call, 415)
    assert call.event.fields["code"] == 415
    assert [line for line in call.wire.lines() if line.startswith("INFO")] != []
    await call.do("SendINFO", body="<x/>", content_type="application/x+xml")
    assert theirs(call).request.body == b"<x/>"


@pytest.mark.parametrize(
    "arguments",
    [{}, {"digits": "5x"}, {"body": "hello"}, {"body": "x" * 20_000, "content_type": "text/plain"}],
)
async def test_what_cannot_be_an_info_is_not_sent(call, arguments):
    await call.established()
    with pytest.raises(ActionError):
        await call.do("SendINFO", **arguments)


async def test_a_text_is_sent_in_the_call_and_its_answer_told(call):
    await call.established()
    await call.do("SendMESSAGE", Event("SendMessage", {"body": "grüezi"}))
    assert theirs(call).request.body == "grüezi".encode()
    answer(call, 202)
    assert call.event == Event("MessageDelivered", {"code": 202, "reason": "Accepted"})
    await call.do("SendMESSAGE", body="again")
    answer(call, 603)
    assert call.event.name == "MessageFailed"


async def test_the_far_side_is_asked_what_it_can_do(call):
    await call.established()
    await call.do("SendOPTIONS")
    assert call.event.fields == {"code": 200, "reason": "OK", "method": "OPTIONS"}


async def test_silence_is_a_refusal_and_no_end_of_the_call(call):
    await call.established()
    call.wire.lost = True
    await call.do("SendMESSAGE", body="are you there")
    for _ in range(40):
        call.wire.time += 1
        call.wire.ours.expire(call.wire.time)
        call.wire.flush()
    assert call.event == Event("MessageFailed", {"code": 408, "reason": "Request Timeout"})


async def test_a_challenge_is_told_with_what_was_challenged(call):
    await call.established()
    await call.do("SendINFO", digits="1")
    answer(call, 401, headers=[("WWW-Authenticate", 'Digest realm="home", nonce="x"')])
    assert call.event.name == "AuthRequired"
    assert (call.event.fields["method"], call.event.fields["realm"]) == ("INFO", "home")


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay; x=y", b"signal= #\r\n", "#"),
        ("application/dtmf-relay", b"Duration=160\r\nSignal=11", "#"),
        ("application/dtmf", b"d\r\n", "D"),
        ("application/dtmf-relay", b"Signal=55\r\n", None),
        ("application/dtmf-relay", b"\xff" * 10_000, None),
        ("text/plain", b"5", None),
    ],
)
def test_the_key_of_an_info_is_read(kind, body, key):
    assert key_of(kind, body) == key


# -- glare -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("drawn", "seconds"), [(0, 0.0), (1, 0.01), (200, 2.0)])
async def test_who_was_called_waits_up_to_two_seconds_after_a_glare(call, late, drawn, seconds):
    await call.established()
    call.leg.draw = lambda below: min(drawn, below - 1)
    await call.do("ScheduleReinviteRetry")
    assert late.ring() == pytest.approx(seconds)
    assert call.posted == [Event("ReinviteRetryDue")]


@pytest.mark.parametrize(("drawn", "seconds"), [(0, 2.1), (190, 4.0), (10_000, 4.0)])
async def test_who_called_waits_two_to_four_seconds(call, late, drawn, seconds):
    invite = await call.placed()
    invite.usage.respond(invite.transaction, 200, sdp=OFFER.encode(), now=call.wire.time)
    call.wire.flush()
    await call.do("SendACK", call.event)
    call.leg.draw = lambda below: min(drawn, below - 1)
    await call.do("ScheduleReinviteRetry")
    assert late.ring() == pytest.approx(seconds)


async def test_a_reinvite_is_tried_again_three_times(call, late):
    await call.established()
    for _ in range(MOST_TRIES):
        await call.do("ScheduleReinviteRetry")
        late.ring()
    with pytest.raises(ActionError, match="4 times"):
        await call.do("ScheduleReinviteRetry")
    await call.do("ClearPendingReinvite")
    await call.do("ScheduleReinviteRetry")
    assert len(late.waiting) == 1


async def test_an_accepted_reinvite_begins_the_count_anew(call, late):
    await call.established()
    await call.do("ScheduleReinviteRetry")
    late.ring()
    await call.do("HoldCall")
    answer(call, 200, sdp=OFFER.encode())
    assert call.leg.retries == 0


@pytest.mark.parametrize("end", ["SendBYE", "CleanupDialog", "HoldCall", "ClearPendingReinvite"])
async def test_nothing_is_due_any_more_once_the_call_goes_another_way(call, late, end):
    await call.established()
    await call.do("ScheduleReinviteRetry")
    await call.do(end)
    assert late.waiting == []


async def test_nothing_is_due_any_more_when_the_far_side_hangs_up_or_the_session_ends(call, late):
    usage = await call.established()
    await call.do("ScheduleReinviteRetry")
    usage.bye(now=call.wire.time)
    call.wire.flush()
    assert late.waiting == []
    await call.leg.release(None)
    with pytest.raises(ActionError, match="no call"):
        await call.do("ScheduleReinviteRetry")
