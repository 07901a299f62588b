"""A worker that dies in the middle of a task: the task is rung again and done once."""

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import services
from tests.conftest import eventually, wait_until
from tests.instance import Instance

Start = Callable[..., Instance]

ROWS = 300


def slow() -> str:
    """A table whose deeper check takes some seconds: each of its many values asks every row."""
    row = "- {from_state: Idle, role: Both, event: HoldCall, guards: [%s], %snext_state: Idle}\n"
    asks = "".join(row % (f"'n == -{number}'", "") for number in range(1, ROWS))
    counts = row % ("n < 100000", "set: {n: n + 1}, ")
    return (
        "callflow: 1\nname: slow\nvariables: {n: 0}\nstates:\n"
        "  Idle: {initial: true}\n  Terminated: {final: true}\ntransitions:\n"
        f"{asks}{counts}"
        "- {from_state: Idle, role: Both, event: DialogBYE, next_state: Terminated}\n"
    )


@pytest.mark.parametrize(
    "broker", ["folder", pytest.param("redis", marks=pytest.mark.redis)], ids=str
)
async def test_a_worker_killed_in_mid_task_loses_no_work(
    start: Start, tmp_path: Path, broker: str
) -> None:
    with contextlib.ExitStack() as stack:
        settings = {}
        if broker == "redis":
            settings["REDIS_URL"] = stack.enter_context(services.redis())
        instance = start(**settings)
        stack.callback(instance.stop)
        (tmp_path / "slow.yaml").write_text(slow())
        instance.cli("import", str(tmp_path / "slow.yaml"))

        def task() -> dict[str, Any]:
            names = "state", "progress", "attempts", "worker"
            question = f"SELECT {', '.join(names)} FROM designer_task ORDER BY id DESC LIMIT 1"
            return dict(zip(names, instance.query(question)[0], strict=True))

        busy = wait_until(
            lambda: found if 0.05 < (found := task())["progress"] < 0.9 else None,
            40,
            "the check is under way",
        )
        worker = instance.pids()["worker"]
        assert busy["state"] == "running" and busy["worker"].endswith(f":{worker}")
        os.kill(worker, signal.SIGKILL)
        await eventually(lambda: instance.pids().get("worker") not in (None, worker))
        # Until somebody works on it again, nothing says that it gets on.
        await eventually(lambda: task()["progress"] == 0.0, 40, "it is rung again")
        seen = [0.0]

        def done() -> bool:
            found = task()
            seen.append(found["progress"])
            return bool(found["state"] == "done")

        await eventually(done, 60, "the next worker has done it")
        assert task()["attempts"] == 2 and not task()["worker"].endswith(f":{worker}")
        assert seen == sorted(seen) and seen[-1] == 1.0
