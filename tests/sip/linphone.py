"""Run linphonec, a softphone, as a peer: its own folder, loopback only, told by lines."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

LINPHONEC = shutil.which("linphonec")
MISSING = "linphonec is not installed: apt-get install linphone-cli"


class Linphone:
    """One linphonec process. `output` grows as it talks."""

    def __init__(self) -> None:
        self.output = ""
        self._folder = tempfile.TemporaryDirectory(prefix="linphone")
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()

    async def start(self) -> Linphone:
        """Start it."""
        folder = Path(self._folder.name)
        # It does not even listen where it cannot keep its database.
        (folder / ".local/share/linphone").mkdir(parents=True)
        (folder / "rc").write_text(
            "[sip]\nbind_address=127.0.0.1\nuse_ipv6=0\nregister_only_when_network_is_up=0\n"
        )
        self._process = await asyncio.create_subprocess_exec(
            str(LINPHONEC),
            *("-c", str(folder / "rc")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HOME": str(folder), "TERM": "dumb"},
        )
        self._reader = asyncio.create_task(self._read())
        await self.say("soundcard use files")
        return self

    async def say(self, line: str) -> None:
        """Type a line."""
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()

    async def until(self, text: str, seconds: float = 15) -> None:
        """Wait until it has said this."""
        async with asyncio.timeout(seconds):
            while text not in self.output:
                self._heard.clear()
                await self._heard.wait()

    async def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        while chunk := await self._process.stdout.read(4096):
            self.output += chunk.decode(errors="replace")
            self._heard.set()

    async def stop(self) -> None:
        """End it and wait until it is gone."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            await self._reader
        self._folder.cleanup()
