"""The call flow that every engine runs: 13 states, 60 rows, two guards and three actions each."""

from __future__ import annotations

from typing import NamedTuple

STATES = (
    "Idle Initiating Ringing EarlyMedia Answering Active OnHold Resuming Muted Transferring "
    "Terminating Terminated Failed"
).split()
FINAL = ("Terminated", "Failed")
GUARDS = ("open_now", "not blocked")

_CALL = (
    ("Idle", "MakeCall", "Initiating"),
    ("Initiating", "Dialog180Ringing", "Ringing"),
    ("Ringing", "Dialog183SessionProgress", "EarlyMedia"),
    ("EarlyMedia", "Dialog200OK", "Answering"),
    ("Answering", "MediaFlowEstablished", "Active"),
    ("Active", "HoldCall", "OnHold"),
    ("OnHold", "ResumeCall", "Resuming"),
    ("Resuming", "Dialog200OK", "Active"),
    ("Active", "MuteCall", "Muted"),
    ("Muted", "UnmuteCall", "Active"),
    ("Active", "HangupCall", "Terminating"),
    ("Terminating", "DialogBYE", "Terminated"),
)
CALL = tuple(event for _, event, _ in _CALL)
"""The events of one call, from Idle to Terminated."""

_MORE = (("Active", "TransferRequested", "Transferring"),)
_FAILURES = (
    ("Dialog4xxFailure", "Failed"),
    ("Dialog5xxFailure", "Failed"),
    ("Dialog6xxFailure", "Failed"),
    ("DialogTimeout", "Failed"),
    ("DialogError", "Failed"),
)
_ACTIONS = (
    "CreateDialog StoreRemoteSDP CreateMediaSession GenerateLocalSDP StartMediaSession "
    "MuteLocalAudio UnmuteLocalAudio StopMediaSession CleanupMedia CleanupDialog"
).split()


class Line(NamedTuple):
    """One row; every row has the guards `GUARDS`, which hold."""

    state: str
    event: str
    target: str
    actions: tuple[str, str, str]


def lines(count: int) -> list[Line]:
    """Return that many rows: the call flow, then copies of it under other names of states."""
    made: list[Line] = []
    copy = 0
    while len(made) < count:
        made.extend(_copy(f"_{copy}" if copy else "", min(60, count - len(made))))
        copy += 1
    return made


def _copy(suffix: str, count: int) -> list[Line]:
    moves = [*_CALL, *_MORE]
    for event, target in _FAILURES:
        moves.extend((state, event, target) for state in STATES if state not in FINAL)
    return [
        Line(
            state + suffix,
            event,
            target + suffix,
            (_ACTIONS[i % 10], _ACTIONS[(i + 3) % 10], _ACTIONS[(i + 6) % 10]),
        )
        for i, (state, event, target) in enumerate(moves[:count])
    ]


def text(count: int, *, counts: bool = False) -> str:
    """Return the rows as a table of our language; with `counts`, the first one sets a variable."""
    rows = lines(count)
    names = dict.fromkeys(name for row in rows for name in (row.state, row.target))
    states = "".join(f"  {name}: {_attributes(name)}\n" for name in names)
    return (
        "callflow: 1\nname: benchmark\nstates:\n"
        + states
        + "variables: {open_now: true, blocked: false, calls: 0}\ntransitions:\n"
        + "".join(_row(row, counts and i == 0) for i, row in enumerate(rows))
    )


def _attributes(name: str) -> str:
    if name == "Idle":
        return "{initial: true}"
    return "{final: true}" if name.split("_")[0] in FINAL else "{}"


def _row(row: Line, counts: bool) -> str:
    sets = "  set: {calls: calls + 1}\n" if counts else ""
    return (
        f"- from_state: {row.state}\n  role: UAC\n  event: {row.event}\n"
        f"  guards: [{', '.join(GUARDS)}]\n  actions: [{', '.join(row.actions)}]\n{sets}"
        f"  next_state: {row.target}\n  publish_events: [StateChanged]\n"
    )
