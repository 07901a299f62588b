"""Run kamailio as a peer: a configuration on a free loopback port, all of it in memory."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from tests.conftest import free_port

KAMAILIO = shutil.which("kamailio", path="/usr/sbin:/usr/bin:/usr/local/sbin")
MISSING = "kamailio is not installed: apt-get install kamailio"
MODULES = ("sl", "tm", "pv", "kex", "textops", "siputils", "usrloc", "registrar", "auth", "xlog")
_HEAD = """
debug=0
log_stderror=yes
children=1
auto_aliases=no
listen=udp:127.0.0.1:{port}
"""
_UDP_ALONE = "disable_tcp=yes\n"
_TCP = "listen=tcp:127.0.0.1:{port}\ntcp_children=1\ntcp_accept_no_cl=yes\n"
_PROBE = (
    "OPTIONS sip:probe@127.0.0.1:{port} SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:{own};rport;branch=z9hG4bK-probe{turn}\r\nMax-Forwards: 1\r\n"
    "From: <sip:probe@127.0.0.1>;tag=p\r\nTo: <sip:probe@127.0.0.1>\r\nCall-ID: probe{turn}\r\n"
    "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
STARTUP = 10.0


@contextlib.asynccontextmanager
async def kamailio(
    routes: str, parameters: str = "", *, modules: Sequence[str] = (), tcp: bool = False
) -> AsyncIterator[int]:
    """Start kamailio with these routing blocks; gives its port once it answers OPTIONS.

    `routes` has to answer OPTIONS itself. `parameters` are further global and module parameters.
    With `tcp` it listens to that beside UDP.
    """
    with tempfile.TemporaryDirectory(prefix="kamailio") as folder:
        port = free_port(socket.SOCK_DGRAM, socket.SOCK_STREAM)
        config = Path(folder, "kamailio.cfg")
        loads = "\n".join(f'loadmodule "{name}.so"' for name in (*MODULES, *modules))
        head = (_HEAD + (_TCP if tcp else _UDP_ALONE)).format(port=port)
        config.write_text("\n".join((head, loads, parameters, routes, "")))
        log = Path(folder, "log")
        with log.open("wb") as output:  # A pipe that nobody empties would stop it.
            process = await asyncio.create_subprocess_exec(
                *(str(KAMAILIO), "-DD", "-E", "-f", str(config), "-m", "16", "-M", "4"),
                *("-Y", folder, "-w", folder, "-P", f"{folder}/pid"),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=output,
            )
        try:
            await _answers(process, port, log)
            yield port
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _answers(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setblocking(False)
        probe.bind(("127.0.0.1", 0))
        own = probe.getsockname()[1]
        async with asyncio.timeout(STARTUP):
            for turn in range(1000):
                if process.returncode is not None:
                    raise RuntimeError(log.read_text(errors="replace")[-3000:])
                text = _PROBE.format(port=port, own=own, turn=turn)
                with contextlib.suppress(TimeoutError, ConnectionError):
                    await loop.sock_sendto(probe, text.encode(), ("127.0.0.1", port))
                    async with asyncio.timeout(0.1):
                        await loop.sock_recv(probe, 4096)
                        return
