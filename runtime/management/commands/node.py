"""`manage.py node`: a further node of an installation, without pages, under one Ctrl+C."""

import asyncio
import contextlib
import os
import re
import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError

from runtime import nodes, processes
from runtime.management.commands.prepare import pending_migrations
from runtime.management.commands.serve import media_children, python_path


class NotHere(Exception):
    """A node cannot run like this; the text says what is missing."""


class Command(BaseCommand):
    help = (
        "Run a further node of this installation: SIP, media and calls, over the PostgreSQL"
        " and Redis that its server uses (DATABASE_URL, REDIS_URL)."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--child", choices=["node"], help="run one child only (internal)")
        parser.add_argument(
            "--name", help="unique among the nodes (CALLSMITH_NODE, else the name of this machine)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["child"] == "node":
            from runtime import server

            sys.exit(server.run())
        name = options["name"] or os.environ.get("CALLSMITH_NODE") or machine_name()
        if settings.CALLSMITH.role != "node" or settings.CALLSMITH.node != name:
            restart_as(name)
        sys.exit(self.parent())

    def parent(self) -> int:
        """Refuse what cannot work, then keep the children alive."""
        environment, folder = settings.CALLSMITH, settings.DATA
        try:
            check_services()
            # Held until this process ends: the kernel gives it back however that happens.
            held = processes.lock(folder)
            processes.check_ports(environment.http, environment.sip, environment.sip_tls)
            self.check_database()
        except (
            NotHere,
            nodes.NameTaken,
            processes.AlreadyRunning,
            processes.PortTaken,
            processes.Unusable,
        ) as refusal:
            self.stderr.write(str(refusal))
            return 1
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "node", "--child", "node"]
        # A little longer than the child gives its callers to say good-bye.
        node = processes.Child("node", command, python_path(), patience=15.0)
        supervisor = processes.Supervisor(
            [node, *media_children(folder)], folder, self.stderr.write, drain=environment.drain
        )
        code = asyncio.run(supervisor.run(self.announce))
        held.close()
        with contextlib.suppress(OSError):
            self.stdout.write("\nStopped.")
        return code

    def check_database(self) -> None:
        """Raise NotHere or NameTaken; a database that is away stops no node that ran before."""
        try:
            if pending_migrations():
                raise NotHere(
                    "The database is not of this version yet. Start the server of the"
                    " installation first: `make run` brings it up to date."
                )
            nodes.claim(settings.CALLSMITH.node, nodes.folder_id(settings.DATA / "node"))
        except DatabaseError as error:
            if not (settings.DATA / "node" / "flows" / "desired.json").exists():
                raise NotHere(f"The database cannot be used: {str(error).strip()}") from error
            self.stderr.write(f"The database cannot be used: {str(error).strip()}")
            self.stderr.write("The node answers calls from its local copies until it is back.")

    def announce(self) -> None:
        environment = settings.CALLSMITH
        self.stdout.write(f"\nThe node {environment.node} is ready.")
        heard = processes.sip_addresses(environment.sip, environment.sip_tls)
        self.stdout.write(f"SIP listens on       {heard}")
        self.stdout.write(f"How it does          http://{environment.http_address}/healthz")
        self.stdout.write("Ctrl+C stops it; SIGTERM lets its calls end first.")
        self.stdout.flush()


def machine_name() -> str:
    """Return the name of this machine as a node's name."""
    plain = re.sub(r"[^A-Za-z0-9-]+", "-", socket.gethostname().partition(".")[0]).strip("-")
    return plain[:48] or "node2"


def restart_as(name: str) -> None:
    """Begin again with the environment of a node; without a data folder it gets one of its own."""
    os.environ |= {"CALLSMITH_ROLE": "node", "CALLSMITH_NODE": name}
    if not os.environ.get("CALLSMITH_DATA"):
        # Beside the server's own: then the key that signs log-ins is the same, too.
        os.environ["CALLSMITH_DATA"] = str(settings.DATA / "nodes" / name)
        os.environ.setdefault("CALLSMITH_SECRET_KEY", settings.SECRET_KEY)
    os.execv(sys.executable, [sys.executable, *sys.argv])


def check_services() -> None:
    """Raise NotHere unless PostgreSQL and Redis are named, which all nodes share."""
    missing = []
    if settings.DATABASES["default"]["ENGINE"].rpartition(".")[2] != "postgresql":
        missing.append("DATABASE_URL=postgres://USER@HOST/NAME")
    if not settings.CALLSMITH.redis_url:
        missing.append("REDIS_URL=redis://HOST:6379/0")
    if missing:
        raise NotHere(
            "A further node shares PostgreSQL and Redis with the server of its installation."
            f" Name what that uses: {' '.join(missing)}"
        )
