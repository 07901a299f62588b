"""The verbs `history` and `transitions`."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from config import cli
from config.environment import EnvironmentMistake, read
from designer import control
from runtime.sink import DatabaseSink
from tests.runtime.web.test_commands import run
from tests.runtime.web.test_sink import SEGMENT, a_call

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def recorded() -> None:
    DatabaseSink().store(SEGMENT, a_call("old1"), 0, 9)


def test_a_history_has_its_steps_and_their_figures(capsys: Any) -> None:
    told = run(capsys, "history", "old1")
    assert [each["event"] for each in told["entries"]] == [
        "IncomingCall",
        "InfoReceived",
        "DialogBYE",
    ]
    assert told["ended"] and (told["steps"], told["errors"]) == (3, 1)
    assert told["counts"] == {"IncomingCall": 1, "InfoReceived": 1, "DialogBYE": 1}
    assert told["health"] == "ErrorProne" and told["idle_seconds"] == 0.0


def test_a_part_of_a_history_is_asked_for(capsys: Any) -> None:
    errors = run(capsys, "history", "old1", "--errors")["entries"]
    assert [each["error"] for each in errors] == ["unhandled: InfoReceived"]
    assert len(run(capsys, "history", "old1", "--recent", "2")["entries"]) == 2
    state = errors[0]["state"]
    came = run(capsys, "history", "old1", "--state", state)["entries"]
    assert {each["state"] for each in came} == {state}


def test_a_history_is_written_for_people_and_as_csv(capsys: Any) -> None:
    assert cli.main(["history", "old1"]) == 0
    assert "3 steps in" in capsys.readouterr().out
    assert cli.main(["history", "old1", "--csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["sequence"] for row in rows] == ["1", "2", "3"]


def test_a_session_nobody_knows_has_no_history(capsys: Any) -> None:
    assert "knows no session" in run(capsys, "history", "nobody", code=2)["error"]


def test_the_transitions_of_a_living_session_are_told(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = {"text": "retries < 3", "held": True, "values": {"retries": 1}}
    row = {"row": 2, "id": "again", "line": 9, "next": "Calling", "guards": [guard]}
    given = {
        "state": "Ringing",
        "transitions": [
            {"event": "HangupCall", **row, "verdict": "takes it"},
            {"event": "after", **row, "seconds": 12.0, "verdict": "takes it"},
        ],
    }
    monkeypatch.setattr(control, "request", lambda *_, **__: given)
    assert cli.main(["transitions", "live1"]) == 0
    out = capsys.readouterr().out
    assert "live1 is in Ringing." in out and "after, in 12 s" in out
    assert "again -> Calling; retries < 3: holds (retries = 1)" in out
    monkeypatch.setattr(control, "request", lambda *_, **__: {"error": "no such session"})
    assert cli.main(["transitions", "live1"]) == 1


@pytest.mark.parametrize("name", ["CALLSMITH_STALE", "CALLSMITH_STUCK", "CALLSMITH_ERROR_RATE"])
def test_a_limit_that_is_no_number_is_refused(name: str) -> None:
    for value in ("soon", "-1", "nan"):
        with pytest.raises(EnvironmentMistake, match=name):
            read({name: value})
