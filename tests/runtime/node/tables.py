"""Tables built by hand, for tests that need no text."""

from __future__ import annotations

from flows.findings import Place
from flows.semantics import Program
from flows.table import Row, State, Table, Word

HERE = Place(1, 1, 1, 1)


def word(spec):
    if isinstance(spec, str):
        return Word(spec)
    (name, arguments), *_ = spec.items()
    return Word(name, arguments)


def row(index, from_state, event, actions=(), next_state=None, publish=(), role="UAS"):
    after = event if isinstance(event, int | float) else None
    return Row(
        index=index,
        id="",
        from_state=from_state,
        role=role,
        event="after" if after is not None else event,
        after=after,
        guards=(),
        actions=tuple(word(spec) for spec in actions),
        set=(),
        next_state=next_state,
        publish=tuple(publish),
        ignore=None,
        description="",
        waive=(),
        place=HERE,
    )


def table(*rows, name="test", digest="d" * 64):
    built = tuple(row(index, *spec) for index, spec in enumerate(rows))
    names = ["Idle"]
    for one in built:
        for state in (one.from_state, one.next_state):
            if state and state != "*" and state not in names:
                names.append(state)
    final = {"Terminated", "Cancelled", "Failed"}
    states = {
        state: State(state, state == "Idle", state in final, "", "", {}, HERE, False)
        for state in names
    }
    return Table(name, "", (), states, "Idle", {}, built, (), digest)


ANSWER = ["CreateDialog", "StoreRemoteSDP", "CreateMediaSession", "GenerateLocalSDP"]
ECHO = table(
    ("Idle", "IncomingCall", [*ANSWER, {"SendSIPResponse": {"code": 200}}], "Answering"),
    ("Answering", "DialogACK", ["StartMediaSession", "StartEcho"], "Active", ["CallEstablished"]),
    (
        "Answering",
        "ActionFailed",
        [{"SendSIPResponse": {"code": 488}}, "CleanupMedia", "CleanupDialog"],
        "Failed",
        ["CallFailed"],
    ),
    ("Answering", "DialogBYE", ["CleanupMedia"], "Terminated", ["CallTerminated"]),
    ("Active", "DialogBYE", ["CleanupMedia", "CleanupDialog"], "Terminated", ["CallTerminated"]),
    ("Active", 60.0, ["SendBYE", "StopMediaSession"], "Terminating"),
    ("Active", "HangupCall", ["SendBYE", "StopMediaSession"], "Terminating"),
    ("Terminating", "Dialog200OK", ["CleanupMedia"], "Terminated", ["CallTerminated"]),
    ("Terminating", 32.0, ["CleanupMedia"], "Terminated", ["CallTerminated"]),
)


def program(built=ECHO, bind=None):
    return Program(built, bind)
