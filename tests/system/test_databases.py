"""The database tests run on SQLite in their own right; here they run once more on PostgreSQL."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import services

BASE = Path(__file__).resolve().parent.parent.parent


@pytest.mark.postgresql
@pytest.mark.timeout(300)
def test_the_database_tests_pass_on_postgresql_too() -> None:
    with services.postgresql() as url:
        result = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header"]
            + ["-p", "no:xdist", "tests/designer", "tests/runtime/web"],
            cwd=BASE,
            env={**os.environ, "DATABASE_URL": url},
            capture_output=True,
            text=True,
        )
    assert result.returncode == 0, result.stdout[-4000:]
    assert " passed" in result.stdout
