"""How often rows fired: of seven days, over versions, by what the row says."""

from typing import Any

import pytest

from designer import services
from flows.compile import compile_text
from flows.edit import apply
from runtime.fires import DAY, fires_of
from runtime.models import Session, Step

pytestmark = pytest.mark.django_db

NOW = 1_700_000_000.0
TEXT = """\
callflow: 1
name: counted
states:
  Idle: {initial: true}
  Done: {final: true}
transitions:
  - {from_state: Idle, role: UAS, event: IncomingCall, guards: [MediaReady], next_state: Done}
  - {from_state: Idle, role: UAS, event: IncomingCall, next_state: Done}
"""


def ran(text: str, row: int, times: list[float], name: str = "counted") -> None:
    services.flow_import(text=text, file_name=f"{name}.yaml", name=name)
    digest = services.digest_of(text)
    made: Any = {"node": "n", "epoch": 1, "digest": digest, "role": "UAS"}
    for time in times:
        session = Session.objects.create(
            id=f"{name}-{digest[:6]}-{row}-{time}",
            flow_name=name,
            started_at=time,
            state="x",
            **made,
        )
        Step.objects.create(
            session=session, sequence=1, time=time, event="IncomingCall", row=row,
            from_state="Idle", to_state="Done", kind="fired", **made,
        )  # fmt: skip


def test_a_row_is_counted_over_versions_day_by_day() -> None:
    ran(TEXT, 1, [NOW - 10, NOW - 20, NOW - 3 * DAY - 1, NOW - 8 * DAY])
    moved = apply(TEXT, "move_row", {"row": 1, "before": 0}).text
    assert compile_text(moved).table is not None
    ran(moved, 0, [NOW - 30])
    ran(TEXT.replace("counted", "other"), 1, [NOW - 5], name="other")
    (row,) = fires_of("counted", NOW)
    assert (row["guards"], row["count"], row["days"]) == ([], 4, [0, 0, 0, 1, 0, 0, 3])


def test_rows_with_different_guards_are_told_apart() -> None:
    ran(TEXT, 0, [NOW - 10])
    ran(TEXT, 1, [NOW - 11, NOW - 12])
    assert {tuple(r["guards"]): r["count"] for r in fires_of("counted", NOW)} == {
        ("MediaReady",): 1,
        (): 2,
    }


def test_a_flow_without_calls_has_none() -> None:
    assert fires_of("nothing", NOW) == []
