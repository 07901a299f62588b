"""Candidates on a whole instance: living calls judged beside, recorded ones played."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import eventually
from tests.instance import BASE, Instance
from tests.sip.sipp import MISSING, SIPP, run_sipp

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]
Start = Callable[..., Instance]

ECHO = (BASE / "state_tables" / "echo_test.yaml").read_text()
LEAVING = "".join(line for line in ECHO.splitlines(True) if "event: DialogBYE" not in line)


def shadow(instance: Instance) -> dict[str, Any]:
    told = instance.cli("shadow", "echo_test", "2", "--json", code=None).stdout
    found: dict[str, Any] = json.loads(told)
    return found


async def calls(instance: Instance, count: int) -> None:
    done = await run_sipp(
        "uac", remote=("127.0.0.1", instance.sip_port), calls=count, rate=20, extra=["-d", "200"]
    )
    assert done.successful == count, done


async def test_a_candidate_judges_calls_muted_over_a_restart_and_is_tried_on_their_record(
    start: Start, tmp_path: Path
) -> None:
    instance = await asyncio.to_thread(start)
    # A test of the flow, exported: its far side calls the flow.
    instance.cli("test", str(BASE / "state_tables" / "echo_test.yaml"), "--export", str(tmp_path))
    (exported,) = (tmp_path / "sipp").glob("a_media*.xml")
    done = await run_sipp(exported.read_text(), remote=("127.0.0.1", instance.sip_port))
    assert done.successful == 1, done

    file = tmp_path / "echo_test.yaml"
    file.write_text(LEAVING)
    instance.cli("import", str(file))
    instance.cli("shadow", "echo_test", "2", "--share", "100")
    follows = "SELECT count(*) FROM runtime_shadowcount WHERE error = ''"
    await eventually(lambda: instance.query(follows)[0][0] == 1, what="the node follows the shadow")

    await calls(instance, 12)
    await eventually(lambda: shadow(instance)["differed"] == 12, what="12 calls differ")
    (found,) = shadow(instance)["differences"]
    assert (found["event"], found["count"], found["row"]) == ("DialogBYE", 12, -1)
    versions = instance.query("SELECT DISTINCT number, outcome FROM runtime_session")
    assert versions == [(1, "completed")]

    # The rows are the truth: a new process goes on where the old one was.
    before = instance.pids()["web"]
    os.kill(before, signal.SIGKILL)
    await eventually(lambda: instance.pids().get("web") not in (before, None), what="a new web")
    await eventually(lambda: _healthy(instance), what="it serves again")
    await calls(instance, 3)
    await eventually(lambda: shadow(instance)["differed"] == 15, what="15 calls differ")
    stopped = instance.json("shadow", "echo_test", "--stop")
    assert stopped["state"] == "stopped"

    # A save lets the worker play the record on the new text.
    file.write_text(LEAVING + "# again\n")
    instance.cli("import", str(file))
    played = (
        "SELECT run.report FROM runtime_replayrun run JOIN designer_version version"
        " ON version.id = run.version_id WHERE version.number = 3 AND run.finished_at IS NOT NULL"
    )
    rows = await eventually(lambda: instance.query(played), what="the record is played")
    report = json.loads(rows[0][0])
    assert (report["compared"], report["same"]) == (16, 0)
    assert report["groups"][0]["event"] == "DialogBYE" and report["groups"][0]["count"] == 16


def _healthy(instance: Instance) -> bool:
    try:
        return bool(instance.health())
    except OSError:
        return False
