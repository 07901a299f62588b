"""The small parent of an instance: it starts, watches, restarts and stops its children.

A child that dies is started again, at once the first time and then with growing
pauses, so that a child that cannot start does not spin. Children receive
SIGTERM when the parent dies, whatever it died of (Linux: PR_SET_PDEATHSIG), so
that no port stays taken by an orphan.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
PAUSES = (0.0, 0.5, 1.0, 2.0, 5.0)
"""Seconds before the first, second ... restart in a row; the last one repeats."""
STEADY = 30.0
"""A child that ran this long, seconds, counts as started well: its pauses begin anew."""
MAIN = ("web", "node")
"""The child in which the node runs: with pages, or without."""
ATTEMPTS = 3
"""Starts of the main child, in a row and none of them ready, after which the parent gives up."""


@dataclass(slots=True)
class Child:
    """One child process: how it starts, and how long it may take to stop."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    patience: float = 10.0
    """Seconds between SIGTERM and SIGKILL."""
    last: bool = False
    """Stop it after the others, which still need it while they end."""
    quiet: bool = False
    """Keep its standard output from the terminal; what goes wrong it says on standard error."""
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0

    @property
    def main(self) -> bool:
        """Whether its readiness is that of the whole, and its calls are waited for at the stop."""
        return self.name in MAIN


class PortTaken(Exception):
    """An address of this instance is in use; the text says which and how to choose another."""


def check_ports(
    http: tuple[str, int], sip: tuple[str, int], tls: tuple[str, int] | None = None
) -> None:
    """Raise PortTaken if another program listens where this instance wants to."""
    _try(socket.SOCK_STREAM, http, "pages", "CALLSMITH_HTTP=127.0.0.1:8001 make run")
    _try(socket.SOCK_DGRAM, sip, "SIP", "CALLSMITH_SIP=127.0.0.1:5070 make run")
    _try(socket.SOCK_STREAM, sip, "SIP over TCP", "CALLSMITH_SIP=127.0.0.1:5070 make run")
    if tls is not None:
        _try(socket.SOCK_STREAM, tls, "SIP over TLS", "CALLSMITH_SIP_TLS=127.0.0.1:5071 make run")


def sip_addresses(sip: tuple[str, int], tls: tuple[str, int] | None) -> str:
    """Return where SIP is listened to, as a person reads it."""
    said = f"{address_of(*sip)} (UDP, TCP)"
    return f"{said} and {address_of(*tls)} (TLS)" if tls is not None else said


def address_of(host: str, port: int) -> str:
    """Return host and port as one writes them together: an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _try(kind: int, address: tuple[str, int], use: str, remedy: str) -> None:
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise PortTaken(
                f"{address_of(host, port)}, wanted for {use}, cannot be used ({error.strerror})."
                f" Choose another: {remedy}"
            ) from error


class AlreadyRunning(Exception):
    """Another server holds this data folder."""


class Unusable(Exception):
    """The data folder cannot be written; the text says why and what to do."""


def lock(folder: Path) -> IO[str]:
    """Take the data folder for this server; raise AlreadyRunning when one has it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "serve.lock").open("a+")
    except OSError as error:
        raise Unusable(
            f"The data folder {folder} cannot be used ({error.strerror})."
            " Name one that this user may write: CALLSMITH_DATA=FOLDER make run"
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        pid = file.read().strip() or "unknown"
        file.close()
        raise AlreadyRunning(
            f"A server (pid {pid}) already uses {folder}. Stop it, or give this one a folder of"
            " its own: CALLSMITH_DATA=another make run"
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


class Supervisor:
    """Keeps the children of one instance running until it is told to stop."""

    def __init__(
        self,
        children: Sequence[Child],
        folder: Path,
        say: Callable[[str], None],
        *,
        drain: float = 0.0,
    ) -> None:
        """With `drain` seconds SIGTERM lets the main child end its calls first, all others staying
        with it; a second signal stops in order, a third at once."""
        self.children = list(children)
        self.folder = folder
        self.say = say
        self.drain = drain
        self.draining = asyncio.Event()
        self.stopping = asyncio.Event()
        self.hurry = asyncio.Event()
        self.ready = False
        self.failed = False

    async def run(self, ready: Callable[[], None]) -> int:
        """Start every child, call `ready` once the main child serves, return after a stop.

        The first signal stops in order, a second one at once. Returns the exit code: 1 when
        the main child could not be brought to serve.
        """
        loop = asyncio.get_running_loop()
        for name in stop_signals():
            patient = name is signal.SIGTERM and self.drain > 0
            loop.add_signal_handler(name, self.stop_when_empty if patient else self.stop)
        watches = [asyncio.create_task(self._keep(child)) for child in self.children]
        announce = asyncio.create_task(self._announce(ready))
        await self.stopping.wait()
        for task in (announce, *watches):
            task.cancel()
        await asyncio.gather(*watches, announce, return_exceptions=True)
        await self._stop_all()
        return 1 if self.failed else 0

    def stop(self) -> None:
        """Stop; asked a second time, without waiting for anybody."""
        if self.stopping.is_set():
            self.hurry.set()
        self.stopping.set()

    def stop_when_empty(self) -> None:
        """Stop once the calls of the main child are over; asked again, as `stop` does."""
        main = next((c for c in self.children if c.main and c.process is not None), None)
        if self.draining.is_set() or not self.ready or main is None:
            self.stop()
            return
        self.draining.set()
        self.say(f"No new calls are taken; those that run have {self.drain:.0f} s to end.")
        assert main.process is not None
        with contextlib.suppress(ProcessLookupError):
            main.process.terminate()
        # The child keeps the time itself; this is for one that does not.
        asyncio.get_running_loop().call_later(self.drain + main.patience, self.stopping.set)

    async def _announce(self, ready: Callable[[], None]) -> None:
        await wait_for_file(self.folder / "web.ready")
        self.ready = True
        ready()

    async def _keep(self, child: Child) -> None:
        while True:
            if child.main:
                (self.folder / "web.ready").unlink(missing_ok=True)
            try:
                self._start(child)
            except OSError as trouble:  # no memory or no process left: that may pass
                self.say(f"The {child.name} process cannot be started ({trouble.strerror}).")
                await asyncio.sleep(PAUSES[-1])
                continue
            assert child.process is not None
            code = await _ended(child.process)
            if child.main and self.draining.is_set():
                self.stopping.set()
                return
            ran = time.monotonic() - child.started
            child.failures = 0 if ran >= STEADY else child.failures + 1
            ended = f"The {child.name} process ended ({_reason(code)})"
            if child.main and not self.ready and child.failures >= ATTEMPTS:
                self.say(f"{ended} {ATTEMPTS} times without serving; the reason stands above.")
                self.failed = True
                self.stopping.set()
                return
            self.say(f"{ended}; starting it again.")
            pause = PAUSES[min(child.failures, len(PAUSES)) - 1] if child.failures else 0.0
            await asyncio.sleep(pause)

    def _start(self, child: Child) -> None:
        child.started = time.monotonic()
        child.process = subprocess.Popen(
            list(child.command),
            env={**os.environ, **child.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if child.quiet else None,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        try:
            self._note_pids()
        except OSError as full:
            # A full disk must not end the watch over the children.
            self.say(f"processes.json cannot be written ({full.strerror}).")

    def _note_pids(self) -> None:
        pids = {c.name: c.process.pid for c in self.children if c.process is not None}
        path = self.folder / "processes.json"
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps({"serve": os.getpid(), **pids}))
        temporary.replace(path)

    async def _stop_all(self) -> None:
        """Stop web and worker, then media: calls end politely while media still flows."""
        for last in (False, True):
            running = [c for c in self.children if c.last is last and c.process is not None]
            await asyncio.gather(*(self._stop(child) for child in running))
        (self.folder / "web.ready").unlink(missing_ok=True)
        (self.folder / "processes.json").unlink(missing_ok=True)

    async def _stop(self, child: Child) -> None:
        """End one child: SIGTERM, and SIGKILL when its patience is over or somebody is in a hurry.

        One that would wait for its calls at SIGTERM is told by SIGINT that nobody does.
        """
        assert child.process is not None
        now = child.main and self.drain > 0
        with contextlib.suppress(ProcessLookupError):
            child.process.send_signal(signal.SIGINT if now else signal.SIGTERM)
        ended = asyncio.ensure_future(_ended(child.process))
        waits = [ended, asyncio.ensure_future(self.hurry.wait())]
        done, _ = await asyncio.wait(
            waits, timeout=child.patience, return_when=asyncio.FIRST_COMPLETED
        )
        if ended not in done:
            child.process.kill()
            await ended
        waits[1].cancel()


def stop_signals() -> list[signal.Signals]:
    """Return the signals that stop a server; a hang-up not, where nohup makes it ignored."""
    names = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        names.append(signal.SIGHUP)
    return names


async def _ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process without a thread: its pidfd becomes readable when it ends."""
    code = process.poll()
    if code is not None:
        return code
    if not hasattr(os, "pidfd_open"):
        return await asyncio.to_thread(process.wait)
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    handle = os.pidfd_open(process.pid)
    loop.add_reader(handle, lambda: None if done.done() else done.set_result(None))
    try:
        await done
    finally:
        loop.remove_reader(handle)
        os.close(handle)
    return process.wait()


async def wait_for_file(path: Path, interval: float = 0.05) -> None:
    """Return once `path` exists."""
    while not path.exists():
        await asyncio.sleep(interval)


def _end_with_parent() -> None:
    if sys.platform == "linux":
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


_libc = ctypes.CDLL(None)


def _reason(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
