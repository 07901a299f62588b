"""A process that `make bench-sip` measures from outside."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.runner import ROOT


class Subject:
    """One process whose CPU time is measured, started once for all rounds."""

    def __init__(self, python: Path | str, module: str, name: str) -> None:
        self.process = subprocess.Popen(
            # aiosipua asserts what is no longer true of asyncio, and works without its assertion.
            [str(python), *(["-O"] if name == "aiosipua" else []), "-m", module, name],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._line())

    def ask(self, command: str) -> str:
        """Have it do something, and return what it says when it is done."""
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self._line()

    def cpu(self) -> int:
        """Return the nanoseconds all its threads have run so far (Linux)."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(each.read_text().split()[0]) for each in threads)

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a measured process ended with status {self.process.wait()}")
        return line


@contextmanager
def subject(python: Path | str, module: str, name: str) -> Iterator[Subject]:
    one = Subject(python, module, name)
    try:
        yield one
    finally:
        one.stop()
