"""Long proofs, run by hand with `make test-long`: what holds for minutes, not for one call."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import eventually
from tests.instance import Instance
from tests.sip.sipp import MISSING, SIPP, Sipp

pytestmark = [
    pytest.mark.long,
    pytest.mark.sipp,
    pytest.mark.timeout(900),
    pytest.mark.skipif(SIPP is None, reason=MISSING),
]
Start = Callable[..., Instance]
STARTER = Path(__file__).parents[2] / "state_tables" / "echo_test.yaml"


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident(pid: int) -> int:
    """Return the resident memory of a process, KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


async def test_ten_thousand_calls_leave_nothing_behind(start: Start) -> None:
    instance = await asyncio.to_thread(start)
    web = instance.pids()["web"]
    remote = ("127.0.0.1", instance.sip_port)
    warm = await Sipp("uac", remote=remote, calls=1000, rate=50, timeout=120).start()
    assert (await warm.finish()).failed == 0
    files, memory = open_files(web), resident(web)

    callers = await Sipp("uac", remote=remote, calls=9000, rate=50, timeout=600).start()
    result = await callers.finish()

    assert (result.successful, result.failed) == (9000, 0), result
    stored = "SELECT COUNT(*) FROM runtime_session WHERE outcome = 'completed'"
    await eventually(lambda: instance.query(stored) == [(10_000,)], 60, "every call is stored")
    doubled = (
        "SELECT COUNT(*) FROM (SELECT session_id FROM runtime_step "
        "GROUP BY session_id HAVING COUNT(*) <> 3 OR MAX(sequence) <> 3)"
    )
    assert instance.query(doubled) == [(0,)]
    assert open_files(web) <= files + 10
    assert resident(web) < memory + 32 * 1024


async def test_a_hundred_deployments_under_traffic_fail_no_call(
    start: Start, tmp_path: Path
) -> None:
    instance = await asyncio.to_thread(start)
    remote = ("127.0.0.1", instance.sip_port)
    callers = await Sipp("uac", remote=remote, calls=3000, rate=40, timeout=300).start()
    text = STARTER.read_text()
    changed = tmp_path / "echo_test.yaml"
    for number in range(100):
        changed.write_text(f"{text}# {number}\n")
        await asyncio.to_thread(instance.cli, "import", str(changed))
        await asyncio.to_thread(instance.cli, "deploy", "echo_test", "--wait")
    result = await callers.finish()

    assert result.failed == 0, result
    await eventually(lambda: instance.ask("sessions")["sessions"] == [], what="all calls are over")
    mixed = (
        "SELECT COUNT(*) FROM (SELECT session_id FROM runtime_step "
        "GROUP BY session_id HAVING COUNT(DISTINCT digest) > 1)"
    )
    assert instance.query(mixed) == [(0,)]
    used = instance.query("SELECT COUNT(DISTINCT digest) FROM runtime_session")
    assert used[0][0] > 20
