"""A leg that registers: what goes out, how the answers read, when it is renewed."""

from __future__ import annotations

import pytest

from runtime.adapters.dialog import Way
from runtime.adapters.port import ActionError
from runtime.adapters.registration import refresh_after
from runtime.executor.step import Event
from runtime.sip.agent import Agent
from runtime.sip.auth import Credentials, DigestServer, ha1
from runtime.sip.settings import AgentSettings
from tests.runtime.adapters.fakes import OURS
from tests.runtime.adapters.test_leg import Call

START = Event("StartRegistration", {"registrar": "sip:provider"})


class Clock:
    """Alarms that ring when a test says so."""

    def __init__(self):
        self.waiting = {}

    def __call__(self, seconds, call):
        clock, key = self, object()

        class Handle:
            def cancel(self):
                clock.waiting.pop(key, None)

        self.waiting[key] = (seconds, call)
        return Handle()

    def times(self):
        return sorted(seconds for seconds, _ in self.waiting.values())

    def ring_first(self):
        key = min(self.waiting, key=lambda key: self.waiting[key][0])
        self.waiting.pop(key)[1]()


class Registering(Call):
    """A session towards a registrar that the test plays."""

    def __init__(self, tmp_path):
        super().__init__(tmp_path, "sip:provider")
        self.wire.theirs = Agent(AgentSettings("theirs", out_of_dialog=frozenset({"REGISTER"})))
        self.clock = Clock()
        self.leg.alarms._later = self.clock
        self.leg.draw = lambda below: 0
        self.leg.credentials = lambda challenge: Credentials("alice", "wonder")

    async def resolve(self, target):
        return Way(
            "sip:192.0.2.9:5080", OURS, trunk="provider", caller="sip:alice@provider.example"
        )

    async def register(self, **arguments):
        await self.do("CreateDialog", START)
        await self.do("SendREGISTER", **arguments)

    @property
    def asked(self):
        """The last REGISTER that arrived."""
        return self.wire.happened[-1]

    def answer(self, code, **headers):
        told = [(name.replace("_", "-"), str(value)) for name, value in headers.items()]
        self.wire.theirs.respond(self.asked.transaction, code, headers=told, now=self.wire.time)
        self.wire.flush()


@pytest.fixture
def call(tmp_path):
    return Registering(tmp_path)


async def test_a_register_names_registrar_address_contact_and_time(call):
    await call.register(expires=600)
    request = call.asked.request
    assert request.uri_text == "sip:192.0.2.9:5080"
    assert request.to.uri_text == request.from_.uri_text == "sip:alice@provider.example"
    assert request.contacts[0].uri_text == "sip:alice@192.0.2.1:5060"
    assert request.get("Expires") == "600"
    assert call.dialog.unsettled() == "our REGISTER waits for its answer"


@pytest.mark.parametrize(
    ("headers", "granted"),
    [
        ({"Contact": "<sip:alice@192.0.2.1:5060>;expires=120"}, 120),
        ({"Contact": "<sip:bob@h>;expires=9, <sip:ALICE@h>;expires=8", "Expires": 300}, 300),
        ({"Contact": "<sip:alice@192.0.2.1:5060>", "Expires": 90}, 90),
        ({}, 600),
        ({"Contact": "<sip:alice@192.0.2.1:5060>;expires=never", "Expires": "soon"}, 600),
        ({"Expires": 4294967295}, 86_400),
    ],
)
async def test_the_granted_time_is_that_of_our_contact_else_of_the_answer(call, headers, granted):
    await call.register(expires=600)
    call.answer(200, **headers)
    assert call.event.name == "Registration200OK" and call.event.fields["expires"] == granted
    await call.do("ProcessRegistrationResponse", call.event)
    assert call.clock.times() == [refresh_after(granted), granted]
    assert call.dialog.unsettled() is None


@pytest.mark.parametrize(
    ("granted", "after"), [(10, 5), (60, 30), (120, 88), (600, 540), (3600, 3240)]
)
def test_a_registration_is_renewed_well_before_its_end(granted, after):
    assert refresh_after(granted) == after


async def test_sessions_that_registered_together_renew_at_different_moments(call):
    call.leg.draw = lambda below: below - 1
    await call.register()
    call.answer(200)
    await call.do("ProcessRegistrationResponse", call.event)
    assert call.clock.times() == [3240 * 0.95, 3600]


async def test_a_grant_of_no_time_does_not_make_us_register_without_end(call):
    await call.register()
    call.answer(200, Expires=0)
    await call.do("ProcessRegistrationResponse", call.event)
    assert call.clock.times() == [5, 10]


async def test_the_clock_asks_for_a_refresh_and_then_says_that_it_is_over(call):
    await call.register()
    call.answer(200)
    await call.do("ProcessRegistrationResponse", call.event)
    call.clock.ring_first()
    call.clock.ring_first()
    assert [event.name for event in call.posted] == ["RefreshRegistration", "RegistrationExpired"]
    await call.do("SendREGISTER")
    assert call.asked.request.cseq.number == 2


async def test_a_refused_refresh_ends_what_was_watched_and_a_challenge_does_not(call):
    await call.register()
    call.answer(200)
    await call.do("ProcessRegistrationResponse", call.event)
    await call.do("SendREGISTER")
    call.answer(401, WWW_Authenticate='Digest realm="r", nonce="n"')
    assert len(call.clock.times()) == 2
    await call.do("SendREGISTER")
    call.answer(503)
    assert call.event.name == "RegistrationFailed" and call.clock.times() == []


async def test_too_short_a_time_is_asked_for_again_as_long_as_demanded(call):
    await call.register(expires=60)
    call.answer(423, Min_Expires=1800)
    assert call.event.name == "RegistrationFailed"
    assert call.event.fields == {
        "code": 423,
        "reason": "Interval Too Brief",
        "method": "REGISTER",
        "minimum": 1800,
    }
    await call.do("ProcessRegistrationResponse", call.event)
    await call.do("SendREGISTER", expires=60)
    assert call.asked.request.get("Expires") == "1800" and call.clock.times() == []


async def test_a_challenge_is_answered_and_later_requests_carry_credentials_too(call):
    server = DigestServer("r", b"secret")
    await call.register()
    for name, value in server.challenge(0.0, "x", proxy=False)[:1]:
        call.answer(401, **{name.replace("-", "_"): value})
    assert call.event.name == "AuthRequired"
    with pytest.raises(ActionError):
        await call.do("SendREGISTERWithAuth", call.event)
    await call.do("StoreAuthChallenge", call.event)
    await call.do("SendREGISTERWithAuth", call.event)

    def verdict():
        secret = ha1("alice", "r", "wonder", "SHA-256")
        return server.verify(call.asked.request, 0.0, "x", lambda user, algorithm: secret).outcome

    assert verdict() == "ok" and call.asked.request.get("Expires") == "3600"
    call.answer(200)
    await call.do("SendREGISTER")
    assert verdict() == "ok", "the nonce is counted on"


async def test_whoever_gets_no_credentials_is_told_none(call):
    call.leg.credentials = lambda challenge: None
    await call.register()
    call.answer(401, WWW_Authenticate='Digest realm="evil", nonce="n"')
    await call.do("StoreAuthChallenge", call.event)
    with pytest.raises(ActionError, match="no credentials"):
        await call.do("SendREGISTERWithAuth", call.event)


@pytest.mark.parametrize(
    ("code", "name"), [(200, "Unregistration200OK"), (403, "UnregistrationFailed")]
)
async def test_removing_asks_for_no_time_and_watches_none(call, code, name):
    await call.register()
    call.answer(200)
    await call.do("ProcessRegistrationResponse", call.event)
    await call.do("SendUnREGISTER")
    assert call.asked.request.get("Expires") == "0" and call.clock.times() == []
    call.answer(code)
    assert call.event.name == name and call.event.fields["code"] == code
    await call.do("ProcessRegistrationResponse", call.event)
    assert call.clock.times() == []


async def test_silence_of_the_registrar_is_a_timeout_and_it_can_be_tried_again(call):
    call.wire.lost = True
    await call.register()
    call.wire.time += 40
    call.wire.ours.expire(call.wire.time)
    call.wire.flush()
    assert call.event == Event("DialogTimeout", {"method": "REGISTER"})
    call.wire.lost = False
    await call.do("SendREGISTER")
    assert call.asked.request.cseq.number == 2


async def test_two_registers_at_once_are_refused(call):
    await call.register()
    with pytest.raises(ActionError, match="no answer yet"):
        await call.do("SendUnREGISTER")
    call.answer(200)
    assert call.event.name == "Registration200OK"


async def test_a_session_that_registers_nothing_cannot_send_register(call):
    with pytest.raises(ActionError, match="StartRegistration"):
        await call.do("SendREGISTER")


async def test_after_the_clean_up_nothing_rings_and_nothing_is_held(call):
    await call.register()
    call.answer(200)
    await call.do("ProcessRegistrationResponse", call.event)
    await call.do("CleanupDialog")
    assert call.clock.times() == [] and not call.wire.ours.usages
