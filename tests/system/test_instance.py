"""One instance as its operator meets it: served, called, changed, broken and started again."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.node.journal import StepRecord, read
from tests import services
from tests.conftest import eventually, wait_until
from tests.instance import BASE, Instance, Person
from tests.sip.sipp import MISSING, SIPP, Sipp, run_sipp

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]
Start = Callable[..., Instance]

BUSY = """\
callflow: 1
name: echo_test
description: Refuses every call as busy.
states:
  Idle: {initial: true}
  Failed: {final: true}
transitions:
- from_state: Idle
  role: UAS
  event: IncomingCall
  actions: [CreateDialog, {SendSIPResponse: {code: 486}}, CleanupDialog]
  next_state: Failed
  publish_events: [CallFailed]
"""
EXPECT_486 = (BASE / "tests/sip/busy.xml").read_text()


def remote(instance: Instance) -> tuple[str, int]:
    return "127.0.0.1", instance.sip_port


async def test_the_very_next_call_takes_what_was_deployed_and_running_calls_keep_theirs(
    start: Start, tmp_path: Path
) -> None:
    instance = await asyncio.to_thread(start)
    talking = await Sipp("uac", remote=remote(instance), extra=["-d", "9000"]).start()
    await eventually(lambda: states(instance) == ["Active"], what="a call is in Active")

    changed = tmp_path / "echo_test.yaml"
    changed.write_text(BUSY)
    instance.cli("import", str(changed))
    told = instance.json("deploy", "echo_test", "--wait")
    refused = await run_sipp(EXPECT_486, remote=remote(instance))

    assert told["version"] == 2 and told["milliseconds"] > 0
    assert refused.successful == 1, refused
    assert states(instance) == ["Active"]
    assert (await talking.finish()).successful == 1
    versions = {number: outcome for _, number, outcome, _ in await ended(instance, 2)}
    assert versions == {1: "completed", 2: "rejected"}


async def test_a_kill_of_the_node_during_calls_loses_no_journalled_step(
    start: Start, tmp_path: Path
) -> None:
    instance = await asyncio.to_thread(start)
    callers = await Sipp(
        "uac", remote=remote(instance), calls=40, rate=40, extra=["-d", "30000"], timeout=60
    ).start()
    await eventually(lambda: len(states(instance)) >= 20, what="20 calls run")
    journal = sorted((instance.data / "node" / "journal").glob("*.journal"))[0]
    os.kill(instance.pids()["web"], signal.SIGKILL)
    # The segment is kept aside before the new run may ship and remove it.
    kept = tmp_path / journal.name
    kept.write_bytes(journal.read_bytes())
    journalled = steps_of(kept)
    await callers.stop()
    await eventually(instance.ready, 60, "the node is served again")

    assert len(journalled) >= 40
    await eventually(lambda: journalled <= stored_steps(instance), what="all steps are stored")
    await eventually(
        lambda: set(instance.query("SELECT outcome FROM runtime_session")) == {("lost",)},
        what="the calls that died say so",
    )
    again = await run_sipp("uac", remote=remote(instance))
    assert again.successful == 1, again


async def test_a_kill_of_the_media_process_ends_no_call(start: Start) -> None:
    instance = await asyncio.to_thread(start)
    talking = await Sipp("uac", remote=remote(instance), calls=3, extra=["-d", "9000"]).start()
    await eventually(lambda: states(instance) == ["Active"] * 3, what="3 calls talk")
    os.kill(instance.pids()["media"], signal.SIGKILL)
    result = await talking.finish()

    for session, _, outcome, unhandled in await ended(instance, 3):
        steps = instance.json("steps", session)["steps"]
        assert "MediaLost" in [step["event"] for step in steps], steps
        assert outcome == "completed" and unhandled == 0, steps
    assert result.successful == 3, result


async def test_a_killed_worker_comes_back_and_its_tasks_are_done(
    start: Start, tmp_path: Path
) -> None:
    instance = await asyncio.to_thread(start)
    worker = instance.pids()["worker"]
    os.kill(worker, signal.SIGKILL)
    changed = tmp_path / "echo_test.yaml"
    changed.write_text(BUSY)
    instance.cli("import", str(changed))
    await eventually(lambda: instance.pids().get("worker") != worker, what="a new worker")
    await eventually(lambda: set(tasks(instance).values()) == {"done"}, 40, "every task is done")
    starters = len(list((BASE / "state_tables").glob("*.yaml")))
    assert len(tasks(instance)) == starters + 1


async def test_a_full_disk_under_the_journal_refuses_calls_and_says_so(start: Start) -> None:
    instance = await asyncio.to_thread(start)
    assert (await run_sipp("uac", remote=remote(instance))).successful == 1
    person = await asyncio.to_thread(Person, instance)
    assert "New calls are refused" not in person.read("/calls/")
    limit_file_size(instance.pids()["web"], 0)
    refused = await run_sipp(
        (BASE / "tests/sip/unavailable.xml").read_text(), remote=remote(instance)
    )
    health = await asyncio.to_thread(unhealthy, instance)

    assert refused.successful == 1, refused
    assert health["journal"]["healthy"] is False and health["journal"]["reason"]
    for page in ("/", "/calls/", "/flows/echo_test/", "/flows/echo_test/live/", "/routes/"):
        assert "New calls are refused: they could not be recorded" in person.read(page), page
    limit_file_size(instance.pids()["web"], -1)
    await eventually(lambda: instance.health()["status"] == "ok", what="it heals by itself")
    assert "New calls are refused" not in person.read("/calls/")
    assert (await run_sipp("uac", remote=remote(instance))).successful == 1


def test_a_second_server_on_the_same_data_or_port_is_refused_in_a_sentence(start: Start) -> None:
    instance = start()
    command = [sys.executable, str(BASE / "manage.py"), "serve"]
    same_data = subprocess.run(
        command, env=instance.environment, capture_output=True, text=True, timeout=60
    )
    other = {**instance.environment, "CALLSMITH_DATA": f"{instance.data}-2"}
    same_port = subprocess.run(command, env=other, capture_output=True, text=True, timeout=60)

    assert same_data.returncode == 1 and "already uses" in same_data.stderr
    assert same_port.returncode == 1 and "CALLSMITH_HTTP=" in same_port.stderr
    assert "Traceback" not in same_data.stderr + same_port.stderr


@pytest.mark.postgresql
@pytest.mark.redis
async def test_the_same_walk_works_on_postgresql_and_redis(start: Start, tmp_path: Path) -> None:
    with services.postgresql() as database, services.redis() as redis:
        instance = await asyncio.to_thread(start, DATABASE_URL=database, REDIS_URL=redis)
        assert (await run_sipp("uac", remote=remote(instance), calls=5)).successful == 5
        changed = tmp_path / "echo_test.yaml"
        changed.write_text(BUSY)
        instance.cli("import", str(changed))
        instance.cli("deploy", "echo_test", "--wait")
        assert (await run_sipp(EXPECT_486, remote=remote(instance))).successful == 1
        sessions = instance.json("sessions")["sessions"]
        assert [s["outcome"] for s in sessions].count("completed") == 5
        await eventually(
            lambda: instance.health()["worker"]["queued"] == 0, 40, "the worker did its tasks"
        )
        await asyncio.to_thread(instance.stop)


def states(instance: Instance) -> list[str]:
    return [session["state"] for session in instance.ask("sessions")["sessions"]]


async def ended(instance: Instance, count: int) -> list[tuple[str, int, str, int]]:
    """Return (id, version, outcome, unhandled) of each session once `count` of them are over."""
    question = "SELECT id, number, outcome, unhandled FROM runtime_session WHERE outcome <> ''"
    stored = await eventually(
        lambda: rows if len(rows := instance.query(question)) >= count else [],
        what=f"{count} calls are over",
    )
    return list(stored)


def steps_of(segment: Path) -> set[tuple[str, int]]:
    """Return (session, sequence) of each step in a journal segment."""
    found = [record for _, record in read(segment)]
    return {(r.step.session, r.step.sequence) for r in found if isinstance(r, StepRecord)}


def stored_steps(instance: Instance) -> set[tuple[Any, ...]]:
    return set(instance.query("SELECT session_id, sequence FROM runtime_step"))


def tasks(instance: Instance) -> dict[str, str]:
    return dict(instance.query("SELECT key, state FROM designer_task"))


def limit_file_size(pid: int, size: int) -> None:
    """Let the process write no file beyond `size` bytes (-1: any), as a full disk would."""
    import resource

    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    soft = hard if size < 0 else size
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


def unhealthy(instance: Instance) -> dict[str, Any]:
    import urllib.error

    def asked() -> dict[str, Any] | None:
        try:
            instance.health()
        except urllib.error.HTTPError as error:
            return json.load(error)
        return None

    return wait_until(asked, what="/healthz says that something is wrong")
