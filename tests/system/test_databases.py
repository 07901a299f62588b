"""The database tests run on SQLite in their own right; here they run once more on PostgreSQL."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests import services
from tests.conftest import eventually, free_port
from tests.instance import Instance, Person
from tests.sip.sipp import MISSING, SIPP, run_sipp

BASE = Path(__file__).resolve().parent.parent.parent


WALKS = ("tests/runtime/web/test_access.py", "tests/runtime/web/test_projects.py")
"""Each act by each role: the same queries some eight hundred times over."""
DATABASE = [
    ["tests/designer", "tests/runtime/web", *(f"--ignore={walk}" for walk in WALKS)],
    pytest.param(WALKS, marks=pytest.mark.long),
]


@pytest.mark.postgresql
@pytest.mark.timeout(300)
@pytest.mark.parametrize("parts", DATABASE, ids=["all but the walks", "the walks"])
def test_the_database_tests_pass_on_postgresql_too(parts: Sequence[str]) -> None:
    with services.postgresql() as url:
        result = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header"]
            + ["-p", "no:xdist", "-m", "not long", *parts],
            cwd=BASE,
            env={**os.environ, "DATABASE_URL": url},
            capture_output=True,
            text=True,
        )
    assert result.returncode == 0, result.stdout[-4000:]
    assert " passed" in result.stdout


@pytest.mark.postgresql
@pytest.mark.sipp
@pytest.mark.skipif(SIPP is None, reason=MISSING)
@pytest.mark.timeout(300)
async def test_a_start_without_the_database_answers_calls_from_the_local_copies(
    start: Callable[..., Instance],
) -> None:
    with services.postgresql() as url:
        instance = await asyncio.to_thread(start, DATABASE_URL=url)
        remote = ("127.0.0.1", instance.sip_port)
        assert (await run_sipp("uac", remote=remote)).successful == 1
        running = instance.health()["runtime"]["flows"]["deployed"]
        await asyncio.to_thread(instance.stop)
    # The database is gone for good; what the node knows is enough for calls.
    await asyncio.to_thread(instance.start)
    health = instance.health()
    assert health["database"]["status"] == "away" and health["status"] == "degraded"
    assert health["runtime"]["flows"]["deployed"] == running
    assert (await run_sipp("uac", remote=remote)).successful == 1
    said = await eventually(lambda: instance.health()["journal"]["trouble"], what="it is said")
    assert "OperationalError" in said


@pytest.mark.timeout(120)
def test_a_first_start_without_the_database_is_refused_in_a_sentence(tmp_path: Path) -> None:
    refused = subprocess.run(
        [sys.executable, str(BASE / "manage.py"), "serve"],
        env={
            **Instance(tmp_path / "data").environment,
            "DATABASE_URL": f"postgres://nobody@127.0.0.1:{free_port()}/nothing",
        },
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 1 and "The database cannot be used" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.timeout(120)
def test_pages_leave_no_connection_to_the_database_behind(
    start: Callable[..., Instance],
) -> None:
    instance = start()
    person = Person(instance)
    for _ in range(60):
        person.read("/flows/echo_test/")
    opened = Path(f"/proc/{instance.pids()['web']}/fd").iterdir()
    database = [fd for fd in opened if "callsmith.sqlite3" in str(fd.resolve())]
    # The shipper's own, and what a look at the rows may hold in this very moment.
    assert len(database) <= 10, sorted(str(fd.resolve()) for fd in database)
