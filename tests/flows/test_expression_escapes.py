"""Guards and `set` are a closed language: whatever tries to leave it is no expression."""

import pytest

from flows.check import examine
from flows.expressions import ExpressionError, parse

ATTEMPTS = [
    "__import__('os').system('id')",
    "().__class__.__bases__[0].__subclasses__()",
    "event.__class__",
    "event.code.__class__",
    "event.sdp.format",
    "retries.bit_length()",
    "MediaReady()",
    "open('/etc/passwd')",
    "lambda: 1",
    "[x for x in (1,)]",
    "{1: 2}",
    "x if y else z",
    "a := 1",
    "a = 1",
    "a; b",
    "a\nimport os",
    "f'{a}'",
    "b'a'",
    "`id`",
    "$(id)",
    "${HOME}",
    "{{ 7 * 7 }}",
    "%(name)s",
    "1 if True",
    "2 ** 99999999",
    "'a' * 99999999",
    "10 / 0",
    "1e308",
    "0x41",
    "1_000",
    "a.b",
    "self.state",
    "builtins",
    "__builtins__.eval",
    "'unclosed",
    "(" * 500 + "1" + ")" * 500,
    "not " * 2000 + "a",
    "a and " * 500 + "a",
    "\u202eMediaReady",
    "Media\u200bReady",
    "a\x00b",
]


@pytest.mark.parametrize("text", ATTEMPTS, ids=range(len(ATTEMPTS)))
def test_an_attempt_to_leave_the_language_is_refused(text):
    try:
        expression = parse(text)
    except ExpressionError:
        return
    # What reads as an expression is only names: it looks nothing up and calls nothing.
    assert expression.evaluate({}, {}) in (None, True, False)


@pytest.mark.parametrize("text", ATTEMPTS, ids=range(len(ATTEMPTS)))
def test_in_a_table_it_is_a_finding_and_nothing_runs(text, monkeypatch):
    monkeypatch.setattr("builtins.eval", None)
    monkeypatch.setattr("os.system", None)
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    row = "- {from_state: Idle, role: UAS, event: IncomingCall, guards: [%s], next_state: Failed}\n"
    compiled = examine(row % quoted.replace("\0", "\\0"))
    assert compiled.table is None
    assert {f.code for f in compiled.findings} & {"NAM104", "SYN001", "SYN007"}


def test_names_of_python_are_only_names():
    for name in ("eval", "exec", "globals", "print", "open", "os", "sys"):
        assert parse(name).evaluate({}, {}) is None
        assert parse(name).evaluate({name: True}, {}) is True


def test_a_field_is_looked_up_and_never_asked():
    class Trap(dict):
        def __getattr__(self, name):
            raise AssertionError(name)

    assert parse("event.code == 1").evaluate({}, Trap(code=1)) is True
