"""`manage.py serve`: the whole instance under one command and one Ctrl+C."""

import asyncio
import contextlib
import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import DatabaseError

from designer.control import short_path
from runtime import processes, ramps
from runtime.media.process import command as media_command


class Command(BaseCommand):
    help = "Serve the pages, the SIP listener, the media and the worker, supervised."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--child", choices=["web"], help="run one child only (internal)")
        parser.add_argument("--name", help="the node's name (CALLSMITH_NODE, else node1)")
        parser.add_argument("--watch", metavar="FOLDER", help="deploy YAML files as they change")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["child"] == "web":
            from runtime import server

            sys.exit(server.run(watch=options["watch"]))
        if options["name"] and options["name"] != settings.CALLSMITH.node:
            os.environ["CALLSMITH_NODE"] = options["name"]
            os.execv(sys.executable, [sys.executable, *sys.argv])
        sys.exit(self.parent(options["watch"]))

    def parent(self, watch: str | None) -> int:
        """Check what can be checked, bring the data up to date, then keep the children alive."""
        environment = settings.CALLSMITH
        folder = settings.DATA
        try:
            # Held until this process ends: the kernel gives it back however that happens.
            held = processes.lock(folder)
            processes.check_ports(environment.http, environment.sip, environment.sip_tls)
        except (processes.AlreadyRunning, processes.PortTaken, processes.Unusable) as refusal:
            self.stderr.write(str(refusal))
            return 1
        try:
            call_command("prepare", stdout=self.stdout)
        except KeyboardInterrupt:
            self.stderr.write("\nInterrupted. `make run` goes on where this stopped.")
            return 130
        except DatabaseError as error:
            self.stderr.write(f"The database cannot be used: {str(error).strip()}")
            if not (folder / "node" / "flows" / "desired.json").exists():
                return 1
            self.stderr.write("The node answers calls from its local copies until it is back.")
        supervisor = processes.Supervisor(
            children(folder, watch), folder, self.stderr.write, drain=environment.drain
        )
        code = asyncio.run(supervisor.run(self.announce))
        held.close()
        # The terminal may be gone, when that is what stopped the server.
        with contextlib.suppress(OSError):
            self.stdout.write("\nStopped.")  # the terminal has just shown ^C
        return code

    def announce(self) -> None:
        host, port = settings.CALLSMITH.http
        shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::") else host
        self.stdout.write(f"\nCallsmith is ready:  http://{processes.address_of(shown, port)}/")
        heard = processes.sip_addresses(settings.CALLSMITH.sip, settings.CALLSMITH.sip_tls)
        self.stdout.write(f"SIP listens on       {heard}")
        self.stdout.write("Ctrl+C stops it.")
        self.stdout.flush()


def children(folder: Path, watch: str | None) -> list[processes.Child]:
    """Return the children; media stops after the others, so that calls end while it flows."""
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    web = [*manage, "serve", "--child", "web", *(["--watch", watch] if watch else [])]
    celery = [sys.executable, "-m", "celery", "-A", "config.celery", "--quiet", "worker"]
    worker = [*celery, "--pool", "solo", "--loglevel", "warning", "--without-gossip"]
    worker += ["--without-mingle", "--without-heartbeat"]
    # Looks at deployments in steps wait behind no long check; started when there is one.
    waiting = [sys.executable, "-m", "config.waiting", str(folder / ramps.WANTED)]
    looks = [*waiting, *worker, "--queues", ramps.QUEUE, "--hostname", f"{ramps.QUEUE}@%h"]
    path = python_path()
    listed = [
        processes.Child("web", web, path, patience=15.0),
        processes.Child("worker", worker, {**path, **quiet_as_root()}, patience=5.0, quiet=True),
        processes.Child("ramps", looks, {**path, **quiet_as_root()}, patience=5.0, quiet=True),
    ]
    return [*listed, *media_children(folder)]


def media_children(folder: Path) -> list[processes.Child]:
    """Return the media child, if media has a process of its own."""
    if settings.CALLSMITH.media != "child":
        return []
    from runtime.server import media_config

    media = media_command(media_socket(folder), media_config(settings.CALLSMITH))
    return [processes.Child("media", media, python_path(), patience=5.0, last=True)]


def python_path() -> dict[str, str]:
    """Return what lets a child find this program, whatever folder it is started from."""
    before = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(settings.BASE_DIR), before]))}


def quiet_as_root() -> dict[str, str]:
    """Keep Celery from warning at each start on a machine where everything runs as root."""
    return {"PYTHONWARNINGS": "ignore:You"} if os.geteuid() == 0 else {}


def media_socket(folder: Path) -> Path:
    """Return the socket that joins the media child to the node."""
    return short_path(folder / "media.sock")
