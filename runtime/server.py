"""The serving process: pages, sockets and the node share one event loop.

Started by `manage.py serve` as its child "web". The order matters: the node
answers calls before the first page is served, and it stops after the last.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable

import uvicorn
from django.conf import settings

from designer import control
from runtime import bridge, service
from runtime.control import handle
from runtime.media.port import MediaConfig
from runtime.node.config import NodeConfig
from runtime.node.node import Node

log = logging.getLogger(__name__)

EDITOR_FRAME = 2 << 20
"""Largest WebSocket message, bytes: a table of 1 MiB as a JSON string, escapes included."""
CONNECTIONS = 1000
"""Connections and tasks uvicorn admits at once; more are answered 503."""


def run(watch: str | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    with (
        contextlib.suppress(KeyboardInterrupt),
        asyncio.Runner(loop_factory=fastest_loop()) as runner,
    ):
        runner.run(serve(watch))
    return 0


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's factory, None where the platform has no wheel of it."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def serve(watch: str | None = None) -> None:
    """Start everything in order, tell the parent, stop everything in the opposite order."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    ready = settings.DATA / "web.ready"
    async with running_node() as node, control_socket(), web() as server:
        async with service.running(node, watch=watch):
            ready.write_text(str(node.sip_address))
            ended = asyncio.create_task(server.main_loop(), name="web server")
            await first_of(stopping.wait(), ended)
            ready.unlink(missing_ok=True)


async def first_of(waiting: object, ended: "asyncio.Task[None]") -> None:
    wait = asyncio.ensure_future(waiting)  # type: ignore[call-overload]
    await asyncio.wait([wait, ended], return_when=asyncio.FIRST_COMPLETED)
    wait.cancel()


@contextlib.asynccontextmanager
async def running_node() -> AsyncIterator[Node]:
    """Run the node of this process; what it should run it asks the database."""
    source = service.source()
    node = Node(node_config(), source, source)
    await node.start()
    bridge.set_node(node)
    try:
        yield node
    finally:
        await node.stop()
        bridge.set_node(None)


@contextlib.asynccontextmanager
async def control_socket() -> AsyncIterator[None]:
    """Answer commands and the worker."""
    server = await control.serve(settings.CONTROL_SOCKET, handle)
    try:
        yield
    finally:
        server.close()
        control.short_path(settings.CONTROL_SOCKET).unlink(missing_ok=True)


class WebServer(uvicorn.Server):
    """uvicorn without its own signal handlers: this process decides when it stops."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


@contextlib.asynccontextmanager
async def web() -> AsyncIterator[WebServer]:
    """Serve pages and WebSockets."""
    host, port = settings.CALLSMITH.http
    config = uvicorn.Config(
        "config.asgi:application",
        host=host,
        port=port,
        lifespan="off",
        log_config=None,
        access_log=False,
        ws="websockets-sansio",
        ws_max_size=EDITOR_FRAME,
        ws_per_message_deflate=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=2,
        server_header=False,
    )
    config.load()
    server = WebServer(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server
    finally:
        server.should_exit = True
        await server.shutdown()


def node_config() -> NodeConfig:
    """Return the node's settings as this environment wants them."""
    environment = settings.CALLSMITH
    host, port = environment.sip
    return NodeConfig(
        folder=settings.DATA / "node",
        sip_host=host,
        sip_port=port,
        media="attach" if environment.media == "child" else "inprocess",
        media_socket=control.short_path(settings.DATA / "media.sock"),
        media_config=media_config(environment),
    )


def media_config(environment: object) -> MediaConfig:
    """Return the settings of the media process."""
    host = environment.media_host  # type: ignore[attr-defined]
    low, high = environment.rtp_ports  # type: ignore[attr-defined]
    return MediaConfig(
        bind=host,
        port_low=low,
        port_high=high,
        loopback=host.startswith("127.") or host == "::1",
        prompts=str(settings.DATA / "node" / "sounds"),
    )
