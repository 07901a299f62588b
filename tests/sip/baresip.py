"""Run baresip, a softphone, as a peer: its own folder, loopback only, no sound card."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from tests.sip.sipp import free_udp_port

BARESIP = shutil.which("baresip")
MISSING = "baresip is not installed: apt-get install baresip-core"

MODULES = (
    Path("/usr/lib/baresip/modules"),
    Path("/usr/local/lib/baresip/modules"),
    *Path("/usr/lib").glob("*/baresip/modules"),
)


RELEASED = b"\x04"
"""What its console takes for a key that is let go."""


class Baresip:
    """One baresip process with one account that needs no registrar. `output` grows as it talks.

    `account` is another account instead, as baresip's file of accounts has it.
    """

    def __init__(
        self,
        *commands: str,
        answers: bool = False,
        seconds: int = 20,
        tone: float = 0.0,
        user: str = "phone",
        account: str = "",
        settings: str = "",
        contacts: str = "",
        port: int | None = None,
    ) -> None:
        """`tone` is the frequency it sends instead of a hum nobody hears, in hertz; `settings` are
        further lines of its configuration, `contacts` those of its address book."""
        self.port = port or free_udp_port()
        self.keyboard = free_udp_port()
        """Where keys are taken that are typed."""
        self.output = ""
        self._grown = asyncio.Event()
        self._folder = tempfile.TemporaryDirectory(prefix="baresip")
        self._commands = commands
        self._seconds = seconds
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._secure = "sip_certificate" in settings
        """Whether it listens to TLS, at the next port."""
        self._account = account or f"<sip:{user}@127.0.0.1:{self.port}>;regint=0"
        self._write(answers, tone, settings, contacts)

    @property
    def heard(self) -> np.ndarray:
        """What its newest call heard so far, as samples at 8000 a second; at first nothing."""
        found = sorted(Path(self._folder.name).glob("dump-*-dec.wav"), key=os.path.getmtime)
        data = found[-1].read_bytes()[44:] if found else b""
        return np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2")

    def _write(self, answers: bool, frequency: float, settings: str, contacts: str) -> None:
        folder = Path(self._folder.name)
        tone = folder / "tone.wav"
        samples = b"\x00\x10" * 8000
        if frequency:
            wave = np.sin(2 * np.pi * frequency * np.arange(8000 * 20) / 8000)
            samples = (wave * 12000).astype("<i2").tobytes()
        header = b"RIFF" + (36 + len(samples)).to_bytes(4, "little") + b"WAVEfmt "
        header += (16).to_bytes(4, "little") + b"\x01\x00\x01\x00" + (8000).to_bytes(4, "little")
        header += (16000).to_bytes(4, "little") + b"\x02\x00\x10\x00data"
        tone.write_bytes(header + len(samples).to_bytes(4, "little") + samples)
        modules = next((path for path in MODULES if path.is_dir()), MODULES[0])
        (folder / "config").write_text(
            f"sip_listen 127.0.0.1:{self.port}\nnet_interface 127.0.0.1\n"
            f"audio_source aufile,{tone}\naudio_player aufile,{folder}/heard.wav\n"
            f"module_path {modules}\nmodule g711.so\nmodule aufile.so\n"
            f"module sndfile.so\nsnd_path {folder}\n"
            "module_app account.so\nmodule_app menu.so\n"
            f"module cons.so\ncons_listen 127.0.0.1:{self.keyboard}\n"
            f"{settings}\n"
        )
        mode = ";answermode=auto" if answers else ""
        (folder / "accounts").write_text(f"{self._account}{mode}\n")
        (folder / "contacts").write_text(contacts)

    async def start(self) -> Baresip:
        """Start it; it listens when this returns."""
        commands = [part for command in self._commands for part in ("-e", command)]
        self._process = await asyncio.create_subprocess_exec(
            str(BARESIP),
            *("-f", self._folder.name, "-t", str(self._seconds), "-v", *commands),
            stdin=subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "TERM": "dumb"},
        )
        self._reader = asyncio.create_task(self._read())
        async with asyncio.timeout(15):
            await _listens("udp", self.port)
            await _listens("tcp", self.port)
            if self._secure:
                await _listens("tcp", self.port + 1)
        return self

    async def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        while chunk := await self._process.stdout.read(4096):
            self.output += chunk.decode(errors="replace")
            self._grown.set()

    def press(self, keys: str) -> None:
        """Type digits, which in a call are pressed for the far side (RFC 4733)."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for key in keys:
                for typed in (key.encode(), RELEASED):
                    sock.sendto(typed, ("127.0.0.1", self.keyboard))

    async def says(self, text: str, timeout: float = 10) -> None:
        """Wait until it has written something."""
        async with asyncio.timeout(timeout):
            while text not in self.output:
                self._grown.clear()
                await self._grown.wait()

    async def stop(self) -> None:
        """End it and wait until it is gone."""
        if self._process is not None:
            if self._process.returncode is None:
                self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), 5)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._reader is not None:
            await self._reader
        self._folder.cleanup()


async def _listens(kind: str, port: int) -> None:
    """Wait until the kernel lists a socket at this port."""
    while f"0100007F:{port:04X}" not in Path(f"/proc/net/{kind}").read_text():
        await asyncio.sleep(0.02)
