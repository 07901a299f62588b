"""A held call of a real phone goes over from one version to the next and ends by the new row."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import eventually
from tests.instance import BASE, Instance, Person
from tests.sip.sipp import MISSING, SIPP, Sipp

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]

MENDED = (
    (BASE / "state_tables" / "call_with_hold.yaml")
    .read_text()
    .replace("name: call_with_hold", "name: held_line", 1)
)
HANGS_UP = (
    "- {from_state: OnHold, role: Both, event: HangupCall, actions: [SendBYE, StopMediaSession],"
    " next_state: Terminating}\n"
)
BROKEN = MENDED.replace(HANGS_UP, "")
WHY = "v1 cannot hang up a held call"


def by_state(instance: Instance, state: str) -> list[str]:
    lines = instance.ask("sessions")["sessions"]
    return sorted(line["id"] for line in lines if line["state"] == state)


def operate(instance: Instance, operation: str, **given: Any) -> dict[str, Any]:
    return instance.ask("operate", operation=operation, by="Olaf", **given)


async def reach(instance: Instance, state: str, event: str, then: str) -> list[str]:
    """Give two calls in a state an event, and return them once they are in the next one."""
    await eventually(lambda: len(by_state(instance, state)) == 2, what=f"two calls in {state}")
    for session in by_state(instance, state):
        assert instance.ask("send", session=session, event=event) == {"sent": event}
    await eventually(lambda: len(by_state(instance, then)) == 2, what=f"two calls in {then}")
    return by_state(instance, then)


async def test_a_held_call_moves_to_the_version_that_can_hang_it_up(
    start: Callable[..., Instance], tmp_path: Path
) -> None:
    assert HANGS_UP in MENDED
    instance = await asyncio.to_thread(start)
    text = tmp_path / "held_line.yaml"
    text.write_text(BROKEN)
    instance.cli("import", str(text))
    instance.cli("deploy", "held_line", "--reason", "a test of what is missing")
    instance.cli("route", "add", "--to", "held", "held_line")
    callers = await Sipp(
        BASE / "tests/sip/held.xml", remote=("127.0.0.1", instance.sip_port), calls=2,
        service="held", timeout=120,
    ).start()  # fmt: skip
    await reach(instance, "Ringing", "AcceptCall", "Active")
    moved, left = await reach(instance, "Active", "HoldCall", "OnHold")

    text.write_text(MENDED)
    instance.cli("import", str(text))
    instance.cli("deploy", "held_line", "--reason", "a test", "--wait")
    old = operate(instance, "old_calls", flow="held_line")
    assert (old["calls"], old["version"]) == (2, 2)
    assert [(each["state"], each["untimed"]) for each in old["states"]] == [("OnHold", 2)]
    dry = operate(instance, "dry_run", flow="held_line")
    assert dry["counts"] == {"safe": 2, "needs mapping": 0, "blocked": 0}

    order = operate(instance, "migrate", flow="held_line", at_most=1, reason=WHY)
    number = order["order"]
    await eventually(
        lambda: operate(instance, "order", order=number)["over"], what="the order is over"
    )
    (told,) = operate(instance, "order", order=number)["calls"]
    moved, left = (moved, left) if told["session"] == moved else (left, moved)
    assert (told["status"], told["to_state"]) == ("done", "OnHold")

    assert operate(instance, "hang_up", session=moved, reason=WHY)["how"] == "row"
    forced = operate(instance, "hang_up", session=left, reason=WHY)
    assert (forced["how"], forced["why"]) == ("force", "OnHold has no row for HangupCall now")
    assert (await callers.finish()).successful == 2, "both phones got their BYE"

    ended = "SELECT id, number, outcome FROM runtime_session WHERE ended_at IS NOT NULL"
    await eventually(lambda: len(instance.query(ended)) == 2, what="both are in the record")
    outcomes = {id: (number, outcome) for id, number, outcome in instance.query(ended)}
    assert outcomes == {moved: (2, "completed"), left: (1, "hangup")}
    assert "conforms to v2" in instance.cli("conform", moved).stdout
    ((fields,),) = instance.query("SELECT fields FROM runtime_step WHERE kind = 'migrated'")
    operator = {"act": "migrate", "by": "Olaf", "reason": WHY}
    assert json.loads(fields)["operator"] == operator
    page = Person(instance).read("/flows/held_line/old-calls/")
    assert "No call" in page or "Every call runs v2" in page
