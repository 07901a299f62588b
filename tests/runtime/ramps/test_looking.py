"""From stored calls to what follows from them, on rows as the shipper writes them."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from designer.facts import Alarm
from runtime import tasks
from runtime.models import MediaRecord, Ramp, RampCall, Session, WireMessage
from runtime.ramps import looking, measuring, services

pytestmark = pytest.mark.django_db
NUMBERS = iter(range(10**6))


def call(
    ramp: Ramp, new: bool, *, at: float = 1.0, code: int = 200, rang: float | None = 0.2,
    ended: float | None = 5.0, unhandled: int = 0, audio: dict[str, int] | None = None,
    bye: bool = True, caller: str = "sip:+4930123@a", source: str = "10.0.0.1", role: str = "UAS",
) -> str:  # fmt: skip
    """Store a call that began `at` seconds into the step; other times are seconds since then."""
    begin = ramp.step_at.timestamp() + at
    version = ramp.deployment.version if new else ramp.stable.version
    name = f"node1-1-{next(NUMBERS)}"
    Session.objects.create(
        id=name, node="node1", epoch=1, flow_name=ramp.flow.name, digest=version.digest,
        number=version.number, role=role, caller=caller, callee="sip:100@b", started_at=begin,
        ended_at=None if ended is None else begin + ended, state="Active", unhandled=unhandled,
    )  # fmt: skip

    def message(after: float, first: str, method: str = "INVITE") -> None:
        data = f"{first}\r\nVia: x\r\nCSeq: 1 {method}\r\n\r\n".encode()
        WireMessage.objects.create(
            session=name, time=begin + after, direction="in", transport="UDP", local="l",
            remote=f"{source}:5060", data=data, summary=first, node="node1", epoch=1,
        )  # fmt: skip

    message(0.0, "INVITE sip:100@b SIP/2.0")
    message(0.01, "SIP/2.0 100 Trying")
    if rang is not None:
        message(rang, "SIP/2.0 180 Ringing")
    if code == 487:
        message(0.9, "CANCEL sip:100@b SIP/2.0", "CANCEL")
        message(0.95, "SIP/2.0 200 OK", "CANCEL")
    if code:
        message(1.0, f"SIP/2.0 {code} Said")
    if code == 200 and bye and ended is not None:
        message(ended - 0.1, "BYE sip:100@b SIP/2.0", "BYE")
    if audio is not None:
        MediaRecord.objects.create(
            session=name, time=begin + 5, kind="stats", detail=audio, node="node1", epoch=1
        )
    return name


def measured(ramp: Ramp, name: str, after: float = 60.0) -> RampCall:
    measuring.measure(ramp, ramp.step_at.timestamp() + after)
    return RampCall.objects.get(session=name)


def look(ramp: Ramp, after: float = 60.0) -> Ramp:
    found = looking.look(ramp.pk, worker="w", clock=lambda: ramp.step_at + timedelta(seconds=after))
    assert found is not None
    return found


def test_an_answered_call_says_so_and_how_long_it_rang(ramp: Ramp) -> None:
    found = measured(ramp, call(ramp, True, audio={"packets_in": 5, "packets_out": 9}))
    assert (found.candidate, found.answered, found.failed, found.code) == (True, True, False, 200)
    assert found.delay == pytest.approx(0.2)
    assert (found.one_way, found.unhandled, found.stuck) == (False, False, False)
    assert found.settled


@pytest.mark.parametrize(
    ("code", "failed"), [(486, False), (487, False), (603, False), (404, True), (500, True)]
)
def test_a_refused_call_is_a_failure_unless_a_person_said_no(
    ramp: Ramp, code: int, failed: bool
) -> None:
    found = measured(ramp, call(ramp, False, code=code, ended=1.1))
    assert (found.candidate, found.answered, found.failed, found.code) == (
        False,
        False,
        failed,
        code,
    )


def test_the_answer_to_a_cancel_answers_no_call(ramp: Ramp) -> None:
    assert measured(ramp, call(ramp, True, code=487, ended=1.1)).answered is False


def test_a_call_that_still_rings_is_counted_nowhere_until_patience_ends(ramp: Ramp) -> None:
    name = call(ramp, True, code=0, ended=None)
    found = measured(ramp, name, 30)
    assert (found.answered, found.failed, found.stuck, found.settled) == (None, None, None, False)
    assert found.delay == pytest.approx(0.2)
    found = measured(ramp, name, 200)
    assert (found.answered, found.failed, found.stuck) == (False, True, True)


def test_a_session_that_outlives_its_call_is_stuck(ramp: Ramp) -> None:
    refused = call(ramp, True, code=500, ended=None)
    assert measured(ramp, refused, 15).stuck is None
    assert measured(ramp, refused, 30).stuck is True


def test_audio_in_one_direction_is_known_at_the_end(ramp: Ramp) -> None:
    deaf = call(ramp, True, audio={"packets_in": 0, "packets_out": 99})
    silent = call(ramp, True, audio={"packets_in": 0, "packets_out": 0})
    short = call(ramp, True, audio={"packets_in": 0, "packets_out": 9}, ended=2.5)
    assert measured(ramp, deaf).one_way is True
    assert RampCall.objects.get(session=silent).one_way is None
    assert RampCall.objects.get(session=short).one_way is None


def test_a_challenge_is_no_answer(ramp: Ramp) -> None:
    wire = measuring.Wire()
    for time, first in enumerate(
        [
            "INVITE a SIP/2.0",
            "SIP/2.0 401 No",
            "INVITE a SIP/2.0",
            "SIP/2.0 183 P",
            "SIP/2.0 200 OK",
        ]
    ):
        measuring.read(wire, float(time), "10.0.0.1:5060", first, b"X\r\nCSeq: 1 INVITE\r\n")
    assert (wire.invited, wire.rang, wire.code) == (2.0, 3.0, 200)


def test_calls_of_before_the_step_and_of_other_versions_say_nothing(ramp: Ramp) -> None:
    call(ramp, True, at=-5)
    other = call(ramp, True)
    Session.objects.filter(pk=other).update(digest="0" * 64)
    assert measuring.measure(ramp, ramp.step_at.timestamp() + 60) == 0


def test_test_callers_and_calls_out_of_scope_do_not_count_where_chance_decides(ramp: Ramp) -> None:
    ramp.scope = {"sources": ["10.0.0.0/8"], "callers": ["tina"]}
    ramp.save()
    inside = call(ramp, True)
    named = call(ramp, True, caller="sip:tina@x")
    outside = call(ramp, False, source="192.0.2.1")
    measuring.measure(ramp, ramp.step_at.timestamp() + 60)
    drawn = {each.session: each.drawn for each in RampCall.objects.all()}
    assert drawn == {inside: True, named: False, outside: False}
    candidate, stable = measuring.arms(ramp)["answered"]
    assert (candidate.count, stable.count) == (1, 0)


def test_a_bad_version_is_taken_back_by_its_calls(ramp: Ramp) -> None:
    for _ in range(60):
        call(ramp, False)
    for _ in range(30):
        call(ramp, True, code=500, ended=1.1)
    ended = look(ramp)
    assert ended.state == "back"
    assert "Calls answered: 0.0 % on v2 against 100.0 % on v1" in ended.reason
    assert "Set-up failures: 100.0 %" in ended.reason


def test_a_good_version_waits_for_enough_calls(ramp: Ramp) -> None:
    for new in [False] * 40 + [True] * 4:
        call(ramp, new)
    ramp = look(ramp, 300)
    assert ramp.state == "running"
    ramp = look(ramp, 700)
    assert ramp.state == "waiting" and "more calls decide it" in ramp.reason


def test_a_ramp_without_calls_never_passes(ramp: Ramp) -> None:
    ramp = look(ramp, 700)
    assert ramp.state == "waiting" and ramp.judgement["verdict"] == "missing"


def test_a_record_without_messages_fails_closed(ramp: Ramp) -> None:
    for new in [False] * 400 + [True] * 400:
        call(ramp, new)
    WireMessage.objects.all().delete()
    ramp = look(ramp, 700)
    assert ramp.state == "waiting" and ramp.judgement["verdict"] == "missing"


def test_only_one_worker_looks_at_a_time(ramp: Ramp) -> None:
    now = timezone.now()
    Ramp.objects.update(worker="other", claimed_until=now + timedelta(seconds=9))
    assert looking.look(ramp.pk, worker="w", clock=lambda: now) is None
    later = now + timedelta(seconds=10)
    assert looking.look(ramp.pk, worker="w", clock=lambda: later) is not None


def test_a_look_that_broke_off_lets_go_of_the_ramp(
    ramp: Ramp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> int:
        raise OSError("disk")

    monkeypatch.setattr(measuring, "measure", broken)
    with pytest.raises(OSError, match="disk"):
        look(ramp)
    ramp.refresh_from_db()
    assert ramp.claimed_until is None and ramp.state == "running"


def test_a_worker_is_called_when_a_look_is_due_and_again_when_nobody_came(ramp: Ramp) -> None:
    now = timezone.now()
    assert looking.due(now) == [ramp]
    assert looking.due(now + timedelta(seconds=1)) == []
    assert looking.due(now + timedelta(seconds=4)) == [ramp]
    looking.look(ramp.pk, worker="w", clock=lambda: now + timedelta(seconds=5))
    assert looking.due(now + timedelta(seconds=6)) == []
    assert looking.due(now + timedelta(seconds=9)) == [ramp]


def test_the_bell_of_a_ramp_that_is_over_stays_still(
    ramp: Ramp, rung: Any, alice: Any, settings: Any, tmp_path: Any
) -> None:
    settings.DATA = tmp_path
    services.back(ramp=ramp, user=alice)
    assert tasks.ring_ramps() == [] and not list(tmp_path.iterdir())


def test_errors_found_meanwhile_keep_a_ramp_where_it_is(
    ramp: Ramp, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = {"line": 7, "message": "Nothing gives back dialog."}
    alarm = Alarm("echo_test", 2, 1, first, 1)
    monkeypatch.setattr(looking.deployments, "alarm_of", lambda deployment: alarm)
    monkeypatch.setattr(looking.judging, "judge", lambda *_, **__: {"verdict": "pass"})
    held = look(ramp, 700)
    assert held.state == "waiting" and held.judgement["verdict"] == "missing"
    assert held.reason == "It goes no further by itself. Line 7: Nothing gives back dialog."


def test_what_calls_said_is_kept_for_a_season(ramp: Ramp, alice: Any) -> None:
    call(ramp, True)
    measuring.measure(ramp, ramp.step_at.timestamp() + 60)
    ended = services.back(ramp=ramp, user=alice).ended_at
    assert ended is not None
    assert measuring.forget(ended + timedelta(days=89)) == 0
    assert measuring.forget(ended + timedelta(days=91)) == 1
