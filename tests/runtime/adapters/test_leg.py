import asyncio

import pytest

from flows.table import Word
from flows.vocabulary import ACTIONS
from runtime.adapters.binding import bind
from runtime.adapters.dialog import DialogHalf, Way
from runtime.adapters.leg import CallLeg
from runtime.adapters.media import MediaHalf
from runtime.adapters.performing import PERFORMED
from runtime.adapters.port import ActionError
from runtime.executor.step import Event
from runtime.media.port import MediaEvent
from runtime.sip.events import (
    AckReceived,
    InviteReceived,
    RequestReceived,
    ResponseReceived,
)
from tests.runtime.adapters.fakes import BROWSER, OFFER, OURS, THEIRS, FakeLink, Wire


class Call:
    """A leg of ours on the string, driven action by action as a session would."""

    def __init__(self, tmp_path, target=""):
        self.wire = Wire()
        self.link = FakeLink()
        self.events = []
        self.posted = []
        self.reports = []
        self.tasks = []
        self.dialog = DialogHalf(
            self.wire.ours, resolve=self.resolve, now=self.wire.now, flush=self.wire.flush
        )
        media = MediaHalf(
            self.link, "s1", sounds=tmp_path, report=lambda *fact: self.reports.append(fact)
        )
        self.leg = CallLeg(
            self.dialog,
            media,
            post=self.posted.append,
            hold=lambda work: self.tasks.append(asyncio.ensure_future(work)),
            target=target,
            caller="sip:us@192.0.2.1",
        )
        self.dialog.context = self
        self.wire.on_happening = self.happened

    async def resolve(self, target):
        return Way(target, OURS)

    def happened(self, happening):
        if isinstance(happening, InviteReceived):
            self.dialog.adopt(happening.usage)
        event = self.leg.happened(happening)
        if event is not None:
            self.events.append(event)

    async def do(self, name, event=None, **arguments):
        awaited = self.leg.perform(bind(Word(name, arguments)), event or Event("Any"))
        if awaited is not None:
            await awaited
        await self.settle()

    async def settle(self):
        while self.tasks:
            await self.tasks.pop()
        self.wire.flush()

    @property
    def event(self):
        return self.events[-1]

    def names(self):
        return [event.name for event in self.events]

    # The peer

    def invited(self, sdp=OFFER):
        usage = self.wire.theirs.invite(
            "sip:echo@192.0.2.1",
            caller="sip:them@192.0.2.9",
            sdp=sdp.encode() if sdp else None,
            hop=THEIRS,
            now=self.wire.time,
        )
        self.wire.flush()
        return usage

    async def answered(self, sdp=OFFER):
        usage = self.invited(sdp)
        await self.do("CreateDialog")
        await self.do("GenerateLocalSDP")
        await self.do("SendSIPResponse", self.event, code=200)
        return usage

    async def established(self, sdp=OFFER):
        usage = await self.answered(sdp)
        usage.ack(now=self.wire.time)
        self.wire.flush()
        await self.do("StartMediaSession")
        return usage

    async def placed(self):
        await self.do("CreateDialog")
        await self.do("GenerateLocalSDP")
        await self.do("SendINVITE")
        return self.wire.last(InviteReceived)


@pytest.fixture
def call(tmp_path):
    return Call(tmp_path, "sip:bob@192.0.2.9")


def test_every_performed_word_has_its_method_and_no_other():
    assert set(PERFORMED) == {name for name, word in ACTIONS.items() if word.performed}


# -- answering -------------------------------------------------------------------------------------


async def test_an_invite_is_answered_with_our_description(call):
    usage = await call.answered()
    assert call.names() == ["IncomingCall"]
    assert call.event.fields["from"] == "sip:them@192.0.2.9"
    response = call.wire.last(ResponseReceived)
    assert response.code == 200 and response.sdp == b"v=0 our answer 1\r\n"
    assert call.link.log == [("create", "rtp"), ("answer", OFFER)]
    usage.ack(now=call.wire.time)
    call.wire.flush()
    assert call.names() == ["IncomingCall", "DialogACK"]


async def test_media_is_taken_once_whatever_asks_first(call):
    call.invited()
    await call.do("CreateMediaSession")
    await call.do("GenerateLocalSDP")
    await call.do("CreateMediaSession")
    assert call.link.ops() == ["create", "answer"]


async def test_a_browsers_offer_takes_browser_media(call):
    call.invited(BROWSER)
    await call.do("CreateMediaSession")
    assert call.link.log == [("create", "webrtc")]


async def test_an_invite_without_offer_gets_one_in_the_200_and_the_answer_from_the_ack(call):
    usage = await call.answered(sdp=None)
    assert call.events[0].fields.get("sdp") is None
    assert call.wire.last(ResponseReceived).sdp == b"v=0 our offer 1\r\n"
    usage.ack(now=call.wire.time, sdp=b"v=0 their answer\r\n")
    call.wire.flush()
    assert call.event.name == "DialogACK"
    await call.do("NegotiateSDPAsUAS", call.event)
    await call.do("StartMediaSession")
    assert call.link.ops() == ["create", "offer", "accept", "start"]


async def test_starting_media_takes_an_answer_that_still_waits(call):
    usage = await call.answered(sdp=None)
    usage.ack(now=call.wire.time, sdp=b"v=0 their answer\r\n")
    call.wire.flush()
    await call.do("StartMediaSession")
    assert call.link.log[-2:] == [("accept", "v=0 their answer\r\n"), ("start",)]


async def test_provisional_responses_carry_the_description_only_as_183(call):
    call.invited()
    await call.do("CreateDialog")
    event = call.event
    await call.do("SendSIPResponse", event, code=180)
    assert call.wire.last(ResponseReceived).sdp is None
    await call.do("GenerateLocalSDP")
    await call.do("SendSIPResponse", event, code=183)
    assert call.wire.last(ResponseReceived).sdp == b"v=0 our answer 1\r\n"
    await call.do("SendSIPResponse", event, code=200)
    assert call.wire.last(ResponseReceived).sdp == b"v=0 our answer 1\r\n"


async def test_a_response_may_have_its_own_words(call):
    call.invited()
    await call.do("SendSIPResponse", call.event, code=486, reason="Gone fishing")
    assert "SIP/2.0 486 Gone fishing" in call.wire.lines()


async def test_no_common_codec_is_an_action_that_failed(call):
    call.link.failing["answer"] = "no_common_codec"
    call.invited()
    with pytest.raises(ActionError, match="no_common_codec"):
        await call.do("GenerateLocalSDP")
    await call.do("SendSIPResponse", call.event, code=488)
    assert call.wire.last(ResponseReceived).code == 488


async def test_a_response_without_an_open_request_fails(call):
    with pytest.raises(ActionError, match="no request"):
        await call.do("SendSIPResponse", code=200)


async def test_an_act_without_a_dialog_fails(call):
    for name in ("SendBYE", "SendCANCEL", "SendACK"):
        with pytest.raises(ActionError, match="no dialog"):
            await call.do(name)


async def test_a_cancel_names_the_invite_as_its_cause(call):
    usage = call.invited()
    await call.do("CreateDialog")
    await call.do("SendSIPResponse", call.event, code=180)
    usage.cancel(now=call.wire.time)
    call.wire.flush()
    assert call.names() == ["IncomingCall", "DialogCANCEL"]
    assert call.events[0].cause == call.events[1].cause
    assert not call.leg.is_stale(call.event)
    await call.do("SendSIPResponse", call.event, code=487)
    assert call.wire.last(ResponseReceived).code == 487


async def test_a_cancel_that_the_answer_overtook_is_stale(call):
    usage = call.invited()
    await call.do("CreateDialog")
    await call.do("SendSIPResponse", call.event, code=180)
    usage.cancel(now=call.wire.time)
    call.wire.flush()
    await call.do("SendSIPResponse", call.event, code=200)
    assert call.leg.is_stale(call.event)


# -- inside the call -------------------------------------------------------------------------------


async def test_a_reinvite_is_answered_with_a_new_answer(call):
    usage = await call.established()
    held = OFFER + "a=sendonly\r\n"
    usage.reinvite(now=call.wire.time, sdp=held.encode())
    call.wire.flush()
    assert call.event.name == "ReinviteReceived"
    assert call.event.fields["direction"] == "sendonly"
    await call.do("NegotiateSDPAsUAS", call.event)
    await call.do("SendSIPResponse", call.event, code=200)
    assert call.wire.last(ResponseReceived).sdp == b"v=0 our answer 2\r\n"


async def test_a_200_to_a_reinvite_never_repeats_an_old_answer(call):
    usage = await call.established()
    usage.reinvite(now=call.wire.time, sdp=OFFER.encode())
    call.wire.flush()
    await call.do("SendSIPResponse", call.event, code=200)
    assert call.wire.last(ResponseReceived).sdp == b"v=0 our answer 2\r\n"


async def test_a_reinvite_without_offer_gets_one(call):
    usage = await call.established()
    usage.reinvite(now=call.wire.time)
    call.wire.flush()
    assert "direction" not in call.event.fields
    await call.do("NegotiateSDPAsUAS", call.event)
    await call.do("SendSIPResponse", call.event, code=200)
    assert call.wire.last(ResponseReceived).sdp == b"v=0 our offer 2\r\n"
    usage.ack(now=call.wire.time, sdp=b"v=0 their answer\r\n")
    call.wire.flush()
    await call.do("NegotiateSDPAsUAS", call.event)
    assert call.link.log[-1] == ("accept", "v=0 their answer\r\n")


async def test_requests_are_answered_by_their_cause_else_the_oldest_first(call):
    usage = await call.established()
    for body in (b"1", b"2"):
        usage.request("INFO", body=body, content_type="text/plain", now=call.wire.time)
        call.wire.flush()
    first, second = call.events[-2:]
    assert (first.name, first.fields["body"]) == ("InfoReceived", "1")
    await call.do("SendSIPResponse", second, code=200)
    await call.do("SendSIPResponse", code=469)
    lines = [line for line in call.wire.lines() if "200" in line or "469" in line]
    assert lines[-1] == "SIP/2.0 469 Bad Info Package" or lines[-1].startswith("SIP/2.0 469")
    with pytest.raises(ActionError):
        await call.do("SendSIPResponse", code=200)


async def test_a_notify_that_nobody_asked_for_is_refused_at_once(call):
    usage = await call.established()
    headers = [("Event", "presence"), ("Subscription-State", "active")]
    usage.request("NOTIFY", now=call.wire.time, headers=headers)
    call.wire.flush()
    assert call.wire.last(ResponseReceived).code == 489
    assert call.names() == ["IncomingCall", "DialogACK"]


async def test_bye_is_an_event_that_owes_nothing(call):
    usage = await call.established()
    usage.bye(now=call.wire.time)
    call.wire.flush()
    assert call.event.name == "DialogBYE" and call.event.cause is None


async def test_hold_is_a_reinvite_that_only_sends(call):
    await call.established()
    await call.do("HoldCall")
    received = call.wire.last(RequestReceived)
    assert received.method == "INVITE" and received.sdp == b"v=0 our offer 2\r\n"
    assert call.link.log[-2:] == [("direction", "sendonly"), ("offer",)]
    received.usage.respond(
        received.transaction, 200, sdp=b"v=0 their answer\r\n", now=call.wire.time
    )
    call.wire.flush()
    assert call.event.name == "Dialog200OK" and call.event.fields["method"] == "INVITE"
    await call.do("NegotiateSDPAsUAC", call.event)
    await call.do("SendACK", call.event)
    assert call.link.log[-1] == ("accept", "v=0 their answer\r\n")
    assert call.wire.last(AckReceived).reinvite


async def test_a_refused_hold_is_forgotten_before_the_next_offer(call):
    await call.established()
    await call.do("HoldCall")
    received = call.wire.last(RequestReceived)
    received.usage.respond(received.transaction, 491, now=call.wire.time)
    call.wire.flush()
    assert call.event.name == "ReinviteGlare"
    await call.do("HoldCall")
    assert call.link.ops()[-3:] == ["rollback", "direction", "offer"]


async def test_a_second_reinvite_at_once_fails_and_changes_nothing(call):
    await call.established()
    await call.do("HoldCall")
    with pytest.raises(ActionError):
        await call.do("ResumeCall")
    assert call.wire.lines().count("INVITE") <= 1


# -- calling ---------------------------------------------------------------------------------------


async def test_a_placed_call_goes_through_offer_answer_and_ack(call):
    received = await call.placed()
    assert received.sdp == b"v=0 our offer 1\r\n"
    respond = received.usage.respond
    respond(received.transaction, 180, now=call.wire.time)
    call.wire.flush()
    respond(received.transaction, 200, sdp=b"v=0 their answer\r\n", now=call.wire.time)
    call.wire.flush()
    assert call.names() == ["Dialog180Ringing", "Dialog200OK"]
    assert call.event.fields["code"] == 200
    await call.do("NegotiateSDPAsUAC", call.event)
    await call.do("SendACK", call.event)
    await call.do("StartMediaSession", call.event)
    assert call.link.ops() == ["create", "offer", "accept", "start"]
    assert call.wire.last(AckReceived).sdp is None


async def test_early_media_is_settled_once(call):
    received = await call.placed()
    answer = b"v=0 their answer\r\n"
    received.usage.respond(received.transaction, 183, sdp=answer, now=call.wire.time)
    call.wire.flush()
    await call.do("NegotiateSDPAsUAC", call.event)
    received.usage.respond(received.transaction, 200, sdp=answer, now=call.wire.time)
    call.wire.flush()
    await call.do("NegotiateSDPAsUAC", call.event)
    assert call.names() == ["Dialog183SessionProgress", "Dialog200OK"]
    assert call.link.ops() == ["create", "offer", "accept"]


async def test_an_offer_in_the_200_is_answered_in_the_ack(call):
    await call.do("CreateDialog")
    await call.do("SendINVITE")
    received = call.wire.last(InviteReceived)
    assert received.sdp is None
    received.usage.respond(received.transaction, 200, sdp=OFFER.encode(), now=call.wire.time)
    call.wire.flush()
    await call.do("NegotiateSDPAsUAC", call.event)
    await call.do("SendACK", call.event)
    assert call.wire.last(AckReceived).sdp == b"v=0 our answer 1\r\n"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (182, "Dialog183SessionProgress"),
        (302, "Dialog3xxRedirect"),
        (407, "AuthRequired"),
        (401, "AuthRequired"),
        (422, "SessionIntervalTooSmall"),
        (486, "Dialog4xxFailure"),
        (487, "Dialog487RequestTerminated"),
        (491, "Dialog4xxFailure"),
        (503, "Dialog5xxFailure"),
        (603, "Dialog6xxFailure"),
    ],
)
async def test_each_response_is_its_most_specific_event(call, code, name):
    received = await call.placed()
    received.usage.respond(
        received.transaction,
        code,
        headers=[
            ("Min-SE", "90"),
            ("WWW-Authenticate", 'Digest realm="here", nonce="1"'),
        ],
        now=call.wire.time,
    )
    call.wire.flush()
    assert call.names() == [name]
    assert call.event.fields["code"] == code
    assert call.event.fields["method"] == "INVITE"
    if code == 422:
        assert call.event.fields["minimum"] == 90
    if code == 401:
        assert call.event.fields["realm"] == "here"


async def test_cancelling_says_so_and_the_200_to_it_is_no_event(call):
    received = await call.placed()
    received.usage.respond(received.transaction, 180, now=call.wire.time)
    call.wire.flush()
    await call.do("SendCANCEL")
    received.usage.respond(received.transaction, 487, now=call.wire.time)
    call.wire.flush()
    assert call.names() == ["Dialog180Ringing", "Dialog487RequestTerminated"]


async def test_no_answer_at_all_is_a_timeout(call):
    call.wire.lost = True
    await call.do("CreateDialog")
    await call.do("GenerateLocalSDP")
    await call.do("SendINVITE")
    while (deadline := call.wire.ours.deadline()) is not None and not call.events:
        call.wire.time = deadline
        call.wire.ours.expire(deadline)
        call.wire.flush()
    assert call.event.name == "DialogTimeout"
    assert call.event.fields == {"method": "INVITE"}


# -- media -----------------------------------------------------------------------------------------


async def test_media_actions_reach_the_media(call):
    await call.established()
    del call.link.log[:]
    await call.do("StartEcho")
    await call.do("StopEcho")
    await call.do("PlayTone", frequency=300)
    await call.do("PlayAudioFile", file="greeting", repeat=True)
    await call.do("StopPlayback")
    await call.do("SendDTMFTone", digits="12#")
    await call.do("SendDTMFTone", Event("SendDTMF", {"digits": "9"}))
    await call.do("MuteLocalAudio")
    await call.do("UnmuteLocalAudio")
    await call.do("UpdateMediaDirection", direction="recvonly")
    assert call.link.log == [
        ("echo", True),
        ("echo", False),
        ("tone", 300.0),
        ("play", "greeting", True),
        ("stop",),
        ("dtmf", "12#"),
        ("dtmf", "9"),
        ("mute", True),
        ("mute", False),
        ("direction", "recvonly"),
    ]


async def test_media_actions_without_media_fail_or_are_harmless(call):
    for name in ("StartEcho", "PlayTone", "MuteLocalAudio", "StartMediaSession"):
        with pytest.raises(ActionError, match="no media"):
            await call.do(name)
    for name in ("StopEcho", "StopPlayback", "StopMediaSession", "CleanupMedia", "CleanupDialog"):
        await call.do(name)
    with pytest.raises(ActionError, match="digits"):
        await call.do("SendDTMFTone")


async def test_a_table_plays_only_files_of_its_folder(call, tmp_path):
    await call.established()
    await call.do("PlayAudioFile", file="welcome.wav")
    assert call.link.log[-1] == ("play", str(tmp_path / "welcome.wav"), False)
    for outside in ("../secret.wav", "/etc/passwd", "a/../../b.wav"):
        with pytest.raises(ActionError, match="outside"):
            await call.do("PlayAudioFile", file=outside)


async def test_cleanup_closes_the_media_and_reports_its_statistics(call):
    await call.established()
    await call.do("CleanupMedia")
    assert call.link.ops()[-2:] == ["stats", "close"]
    assert call.reports == [("stats", {"packets_in": 1})]
    assert call.link.legs_held == set()


async def test_stopped_media_may_start_again(call):
    await call.established()
    await call.do("StopMediaSession")
    await call.do("StartMediaSession")
    assert call.link.log[-3:] == [
        ("direction", "inactive"),
        ("direction", "sendrecv"),
        ("start",),
    ]


async def test_stopping_lost_media_does_not_fail(call):
    await call.established()
    call.link.failing.update(stop="media_lost", close="media_lost", stats="media_lost")
    await call.do("StopMediaSession")
    await call.do("CleanupMedia")


async def test_lost_media_of_a_phone_is_restored_without_a_message(call):
    await call.established()
    before = len(call.wire.sent)
    await call.do("RestoreMedia")
    assert call.link.ops()[-1] == "recover"
    assert len(call.wire.sent) == before


async def test_lost_media_of_a_browser_is_restored_by_a_reinvite_of_its_own(call):
    await call.established()
    call.link.needs_offer = True
    await call.do("RestoreMedia")
    received = call.wire.last(RequestReceived)
    assert received.method == "INVITE"
    received.usage.respond(
        received.transaction, 200, sdp=b"v=0 their answer\r\n", now=call.wire.time
    )
    call.wire.flush()
    await call.settle()
    assert call.names() == ["IncomingCall", "DialogACK"]
    assert call.link.log[-1] == ("accept", "v=0 their answer\r\n")
    assert call.wire.last(AckReceived).reinvite
    assert call.posted == []


async def test_restored_media_waits_for_a_dialog_that_may_carry_it(call):
    usage = await call.answered()
    call.link.needs_offer = True
    await call.do("RestoreMedia")
    assert not any(isinstance(h, RequestReceived) for h in call.wire.happened)
    usage.ack(now=call.wire.time)
    call.wire.flush()
    await call.settle()
    assert call.wire.last(RequestReceived).method == "INVITE"


async def test_a_browser_that_refuses_the_new_media_is_a_media_error(call):
    await call.established()
    call.link.needs_offer = True
    await call.do("RestoreMedia")
    received = call.wire.last(RequestReceived)
    received.usage.respond(received.transaction, 488, now=call.wire.time)
    call.wire.flush()
    await call.settle()
    assert call.posted == [Event("MediaError", {"reason": "the new media was refused with 488"})]


@pytest.mark.parametrize(
    ("said", "detail", "name", "fields"),
    [
        ("flowing", {}, "MediaFlowEstablished", {}),
        ("play_finished", {"source": "beep", "stopped": False}, "PlayFinished", {"file": "beep"}),
        (
            "dtmf",
            {"digit": "5", "duration": 100},
            "DtmfDetected",
            {"digit": "5", "duration": 100},
        ),
        ("timeout", {"seconds": 30}, "RtpTimeout", {}),
        ("error", {"code": "x", "reason": "broken"}, "MediaError", {"reason": "broken"}),
        ("lost", {}, "MediaLost", {}),
    ],
)
def test_what_the_media_says_becomes_an_event(call, said, detail, name, fields):
    assert call.leg.heard(MediaEvent("s1", said, detail)) == Event(name, fields)


@pytest.mark.parametrize("said", ["connected", "dtmf_sent"])
def test_what_says_nothing_to_a_table_is_no_event(call, said):
    assert call.leg.heard(MediaEvent("s1", said, {})) is None
    assert call.leg.heard(MediaEvent("s1", "play_finished", {"stopped": True})) is None


# -- the end ---------------------------------------------------------------------------------------


async def test_release_gives_back_what_the_table_forgot(call):
    usage = await call.established()
    await call.leg.release(None)
    assert call.link.legs_held == set()
    assert "BYE" in [h.method for h in call.wire.happened if isinstance(h, RequestReceived)]
    assert not usage.established
    assert call.leg.release(None) is None


@pytest.mark.parametrize("code", [180, 183, 200])
async def test_an_answer_that_begins_a_dialog_needs_one(call, code):
    call.invited()
    with pytest.raises(ActionError, match="CreateDialog goes before"):
        await call.do("SendSIPResponse", call.event, code=code)
    await call.do("CreateDialog")
    await call.do("SendSIPResponse", call.event, code=code)
    assert call.wire.last(ResponseReceived).code == code


async def test_a_refusal_is_the_transaction_s_own_and_needs_no_dialog(call):
    call.invited()
    await call.do("SendSIPResponse", call.event, code=486)
    assert call.wire.last(ResponseReceived).code == 486


async def test_an_invite_needs_a_dialog(call):
    with pytest.raises(ActionError, match="CreateDialog goes before"):
        await call.do("SendINVITE")


async def test_release_answers_an_open_invite_with_the_given_code(call):
    call.invited()
    call.leg.release(503)
    assert call.wire.last(ResponseReceived).code == 503
