"""What callers will notice: each event in each state once, losses first."""

from pathlib import Path

from flows.compile import compile_text
from flows.difference import difference
from flows.noticed import LESS, MORE, OTHER, Noticed, noticed
from flows.table import Table

ECHO = (Path(__file__).parents[2] / "state_tables" / "echo_test.yaml").read_text()
HANGUP = (
    "- {from_state: Active, role: UAS, event: HangupCall, actions: [SendBYE, StopMediaSession],"
    " next_state: Terminating}\n"
)


def table(text: str) -> Table:
    found = compile_text(text).table
    assert found is not None
    return found


def told(old: str, new: str) -> list[Noticed]:
    assert old != new
    return noticed(difference(table(old), table(new), 2000).partings)


def test_an_event_that_lost_its_row_is_a_loss_and_the_way_back_a_gain() -> None:
    (lost,) = told(ECHO, ECHO.replace(HANGUP, ""))
    assert (lost.kind, lost.title) == (LESS, "HangupCall in Active has no row any more")
    assert [what.event for what in lost.way] == ["IncomingCall", "DialogACK", "HangupCall"]
    assert lost.as_dict()["events"][-1]["label"] == "HangupCall"
    (gained,) = told(ECHO.replace(HANGUP, ""), ECHO)
    assert (gained.kind, gained.title) == (MORE, "HangupCall in Active has a row now")


def test_a_row_that_does_something_else_says_what_it_did_and_does() -> None:
    (other,) = told(ECHO, ECHO.replace(HANGUP, HANGUP.replace("SendBYE, ", "")))
    assert other.kind == OTHER and other.title == "HangupCall in Active does something else"
    assert "SendBYE" in other.old and "SendBYE" not in other.new


def test_another_wait_is_told_as_one_that_is_shorter_or_longer() -> None:
    shorter = ECHO.replace("{after: 60s}", "{after: 45s}")
    (found,) = told(ECHO, shorter)
    assert (found.kind, found.title) == (OTHER, "The wait in Active is shorter: 45s")
    assert (found.old, found.new) == (
        "SendBYE, StopMediaSession after 1m",
        "SendBYE, StopMediaSession after 45s",
    )
    assert found.way[-1].fields == {"seconds": 45.0}
    (back,) = told(shorter, ECHO)
    assert back.title == "The wait in Active is longer: 1m"


def test_a_wait_that_is_gone_is_a_loss() -> None:
    waits = "- id: minute-is-over\n"
    text = (
        ECHO[: ECHO.index(waits)]
        + ECHO[ECHO.index("- {from_state: Active, role: UAS, event: HangupCall") :]
    )
    (found,) = told(ECHO, text)
    assert (found.kind, found.title) == (LESS, "The wait of 60s in Active is gone")


def test_the_same_behaviour_has_nothing_to_notice() -> None:
    assert told(ECHO, ECHO + "# said\n") == []
