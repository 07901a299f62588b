"""What a transition, a session and a guard cost, beside a hand-written loop and the peers.

All engines run the same call: 12 events through a table of 13 states and 60 rows, each with two
guards and three actions that do nothing. Callsmith does its duties meanwhile: sequence number,
time, a Step record, published events.

Guards are pure and conditions take few forms, so Callsmith keeps the last decision about each form
and asks the guards only when another one comes. The row "callsmith" is that usual case; "guards
asked every time" is a table whose guards all read the event's fields; "variables of its own" is a
call whose first row computes a variable, so that none of its values are another call's.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.runner import Goal, Worker, interleaved, peers_python, report

LOOP = "hand-written dict loop"
GOALS = [
    Goal("callsmith", LOOP, 1.5),
    Goal("callsmith, 1000 rows", "callsmith", 1.1),
    Goal("callsmith, event without a row", "callsmith", 1.0),
    Goal("callsmith session", "bare object", 3.0),
    Goal("callsmith session, bytes", "bare object, bytes", 2.0),
    Goal("transitions", "callsmith", 15.0, at_least=True),
    Goal("python-statemachine", "callsmith", 15.0, at_least=True),
]
REFERENCE = {
    "callsmith, guards asked every time": LOOP,
    "callsmith, variables of its own": LOOP,
    "callsmith session after 5 events, bytes": "bare object, bytes",
    "guard retries < 3 and event.code in (486, 600)": "the same in Python",
    "guard MediaReady": "the same in Python",
    "python-statemachine session": "bare object",
}


def main() -> bool:
    peers = peers_python()
    figures = interleaved(
        [Worker(Path(sys.executable), "benchmarks.ours"), Worker(peers, "benchmarks.peers")]
    )
    return report("Engine: CPU time of one transition, session or guard", figures, GOALS, REFERENCE)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
