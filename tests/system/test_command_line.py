"""The whole walk without a browser: the acts of the pages as verbs of the command line."""

import asyncio
import hashlib
import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import eventually
from tests.instance import BASE, Instance
from tests.sip.sipp import MISSING, SIPP, Sipp

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]
Start = Callable[..., Instance]


async def test_a_flow_is_checked_imported_deployed_routed_called_and_watched(
    start: Start, tmp_path: Path
) -> None:
    instance = await asyncio.to_thread(start)
    text = (BASE / "state_tables" / "basic_call.yaml").read_text() + "# mine\n"
    (tmp_path / "basic_call.yaml").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()

    # File names mean the caller's folder, as a person types them.
    def here(*arguments: str) -> dict[str, Any]:
        result = subprocess.run(
            [str(BASE / "callsmith"), *arguments, "--format", "json"],
            cwd=tmp_path,
            env=instance.environment,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return dict(json.loads(result.stdout))

    (checked,) = here("check", "basic_call.yaml")["files"]
    assert checked["file"] == "basic_call.yaml" and checked["findings"] == []
    (imported,) = here("import", "basic_call.yaml")["imported"]
    assert (imported["flow"], imported["version"], imported["digest"]) == ("basic_call", 2, digest)
    deployed = instance.json("deploy", "basic_call", "--wait")
    assert deployed["digest"] == digest and deployed["milliseconds"] > 0
    assert instance.health()["runtime"]["flows"]["deployed"]["basic_call"] == digest

    instance.cli("route", "add", "--to", "60?", "basic_call")
    instance.cli("route", "add", "--to", "*", "echo_test")
    instance.cli("route", "add", "--to", "61*", "basic_call")
    patterns = [each["pattern"] for each in instance.json("route", "list")["routes"]]
    assert patterns == ["61*", "60?", "*"]

    # A call comes in; a person answers, the caller hangs up.
    remote = ("127.0.0.1", instance.sip_port)
    caller = await Sipp("uac", remote=remote, extra=["-s", "601", "-d", "12000"]).start()
    (ringing,) = await eventually(
        lambda: [s for s in instance.ask("sessions")["sessions"] if s["state"] == "Ringing"]
    )
    session = ringing["id"]
    assert instance.json("send", session, "AcceptCall") == {"sent": "AcceptCall"}
    await eventually(lambda: instance.ask("sessions")["sessions"][0]["state"] == "Active")
    (live,) = instance.json("sessions", "--live")["sessions"]
    assert (live["id"], live["flow"], live["digest"]) == (session, "basic_call", digest)
    for event, fields, why in [
        ("DialogBYE", {}, "no event that people may send"),
        ("HangupCall", {"color": "red"}, "has no field color"),
    ]:
        refused = instance.ask("send", session=session, event=event, fields=fields)
        assert why in refused["error"]
    assert (await caller.finish()).successful == 1
    ended = "SELECT 1 FROM runtime_session WHERE outcome = 'completed'"
    await eventually(lambda: instance.query(ended), what="the call is in the record")

    steps = instance.json("steps", session)["steps"]
    events = [step["event"] for step in steps]
    assert events[0] == "IncomingCall" and "AcceptCall" in events and events[-1] == "DialogBYE"
    assert [step["sequence"] for step in steps] == list(range(1, len(steps) + 1))
    assert {step["digest"] for step in steps} == {digest}
    fired = next(step for step in steps if step["event"] == "AcceptCall")
    assert fired["actions"] and all(ok for ok, _, _ in fired["results"]) and fired["line"] > 0
    told = instance.cli("steps", session).stdout.splitlines()
    assert len(told) == len(steps) and "AcceptCall" in "".join(told)


async def test_a_placed_call_is_waited_for_and_its_end_is_the_exit_code(start: Start) -> None:
    instance = await asyncio.to_thread(start)
    instance.cli("deploy", "basic_call", "--wait")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as busy:
        busy.bind(("127.0.0.1", 0))
        busy.settimeout(20)
        target = f"sip:bob@127.0.0.1:{busy.getsockname()[1]}"
        calling = asyncio.create_task(
            asyncio.to_thread(instance.cli, "call", "basic_call", target, "--wait", code=None)
        )
        await asyncio.to_thread(refuse, busy)
        refused = await calling
        assert refused.returncode == 1 and " failed in Failed" in refused.stdout, refused

    callee = await Sipp("uas", calls=1).start()
    target = f"sip:bob@127.0.0.1:{callee.port}"
    waiting = asyncio.create_task(
        asyncio.to_thread(instance.cli, "call", "basic_call", target, "--wait", code=None)
    )
    live = await eventually(
        lambda: [
            s
            for s in instance.ask("sessions")["sessions"]
            if s["state"] == "Active" and s["callee"] == target
        ]
    )
    assert not waiting.done()
    instance.cli("send", live[0]["id"], "HangupCall")
    result = await waiting
    assert result.returncode == 0 and "completed" in result.stdout
    assert (await callee.finish()).successful == 1


def refuse(busy: socket.socket) -> None:
    """Answer one INVITE with 486, until it is acknowledged."""
    while True:
        data, peer = busy.recvfrom(65536)
        if data.startswith(b"ACK"):
            return
        wanted = (b"Via:", b"From:", b"To:", b"Call-ID:", b"CSeq:")
        lines = [line for line in data.split(b"\r\n") if line.startswith(wanted)]
        lines = [line + b";tag=b" if line.startswith(b"To:") else line for line in lines]
        head = b"\r\n".join([b"SIP/2.0 486 Busy Here", *lines, b"Content-Length: 0"])
        busy.sendto(head + b"\r\n\r\n", peer)
