"""Start, watch and stop a media process, for the parent of the servers and for tests."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from runtime.media.port import MediaConfig

STOP_SECONDS = 3.0


def command(path: Path, config: MediaConfig) -> list[str]:
    """Answer the command line of a media process that serves the Unix socket `path`."""
    text = msgspec.json.encode(config).decode()
    return [sys.executable, "-m", "runtime.media.child", str(path), "--config", text]


class ChildProcess:
    """One media process. `stop` ends it in order; stopping twice is harmless."""

    def __init__(self, path: Path, config: MediaConfig, *, folder: Path | None = None) -> None:
        self._path = path
        self._config = config
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the process in `folder` (where the package is found); it may not listen yet."""
        self._process = await asyncio.create_subprocess_exec(
            *command(self._path, self._config),
            stdin=asyncio.subprocess.DEVNULL,
            cwd=self._folder,
        )

    async def wait(self) -> int:
        """Answer the exit status once the process has ended."""
        assert self._process is not None, "the process was not started"
        return await self._process.wait()

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def stop(self) -> None:
        """Ask the process to end; kill it when it does not."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
