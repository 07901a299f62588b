"""A run: the table's roles that take part and what was done to them, as plain data.

Everything a simulation shows is computed anew from the text and the run, so a step back is the run
without its last input, and a run in an address or in a file is the whole of it.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from flows.semantics import SESSION_ROLES

MOST_INPUTS = 500
LONGEST_WAIT = 2 * 24 * 3600.0
"""Seconds; a session lives a day at most."""
Value = bool | int | float | str | None


class BadRun(ValueError):
    """This is no run; the text says why, in one sentence for a person."""


class Failure(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, frozen=True):
    """An action that is made to fail, the first of this name in the row."""

    action: str
    reason: str = "made to fail"


class Input(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, frozen=True):
    """One thing that is done; exactly one of its kinds is given."""

    side: str = ""
    """The role it is done to; empty where there is one only."""
    event: str = ""
    fields: dict[str, Value] = {}
    fails: Failure | None = None
    """Beside an event, a wait or a delivery."""
    wait: float | None = None
    """Seconds that pass; every timer due in them fires."""
    due: bool = False
    """Time passes until the next timer fires."""
    deliver: str = ""
    """A message under way to the side arrives: the oldest of this name."""
    lose: str = ""
    """The same, and it never arrives."""
    set: dict[str, Value] = {}
    """Conditions and variables are put to these values."""

    @property
    def kind(self) -> str:
        """Which kind of input it is; BadRun if it is none or several."""
        given: dict[str, bool] = {
            "event": bool(self.event),
            "wait": self.wait is not None,
            "due": self.due,
            "deliver": bool(self.deliver),
            "lose": bool(self.lose),
            "set": bool(self.set),
        }
        kinds = [name for name, there in given.items() if there]
        if len(kinds) != 1:
            raise BadRun("An input is one of event, wait, due, deliver, lose and set.")
        if self.wait is not None and not 0 <= self.wait <= LONGEST_WAIT:
            raise BadRun("Time goes on by 0 seconds to two days at once.")
        return kinds[0]


class Run(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, frozen=True):
    """Who takes part and what is done, in order."""

    roles: list[Literal["UAC", "UAS"]] = msgspec.field(default_factory=lambda: ["UAC"])
    """One side against any far side, or both sides of the table against each other."""
    inputs: list[Input] = []
    mocks: dict[str, bool] = {}
    """Guard, as the row writes it, to what it answers in all of this run."""

    @property
    def both(self) -> bool:
        return len(self.roles) == 2


def read_run(data: Any) -> Run:
    """Read a run from plain data; BadRun says what is wrong with it."""
    try:
        run = msgspec.convert(data, Run)
    except (msgspec.ValidationError, RecursionError) as error:
        raise BadRun(f"This run cannot be read: {error}") from None
    if len(run.inputs) > MOST_INPUTS:
        raise BadRun(f"A run has at most {MOST_INPUTS} inputs.")
    if sorted(set(run.roles)) not in (["UAC"], ["UAS"], sorted(SESSION_ROLES)):
        raise BadRun("A run has the roles UAC, UAS or both of them.")
    if len(run.roles) == 2 and run.roles != ["UAC", "UAS"]:
        raise BadRun("The roles of a run of both sides are written UAC, UAS.")
    for given in run.inputs:
        given.kind  # noqa: B018  (raises)
    return run
