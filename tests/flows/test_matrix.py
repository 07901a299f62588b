"""The cells that no row takes: what the graph says, and what the walk has seen."""

from pathlib import Path

import pytest

from flows import matrix
from flows.check import deep
from flows.compile import compile_text
from flows.edit import apply
from flows.graph import Graph

STARTERS = sorted((Path(__file__).parents[2] / "state_tables").glob("*.yaml"))


def cells(text: str) -> matrix.Cells:
    table = compile_text(text).sketch
    assert table is not None
    return matrix.verdicts(Graph(table))


def missing(text: str) -> set[tuple[str, str, str]]:
    return {(*cell, event) for cell, (events, _) in cells(text).items() for event in events}


def walked(text: str) -> set[tuple[str, str, str]]:
    told = deep.examine(text).cells
    return {
        (state, role, event)
        for state, roles in told["states"].items()
        for role, (place, _) in roles.items()
        for event in told["sets"][place]
    }


@pytest.mark.parametrize("path", STARTERS, ids=lambda path: path.stem)
def test_in_the_starters_nothing_is_missing_by_either_account(path: Path) -> None:
    text = path.read_text()
    assert missing(text) == set()
    assert walked(text) == set()


@pytest.mark.parametrize("event", ["DialogBYE", "HangupCall", "InfoReceived", "RtpTimeout"])
def test_a_row_that_is_taken_out_is_missing_by_both_accounts(event: str) -> None:
    text = (STARTERS[0].parent / "call_with_hold.yaml").read_text()
    table = compile_text(text).table
    assert table is not None
    gone = [r.index for r in table.rows if r.event == event and r.from_state in ("Active", "*")]
    gone += [
        r.index for r in table.rows if r.event == event and r.from_state not in ("Active", "*")
    ]
    text = apply(text, "change_rows", {"remove": gone}).text
    text = text.replace(f"{event}:", "Reset:")
    assert {("Active", "UAC", event), ("Active", "UAS", event)} <= missing(text)
    assert {("Active", "UAC", event), ("Active", "UAS", event)} <= walked(text)


def test_what_nothing_waits_for_is_open_and_a_final_state_has_no_cell() -> None:
    text = (STARTERS[0].parent / "echo_test.yaml").read_text()
    found = cells(text)
    table = compile_text(text).table
    assert table is not None
    finals = {name for name, state in table.states.items() if state.final}
    assert not finals & {state for state, _ in found}
    assert any("HoldCall" in harmless for _, harmless in found.values())


def test_an_event_that_the_state_ignores_with_a_reason_is_not_missing() -> None:
    text = (STARTERS[0].parent / "echo_test.yaml").read_text()
    without = text.replace("  Terminated:", "  Odd: {}\n  Terminated:", 1)
    row = {"from_state": "Active", "role": "UAS", "event": "HoldCall", "next_state": "Odd"}
    odd = apply(without, "add_row", row).text
    assert ("Odd", "UAS", "MediaError") in missing(odd)
    value = {"MediaError": "nobody reads it"}
    mended = apply(odd, "set_state", {"name": "Odd", "field": "ignore", "value": value}).text
    assert missing(odd) - missing(mended) == {("Odd", "UAS", "MediaError")}


def test_cells_are_told_as_plain_data() -> None:
    told = matrix.plain({("A", "UAC"): (frozenset({"HangupCall", "DialogBYE"}), frozenset())})
    assert told == {"sets": [["HangupCall", "DialogBYE"], []], "states": {"A": {"UAC": [0, 1]}}}
