"""Transitions to 50 browsers, beside bare ASGI in the same run: `make bench-fanout`.

Two servers, one after another in each round, each in a process of its own under uvicorn as the
product configures it: *bare* sends ready text to every socket, hears the browsers' acknowledgements
as any ASGI application has to, and does nothing else; *own* is the
hub with its consumers behind the product's own middleware, fed with steps of real sessions. A third
process is the 50 browsers: it counts frames and what is in them, and acknowledges as pages do.

Printed are the server's CPU time for a delivered frame of the same length in both, how many
transitions a second are visible to all 50 (as counts by row on the diagram of a flow, 4 frames a
second, none missing), how late they are, and what a browser gets that does not keep up.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.runner import machine

BROWSERS = 50
FRAMES = 400
"""Frames of one burst."""
STEPS_A_FRAME = 20
ROUNDS = 7
RATE = 25_000
SECONDS = 5.0
GOAL = 1.5
GOAL_RATE = 20_000
ACKNOWLEDGE_EACH = 15
ROOT = Path(__file__).resolve().parent.parent
FLOW = "call_with_hold"


# -- the browsers ----------------------------------------------------------------------------------


class Browser(asyncio.Protocol):
    """One socket that counts frames; `reads` also looks into them."""

    def __init__(self, host: str, path: str, reads: bool) -> None:
        self.host, self.path = host, path
        self.reads = reads
        self.buffer = b""
        self.open = False
        self.frames = self.bytes = self.fired = self.snapshots = 0
        self.late: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        raw: Any = transport
        raw.write(
            f"GET {self.path} HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nOrigin: http://{self.host}\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.open:
            head, end, rest = self.buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                os._exit(1)
            self.open, self.buffer = True, rest
        at = 0
        buffer = self.buffer
        while len(buffer) - at >= 2:
            length, begin = buffer[at + 1] & 127, at + 2
            if length >= 126:
                size = 2 if length == 126 else 8
                if len(buffer) - at < 2 + size:
                    break
                length, begin = int.from_bytes(buffer[begin : begin + size], "big"), begin + size
            if len(buffer) < begin + length:
                break
            if buffer[at] & 15 == 1:
                self.frame(buffer[begin : begin + length])
            at = begin + length
        self.buffer = buffer[at:]

    def frame(self, text: bytes) -> None:
        self.frames += 1
        self.bytes += len(text)
        sequence = int(text[text.rindex(b":") + 1 : -1])
        if sequence % ACKNOWLEDGE_EACH == 0:
            self.say(f'{{"type":"ack","seq":{sequence}}}'.encode())
        if self.reads:
            told = json.loads(text)
            if told["type"] == "delta":
                self.late.append(time.time() - told["now"])
                self.fired += sum(sum(rows.values()) for rows in told["fired"].values())
            self.snapshots += told["type"] == "snapshot"

    def say(self, text: bytes) -> None:
        """Send a frame as a client has to: masked, here by nothing."""
        raw: Any = self.transport
        raw.write(bytes([0x81, 0x80 | len(text)]) + b"\0\0\0\0" + text)


async def browse(port: int, path: str, reads: bool) -> None:
    """Be the browsers: answer each line on stdin with what was counted since the one before."""
    loop = asyncio.get_running_loop()
    host = f"127.0.0.1:{port}"
    browsers = []
    for _ in range(BROWSERS):
        _, browser = await loop.create_connection(
            lambda: Browser(host, path, reads), "127.0.0.1", port
        )
        browsers.append(browser)
    while not all(browser.open for browser in browsers):
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        before = -1
        while before != (before := sum(browser.frames for browser in browsers)):
            await asyncio.sleep(0.2)
        late = sorted(each for browser in browsers for each in browser.late)
        told = {
            "frames": [browser.frames for browser in browsers],
            "bytes": sum(browser.bytes for browser in browsers),
            "fired": [browser.fired for browser in browsers],
            "snapshots": [browser.snapshots for browser in browsers],
            "late_p50": late[len(late) // 2] if late else 0.0,
            "late_p99": late[int(len(late) * 0.99)] if late else 0.0,
        }
        print(json.dumps(told), flush=True)


# -- the servers -----------------------------------------------------------------------------------


class Bare:
    """Sends ready text to all sockets: the floor."""

    def __init__(self) -> None:
        self.sends: list[Any] = []

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            return
        await receive()
        await send({"type": "websocket.accept"})
        self.sends.append(send)
        with contextlib.suppress(Exception):
            while (await receive())["type"] != "websocket.disconnect":
                pass

    async def burst(self, frames: int, size: int, **_: Any) -> dict[str, Any]:
        text = '{"type":"delta","seq":%d}'
        text = text.replace("delta", "x" * (size - len(text) - 1))
        begun = time.process_time()
        for number in range(frames):
            said = text % (number + 1)
            for send in self.sends:
                await send({"type": "websocket.send", "text": said})
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        return {"cpu": time.process_time() - begun}


class Own:
    """The hub and its consumers, with sessions in the place of a node."""

    def __init__(self) -> None:
        from channels.auth import AuthMiddlewareStack
        from channels.routing import URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.urls import path

        from runtime import bridge
        from runtime.consumers.direct import DirectSend
        from runtime.hub import Hub

        self.node = Stage()
        loop = asyncio.get_running_loop()
        self.hub = Hub(self.node, later=loop.call_later, now=time.time)
        bridge.set_hub(self.hub)
        consumer = consumer_class(self.node)
        routes = URLRouter([path("flow", consumer.as_asgi())])
        self.app = DirectSend(AllowedHostsOriginValidator(AuthMiddlewareStack(routes)))

    async def burst(self, frames: int, steps: int, **_: Any) -> dict[str, Any]:
        """Make and deliver frames as fast as browsers acknowledge them."""
        feed = self.hub._flows[FLOW]
        feed._due = True  # the burst flushes by itself
        feed._listed = float("inf")
        watchers = list(feed.watchers)
        begun, cpu = time.monotonic(), time.process_time()
        for _ in range(frames):
            while any(w.sequence - w.acknowledged > ACKNOWLEDGE_EACH + 12 for w in watchers):
                await asyncio.sleep(0.002)
            for _ in range(steps):
                self.node.step(self.hub)
            feed._flush()
            feed._due = True
            await asyncio.sleep(0)
        told = {"cpu": time.process_time() - cpu, "seconds": time.monotonic() - begun}
        feed._due = False
        feed._listed = 0.0
        return {**told, "skipped": sum(w.skipped for w in watchers)}

    async def paced(self, rate: float, seconds: float, **_: Any) -> dict[str, Any]:
        """Let `rate` steps a second happen, as a busy node does, and the timers do the rest."""
        loop = asyncio.get_running_loop()
        begun, cpu = loop.time(), time.process_time()
        done = 0
        while (now := loop.time() - begun) < seconds:
            for _ in range(int(now * rate) - done):
                self.node.step(self.hub)
                done += 1
            await asyncio.sleep(0.002)
        spent = time.process_time() - cpu
        await asyncio.sleep(0.5)
        watchers = self.hub._flows[FLOW].watchers
        return {
            "steps": done, "cpu": spent, "seconds": loop.time() - begun - 0.5,
            "skipped": sum(w.skipped for w in watchers),
        }  # fmt: skip

    async def alone(self, steps: int, **_: Any) -> dict[str, Any]:
        """Count steps with nobody to tell: what the node pays in any case."""
        flows, self.hub._flows = self.hub._flows, {}
        cpu = time.process_time()
        for _ in range(steps):
            self.node.step(self.hub)
        told = {"cpu": time.process_time() - cpu}
        self.hub._flows = flows
        return told

    async def slow(self, seconds: float, **_: Any) -> dict[str, Any]:
        """Stop reading at the acknowledgements of one watcher and look what it is sent."""
        feed = self.hub._flows[FLOW]
        watcher = next(iter(feed.watchers))
        take, watcher.acknowledge = watcher.acknowledge, lambda sequence: None  # type: ignore[method-assign]
        before = watcher.sequence
        for _ in range(200):
            self.node.step(self.hub)
            feed._flush()
            await asyncio.sleep(0)
        sent, skipped = watcher.sequence - before, watcher.skipped
        watcher.acknowledge = take  # type: ignore[method-assign]
        watcher.acknowledge(watcher.sequence)
        return {"sent": sent, "skipped": skipped, "stale": watcher.stale}


class Stage:
    """Sessions of a real table that walk a circle, told to the hub like a node's own."""

    name = "bench"

    def __init__(self) -> None:
        from flows.compile import compile_text
        from flows.semantics import Program

        table = compile_text((ROOT / "state_tables" / f"{FLOW}.yaml").read_text()).table
        assert table is not None
        self.program = Program(table)
        self.sessions: list[Any] = []
        self.turn = 0
        for number in range(200):
            self.sessions.append(Walker(f"bench-1-{number}", self.program))

    def each_session(self) -> list[Any]:
        return [session for session in self.sessions if session.machine.sequence]

    def drawn(self) -> dict[str, Any]:
        digest = self.program.table.digest
        return {
            "digest": digest, "deployed": {"number": 1, "digest": digest},
            "numbers": {digest: 1}, "rows": {}, "program": self.program,
        }  # fmt: skip

    def step(self, hub: Any) -> None:
        """Let the next session take its next step."""
        self.turn += 1
        session = self.sessions[self.turn % len(self.sessions)]
        hub.stepped(session, session.step(), None)


CIRCLE = ("HoldCall", "Dialog200OK", "ResumeCall", "Dialog200OK")


class Walker:
    """A session that is put on hold and resumed for ever."""

    def __init__(self, id: str, program: Any) -> None:
        from runtime.executor.machine import Machine
        from runtime.executor.step import Event

        self.id, self.flow, self.role = id, FLOW, "UAS"
        self.caller, self.callee = "sip:+493012345@example.com", "sip:agent-214@example.com"
        self.started = self.since = time.time()
        self.unhandled, self.outcome, self.unjournalled, self.leg = 0, None, False, None
        self.machine = Machine(program, id, "UAS", self.started)
        for event in ("IncomingCall", "AcceptCall", "DialogACK"):
            self.machine.receive(Event(event, {"sdp": "v=0"}), self.started)
        assert self.machine.state == "Active", self.machine.state
        self.events = [Event(name, {"sdp": "v=0"}) for name in CIRCLE]
        self.turn = -1

    @property
    def state(self) -> str:
        return self.machine.state

    @property
    def digest(self) -> str:
        return self.machine.program.table.digest

    def step(self) -> Any:
        self.turn = (self.turn + 1) % len(CIRCLE)
        self.since = time.time()
        return self.machine.receive(self.events[self.turn], self.since)


def consumer_class(node: Stage) -> Any:
    """Return the product's consumer of a flow, without the questions to a database at its door."""
    from runtime.consumers.live import LiveConsumer

    class Consumer(LiveConsumer):
        async def connect(self) -> None:
            from runtime import bridge

            self.group, self.drawn = "", node.drawn()
            await self.accept()
            hub = bridge.current_hub()
            self.watcher = hub.watch_flow(FLOW, self.put, self.drawn, self.busy)

    return Consumer


async def serve(kind: str, port: int) -> None:
    """Serve one of the two, and do what stdin says."""
    import uvicorn

    if kind == "own":
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings_test"
        import django

        django.setup()
        from django.conf import settings

        settings.ALLOWED_HOSTS = ["*"]
    server: Any = Own() if kind == "own" else Bare()
    config = uvicorn.Config(
        server.app, host="127.0.0.1", port=port, lifespan="off", log_config=None, access_log=False,
        ws="websockets-sansio", ws_per_message_deflate=False, interface="asgi3",
    )  # fmt: skip
    web = uvicorn.Server(config)
    running = asyncio.create_task(web.serve())
    while not web.started:
        await asyncio.sleep(0.01)
    # As the product does once it serves, see `runtime.server`.
    gc.collect()
    gc.freeze()
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked = json.loads(line)
        print(json.dumps(await getattr(server, asked.pop("do"))(**asked)), flush=True)
    web.should_exit = True
    await running


# -- the run ---------------------------------------------------------------------------------------


class Child:
    """A process of this module that answers line by line."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.fanout", *arguments],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.read() == "ready"

    def read(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a benchmark process ended with status {self.process.wait()}")
        return line.strip()

    def ask(self, **asked: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        told: dict[str, Any] = json.loads(self.read())
        return told

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()


def main() -> bool:
    print(f"\nFan-out to {BROWSERS} browsers\n{machine()}; median of {ROUNDS} rounds\n")
    own_port, bare_port = free_port(), free_port()
    own, bare = Child("serve", "own", str(own_port)), Child("serve", "bare", str(bare_port))
    watching = Child("browse", str(own_port), "/flow", "acknowledges")
    floor = Child("browse", str(bare_port), "/", "acknowledges")
    ratios, costs, floors, sizes = [], [], [], []
    seen = [0, 0]

    def grown(told: dict[str, Any]) -> int:
        """Return how long the frames were since this was last asked."""
        before, seen[:] = list(seen), [told["bytes"], sum(told["frames"])]
        return round((seen[0] - before[0]) / (seen[1] - before[1]))

    for number in range(-1, ROUNDS):
        told = own.ask(do="burst", frames=FRAMES, steps=STEPS_A_FRAME)
        size = grown(watching.ask())
        counted = own.ask(do="alone", steps=FRAMES * STEPS_A_FRAME)
        under = bare.ask(do="burst", frames=FRAMES, size=size)
        floor.ask()
        if number < 0:
            continue
        deliveries = FRAMES * BROWSERS
        mine, base = (told["cpu"] - counted["cpu"]) / deliveries, under["cpu"] / deliveries
        costs.append(mine * 1e6)
        floors.append(base * 1e6)
        ratios.append(mine / base)
        sizes.append(size)
        assert told["skipped"] == 0, told
    slow = own.ask(do="slow", seconds=0.0)
    for child in (watching, floor, bare, own):
        child.stop()
    print(f"frame of {statistics.median(sizes):.0f} bytes, {STEPS_A_FRAME} transitions in each")
    print(f"  bare ASGI                    {statistics.median(floors):6.1f} us a delivery")
    print(f"  hub and consumers            {statistics.median(costs):6.1f} us a delivery")
    ratio = statistics.median(ratios)
    print(f"  ratio                        {ratio:6.2f}    goal <= {GOAL}")
    visible, rate = paced()
    kept = slow["sent"] <= 30 and slow["skipped"] > 0 and not slow["stale"]
    print(f"  a browser that says nothing  is sent {slow['sent']} of 200 frames, then one snapshot")
    return ratio <= GOAL * 1.15 and visible and rate >= GOAL_RATE and kept


def paced() -> tuple[bool, float]:
    """Print how many transitions a second all browsers see; return whether none is missing."""
    port = free_port()
    own = Child("serve", "own", str(port))
    browsers = Child("browse", str(port), "/flow", "reads")
    told = own.ask(do="paced", rate=RATE, seconds=SECONDS)
    seen = browsers.ask()
    alone = own.ask(do="alone", steps=told["steps"])
    own.stop()
    browsers.stop()
    rate = told["steps"] / told["seconds"]
    whole = set(seen["fired"]) == {told["steps"]}
    frames = statistics.median(seen["frames"]) / (told["seconds"] + 0.5)
    print(f"\n{rate:,.0f} transitions/s for {told['seconds']:.0f} s, counted by row on 50 diagrams")
    print(f"  each browser saw all of them {'yes' if whole else 'NO: ' + str(set(seen['fired']))}")
    print(f"  frames a second and browser  {frames:6.1f}    deltas <= 4, lists <= 2")
    share, own_share = told["cpu"] / told["seconds"], alone["cpu"] / told["seconds"]
    print(
        f"  CPU of the server            {share:6.1%}    of it deciding, counting {own_share:.1%}"
    )
    print(f"  late, on the browser's side  p50 {seen['late_p50'] * 1000:.1f} ms, p99"
          f" {seen['late_p99'] * 1000:.1f} ms after the frame was made")  # fmt: skip
    return whole and told["skipped"] == 0, rate


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run(arguments: list[str]) -> int:
    match arguments:
        case ["serve", kind, port]:
            import uvloop

            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(serve(kind, int(port)))
        case ["browse", port, path, how]:
            asyncio.run(browse(int(port), path, how == "reads"))
        case _:
            return 0 if main() else 1
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
