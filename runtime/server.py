"""The serving process: pages, sockets and the node share one event loop.

Started by `manage.py serve` as its child "web", and by `manage.py node` as its
child "node", where it serves no pages. The order matters: the node answers calls
before the first page is served, and it stops after the last.

SIGTERM drains: no new call is taken, those that run go on until they are over or
CALLSMITH_DRAIN seconds have passed; then they are ended politely. A second signal,
SIGINT, or the death of the parent shortens that, and nothing skips the journal.
"""

import asyncio
import contextlib
import dataclasses
import functools
import ipaddress
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable

import uvicorn
from django.conf import settings
from django.db import connection

from designer import control, publish
from runtime import bridge, nodes, peers, sealing, service
from runtime.control import handle
from runtime.heartbeat import Heart
from runtime.media.port import MediaConfig
from runtime.node import collecting
from runtime.node.calling import Network
from runtime.node.config import NodeConfig
from runtime.node.node import Node
from runtime.sip.guard import OTHER, GuardSettings, Rate
from runtime.sip.transport.tls import TlsFiles

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
        try:
            runner.run(serve(watch))
        except nodes.NameTaken as taken:
            print(taken, file=sys.stderr)
            return 1
    return 0


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's factory, None where the platform has no wheel of it."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


class Stop:
    """When this process ends: `asked`, and `hurry` where nobody shall be waited for."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurry = asyncio.Event()
        self._parent = os.getppid()

    def listen(self) -> None:
        """Take the signals."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.drain)
        loop.add_signal_handler(signal.SIGINT, self.at_once)

    def drain(self) -> None:
        """Stop once the calls are over; a second time, or without a parent, at once."""
        if self.asked.is_set() or os.getppid() != self._parent:
            self.hurry.set()
        self.asked.set()

    def at_once(self) -> None:
        """Stop without waiting for calls."""
        self.hurry.set()
        self.asked.set()


async def serve(watch: str | None = None) -> None:
    """Start everything in order, tell the parent, stop everything in the opposite order."""
    stop = Stop()
    stop.listen()
    pages = settings.CALLSMITH.role == "serve"
    ready = settings.DATA / "web.ready"
    publish.set_loop(asyncio.get_running_loop())
    async with running_node() as node, control_socket(), web() as server:
        async with service.running(node, pages=pages, watch=watch) as heart:
            # What is loaded now stays: the collector need not walk it while calls wait.
            collecting.settle()
            ready.write_text(str(node.sip_address))
            ended = asyncio.create_task(server.main_loop(), name="web server")
            await first_of(stop.asked.wait(), ended)
            await drain(node, heart, stop, settings.CALLSMITH.drain)
            ready.unlink(missing_ok=True)


async def drain(node: Node, heart: Heart, stop: Stop, seconds: float) -> None:
    """Take no new calls, and wait until those there are have ended or the time is up."""
    heart.stopping = True
    node.close("the node is stopping")
    if stop.hurry.is_set() or seconds <= 0:
        return
    with contextlib.suppress(*service.AWAY):
        await heart.beat()
    waits = [asyncio.ensure_future(node.drained()), asyncio.ensure_future(stop.hurry.wait())]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for each in waits:
        each.cancel()
    if node.session_count:
        log.warning("%d calls are ended by the stop", node.session_count)


async def first_of(waiting: object, ended: "asyncio.Task[None]") -> None:
    wait = asyncio.ensure_future(waiting)  # type: ignore[call-overload]
    await asyncio.wait([wait, ended], return_when=asyncio.FIRST_COMPLETED)
    wait.cancel()


@contextlib.asynccontextmanager
async def running_node() -> AsyncIterator[Node]:
    """Run the node of this process; what it should run it asks the database."""
    source = service.source()
    after = await asyncio.to_thread(claimed)
    config = dataclasses.replace(node_config(), epoch_after=after)
    node = Node(config, source, source, peers.DatabaseSource(), unseal=sealing.unseal)
    await node.start()
    bridge.set_node(node)
    try:
        yield node
    finally:
        await node.stop()
        bridge.set_node(None)


def claimed() -> int:
    """Take the node's name; return the last start number used under it, 0 if nobody can say."""
    try:
        return nodes.claim(settings.CALLSMITH.node, nodes.folder_id(settings.DATA / "node"))
    except service.AWAY as away:
        log.warning("the database is away, the name of this node is not claimed: %s", away)
        return 0
    finally:
        connection.close()


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
        name=environment.node,
        sip_host=host,
        sip_port=port,
        sip_tls=environment.sip_tls,
        guard=guard_settings(environment.sip_rate, environment.sip_trusted, environment.emergency),
        tls=TlsFiles(environment.tls_certificate, environment.tls_key, environment.tls_authorities),
        refer_anywhere=environment.refer_anywhere,
        media="attach" if environment.media == "child" else "inprocess",
        media_socket=control.short_path(settings.DATA / "media.sock"),
        media_config=media_config(environment),
    )


def guard_settings(
    each_second: float, networks: tuple[Network, ...], emergency: frozenset[str] | None
) -> GuardSettings:
    """Return who may begin how much: so many requests a second, but for some networks."""
    rate = Rate(each_second, 4 * each_second)
    rates = {method: rate for method in ("INVITE", "REGISTER", OTHER)}
    rates["OPTIONS"] = Rate(0.4 * rate.each_second, 2 * rate.each_second)
    settings = GuardSettings(
        rates=rates,
        strangers=Rate(4 * each_second, 20 * each_second),
        trusted=trusting(networks),
    )
    return settings if emergency is None else dataclasses.replace(settings, emergency=emergency)


def trusting(networks: tuple[Network, ...]) -> Callable[[str], bool]:
    """Return what says of an address whether it is in one of the networks; it remembers some."""

    @functools.lru_cache(maxsize=4096)
    def trusted(host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in networks)

    return trusted


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
