"""Why a step went as it did: rows tried, guards with their values, what would take an event."""

from __future__ import annotations

from typing import Any

import pytest

from designer import services
from designer.models import Flow
from runtime.models import Session, Step
from runtime.onecall import why
from runtime.onecall.ladder import ladder_of
from runtime.onecall.legs import call_of
from tests.runtime.web.recorded import Recorder
from tests.web import ECHO

pytestmark = pytest.mark.django_db

COUNTS = """\
callflow: 1
name: counts
variables:
  tries: 0
states:
  Idle: {initial: true}
  Busy:
    ignore:
      MuteCall: Nobody is heard here.
  Over: {final: true}
transitions:
- {from_state: Idle, role: UAS, event: IncomingCall, actions: [CreateDialog], next_state: Busy}
- id: again
  from_state: Busy
  role: UAS
  event: HoldCall
  guards: [tries < 2]
  set: {tries: tries + 1}
- id: enough
  from_state: Busy
  role: Both
  event: HoldCall
  guards: [tries >= 2, not MediaReady]
- {from_state: "*", role: Both, event: HoldCall}
- {from_state: Idle, role: UAS, event: ResumeCall}
"""
OFFER = {"from": "sip:a@x", "to": "sip:b@y", "sdp": "v=0"}


@pytest.fixture
def counts(db: Any) -> Flow:
    made: Flow = services.flow_import(text=COUNTS, file_name="counts.yaml", author_name="a").flow
    return made


def recorded(*events: str) -> None:
    call = Recorder("node1-3-1", COUNTS)
    call.step(0, "IncomingCall", **OFFER)
    for at, event in enumerate(events, 1):
        call.step(at, event)
    call.store()


def moment(sequence: int) -> dict[str, Any]:
    call = call_of("node1-3-1")
    assert call is not None
    told = why.moment(call.own, sequence)
    assert told is not None
    return told


def test_the_row_that_fired_stands_with_those_it_hides(counts: Flow) -> None:
    recorded("HoldCall", "HoldCall", "HoldCall")
    told = moment(2)
    shown = [(row["id"], row["class"], row["verdict"], row["why"]) for row in told["tried"]]
    assert shown == [
        ("again", "Busy, UAS", "fired", "it fired"),
        ("enough", "Busy, Both", "not reached", "hidden by row again"),
        ("", "any state, Both", "not reached", "hidden by row again"),
    ]
    assert told["tried"][0]["line"] == COUNTS.splitlines().index("- id: again") + 1
    assert told["values"][-1] | {"variable": True} in told["values"]
    (tries,) = [value for value in told["values"] if value["name"] == "tries"]
    assert (tries["before"], tries["after"], tries["changed"]) == (0, 1, True)


def test_a_guard_that_refused_shows_what_it_saw(counts: Flow) -> None:
    recorded("HoldCall", "HoldCall", "HoldCall")
    told = moment(4)
    again, enough, _ = told["tried"]
    assert again["verdict"] == "guards failed" and again["why"] == "tries < 2 did not hold"
    assert again["guards"] == [{"text": "tries < 2", "held": False, "values": {"tries": 2}}]
    assert enough["verdict"] == "fired" and [g["held"] for g in enough["guards"]] == [True, True]


def test_an_event_nobody_took_tells_what_the_state_takes_and_who_would(counts: Flow) -> None:
    recorded("ResumeCall")
    told = moment(2)
    assert (told["kind"], told["tried"]) == ("unhandled", [])
    assert {row["event"] for row in told["here"]} == {"HoldCall"}
    assert [(row["class"], row["event"]) for row in told["elsewhere"]] == [
        ("Idle, UAS", "ResumeCall")
    ]


def test_what_the_state_ignores_is_told_as_that(counts: Flow) -> None:
    recorded("MuteCall")
    (row,) = moment(2)["tried"]
    assert (row["verdict"], row["label"]) == ("ignored", "Busy ignores MuteCall")


def test_an_action_that_failed_has_set_nothing(flow: Flow) -> None:
    call = Recorder("node1-3-1", ECHO)
    call.step(0, "IncomingCall", fails="no port is left", **OFFER)
    call.store()
    told = moment(1)
    assert told["unknown"] == "" and told["values"]
    assert not [value for value in told["values"] if value["changed"]]
    assert moment(2)["unknown"] == ""


def test_without_a_whole_record_there_are_rows_but_no_values(counts: Flow) -> None:
    recorded("HoldCall", "HoldCall")
    Step.objects.filter(sequence=2).delete()
    told = moment(3)
    assert "not recorded in full" in told["unknown"] and told["values"] == []
    assert [row["verdict"] for row in told["tried"]][:2] == ["fired", "not known"]
    Session.objects.update(digest="f" * 64)
    Step.objects.update(digest="f" * 64)
    assert "not in the database" in moment(1)["unknown"]


def test_a_step_that_is_none_is_none(counts: Flow) -> None:
    recorded()
    call = call_of("node1-3-1")
    assert call is not None and why.moment(call.own, 99) is None


def test_a_call_that_went_over_to_another_version_is_explained_on_both_sides(
    counts: Flow,
) -> None:
    other = COUNTS.replace("tries < 2", "tries < 1").replace("  Over:", "  Past:")
    services.version_save(flow=counts, text=other, base=1, author_name="a")
    call = Recorder("node1-3-1", COUNTS)
    call.step(0, "IncomingCall", **OFFER)
    call.step(1, "HoldCall")
    call.migrate(2, other, "Busy")
    call.step(3, "HoldCall")
    call.store()
    assert moment(2)["tried"][0]["verdict"] == "fired"
    moved = moment(3)
    assert moved["kind"] == "migrated" and "another version" in moved["unknown"]
    after = moment(4)
    assert after["unknown"] == ""
    verdicts = [row["verdict"] for row in after["tried"]]
    assert verdicts == ["guards failed", "guards failed", "fired"]
    assert after["tried"][0]["guards"][0] == {
        "text": "tries < 1",
        "held": False,
        "values": {"tries": 1},
    }
    found = call_of("node1-3-1")
    assert found is not None
    labels = [item["label"] for item in ladder_of(found).items]
    assert labels == ["IncomingCall", "HoldCall", "Migrated", "HoldCall"]
