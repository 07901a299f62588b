"""An installation of several nodes: one with pages, the others without, and its API."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import services
from tests.instance import FurtherNode, Instance

STARTER = Path(__file__).resolve().parent.parent / "state_tables" / "echo_test.yaml"
PATIENCE = 180
"""Seconds a process of the installation may take to start, on a machine with much to do."""
IDLE = 2.0
"""Seconds after which a kept connection is made anew: the server closes idle ones after five."""
PROBE = "sip:probe@bench.test"
ROW = """\
- id: probe
  from_state: Idle
  role: UAS
  event: IncomingCall
  guards: ['event.from == "%s"']
  actions: [{SendSIPResponse: {code: 603, reason: %s}}]
  next_state: Failed
  publish_events: [CallFailed]
"""


def telling(word: str) -> str:
    """Return echo_test with a row that tells whoever calls as PROBE this word."""
    return STARTER.read_text().replace("- id: answer\n", ROW % (PROBE, word) + "- id: answer\n", 1)


class Api:
    """The REST API over one connection that is kept."""

    def __init__(self, server: Instance, token: str) -> None:
        host, _, port = server.http.rpartition(":")
        self._connection = http.client.HTTPConnection(host, int(port), timeout=30)
        self._used = 0.0
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request and return the answer's JSON; AssertionError for a refusal."""
        sent = json.dumps(body) if body is not None else None
        if time.monotonic() - self._used > IDLE:
            self._connection.close()  # the server may be about to
        self._used = time.monotonic()
        self._connection.request(method, f"/api/{path}", sent, self._headers)
        answer = self._connection.getresponse()
        told = json.loads(answer.read())
        assert answer.status < 300, (answer.status, told)
        return told


class Fleet:
    """The server and its further nodes, over one PostgreSQL and one Redis."""

    def __init__(self, folder: Path, database: str, redis: str) -> None:
        self.services = {"DATABASE_URL": database, "REDIS_URL": redis}
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.server = Instance(folder / "node1", **self.services)
        self.nodes: dict[str, FurtherNode] = {}

    def add(self, name: str, **environment: str) -> FurtherNode:
        """Make a further node; it is not started yet."""
        node = FurtherNode(self.folder / name, name, **self.services, **environment)
        self.nodes[name] = node
        return node

    def start(self, *names: str) -> Fleet:
        """Start the server, then the further nodes beside each other."""
        self.server.launch().wait(PATIENCE)
        for node in [self.add(name).launch() for name in names]:
            node.wait(PATIENCE)
        token = self.server.cli("token", "add", "admin", "fleet").stdout.strip()
        self.api = Api(self.server, token)
        return self

    def stop(self) -> None:
        """Stop all of them."""
        for node in self.nodes.values():
            node.stop()
        self.server.stop()

    def sip(self, name: str) -> tuple[str, int]:
        """Return where a node listens for SIP."""
        node = self.server if name == "node1" else self.nodes[name]
        return ("127.0.0.1", node.sip_port)

    def save(self, text: str) -> int:
        """Save a version of echo_test on the newest one; return its number."""
        newest = self.api("GET", "flows/echo_test/versions")[0]["number"]
        told = self.api("POST", "flows/echo_test/versions", {"text": text, "base": newest})
        return int(told["number"])

    def deploy(self, number: int) -> None:
        """Let new calls take a version."""
        self.api("POST", "flows/echo_test/deploy", {"version": number})

    def states(self) -> dict[str, str]:
        """Return how each node stands."""
        return {each["node"]: each["state"] for each in self.api("GET", "nodes")}

    def progress(self) -> dict[str, str]:
        """Return what each node says to the deployment in force."""
        told = self.api("GET", "flows/echo_test/deploy")["nodes"]
        return {each["node"]: each["state"] for each in told}


@contextlib.contextmanager
def running(folder: Path, *names: str) -> Iterator[Fleet]:
    """Run an installation with these further nodes."""
    with services.postgresql() as database, services.redis() as redis:
        fleet = Fleet(folder, database, redis)
        try:
            yield fleet.start(*names)
        finally:
            fleet.stop()
