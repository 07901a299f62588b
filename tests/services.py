"""PostgreSQL and Redis for tests: own folders, free loopback ports, stopped by pid."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import free_port, wait_until


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL server and give its DATABASE_URL; skip where the binaries are missing."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        pytest.skip("PostgreSQL is not installed: sudo apt install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="callsmith-pg-"))
    # PostgreSQL refuses to run as root, so root hands it to the user of the Debian package.
    prefix: list[str] = []
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        prefix = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    port = free_port()
    data = folder / "data"
    programs = binaries[-1].parent
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "cwd": folder}
    initdb = [str(programs / "initdb"), "-A", "trust", "-U", "callsmith", "-N", "-D", str(data)]
    subprocess.run([*prefix, *initdb], check=True, **quiet)  # type: ignore[call-overload]
    settings = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-k", str(folder)]
    server = subprocess.Popen(
        [*prefix, str(programs / "postgres"), "-D", str(data), "-p", str(port), *settings],
        stdout=(folder.parent / f"{folder.name}.log").open("w"),
        stderr=subprocess.STDOUT,
        cwd=folder,
    )
    try:
        ready = [str(programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
        wait_until(lambda: subprocess.run(ready, capture_output=True).returncode == 0)
        createdb = ["-h", "127.0.0.1", "-p", str(port), "-U", "callsmith", "callsmith"]
        subprocess.run([str(programs / "createdb"), *createdb], check=True)
        yield f"postgres://callsmith@127.0.0.1:{port}/callsmith"
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)
        Path(f"{folder}.log").unlink(missing_ok=True)


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """Run a Redis server without persistence and give its URL; skip where it is missing."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("Redis is not installed: sudo apt install redis-server")
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with tempfile.TemporaryDirectory(prefix="callsmith-redis-") as folder:
        server = subprocess.Popen(
            [binary, *options, "--dir", folder],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            import redis as client

            connection = client.Redis(port=port)

            def answers() -> bool:
                try:
                    return bool(connection.ping())
                except client.exceptions.ConnectionError:
                    return False

            wait_until(answers)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.wait(10)
