"""SCXML and XState made native: what is kept, what is changed, what can not be kept and is said."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.compile import compile_text
from flows.document import MAX_BYTES, read
from flows.edit.pieces import plain_of
from flows.imports import LOST, ImportRefused, convert, detect, scxml

DATA = Path(__file__).parents[2] / "data"
DOORBELL = (DATA / "doorbell.scxml").read_text("utf-8")
QUEUE = (DATA / "queue.xstate.json").read_text("utf-8")
ECHO = (Path(__file__).parents[3] / "state_tables" / "echo_test.yaml").read_text("utf-8")


def rows(text: str) -> list[Any]:
    said: Any = plain_of(read(text).root)
    return list(said["transitions"])


def told(text: str, verdict: str) -> dict[str, str]:
    return {t.element: t.message for t in convert(text).report if t.verdict == verdict}


def machine(**states: Any) -> str:
    return json.dumps({"id": "m", "initial": next(iter(states)), "states": states})


def test_the_language_is_told_by_the_text():
    assert detect(DOORBELL) == "SCXML" and detect(QUEUE) == "XState"
    assert detect(ECHO) == "native" and detect("") is None
    assert convert(ECHO).text == ECHO and convert(ECHO).report == []


def test_scxml_becomes_flat_rows_with_what_is_done_on_the_way_in_and_out():
    made = convert(DOORBELL)
    said: Any = plain_of(read(made.text).root)
    assert list(said["states"]) == ["Idle", "Ringing", "Talking", "One", "Done"]
    assert said["states"]["Ringing"] == {"group": "Busy"} and said["name"] == "doorbell"
    assert said["states"]["Done"] == {"final": "true"} and said["variables"] == {"rings": "0"}
    first, *rest = rows(made.text)
    assert first == {
        "from_state": "Idle",
        "role": "UAS",
        "event": "IncomingCall",
        "actions": ["CreateDialog", {"SendSIPResponse": {"code": "180"}}],
        "set": {"rings": "rings + 1"},
        "publish_events": ["SessionCreated"],
        "next_state": "Ringing",
    }
    accept = next(row for row in rest if row["event"] == "AcceptCall")
    assert accept["guards"] == ["rings < 3 and not MediaReady"]
    # Both are inside Busy: only Talking is entered.
    assert accept["actions"] == ["StartMediaSession"]
    hangup = next(row for row in rest if row["event"] == "HangupCall")
    assert hangup["actions"] == ["CleanupMedia", "SendBYE"]
    byes = [row for row in rest if row["event"] == "DialogBYE"]
    assert [row["from_state"] for row in byes] == ["Ringing", "Talking"]


def test_what_scxml_has_and_rows_have_not_is_said_for_each_element():
    lost = told(DOORBELL, LOST)
    assert "<parallel> Both" in lost and "Two" in lost["<parallel> Both"]
    assert "action makeCoffee" in lost and "<log> 'hello'" in lost
    assert "<transition> error.execution" in lost and "<data> list" in lost
    changed = told(DOORBELL, "changed")
    assert changed["event dialog.bye"] == "It is called DialogBYE here."
    assert "states inside" in changed["state Busy"] and "<history> Back" in changed
    assert "state Idle" in told(DOORBELL, "kept")
    assert convert(DOORBELL).counts["lost"] >= 5
    lines = DOORBELL.splitlines()
    for finding in convert(DOORBELL).findings:
        assert 1 <= finding.place.line <= len(lines)


def test_an_xstate_machine_becomes_flat_rows():
    made = convert(QUEUE)
    said: Any = plain_of(read(made.text).root)
    assert list(said["states"]) == ["idle", "first", "second", "voice", "done"]
    assert said["states"]["idle"] == {"initial": "true"}
    found = {(r["from_state"], str(r["event"])): r for r in rows(made.text)}
    incoming = found["idle", "IncomingCall"]
    assert incoming["next_state"] == "first"
    assert incoming["actions"] == [{"SendSIPResponse": {"code": "180"}}, "CreateMediaSession"]
    timers = [r for r in rows(made.text) if r["event"] == {"after": "30s"}]
    assert [r["next_state"] for r in timers] == ["second", "done"]
    assert timers[0]["guards"] == ["tries < 2"] and "guards" not in timers[1]
    assert found["second", "DialogCANCEL"]["next_state"] == "done"
    assert found["Any", "HangupCall"]["next_state"] == "done"
    lost = told(QUEUE, LOST)
    assert "states.waiting.states.second.always" in lost
    assert "states.waiting.states.second.invoke" in lost
    assert "states.waiting.on.*" in lost and "context.list" in lost
    assert "video" in lost["states.talking.states"]
    assert "agentIsFree" in lost["guard agentIsFree"]


def test_what_is_known_compiles_at_once():
    text = machine(
        Idle={"on": {"MakeCall": {"target": "Calling", "actions": ["CreateDialog", "SendINVITE"]}}},
        Calling={"on": {"Dialog200OK": "Talking"}, "after": {"60s": "Over"}},
        Talking={"on": {"DialogBYE": "Over"}},
        Over={"type": "final"},
    )
    made = convert(text)
    assert compile_text(made.text).table is not None
    assert made.counts["lost"] == 0 and made.counts["changed"] == 0


def test_the_original_can_be_kept_below_as_comments():
    made = convert(DOORBELL)
    kept = made.with_original(DOORBELL)
    assert plain_of(read(kept.text).root) == plain_of(read(made.text).root)
    assert "# The original (SCXML):" in kept.text
    assert all(line.strip() in kept.text for line in DOORBELL.splitlines())


BOMB = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>
<scxml xmlns="http://www.w3.org/2005/07/scxml"><state id="&b;"/></scxml>"""


@pytest.mark.parametrize(
    "text, said",
    [
        (BOMB, "DOCTYPE"),
        ('<!DOCTYPE scxml SYSTEM "http://127.0.0.1/x.dtd"><scxml/>', "DOCTYPE"),
        ("<scxml><state>", "no XML"),
        ("<scxml>", "no XML"),
        ("<a><scxml/></a>", "not <scxml>"),
        ("<scxml/>", "no state"),
        ("<scxml>" + "<state>" * 100, "nested too deep"),
        ("<scxml>" + "<state/>" * 30_000 + "</scxml>", "too many"),
        ('<?xml version="1.0" encoding="nonsense"?><scxml/>', "."),
        ('{"states": ', "no JSON"),
        ('{"states": {}}', "no state"),
        ('{"states": 3}', "object with states"),
        ('{"states": ' + "[" * 100_000, "."),
        ('{"x": ' + "9" * 5000 + ', "states": {}}', "."),
    ],
)
def test_what_is_no_chart_is_refused_in_one_sentence(text: str, said: str):
    with pytest.raises(ImportRefused, match=said):
        convert(text)


def test_a_text_beyond_the_limit_is_refused():
    with pytest.raises(ImportRefused, match="larger"):
        scxml.read("<scxml>" + " " * MAX_BYTES + "</scxml>")


def test_deeply_nested_machines_are_refused():
    text = '{"states": {"a": ' * 60 + "{}" + "}}" * 60
    with pytest.raises(ImportRefused, match="nested"):
        convert(text)


_names = st.sampled_from(["a", "b", "Idle", "1", "é x", "#a", ".b", "", "after", "Any"])
_plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=6,
)
_node = st.recursive(
    st.dictionaries(
        st.sampled_from(["on", "after", "entry", "exit", "type", "id", "initial", "x", "always"]),
        _plain | st.sampled_from(["final", "parallel", "history"]),
        max_size=4,
    ),
    lambda inner: st.fixed_dictionaries(
        {"states": st.dictionaries(_names, inner, min_size=1, max_size=3)},
        optional={
            "on": st.dictionaries(_names, _plain, max_size=2),
            "initial": _names,
            "type": st.just("parallel"),
        },
    ),
    max_leaves=8,
)


@given(st.dictionaries(_names, _node, min_size=1, max_size=3), _plain)
def test_any_machine_is_made_a_readable_text_or_refused(states: Any, context: Any):
    text = json.dumps({"states": states, "context": context})
    try:
        made = convert(text)
    except ImportRefused:
        return
    assert read(made.text).readable
    assert isinstance(compile_text(made.text).findings, list)


_attribute = st.sampled_from(
    ["id", "event", "target", "cond", "initial", "expr", "location", "name"]
)
_value = st.sampled_from(["a", "b", "a b", "x &lt; 1", "MakeCall", "done.x", "[", "'t'", "2", ""])
_tag = st.sampled_from(
    ["state", "parallel", "final", "transition", "onentry", "onexit", "send", "assign", "data"]
    + ["datamodel", "history", "initial", "raise", "if", "odd"]
)
_element = st.recursive(
    st.tuples(_tag, st.dictionaries(_attribute, _value, max_size=3), st.just([])),
    lambda inner: st.tuples(
        _tag, st.dictionaries(_attribute, _value, max_size=3), st.lists(inner, max_size=3)
    ),
    max_leaves=10,
)


def markup(element: Any) -> str:
    tag, attributes, children = element
    shown = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<{tag}{shown}>{''.join(map(markup, children))}</{tag}>"


@given(st.lists(_element, max_size=5))
def test_any_scxml_is_made_a_readable_text_or_refused(elements: Any):
    text = f"<scxml>{''.join(map(markup, elements))}</scxml>"
    try:
        made = convert(text)
    except ImportRefused:
        return
    assert read(made.text).readable
    assert isinstance(compile_text(made.text).findings, list)


@given(st.text(max_size=80))
def test_any_text_is_converted_or_refused(text: str):
    for begin in ("", "<scxml", '{"states": '):
        try:
            convert(begin + text)
        except ImportRefused:
            continue
