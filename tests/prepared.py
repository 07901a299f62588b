"""A data folder as a first start leaves it, made once for all tests and copied for each of them.

A first start brings a database up to date, imports the starter flows and has them proved: seconds
of work that say nothing new the sixtieth time. Tests of the first start itself do without.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

BASE = Path(__file__).resolve().parent.parent
KEPT = BASE / ".pytest_cache" / "prepared"
SOURCES = ("flows", "designer", "runtime", "config", "state_tables")
PROVE = """
import django; django.setup()
from django.utils import timezone
from designer import tasks
from designer.models import Task, Version
for version in Version.objects.all():
    tasks.work(version.pk, worker="prepared", clock=timezone.now)
"""


def copy_into(folder: Path, environment: dict[str, str]) -> None:
    """Fill an empty data folder; `environment` gives the password of the first account."""
    made = _made(environment)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in made.iterdir():
        if each.is_file():
            shutil.copy2(each, folder / each.name)


def _made(environment: dict[str, str]) -> Path:
    KEPT.mkdir(parents=True, exist_ok=True)
    folder = KEPT / _key()
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            for old in KEPT.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            _make(folder, environment)
    return folder


def _make(folder: Path, environment: dict[str, str]) -> None:
    working = folder.with_suffix(".making")
    own = {**environment, "CALLSMITH_DATA": str(working)}
    for command in ([str(BASE / "manage.py"), "prepare"], ["-c", PROVE]):
        made = subprocess.run(
            [sys.executable, *command], cwd=BASE, env=own, capture_output=True, text=True
        )
        assert made.returncode == 0, f"{made.stdout}\n{made.stderr}"
    working.rename(folder)


def _key() -> str:
    """Name what a first start depends on: code, starter flows, and the Python that runs them."""
    known = hashlib.sha256(sys.version.encode())
    for source in SOURCES:
        for path in sorted((BASE / source).rglob("*")):
            if path.suffix in (".py", ".yaml") and "__pycache__" not in path.parts:
                status = os.stat(path)
                known.update(f"{path}:{status.st_size}:{status.st_mtime_ns}".encode())
    return known.hexdigest()[:16]
