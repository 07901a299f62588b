"""The picture of a table and its DOT: what is drawn, and that no text ever becomes markup."""

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.compile import compile_text
from flows.draw import CLASSES, dot
from flows.picture import back_edges, picture, safe, state_id
from flows.table import Row, State, Table
from flows.view import EVERYTHING, View, is_failure, usual, wanted

DATA = Path(__file__).parent / "data"
STARTERS = sorted((Path(__file__).parents[2] / "state_tables").glob("*.yaml"))
SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}"

needs_dot = pytest.mark.skipif(
    shutil.which("dot") is None, reason="Graphviz is not installed: apt-get install graphviz"
)


def table_of(text: str) -> Table:
    compiled = compile_text(text)
    table = compiled.table or compiled.sketch
    assert table is not None, compiled.findings
    return table


SUPPORT = table_of((DATA / "support_line.yaml").read_text())
SMALL = table_of("""
- {from_state: Idle, role: UAC, event: MakeCall, guards: [IsIdle], next_state: Initiating}
- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Active}
- {from_state: Initiating, role: UAC, event: Dialog200OK, actions: [SendACK], next_state: Active}
- {from_state: Initiating, role: UAC, event: DialogTimeout, next_state: Failed}
- {from_state: Active, role: Both, event: HangupCall, actions: [SendBYE], next_state: Terminated}
- {from_state: Active, role: Both, event: DialogBYE, next_state: Terminated}
- {from_state: Active, role: Both, event: InfoReceived, actions: [{SendSIPResponse: {code: 200}}]}
- {from_state: Active, role: Both, event: HoldCall, next_state: Idle}
- {from_state: Active, role: Both, event: {after: 30s}, next_state: Idle}
- {from_state: "*", role: Both, event: MediaLost, actions: [RestoreMedia]}
""")


def render(text: str, kind: str = "svg") -> bytes:
    done = subprocess.run(
        ["dot", f"-T{kind}"], input=text.encode(), capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    # Unknown fonts are the machine's business; everything else said on stderr is ours.
    assert not [x for x in done.stderr.decode().splitlines() if "font" not in x.lower()]
    return done.stdout


def svg_of(text: str) -> ET.Element:
    return ET.fromstring(render(text))


def links(svg: ET.Element) -> set[str]:
    found = {element.get(XLINK + "href") for element in svg.iter(SVG + "a")}
    return {link for link in found if link is not None}


# -- the picture ----------------------------------------------------------------------------------


def test_final_states_are_marks_and_not_drawn():
    drawing = picture(SMALL)
    drawn = [state["name"] for state in drawing["states"] if state["drawn"]]
    assert drawn == ["*", "Idle", "Initiating", "Active"]
    marks = {row["index"]: row["mark"] for row in drawing["rows"]}
    assert marks[3] == marks[4] == marks[5] == "ends"
    assert marks[6] == marks[9] == "stays" and marks[0] == "goes"


def test_rows_with_the_same_target_share_one_edge():
    drawing = picture(SMALL)
    edges = {
        edge["id"]: (edge["source"], edge["target"], edge["rows"]) for edge in drawing["edges"]
    }
    assert edges == {
        "e_0": ("Idle", "Initiating", [0]),
        "e_1": ("Idle", "Active", [1]),
        "e_2": ("Initiating", "Active", [2]),
        "e_7": ("Active", "Idle", [7, 8]),
    }
    assert [edge["id"] for edge in drawing["edges"] if edge["back"]] == ["e_7"]


def test_an_edge_that_leaves_its_circle_for_good_does_not_lead_back():
    names = ["A", "B", "C", "End", "D"]
    edges = [("A", "End"), ("A", "B"), ("B", "C"), ("C", "B"), ("C", "D"), ("D", "End")]
    assert back_edges("A", names, edges) == {("C", "B")}


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=30))
def test_without_the_edges_that_lead_back_no_circle_is_left(pairs):
    names = [f"s{n}" for n in range(8)]
    edges = list({(f"s{a}", f"s{b}") for a, b in pairs if a != b})
    forward = set(edges) - back_edges("s0", names, edges)
    left = set(names)
    while left:
        free = {name for name in left if not any(b == name and a in left for a, b in forward)}
        assert free
        left -= free


def test_a_role_is_named_in_a_row_only_where_it_differs_from_its_states():
    drawing = picture(SMALL)
    roles = {state["name"]: state["role"] for state in drawing["states"]}
    assert roles["Idle"] == "Both" and roles["Initiating"] == "UAC"
    assert {row["index"]: row["tag"] for row in drawing["rows"] if row["tag"]} == {
        0: "UAC",
        1: "UAS",
    }


def test_a_picture_for_one_role_shows_what_that_role_can_take():
    drawing = picture(SMALL, role="UAS")
    assert [row["index"] for row in drawing["rows"]] == [1, 4, 5, 6, 7, 8, 9]
    assert "Initiating" not in [state["name"] for state in drawing["states"] if state["drawn"]]


def test_a_state_that_nobody_declared_is_drawn_as_a_ghost():
    table = table_of(
        "callflow: 1\nname: x\nstates:\n  Idle: {initial: true}\ntransitions:\n"
        "- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Nowhere}\n"
    )
    states = {state["name"]: state for state in picture(table)["states"]}
    assert not states["Nowhere"]["declared"] and states["Nowhere"]["drawn"]
    assert states["Nowhere"]["label"] == "Nowhere, not declared, no rows"
    assert 'class="state both ghost empty"' in dot(table)


def test_states_and_rows_read_as_sentences():
    drawing = picture(SUPPORT)
    labels = {state["name"]: state["label"] for state in drawing["states"]}
    assert labels["OnHold"] == "OnHold, both roles, 3 rows"
    assert labels["Idle"] == "Idle, initial state, both roles, 2 rows"
    assert labels["Failed"] == "Failed, final state, no rows"
    rows = {row["event"] + " in " + row["state"]: row["label"] for row in drawing["rows"]}
    assert rows["HoldCall in Active"] == "HoldCall if MediaReady: hold, goes to Holding"
    assert rows["after 1m in Ringing"] == "after 1m: 480; release, ends in Failed"
    assert rows["InfoReceived in Active"] == "InfoReceived: 200, stays"


def test_groups_keep_the_order_in_which_they_are_declared():
    groups = picture(SUPPORT)["groups"]
    assert [group["name"] for group in groups] == ["setup", "talk", "hold", "end", ""]
    assert groups[2]["states"] == ["Holding", "OnHold", "Resuming"]


def test_a_picture_is_plain_data():
    assert json.loads(json.dumps(picture(SUPPORT))) == picture(SUPPORT)


# -- the DOT --------------------------------------------------------------------------------------

ATTRIBUTES = set("id class label URL tooltip color style constraint weight shape fontname".split())
ATTRIBUTES |= set("fontsize arrowsize penwidth rankdir splines ranksep nodesep newrank pad".split())
ATTRIBUTES |= set("outputorder bgcolor nslimit nslimit1 mclimit".split())
MARKUP = set("TABLE TR TD FONT B".split())
CELL_ATTRIBUTES = set("BORDER CELLBORDER CELLSPACING CELLPADDING COLOR BGCOLOR STYLE PORT".split())
CELL_ATTRIBUTES |= set("COLSPAN ROWSPAN HEIGHT HREF TITLE ID ALIGN SIDES POINT-SIZE".split())


def assert_only_allowed(text: str) -> None:
    """Take the DOT apart: strings, then labels; what is left has only names we know."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    for tag, attributes in re.findall(r"</?([A-Za-z]+)((?:\s[^<>]*)?)/?>", bare):
        assert tag in MARKUP
        assert set(re.findall(r"([A-Za-z-]+)=", attributes)) <= CELL_ATTRIBUTES
    outside = re.sub(r"label=<.*>\];", "label=];", bare)
    assert "<" not in outside
    assert set(re.findall(r"([A-Za-z0-9]+)=", outside)) <= ATTRIBUTES
    targets = re.findall(r'(?:HREF|URL)="([^"]*)"', text)
    assert all(re.fullmatch(r"#[ts]/[\w.~%-]*", target) for target in targets)


@pytest.mark.parametrize("path", STARTERS, ids=lambda path: path.stem)
def test_every_starter_is_drawn_with_allowed_words_only(path):
    assert_only_allowed(dot(table_of(path.read_text())))


@needs_dot
@pytest.mark.parametrize("path", [DATA / "support_line.yaml", *STARTERS], ids=lambda p: p.stem)
def test_every_state_row_and_edge_is_found_by_its_id(path):
    table = table_of(path.read_text())
    drawing, svg = picture(table), svg_of(dot(table))
    ids = {element.get("id") for element in svg.iter()}
    assert {state["id"] for state in drawing["states"] if state["drawn"]} <= ids
    assert {edge["id"] for edge in drawing["edges"]} <= ids
    assert {f"a_{row['id']}" for row in drawing["rows"]} <= ids
    assert {f"#t/{row['index']}" for row in drawing["rows"]} <= links(svg)


def test_many_events_with_the_same_answer_share_lines_and_keep_their_own_cells():
    events = ["Dialog3xxRedirect", "Dialog4xxFailure", "Dialog5xxFailure", "Dialog6xxFailure"]
    events += ["DialogError", "DialogTimeout", "Dialog487RequestTerminated"]
    row = (
        "- {{from_state: Idle, role: UAC, event: {}, actions: [CleanupMedia], next_state: Failed}}"
    )
    text = dot(table_of("\n".join(row.format(event) for event in events)))
    assert text.count(">release<") == 1 and text.count(">◉<") == 1
    assert all(f'ID="row_t{index}"' in text for index in range(len(events)))
    few = dot(table_of("\n".join(row.format(event) for event in events[:2])))
    assert few.count(">release<") == 2


def test_a_long_text_is_cut_in_the_drawing_and_whole_in_its_title():
    guards = 'event.action in ("StoreRemoteSDP", "GenerateLocalSDP")'
    row = f"- {{from_state: Idle, role: UAS, event: ActionFailed, guards: ['{guards}']}}"
    text = dot(table_of(row))
    assert "ActionFailed [action in (&quot;StoreRemo…]" in text
    assert "&quot;GenerateLocalSDP&quot;), stays" in text


@needs_dot
def test_only_placeholder_colours_reach_the_picture():
    svg = svg_of(dot(SUPPORT))
    colours = {e.get(name) for e in svg.iter() for name in ("fill", "stroke")} - {None}
    assert colours - {"none", "transparent", "black"} <= set(CLASSES)


@needs_dot
def test_edges_that_go_on_run_from_left_to_right():
    svg = svg_of(dot(SUPPORT))
    left = {}
    for group in svg.iter(SVG + "g"):
        if "state" in group.get("class", "").split():
            points = [
                float(point.split(",")[0])
                for polygon in group.iter(SVG + "polygon")
                for point in polygon.get("points", "").split()
            ]
            left[group.get("id")] = min(points)
    for edge in picture(SUPPORT)["edges"]:
        source, target = left[state_id(edge["source"])], left[state_id(edge["target"])]
        assert edge["back"] or source < target, edge


def test_an_empty_flow_is_a_picture_of_its_first_state():
    table = table_of("callflow: 1\nname: x\nstates:\n  Idle: {initial: true}\ntransitions: []\n")
    assert [s["name"] for s in picture(table)["states"] if s["drawn"]] == ["Idle"]
    assert "no rows" in dot(table)


# -- hostile text ---------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    '"];x[label=<<B>pwn</B>>];"',
    "javascript:alert(1)",
    "&#x6a;&#106;&lt;b&gt;",
    "two\nlines\r\n\ttab",
    "back\\slash \\N \\G \\E \\L \\\\ \\",
    "'; DROP TABLE",
    "]]> <!-- --> <![CDATA[",
    "</TD></TR></TABLE>>];",
    "x" * 10_000,
    "\u202eright to left\u200b",
    "日本語 😀 ÄÖÜ",
    "\x00\x01\x1b\x7f\ufffe\uffff",
    "\ud800 half",
    " ",
    "%s %n {0} ${x} `id`",
    "*",
    "Any",
    "-->",
    "graph",
]


def hostile_table(texts: list[str]) -> Table:
    """A table in which every text of a user is one of these."""
    row = next(row for row in SUPPORT.rows if row.guards and row.actions and row.publish)
    state = SUPPORT.states["OnHold"]
    states: dict[str, State] = {}
    rows: list[Row] = []
    for index, text in enumerate(texts):
        states[text] = replace(state, name=text, group=text, description=text)
        changes = {"index": index, "id": text, "from_state": text, "role": text, "event": text}
        rows.append(
            replace(
                row,
                **changes,
                next_state=texts[(index + 1) % len(texts)],
                guards=(replace(row.guards[0], text=text),),
                actions=(replace(row.actions[0], name=text),),
                ignore=None,
                description=text,
            )
        )
    return replace(SUPPORT, name=texts[0], states=states, rows=tuple(rows), initial=texts[0])


def test_hostile_text_never_becomes_markup():
    for text in HOSTILE:
        assert_only_allowed(dot(hostile_table([text, "Other"])))
    assert_only_allowed(dot(hostile_table(HOSTILE)))


@needs_dot
def test_hostile_text_is_drawn_as_text():
    table = hostile_table([text for text in HOSTILE if text != "*"])
    svg = svg_of(dot(table))
    tags = {element.tag.removeprefix(SVG) for element in svg.iter()}
    assert tags <= {"svg", "g", "title", "polygon", "path", "polyline", "text", "a"}
    assert all(link.startswith(("#t/", "#s/")) for link in links(svg))
    shown = [element.text for element in svg.iter(SVG + "text")]
    assert any(text and text.startswith("<script>") for text in shown)
    titles = {element.get(XLINK + "title") for element in svg.iter(SVG + "a")}
    assert any(title and "back\\slash \\N \\G" in title for title in titles)


def test_different_names_never_share_an_id():
    names = [
        *HOSTILE,
        "a b",
        "a.b",
        "a_b",
        "a-b",
        "a-20-b",
        "a--b",
        "A",
        "a",
        "x" * 10_001,
        "x" * 80,
    ]
    ids = {safe(name) for name in names}
    assert len(ids) == len(names)
    assert all(re.fullmatch(r"[\w-]+", id, re.ASCII) and len(id) < 90 for id in ids)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=4, unique=True))
def test_any_text_at_all_can_be_drawn(texts):
    assert_only_allowed(dot(hostile_table(texts)))


# -- large tables ---------------------------------------------------------------------------------


def large_table(states: int, rows: int) -> Table:
    """Every state leads a little further, sometimes back, often to the end."""
    lines = []
    for index in range(rows):
        source = index % states
        step = (index * 7) % 9 + 1
        target = "Failed" if index % 3 == 0 else f"S{(source + step) % states}"
        if index < states:
            target = f"S{(source + 1) % states}"
        lines.append(
            f"- {{from_state: S{source}, role: Both, event: {{after: {index + 1}s}},"
            f" actions: [CleanupDialog], next_state: {target}}}"
        )
    return table_of("\n".join(lines))


@needs_dot
@pytest.mark.timeout(60)
@pytest.mark.parametrize("states, rows", [(50, 250), (200, 1000)])
def test_a_large_table_is_laid_out_at_all(states, rows):
    # Drawn plainly, 200 states with 1000 rows take dot longer than anybody waits.
    assert render(dot(large_table(states, rows)))


# -- views ----------------------------------------------------------------------------------------

GROUPED = table_of("""
callflow: 1
name: grouped
states:
  Idle: {initial: true, group: Setup}
  Ringing: {group: Setup}
  Active: {group: Talk}
  Held: {group: Talk}
  Bye: {}
  End: {final: true, group: Talk}
transitions:
- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Ringing}
- {from_state: Ringing, role: UAS, event: AcceptCall, next_state: Active}
- {from_state: Ringing, role: UAS, event: {after: 30s}, next_state: Bye}
- {from_state: Ringing, role: UAS, event: DialogTimeout, next_state: End}
- {from_state: Active, role: Both, event: HoldCall, next_state: Held}
- {from_state: Held, role: Both, event: ResumeCall, next_state: Active}
- {from_state: Active, role: Both, event: HangupCall, next_state: Bye}
- {from_state: Held, role: Both, event: HangupCall, next_state: Bye}
- {from_state: Bye, role: Both, event: Dialog200OK, next_state: End}
""")


def many_states(states: int, groups: int = 0) -> Table:
    lines = ["callflow: 1", "name: many", "states:", "  S0: {initial: true}"]
    lines += [
        f"  S{n}: {{group: G{n % groups}}}" if groups else f"  S{n}: {{}}" for n in range(1, states)
    ]
    lines.append("transitions:")
    for n in range(states):
        for event, target in (("MakeCall", (n + 1) % states), ("HangupCall", 5)):
            lines.append(f"- {{from_state: S{n}, event: {event}, next_state: S{target}}}")
    return table_of("\n".join(lines) + "\n")


def test_a_folded_group_is_one_node_and_keeps_its_ways_in_and_out():
    drawing = picture(GROUPED, view=View(folded=frozenset({"Talk"})))
    drawn = {state["name"]: state for state in drawing["states"] if state["drawn"]}
    assert list(drawn) == ["Idle", "Ringing", "group:Talk", "Bye"]
    assert drawn["group:Talk"]["folded"] == ["Active", "Held"]
    assert drawn["group:Talk"]["label"] == "Group Talk, folded, 2 states, 4 rows"
    edges = {(edge["source"], edge["target"]): edge["rows"] for edge in drawing["edges"]}
    assert edges[("Ringing", "group:Talk")] == [1]
    assert edges[("group:Talk", "Bye")] == [6, 7]
    text = dot(GROUPED, view=View(folded=frozenset({"Talk"})))
    assert '"g_Talk":h:e -> "s_Bye":h:w' in text and "p_6" not in text


def test_folded_failures_stay_rows_and_lose_their_edges():
    assert {row.label for row in GROUPED.rows if is_failure(row)} == {"after 30s", "DialogTimeout"}
    drawing = picture(GROUPED, view=View(failures=False))
    assert ("Ringing", "Bye") not in {(e["source"], e["target"]) for e in drawing["edges"]}
    assert [row["mark"] for row in drawing["rows"]].count("fails") == 2
    text = dot(GROUPED, view=View(failures=False))
    assert 'HREF="#t/2"' in text and 'HREF="#t/3"' in text


def test_rows_of_both_roles_are_resolved_into_the_role_that_is_looked_at():
    drawing = picture(GROUPED, view=View(role="UAC"))
    assert {row["role"] for row in drawing["rows"]} == {"UAC"}
    assert {edge["role"] for edge in drawing["edges"]} == {"UAC"}
    assert not any(row["tag"] for row in drawing["rows"])


def test_states_without_their_rows_keep_one_edge_for_each_target():
    text = dot(GROUPED, view=View(rows=False))
    assert "#t/1" in text and "AcceptCall" not in text
    assert text.count("->") == 7


def test_a_large_picture_writes_the_targets_that_everybody_leads_to():
    table = many_states(60)
    drawing = picture(table)
    assert {row["named"] for row in drawing["rows"]} == {"", "S5"}
    assert [e["source"] for e in drawing["edges"] if e["target"] == "S5"] == []
    assert "▸ S5" in dot(table)
    assert {row["named"] for row in picture(many_states(20))["rows"]} == {""}


def test_a_large_table_opens_folded():
    assert usual(GROUPED) == EVERYTHING
    assert usual(many_states(400, groups=4)).folded == {"G0", "G1", "G2", "G3"}
    assert usual(many_states(400)) == View(rows=False)


def test_a_view_takes_what_was_asked_and_leaves_out_nonsense():
    assert wanted(GROUPED, {}) == EVERYTHING
    asked = {"role": "UAS", "fold": ["Talk"], "failures": False, "rows": False}
    assert wanted(GROUPED, asked) == View("UAS", frozenset({"Talk"}), False, False)
    assert wanted(GROUPED, {"role": 3, "fold": "x", "failures": 0, "rows": "y"}) == EVERYTHING
    large = many_states(400, groups=4)
    assert wanted(large, {"fold": []}) == EVERYTHING
