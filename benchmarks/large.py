"""Tables of any size that look like real ones: phases of a call in chains, ways back, ways out."""

from __future__ import annotations

EVENTS = (
    "HangupCall",
    "DialogBYE",
    "DialogTimeout",
    "DialogError",
    "Dialog4xxFailure",
    "Dialog5xxFailure",
    "MediaError",
    "HoldCall",
    "ResumeCall",
    "Dialog200OK",
)
PHASE = 8
"""States in a row before a new group begins."""


def table(name: str, states: int, rows: int) -> str:
    """Return a table with that many states (two of them final) and rows, each with a timer.

    A state leads to the next one, back to the first of its group, across to the next group, and
    to the end.
    """
    working = states - 2
    lines = [
        "callflow: 1",
        f"name: {name}",
        "states:",
        "  S0: {initial: true, group: g0}",
        *(f"  S{i}: {{group: g{i // PHASE}}}" for i in range(1, working)),
        "  Done: {final: true}",
        "  Failed: {final: true}",
        "transitions:",
    ]
    share, more = divmod(rows, working)
    for number in range(working):
        lines += _rows(number, share + (number < more), working)
    return "\n".join(lines) + "\n"


def _rows(number: int, count: int, working: int) -> list[str]:
    group = number // PHASE * PHASE
    after = (number + 1) % working
    across = (group + PHASE) % working
    timer = f"- {{from_state: S{number}, role: UAS, event: {{after: 2{number % 10}s}}"
    first = "IncomingCall" if number == 0 else "DialogACK"
    made = [
        f"- {{from_state: S{number}, role: UAS, event: {first}, next_state: S{after}}}",
        f"{timer}, actions: [CleanupMedia], next_state: Failed}}",
    ]
    for place in range(max(0, count - 2)):
        target = ("Done", f"S{group}", f"S{across}", "Failed")[place % 4]
        event = EVENTS[place % len(EVENTS)]
        made.append(
            f"- {{from_state: S{number}, role: UAS, event: {event},"
            f" actions: [StopMediaSession], next_state: {target}}}"
        )
    return made[:count]
