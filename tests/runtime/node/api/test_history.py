"""What a session's steps answer."""

import csv
import json

import pytest

from runtime.node.api.history import Entry, History, Limits


def entry(number, time, state, event, to_state="", *, error="", microseconds=0, published=()):
    to_state = to_state or state
    return Entry(
        number, time, state, event, to_state, "fired", 1, published, (), microseconds, error
    )


CALL = History(
    "n-1-1",
    [
        entry(1, 100.0, "Idle", "MakeCall", "Ringing", microseconds=3000),
        entry(2, 101.0, "Ringing", "Dialog180Ringing", microseconds=1000),
        entry(3, 110.0, "Ringing", "Dialog200OK", "Active", published=("CallEstablished",)),
        entry(4, 120.0, "Active", "MuteCall", error="no media"),
    ],
)


def test_a_history_answers_what_people_ask():
    assert [each.sequence for each in CALL.recent(2)] == [3, 4]
    assert [each.event for each in CALL.by_state("Ringing")] == ["Dialog180Ringing", "Dialog200OK"]
    assert [each.error for each in CALL.errors()] == ["no media"]
    assert CALL.counts()["MakeCall"] == 1
    assert CALL.average_duration() == pytest.approx(0.001)
    assert CALL.error_rate() == 0.25
    assert (CALL.idle_time(125.0), CALL.time_in_state(125.0), CALL.age(125.0)) == (5, 15, 25)


def test_a_history_without_steps_is_healthy_and_answers_zeros():
    empty = History("n-1-1", [])
    assert (empty.recent(), empty.error_rate(), empty.idle_time(9.0), empty.age(9.0)) == (
        (),
        0.0,
        0.0,
        0.0,
    )
    assert empty.health(9.0) == "Healthy"


@pytest.mark.parametrize(
    ("now", "limits", "health"),
    [
        (125.0, Limits(), "Healthy"),
        (410.1, Limits(), "Stuck"),
        (410.1, Limits(stuck=1e6), "Healthy"),
        (120.0 + 3600.1, Limits(stuck=1e6), "Stale"),
        (125.0, Limits(error_rate=0.2), "ErrorProne"),
    ],
)
def test_a_call_is_healthy_stale_stuck_or_error_prone(now, limits, health):
    assert CALL.health(now, limits) == health


def test_a_history_is_exported_as_json_and_csv():
    told = json.loads(CALL.json())
    assert told["session"] == "n-1-1" and told["entries"][2]["published"] == ["CallEstablished"]
    rows = list(csv.DictReader(CALL.csv().splitlines()))
    assert rows[0]["time"] == "1970-01-01T00:01:40.000+00:00"
    assert rows[3]["error"] == "no media" and rows[2]["published"] == "CallEstablished"


def test_a_spreadsheet_reads_no_formula_out_of_a_history():
    hostile = History("n-1-1", [entry(1, 1.0, "Idle", "MakeCall", error="=HYPERLINK(1)")])
    assert "'=HYPERLINK(1)" in hostile.csv()
