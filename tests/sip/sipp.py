"""Run SIPp as a peer: a scenario on free loopback ports, in bounded time, with its result read.

`await run_sipp("uac", remote=("127.0.0.1", 5060), calls=100)` runs inside the loop of the tested
endpoint; `Sipp(...)` with `start`, `finish` and `stop` serves tests that do things meanwhile.
"""

from __future__ import annotations

import asyncio
import csv
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SIPP = shutil.which("sipp")
NOT_BOUND = 254
"""Exit code of a SIPp that could not bind one of its ports."""
TRIES = 3
MISSING = "SIPp is not installed: apt-get install sip-tester"


def free_udp_port(step: int = 1) -> int:
    """A UDP port of the loopback address that was free a moment ago; `step` 2 gives an even one."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port % step == 0:
            return port


@dataclass(frozen=True)
class SippResult:
    """How a run ended. `statistics` holds SIPp's last row of cumulative counters."""

    code: int
    output: str
    errors: str
    statistics: Mapping[str, str]
    messages: str

    @property
    def successful(self) -> int:
        return int(self.statistics.get("SuccessfulCall(C)", 0))

    @property
    def failed(self) -> int:
        return int(self.statistics.get("FailedCall(C)", 0))

    @property
    def retransmissions(self) -> int:
        return int(self.statistics.get("Retransmissions(C)", 0))

    def __str__(self) -> str:
        parts = (self.output[-1500:], self.errors[-3000:], self.messages[-4000:])
        return "\n".join((f"exit {self.code}", *parts))


class Sipp:
    """One SIPp process. `scenario` is a name SIPp knows ("uac", "uas") or a path or XML text."""

    def __init__(
        self,
        scenario: str | Path,
        *,
        remote: tuple[str, int] | None = None,
        calls: int = 1,
        rate: float = 50,
        port: int | None = None,
        service: str = "service",
        timeout: float = 30,
        keys: Mapping[str, str] | None = None,
        extra: Sequence[str] = (),
        trace: bool = False,
    ) -> None:
        self._chosen = port
        self.port = port or free_udp_port()
        self._timeout = timeout
        self._folder = tempfile.TemporaryDirectory(prefix="sipp")
        self._path = Path(self._folder.name)
        self._trace = trace
        self._process: asyncio.subprocess.Process | None = None
        self._command = [
            str(SIPP),
            *self._scenario(scenario),
            *([f"{remote[0]}:{remote[1]}"] if remote else []),
            *("-i", "127.0.0.1", "-p", str(self.port), "-mi", "127.0.0.1"),
            *("-mp", str(free_udp_port(2)), "-nostdin", "-m", str(calls), "-r", str(rate)),
            *("-s", service, "-timeout", f"{max(1, int(timeout))}s", "-timeout_error"),
            *("-trace_stat", "-stf", str(self._path / "stat.csv"), "-fd", "1"),
            *("-trace_err", "-error_file", str(self._path / "errors.log")),
            *(("-trace_msg", "-message_file", str(self._path / "messages.log")) if trace else ()),
            *(part for name, value in (keys or {}).items() for part in ("-key", name, value)),
            *extra,
        ]

    def _scenario(self, scenario: str | Path) -> list[str]:
        if isinstance(scenario, str) and scenario.lstrip().startswith("<"):
            path = self._path / "scenario.xml"
            path.write_text(scenario.lstrip())
            return ["-sf", str(path)]
        if isinstance(scenario, Path) or os.sep in scenario:
            return ["-sf", str(scenario)]
        return ["-sn", scenario]

    async def start(self) -> Sipp:
        """Start the process; one that listens is ready when this returns.

        A port that was free when it was chosen may be taken by now: others are chosen then.
        """
        for _ in range(TRIES):
            await self._run()
            await self._listening()
            if self._process is None or self._process.returncode != NOT_BOUND:
                break
            self._choose_ports()
        return self

    def _choose_ports(self) -> None:
        self.port = self._chosen or free_udp_port()
        for option, value in (("-p", self.port), ("-mp", free_udp_port(2))):
            self._command[self._command.index(option) + 1] = str(value)

    async def _run(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=self._path,
            stdin=subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "TERM": "dumb"},
        )

    async def _listening(self) -> None:
        """SIPp has bound its port as soon as the kernel lists the socket."""
        entry = f"0100007F:{self.port:04X}"
        while self._process is not None and self._process.returncode is None:
            if any(entry in Path(f"/proc/net/{kind}").read_text() for kind in ("udp", "tcp")):
                return
            await asyncio.sleep(0.01)

    async def finish(self) -> SippResult:
        """Wait until SIPp is done (its own time limit and a little) and read what it says."""
        assert self._process is not None
        try:
            output, _ = await asyncio.wait_for(self._process.communicate(), self._timeout + 10)
        except TimeoutError:
            self._process.kill()
            output = b"killed: SIPp did not end in time"
            await self._process.wait()
        result = SippResult(
            code=self._process.returncode or 0,
            output=output.decode(errors="replace"),
            errors=self._read("errors.log"),
            statistics=self._statistics(),
            messages=self._read("messages.log"),
        )
        self._folder.cleanup()
        return result

    async def stop(self) -> SippResult:
        """End SIPp before its calls are done (SIGUSR1: finish politely; then read the result)."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        return await self.finish()

    def _read(self, name: str) -> str:
        path = self._path / name
        return path.read_text(errors="replace") if path.exists() else ""

    def _statistics(self) -> dict[str, str]:
        path = self._path / "stat.csv"
        if not path.exists():
            return {}
        with path.open(newline="", errors="replace") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        return {key: value or "" for key, value in rows[-1].items() if key} if rows else {}


async def run_sipp(scenario: str | Path, **options: object) -> SippResult:
    """Run one scenario to its end; the options are those of `Sipp`."""
    sipp = Sipp(scenario, **options)  # type: ignore[arg-type]
    await sipp.start()
    return await sipp.finish()
