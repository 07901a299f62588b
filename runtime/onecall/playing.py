"""A recorded call played on another text of its flow: would it go as it went?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from designer.comparing import packed
from flows.semantics import Program
from runtime import trying
from runtime.executor.replay import replay
from runtime.executor.step import Step
from runtime.models import Session
from runtime.onecall.facts import event_words
from runtime.onecall.legs import Leg
from runtime.onecall.why import step_of


@dataclass(slots=True)
class Played:
    """How a call would go, and where that is first otherwise than it went."""

    steps: int
    same: bool
    first: str = ""
    """The first difference, in a sentence; empty if there is none."""
    at: int | None = None
    """The step of the first difference."""
    changes: list[str] = field(default_factory=list)
    """What became of the whole call, in short sentences."""
    why: str = ""
    """Why it could not be played."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        names = ("steps", "same", "first", "at", "changes", "why")
        return {name: getattr(self, name) for name in names}


def play(leg: Leg, session: Session, program: Program) -> Played:
    """Play the recorded events of a session on a program."""
    tried = trying.try_call(program, session)
    if tried.why:
        return Played(len(leg.steps), False, why=f"The call cannot be played: {tried.why}.")
    recorded = [step_of(leg, line) for line in leg.steps]
    played = replay(program, leg.role, recorded)
    first, at = _first(leg, recorded, played)
    return Played(len(recorded), not first, first, at, tried.changes)


def _first(leg: Leg, recorded: list[Step], played: list[Step]) -> tuple[str, int | None]:
    for line, was, now in zip(leg.steps, recorded, played, strict=False):
        parts = [
            f"{said} was {_said(getattr(was, name))} and is {_said(getattr(now, name))}"
            for name, said in _COMPARED.items()
            if _plain(getattr(was, name)) != _plain(getattr(now, name))
        ]
        if parts:
            what = f"Step {was.sequence}, {event_words(line)} in {now.from_state}"
            return f"{what}: {'; '.join(parts)}.", was.sequence
    if len(played) < len(recorded):
        last = played[-1].sequence if played else 0
        return f"It ends after step {last} of {len(recorded)}.", last + 1
    return "", None


_COMPARED = {
    "from_state": "its state",
    "kind": "how it was taken",
    "to_state": "where it led",
    "actions": "what was done",
    "published": "what was published",
    "answer": "the answer of the runtime",
}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | list) else value


def _said(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "nothing"
    return "nothing" if value in (None, "") else str(value)


def simulator_word(run: dict[str, Any]) -> str:
    """Return a run as the word that the simulator's address carries."""
    return packed({"run": run, "at": len(run["inputs"])})
