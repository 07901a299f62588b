"""From text to table: both forms, and a finding for everything odd."""

import textwrap

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.check import examine
from flows.compile import Compiled, compile_text, digest_of
from flows.findings import Severity

HEAD = """\
callflow: 1
name: small
states:
  Idle: {initial: true}
  Active: {group: talk}
  Terminated: {final: true}
variables:
  retries: 0
  vip: false
transitions:
"""


def full(rows: str) -> Compiled:
    return compile_text(HEAD + textwrap.dedent(rows))


def codes(compiled: Compiled) -> list[str]:
    return [finding.code for finding in compiled.findings]


def only(compiled: Compiled, code: str):
    found = [finding for finding in compiled.findings if finding.code == code]
    assert len(found) == 1, compiled.findings
    return found[0]


GOOD = "- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Active}\n"


def test_the_bare_row_of_the_reference_comparison_loads_unchanged():
    compiled = compile_text(
        "- {from_state: Idle, role: UAC, event: MakeCall, guards: [IsIdle], actions: "
        "[CreateDialog, GenerateLocalSDP, CreateMediaSession, SendINVITE], next_state: Initiating,"
        " publish_events: [SessionCreated]}\n"
    )
    assert compiled.table is not None and compiled.findings == []
    row = compiled.table.rows[0]
    assert (row.from_state, row.role, row.event, row.next_state) == (
        "Idle",
        "UAC",
        "MakeCall",
        "Initiating",
    )
    assert [word.name for word in row.actions][-1] == "SendINVITE"
    assert row.publish == ("SessionCreated",)
    assert compiled.table.initial == "Idle"
    assert list(compiled.table.states) == ["Idle", "Initiating"]


def test_a_bare_list_ends_in_terminated_cancelled_and_failed():
    compiled = compile_text(
        "- {from_state: Idle, role: UAC, event: MakeCall, next_state: Failed}\n"
        "- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Cancelled}\n"
    )
    assert compiled.table is not None
    assert [s.name for s in compiled.table.states.values() if s.final] == ["Failed", "Cancelled"]


def test_a_full_table_keeps_everything_that_was_said():
    compiled = full(
        """\
        - id: answer
          from_state: Idle
          role: UAS
          event: IncomingCall
          guards: [IsIdle, not vip, 'retries < 3 and event.from in ("a", "b")']
          actions: [CreateDialog, {SendSIPResponse: {code: 486, reason: Busy}}, PlayTone]
          set: {retries: retries + 1}
          next_state: Active
          publish_events: [SessionCreated]
          description: Takes the call.
          waive: [{code: COV403, reason: a machine, until: 2030-01-31}]
        - {from_state: Active, role: Both, event: {after: 1m30s}, next_state: Terminated}
        - {from_state: Any, role: Both, event: RtpTimeout, ignore: it is quiet}
        """
    )
    assert compiled.findings == [] and compiled.table is not None
    answer, timer, ignored = compiled.table.rows
    assert [guard.text for guard in answer.guards] == [
        "IsIdle",
        "not vip",
        'retries < 3 and event.from in ("a", "b")',
    ]
    assert answer.actions[1].arguments == {"code": 486, "reason": "Busy"}
    assert answer.actions[2].arguments == {"frequency": 440}
    assert answer.set[0][0] == "retries" and answer.set[0][1].text == "retries + 1"
    assert answer.waive[0].until == "2030-01-31" and answer.description == "Takes the call."
    assert (timer.event, timer.after, timer.label) == ("after", 90.0, "after 90s")
    assert (ignored.from_state, ignored.ignore) == ("*", "it is quiet")
    assert compiled.table.variables == {"retries": 0, "vip": False}
    assert compiled.table.digest == digest_of(compiled.document.text)


def test_an_unknown_event_is_a_finding_with_a_suggestion():
    compiled = full("- {from_state: Idle, role: UAC, event: Dialog18O, next_state: Active}\n")
    finding = only(compiled, "NAM103")
    assert "Dialog180Ringing" in finding.message
    assert (finding.place.line, finding.place.column) == (11, 40)
    assert finding.row == 0 and finding.state == "Idle"
    assert finding.fix == {
        "operation": "change_row",
        "arguments": {"row": 0, "field": "event", "value": "Dialog180Ringing"},
    }
    assert compiled.table is None and compiled.sketch is not None


@pytest.mark.parametrize(
    ("row", "code", "words"),
    [
        ("{role: UAS, event: IncomingCall}", "SYN003", "no from_state"),
        ("{from_state: Idle, event: IncomingCall}", "SYN003", "no role"),
        ("{from_state: Idle, role: UAS}", "SYN003", "no event"),
        ("{from_state: Idle, role: UAS, event: after}", "SYN003", "{after: 30s}"),
        ("{from_state: Idle, role: UAS, event: {type: DialogBYE}}", "SYN003", "import"),
        (
            "{from_state: Idle, role: UAS, event: DialogBYE, actions: SendBYE}",
            "SYN003",
            "[SendBYE]",
        ),
        ("just a text", "SYN003", "mapping"),
        ("{from_state: Idle, role: UAS, event: DialogBYE, gaurds: [IsIdle]}", "SYN004", "guards"),
        ("{from_state: Idle, role: UAS, event: DialogBYE, state: x}", "SYN004", "from_state"),
        ("{from_state: Idel, role: UAS, event: DialogBYE}", "NAM101", "Idle"),
        (
            "{from_state: Idle, role: UAS, event: DialogBYE, next_state: Termnated}",
            "NAM102",
            "Term",
        ),
        ("{from_state: Idle, role: UAS, event: DialogBYE, next_state: '*'}", "NAM102", "one state"),
        ("{from_state: Idle, role: UAS, event: DialogBYE, guards: [isIdle]}", "NAM104", "IsIdle"),
        (
            "{from_state: Idle, role: UAS, event: DialogBYE, guards: [retrys < 3]}",
            "NAM104",
            "retries",
        ),
        ("{from_state: Idle, role: UAS, event: DialogBYE, guards: [a and]}", "NAM104", "ends"),
        (
            "{from_state: Idle, role: UAS, event: IncomingCall, guards: [event.form]}",
            "NAM104",
            "from",
        ),
        (
            "{from_state: Idle, role: UAC, event: Dialog4xxFailure, "
            "guards: [event.code in (486, 600)]}",
            "NAM104",
            "quotes",
        ),
        ("{from_state: Idle, role: UAS, event: DialogBYE, set: {retrys: 1}}", "NAM104", "retries"),
        (
            "{from_state: Idle, role: UAS, event: DialogBYE, set: {MediaReady: 1}}",
            "NAM104",
            "SetCond",
        ),
        (
            "{from_state: Idle, role: UAS, event: DialogBYE, actions: [SendAck]}",
            "NAM105",
            "SendACK",
        ),
        ("{from_state: Idle, role: Caller, event: DialogBYE}", "NAM106", "UAC"),
        (
            "{from_state: Idle, role: UAS, event: DialogBYE, publish_events: [CallFaild]}",
            "NAM107",
            "?",
        ),
        ("{from_state: Idle, role: UAC, event: IncomingCall}", "NAM111", "UAS"),
        ("{from_state: '*', role: UAC, event: {after: 3s}}", "NAM111", "one state"),
        (
            "{from_state: Idle, role: UAS, event: IncomingCall, actions: [SendINVITE]}",
            "NAM112",
            "UAC",
        ),
        (
            "{from_state: Idle, role: UAC, event: MakeCall, "
            "actions: [{SendSIPResponse: {code: 180}}]}",
            "NAM112",
            "UAC",
        ),
        ("{from_state: Idle, role: UAS, event: {after: soon}}", "NAM108", "30s"),
        ("{from_state: Idle, role: UAS, event: {after: 0s}}", "NAM108", "between"),
        ("{from_state: Idle, role: UAS, event: {after: 25h}}", "NAM108", "24h"),
        ("{from_state: Idle, role: UAS, event: DialogBYE, ignore: true}", "SYN003", "why"),
        (
            "{from_state: Idle, role: UAS, event: DialogBYE, ignore: x, next_state: Active}",
            "SYN003",
            "no",
        ),
        ("{from_state: Idle, role: UAS, event: DialogBYE, waive: [{code: X}]}", "SYN003", "code"),
    ],
)
def test_a_mistake_in_a_row_is_a_coded_finding(row: str, code: str, words: str):
    compiled = full(f"- {row}\n")
    found = [f for f in compiled.findings if f.code == code]
    assert found, compiled.findings
    assert words in found[0].message
    assert found[0].place.line == 11 and found[0].row == 0
    assert found[0].severity is Severity.ERROR
    assert compiled.table is None


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("{SendSIPResponse: {code: 99}}", "between 101 and 699"),
        ("{SendSIPResponse: {code: busy}}", "whole number"),
        ("{SendSIPResponse: {coed: 486}}", "did you mean code?"),
        ("{SendSIPResponse: {code: [1]}}", "one value"),
        ("{SendReINVITE: {direction: sendony}}", "did you mean sendonly?"),
        ("{PlayTone: {frequency: 9000}}", "Hz"),
        ("PlayAudioFile", "needs file"),
        ("{PlayAudioFile: {repeat: true}}", "needs file"),
        ("{PlayAudioFile: {file: x, repeat: perhaps}}", "true or false"),
        ("{SetCondition: {condition: MediaRedy}}", "did you mean MediaReady?"),
        ("{SetCondition: {condition: retries}}", "is a condition"),
    ],
)
def test_a_wrong_parameter_is_a_finding(action: str, words: str):
    compiled = full(f"- {{from_state: Idle, role: Both, event: DialogBYE, actions: [{action}]}}\n")
    assert words in only(compiled, "NAM108").message


def test_parameters_that_are_no_mapping_are_shown_as_one():
    row = "- {from_state: Idle, role: Both, event: DialogBYE, actions: [{PlayTone: 300}]}\n"
    assert "{PlayTone: {frequency: 300}}" in only(full(row), "SYN003").message


def test_a_variable_that_is_true_or_false_can_be_set_like_a_condition():
    action = "{SetCondition: {condition: vip}}"
    row = f"- {{from_state: Idle, role: UAS, event: DialogBYE, actions: [{action}]}}\n"
    compiled = full(row)
    assert compiled.table is not None
    assert compiled.table.rows[0].actions[0].arguments == {"condition": "vip", "value": True}


def test_scalars_keep_the_text_that_was_written_and_the_finding_says_quote_it():
    compiled = compile_text(
        "- {from_state: Idle, role: UAS, event: IncomingCall, next_state: No}\n"
        "- {from_state: No, role: UAS, event: DialogBYE, "
        "actions: [{SendSIPResponse: {code: 0486}}], next_state: Terminated}\n"
    )
    assert compiled.table is not None and "No" in compiled.table.states
    assert codes(compiled) == ["SYN006", "SYN006", "SYN006"]
    assert all(f.severity is Severity.WARNING for f in compiled.findings)
    assert "Quote" in compiled.findings[0].message
    assert compiled.table.rows[1].actions[0].arguments["code"] == 486


def test_an_on_key_is_unknown_and_should_be_quoted():
    compiled = full("- {from_state: Idle, role: UAS, on: DialogBYE, event: DialogBYE}\n")
    assert codes(compiled) == ["SYN004", "SYN006"]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", "SYN003", "empty"),
        ("just words", "SYN003", "mapping or a list"),
        ("callflow: 1\nname: x\n", "SYN003", "rows are missing"),
        ("callflow: 1\ntransitions: {}\n", "SYN003", "list of rows"),
        ("name: x\ntransitions: []\n", "SYN005", "callflow: 1"),
        ("callflow: 9\ntransitions: []\n", "SYN005", "9"),
        ("callflow: 1\ntransitons: []\ntransitions: []\n", "SYN004", "transitions"),
        ("version: '1.0'\ntransitions: []\n", "SYN004", "import"),
        ("callflow: 1\nfeatures: [holdd]\ntransitions: []\n", "SYN003", "hold"),
        ("callflow: 1\nvariables: {a.b: 1}\ntransitions: []\n", "SYN003", "variable"),
        ("callflow: 1\nvariables: {MediaReady: true}\ntransitions: []\n", "SYN003", "condition"),
        ("callflow: 1\nstates: [Idle]\ntransitions: []\n", "SYN003", "mapping"),
        ("callflow: 1\nstates: {Idle: [x]}\ntransitions: []\n", "SYN003", "mapping"),
        ("callflow: 1\nstates: {'a b?': {}}\ntransitions: []\n", "SYN003", "name a state"),
        ("callflow: 1\nstates: {Idle: {finall: true}}\ntransitions: []\n", "SYN004", "final"),
        ("callflow: 1\nstates: {Idle: {final: perhaps}}\ntransitions: []\n", "SYN003", "true or"),
        ("callflow: 1\nstates: {A: {ignore: {DialogBYEE: x}}}\ntransitions: []\n", "NAM103", "BYE"),
        ("callflow: 1\nstates: {A: {ignore: {DialogBYE: }}}\ntransitions: []\n", "SYN003", "why"),
        ("callflow: 1\nstates: {A: {final: true}}\ntransitions: []\n", "NAM114", "initial"),
        ("callflow: 1\nstates: {A: {initial: true}}\ntransitions: []\n", "NAM114", "final"),
        (
            "callflow: 1\nstates: {A: {initial: true}, B: {initial: true}, C: {final: true}}\n"
            "transitions: []\n",
            "NAM114",
            "already",
        ),
        ("- {from_state: A, role: UAS, event: DialogBYE, next_state: B}", "NAM114", "Idle"),
    ],
)
def test_a_mistake_in_the_head_is_a_coded_finding(text: str, code: str, words: str):
    compiled = compile_text(text)
    found = [f for f in compiled.findings if f.code == code]
    assert found, compiled.findings
    assert any(words in f.message for f in found)
    assert compiled.table is None


def test_the_same_id_twice_is_a_warning():
    row = "- {id: a, from_state: Idle, role: UAS, event: %s}\n"
    finding = only(full(row % "DialogBYE" + row % "DialogACK"), "SYN008")
    assert finding.severity is Severity.WARNING and finding.row == 1


def test_a_thousand_unknown_words_are_told_within_bounds():
    rows = "".join(
        f"- {{from_state: S{i}, role: UAS, event: Evnt{i}, actions: [Act{i}, Bct{i}], "
        f"publish_events: [P{i}]}}\n"
        for i in range(2000)
    )
    compiled = compile_text(rows)
    assert compiled.table is None and 900 < len(compiled.findings) <= 1001


def test_too_many_rows_are_refused():
    rows = "- {from_state: Idle, role: UAS, event: DialogBYE}\n" * 5001
    assert "SYN007" in codes(compile_text(rows))


def test_too_many_states_are_refused_and_not_called_undeclared():
    head = "callflow: 1\nstates:\n  Idle: {initial: true}\n  Failed: {final: true}\n"
    states = "".join(f"  S{n}: {{}}\n" for n in range(499))
    compiled = compile_text(
        f"{head}{states}transitions:\n"
        "- {from_state: Idle, role: UAS, event: IncomingCall, next_state: S498}\n"
    )
    assert compiled.table is None
    errors = [f for f in compiled.findings if f.severity is Severity.ERROR]
    assert [(f.code, f.place.line) for f in errors] == [("SYN007", 503)]


def test_line_ends_of_windows_and_a_byte_order_mark_change_nothing():
    text = "\ufeff" + (HEAD + GOOD).replace("\n", "\r\n")
    compiled = compile_text(text)
    assert compiled.table is not None
    assert compiled.table.rows[0].place.line == 11


WORDS = st.sampled_from(
    [
        *(
            "callflow: 1\n",
            "states:\n",
            "transitions:\n",
            "- ",
            "  ",
            "\n",
            ": ",
            "{",
            "}",
            "[",
            "]",
        ),
        *("from_state", "role", "event", "actions", "guards", "next_state", "publish_events"),
        *("UAC", "Both", "Idle", "Any", "'*'", "after", "30s", "IncomingCall", "SendSIPResponse"),
        *(
            "code",
            "486",
            "0486",
            "No",
            "~",
            "&a ",
            "*a",
            "!!str ",
            "not ",
            "and",
            "(",
            ")",
            "event.",
        ),
        *(
            "set",
            "ignore",
            "waive",
            "variables",
            "features",
            "\t",
            "'",
            '"',
            "#",
            "|",
            ">",
            ", ",
            "é",
        ),
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.text(max_size=300), st.lists(WORDS, max_size=60).map("".join)))
def test_no_text_makes_the_compiler_or_the_checker_raise(text: str):
    compiled = examine(text)
    assert (compiled.table is None) == any(
        f.severity is Severity.ERROR and f.code[:3] in ("SYN", "NAM") for f in compiled.findings
    )
    lines = [f.place.line for f in compiled.findings]
    assert lines == sorted(lines)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 700),
    st.sampled_from(["Idle", "Active", "*", "UAC", "Both", "DialogBYE", "IsIdle", "x < 3", ""]),
    st.text(max_size=8),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["after", "code", "SendSIPResponse", "SetCondition", "type", "x"]),
            inner,
            max_size=2,
        ),
    ),
    max_leaves=6,
)
ROWS = st.lists(
    st.dictionaries(
        st.sampled_from(
            ["from_state", "role", "event", "guards", "actions", "next_state", "set", "ignore"]
            + ["publish_events", "waive", "id", "description", "odd"]
        ),
        TREES,
        max_size=8,
    ),
    max_size=4,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS, TREES, TREES, TREES)
def test_no_shape_of_fields_makes_the_compiler_or_the_checker_raise(rows, states, variables, more):
    import yaml

    head = {"callflow": 1, "states": states, "variables": variables, "features": more}
    examine(yaml.safe_dump({**head, "transitions": rows}, allow_unicode=True))
    examine(yaml.safe_dump(rows, allow_unicode=True))
