"""A table in the formats of other tools."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.compile import compile_text
from flows.export import FORMATS, csv_text, markdown, mermaid
from flows.export.sheets import COLUMNS
from flows.table import Table

STARTERS = sorted((Path(__file__).parents[2] / "state_tables").glob("*.yaml"))


def table_of(text: str) -> Table:
    compiled = compile_text(text)
    table = compiled.table or compiled.sketch
    assert table is not None, compiled.findings
    return table


SMALL = table_of("""
callflow: 1
name: small
description: One | two
states:
  Idle: {initial: true, group: setup}
  Ringing: {group: setup}
  End: {final: true}
transitions:
- {from_state: Idle, role: UAS, event: IncomingCall, guards: [IsIdle], next_state: Ringing,
   actions: [{SendSIPResponse: {code: 180}}], description: "=1+1"}
- {from_state: Ringing, role: UAS, event: {after: 30s}, next_state: End}
- {from_state: Ringing, role: Both, event: DialogBYE, next_state: End}
- {from_state: "*", role: Both, event: MediaLost}
""")


def test_mermaid_names_states_groups_and_one_arrow_for_each_pair():
    assert mermaid(SMALL).splitlines() == [
        "stateDiagram-v2",
        "  direction LR",
        '  state "Idle" as s0',
        '  state "Ringing" as s1',
        '  state "End" as s2',
        '  state "Any state" as s3',
        '  state "setup" as g0 {',
        "    s0",
        "    s1",
        "  }",
        "  [*] --> s0",
        "  s0 --> s1: IncomingCall [IsIdle] (UAS)",
        "  s1 --> s2: after 30s (UAS), BYE",
        "  s3 --> s3: MediaLost",
        "  s2 --> [*]",
    ]


def test_markdown_has_one_line_for_each_row_and_no_empty_column():
    lines = markdown(SMALL).splitlines()
    assert lines[:3] == ["# small", "", "One \\| two"]
    assert lines[4] == "| state | role | event | guards | actions | next state | description |"
    assert len(lines) == 6 + len(SMALL.rows)
    assert lines[6].startswith("| Idle | UAS | IncomingCall | IsIdle | SendSIPResponse(code 180")


def test_csv_is_read_again_and_begins_no_formula():
    lines = list(csv.reader(io.StringIO(csv_text(SMALL))))
    assert lines[0] == list(COLUMNS)
    assert [line[2] for line in lines[1:]] == [
        "IncomingCall",
        "after 30s",
        "DialogBYE",
        "MediaLost",
    ]
    assert lines[1][9] == "'=1+1"


@pytest.mark.parametrize("path", STARTERS, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", FORMATS)
def test_every_starter_is_written_in_every_format_the_same_each_time(path: Path, name: str):
    table = table_of(path.read_text())
    written = FORMATS[name].write(table)
    assert written.endswith("\n") and written == FORMATS[name].write(table)


@given(st.text(max_size=30))
def test_no_name_ends_a_line_or_a_cell_of_what_is_written(name: str):
    text = f"callflow: 1\nname: x\nstates:\n  Idle: {{initial: true}}\n  {name!r}: {{}}\n"
    compiled = compile_text(text + "transitions: []\n")
    table = compiled.table or compiled.sketch
    if table is None:
        return
    assert len(mermaid(table).splitlines()) == 3 + len(table.states)
    assert len(markdown(table).splitlines()) == 4
