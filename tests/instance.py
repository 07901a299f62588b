"""A whole instance for a test: `manage.py serve` with a data folder and ports of its own."""

import contextlib
import http.cookiejar
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from designer import control
from tests import prepared
from tests.conftest import free_port, wait_until

BASE = Path(__file__).resolve().parent.parent
PASSWORD = "correct horse battery"


class Instance:
    """Starts, asks and stops one instance; every process it started ends with it."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.data = folder
        self.http = f"127.0.0.1:{free_port()}"
        self.sip_port = free_port(socket.SOCK_DGRAM, socket.SOCK_STREAM)
        low = 20000 + (os.getpid() * 37 + self.sip_port) % 40000 // 200 * 200
        self.environment = {
            **os.environ,
            "CALLSMITH_DATA": str(folder),
            "CALLSMITH_HTTP": self.http,
            "CALLSMITH_SIP": f"127.0.0.1:{self.sip_port}",
            "CALLSMITH_RTP_PORTS": f"{low}-{low + 199}",
            "CALLSMITH_MEDIA": "child",
            "CALLSMITH_ADMIN_PASSWORD": PASSWORD,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": str(BASE),
            **environment,
        }
        for name in ("DATABASE_URL", "REDIS_URL"):
            if name not in environment:
                self.environment.pop(name, None)
        self.process: subprocess.Popen[str] | None = None
        self.log = folder.parent / f"{folder.name}.log"

    @property
    def url(self) -> str:
        return f"http://{self.http}"

    @property
    def sip(self) -> str:
        return f"127.0.0.1:{self.sip_port}"

    verb = "serve"
    first_start = False
    """Whether it really starts for the first time; else that was done for it (`prepared`)."""

    def start(self, *arguments: str) -> Self:
        """Start `manage.py serve` and return once the pages answer."""
        return self.launch(*arguments).wait()

    def launch(self, *arguments: str) -> Self:
        """Start it and return at once."""
        new = not (self.data.exists() and any(self.data.iterdir()))
        if new and not self.first_start and "DATABASE_URL" not in self.environment:
            prepared.copy_into(self.data, self.environment)
        # What a server left behind that was killed says nothing of this one.
        (self.data / "web.ready").unlink(missing_ok=True)
        command = [sys.executable, str(BASE / "manage.py"), self.verb, *arguments]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=BASE, env=self.environment, stdout=log, stderr=log, text=True
            )
        return self

    def wait(self, seconds: float = 60) -> Self:
        """Return once it serves."""
        wait_until(self.ready, seconds, f"the instance serves; its log: {self.log}")
        return self

    def ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"The server ended:\n{self.log.read_text()[-4000:]}")
        return (self.data / "web.ready").exists()

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process = None

    def pids(self) -> Mapping[str, int]:
        """Return the process ids by name: serve, web, worker, media."""
        return json.loads((self.data / "processes.json").read_text())

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/healthz", timeout=10) as answer:
            return json.load(answer)

    def ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Ask the server over its control socket: what the command line does, without its start."""
        return control.request(self.data / "control.sock", verb, arguments)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the instance's SQLite database."""
        file = f"file:{self.data}/callsmith.sqlite3?mode=ro"
        with contextlib.closing(sqlite3.connect(file, uri=True, timeout=20)) as database:
            return database.execute(sql).fetchall()

    def cli(self, *arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run `callsmith ARGUMENTS` against this instance; check its exit code unless None."""
        result = subprocess.run(
            [sys.executable, "-m", "config.cli", *arguments],
            cwd=BASE,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if code is not None:
            assert result.returncode == code, f"{arguments}:\n{result.stdout}\n{result.stderr}"
        return result

    def json(self, *arguments: str) -> Any:
        return json.loads(self.cli(*arguments, "--format", "json").stdout)


class FurtherNode(Instance):
    """`manage.py node`: a further node of an installation, with a folder and ports of its own."""

    verb = "node"
    first_start = True

    def __init__(self, folder: Path, name: str, **environment: str) -> None:
        super().__init__(folder, CALLSMITH_NODE=name, **environment)
        self.name = name


class Person:
    """Somebody logged in, without a browser."""

    def __init__(self, instance: Instance) -> None:
        self.url = instance.url
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self.read("/login/")
        token = next(each.value for each in self.jar if "csrf" in each.name)
        form = {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": token}
        self.read("/login/", urllib.parse.urlencode(form).encode())

    def read(self, path: str, data: bytes | None = None) -> str:
        with self.opener.open(self.url + path, data, timeout=20) as answer:
            return str(answer.read().decode())
