"""PostgreSQL and Redis for tests: own folders, free loopback ports, stopped by pid."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import free_port, wait_until


class Postgres:
    """A PostgreSQL server in a folder of its own; skips the test where the binaries are missing."""

    def __init__(self) -> None:
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not binaries:
            pytest.skip("PostgreSQL is not installed: sudo apt install postgresql")
        self.programs = binaries[-1].parent
        self.folder = Path(tempfile.mkdtemp(prefix="callsmith-pg-"))
        # PostgreSQL refuses to run as root, so root hands it to the user of the Debian package.
        self.prefix: list[str] = []
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            user = [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}"]
            self.prefix = ["setpriv", *user, "--clear-groups"]
        self.port = free_port()
        self.url = f"postgres://callsmith@127.0.0.1:{self.port}/callsmith"
        self.server: subprocess.Popen[bytes] | None = None
        data = self.folder / "data"
        initdb = [str(self.programs / "initdb"), "-A", "trust", "-U", "callsmith", "-N"]
        subprocess.run([*self.prefix, *initdb, "-D", str(data)], check=True, **self._quiet())
        self.start()
        createdb = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "callsmith", "callsmith"]
        subprocess.run([str(self.programs / "createdb"), *createdb], check=True)

    def _quiet(self) -> dict[str, Any]:
        return {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "cwd": self.folder}

    def start(self) -> None:
        """Start it, the first time or again."""
        settings = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-k", str(self.folder)]
        self.server = subprocess.Popen(
            [*self.prefix, str(self.programs / "postgres"), "-D", str(self.folder / "data")]
            + ["-p", str(self.port), *settings],
            stdout=(self.folder.parent / f"{self.folder.name}.log").open("w"),
            stderr=subprocess.STDOUT,
            cwd=self.folder,
        )
        ready = [str(self.programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port)]
        wait_until(lambda: subprocess.run(ready, capture_output=True).returncode == 0)

    def stop(self) -> None:
        """Stop it as an administrator would who is in a hurry: connections are cut."""
        assert self.server is not None
        self.server.send_signal(signal.SIGINT)
        self.server.wait(20)

    def close(self) -> None:
        """Stop it for good and remove its folder."""
        assert self.server is not None
        if self.server.poll() is None:
            self.server.terminate()
            self.server.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)
        Path(f"{self.folder}.log").unlink(missing_ok=True)


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL server and give its DATABASE_URL; skip where the binaries are missing."""
    server = Postgres()
    try:
        yield server.url
    finally:
        server.close()


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
