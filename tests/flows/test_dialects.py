"""Tables of other systems come in whole, and every change is told."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.check import examine
from flows.dialects import detect, examine_any, import_text, translate
from flows.findings import Severity

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
V2 = """\
version: "2.0"
metadata: {description: "A small endpoint", author: Somebody, date: "2025-01-05"}
states:
- {name: Idle, description: "No call"}
- {name: Initiating}
- {name: Active, description: "On: talking"}
- {name: Terminated}
conditions:
- {name: DialogEstablished, default: false}
- {name: MediaSessionReady}
- {name: InQueue}
guards: {x: y}
transitions:
- role: uac
  state: "Idle"
  event: {type: MakeCall, target: "sip:a"}
  guards: [{type: IsIdle}, "!InQueue"]
  actions: [{type: CreateDialog}, {type: TriggerDialogINVITE}]
  next_state: Initiating
  publish: [SessionCreated]
  description: "Start: the call"
- role: UAC
  state: Initiating
  event: {type: DialogEstablished}
  actions:
  - type: SendACK
  - type: TriggerCallEstablished
  next_state: Active
  conditions: {dialog_established: true, media_session_ready: true}
- role: Server
  state: Active
  event: {type: DialogFailed, code: 486}
  actions:
  - {type: SendSIPResponse, args: {code: 486, reason: Busy}}
  - {type: UpdateMediaDirection, direction: SendOnly}
  next_state: Terminated
  condition_updates: {InQueue: true, in_queue: false}
  publish_events: [{type: CallEnded}, {type: Custom, data: x}]
- role: B2BUA
  state: "*"
  event: [DialogBYE, HangupCall]
  effects: {actions: [Send200OK, StartMediaCleanup, StartDialogCleanup], to_state: Terminated}
  conditions: {set: [MediaReady], unset: [InQueue]}
"""


def test_the_language_of_a_text_is_recognised():
    assert detect(V2) == "session-core"
    assert detect("- {state: Idle, role: UAC, event: MakeCall}") == "session-core"
    assert detect("- {from_state: Idle, role: UAC, event: {type: MakeCall}}") == "session-core"
    assert detect("- {from_state: Idle, role: UAC, event: MakeCall}") == "native"
    assert detect("callflow: 1\ntransitions: []\n") == "native"
    assert detect("just words") is None and detect("a: [") is None


def test_native_text_comes_back_unchanged():
    text = "# mine\r\n- {from_state: Idle, role: UAC, event: MakeCall}\r\n"
    imported = import_text(text)
    assert imported.text == text and imported.findings == [] and imported.notes == []
    assert translate(text).text == text


def test_a_table_of_the_other_family_becomes_native_rows():
    imported = import_text(V2)
    compiled = examine(imported.text)
    table = compiled.table
    assert table is not None, (compiled.findings, imported.text)
    assert table.initial == "Idle" and table.states["Terminated"].final
    assert table.states["Active"].description == "On: talking"
    assert table.variables == {"InQueue": False}
    first, second, third, fourth, fifth = table.rows
    assert (first.from_state, first.role, first.event) == ("Idle", "UAC", "MakeCall")
    assert [guard.text for guard in first.guards] == ["IsIdle", "not InQueue"]
    assert [word.name for word in first.actions] == ["CreateDialog", "SendINVITE"]
    assert first.description == "Start: the call"
    assert second.event == "Dialog200OK" and second.publish == ("CallEstablished",)
    assert [(w.name, w.arguments.get("condition")) for w in second.actions[1:]] == [
        ("SetCondition", "DialogEstablished"),
        ("SetCondition", "MediaReady"),
    ]
    assert third.role == "UAS" and third.guards[0].text == "event.code == 486"
    assert third.actions[0].arguments == {"code": 486, "reason": "Busy"}
    assert third.actions[1].arguments == {"direction": "sendonly"}
    assert third.publish == ("CallTerminated",)
    assert (fourth.from_state, fourth.role) == ("*", "Both")
    assert (fourth.event, fifth.event) == ("DialogBYE", "HangupCall")
    assert [w.name for w in fourth.actions] == [
        "SendSIPResponse",
        "CleanupMedia",
        "CleanupDialog",
        "SetCondition",
    ]
    assert fourth.set[0][0] == "InQueue" and fourth.next_state == "Terminated"


def test_every_change_is_told_with_its_line_in_the_original():
    imported = import_text(V2)
    told = "\n".join(imported.notes)
    for words in (
        "MediaSessionReady is called MediaReady",
        "InQueue became a variable",
        "What stands under guards had no effect",
        "line 16: target of MakeCall never chose a row",
        "!InQueue is written not InQueue",
        "TriggerDialogINVITE became SendINVITE",
        "DialogEstablished is called Dialog200OK",
        "TriggerCallEstablished only announces",
        "Server is called UAS",
        "code of Dialog4xxFailure became a guard",
        "Nobody reads in_queue",
        "A custom event has no meaning",
        "B2BUA became Both",
        "One row of 2 events became 2 rows",
        "effects was put into the row",
    ):
        assert words in told, told


def test_findings_of_a_foreign_table_stand_at_their_lines_in_the_original():
    text = V2.replace("type: SendACK", "type: SendAKC").replace("to_state: Term", "to_state: Trem")
    compiled = examine_any(text)
    places = {f.code: (f.place.line, f.place.column) for f in compiled.findings}
    assert places["NAM105"] == (26, 11)
    assert places["NAM102"][0] == 42


def test_a_row_that_is_no_mapping_and_odd_fields_are_told_not_lost_silently():
    imported = import_text("- {state: Idle, role: UAC, event: MakeCall, timer: 3}\n- 7\n")
    lost = [f.message for f in imported.findings if f.severity is Severity.WARNING]
    assert any("timer" in message for message in lost)
    assert any("no mapping" in message for message in lost)


TREES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.sampled_from(["Idle", "*", "B2BUA", "x:"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["type", "name", "code", "set", "args", "condition", "value", "data"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)
ROWS = st.lists(
    st.dictionaries(
        st.sampled_from(
            ["state", "role", "event", "guards", "actions", "next_state", "publish", "conditions"]
            + ["publish_events", "condition_updates", "effects", "description", "odd", "id"]
        ),
        TREES,
        max_size=8,
    ),
    max_size=3,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS, TREES, TREES)
def test_no_shape_of_fields_makes_the_import_raise(rows, states, conditions):
    import yaml

    head = {"version": "1.0", "states": states, "conditions": conditions, "extra": states}
    examine_any(yaml.safe_dump({**head, "transitions": rows}))
    imported = import_text(yaml.safe_dump([{"state": "Idle"}, *rows]))
    assert not any(f.code == "SYN001" for f in examine(imported.text).findings), imported.text


# -- the tables of the reference system ------------------------------------------------------------

needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="no corpus of other systems' tables beside the repository"
)


def corpus(name: str):
    return examine_any((CORPUS / f"{name}.yaml").read_text("utf-8"))


def messages(compiled, code: str) -> str:
    return "\n".join(f.message for f in compiled.findings if f.code == code)


@needs_corpus
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("call_center_states", 32),
        ("default_state_table", 32),
        ("gateway_states", 32),
        ("session_coordination", 23),
        ("v2_default_final", 67),
    ],
)
def test_every_row_of_a_shipped_table_comes_over(name: str, rows: int):
    compiled = corpus(name)
    assert compiled.sketch is not None and len(compiled.sketch.rows) == rows
    assert not any(f.code in ("SYN001", "SYN003", "SYN004") for f in compiled.findings)


@needs_corpus
def test_the_known_defects_of_the_default_table_are_found():
    compiled = corpus("v2_default_final")
    assert sum(f.code == "DET201" for f in compiled.findings) == 7
    for event in ("MakeCall", "StartRegistration", "Registration200OK", "ReceiveMESSAGE"):
        assert event in messages(compiled, "DET201")
    assert "EarlyMedia" in messages(compiled, "REA304")
    assert "is_registered" in messages(compiled, "NAM113")


@needs_corpus
def test_the_known_defects_of_the_other_tables_are_found():
    assert "AgentIdle" in messages(corpus("call_center_states"), "REA301")
    for state in ("AgentBusy", "AgentOffline", "ConferenceActive", "BargedIn", "Terminating"):
        assert state in messages(corpus("call_center_states"), "REA304")
    for state in ("SelectingBackend", "Retrying", "MediaProxying"):
        assert state in messages(corpus("gateway_states"), "REA301")
    assert "BothLegsActive" in messages(corpus("gateway_states"), "DET201")
    assert "B2BUA became Both" in messages(corpus("gateway_states"), "META997")
    for state in ("EarlyMedia", "Bridged", "Transferring", "Cancelled"):
        assert state in messages(corpus("default_state_table"), "REA301")
    assert "Initiating" in messages(corpus("session_coordination"), "NAM102")
