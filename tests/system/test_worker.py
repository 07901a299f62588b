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

COUNTED = ("AcceptCall", "HangupCall", "HoldCall", "ResumeCall", "MuteCall", "UnmuteCall", "Reset")
"""Events that each have a counter of their own: every mixture of their values is walked through."""


def slow() -> str:
    """A table whose deeper check takes some seconds."""
    row = "- {from_state: Talk, role: Both, event: %s, guards: [%s < 3], set: {%s: %s + 1}}\n"
    rest = "- {from_state: Talk, role: Both, event: %s, ignore: counted enough}\n"
    events = [(event, f"n{number}") for number, event in enumerate(COUNTED)]
    counters = "".join(f"  {name}: 0\n" for _, name in events)
    rows = "".join(row % (event, name, name, name) + rest % event for event, name in events)
    return (
        f"callflow: 1\nname: slow\nvariables:\n{counters}states:\n  Idle: {{initial: true}}\n"
        "  Talk: {}\n  Terminated: {final: true}\ntransitions:\n"
        "- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Talk,"
        " actions: [CreateDialog, {SendSIPResponse: {code: 180}}]}\n"
        "- {from_state: Idle, role: UAC, event: MakeCall, next_state: Talk,"
        " actions: [CreateDialog, SendINVITE]}\n"
        f"{rows}"
        "- {from_state: Talk, role: Both, event: DialogBYE, actions: [CleanupDialog],"
        " next_state: Terminated}\n"
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
