"""Sessions of one node in the hands of a program: what every other surface is made of."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import tempfile
import time
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from runtime.executor.step import Step
from runtime.media.port import MediaConfig
from runtime.node.api.call import PATIENCE, Call, IncomingCall
from runtime.node.api.config import TABLES, PeerConfig
from runtime.node.api.data import NoSuchSession, Refused, Summary
from runtime.node.api.feed import CallEvent, Feed
from runtime.node.api.handlers import Accept, Forward, Handler, Reject, decide
from runtime.node.api.history import History, Limits
from runtime.node.api.watch import Watch
from runtime.node.config import NodeConfig
from runtime.node.journal import DoneRecord
from runtime.node.node import Node
from runtime.node.routes import Route
from runtime.node.session import Session

log = logging.getLogger(__name__)

FLOW: Final = "peer"
REMEMBERED: Final = 1000
"""Calls that are over and still known, for whoever asks how they ended."""

T = TypeVar("T")
Callback = Callable[[CallEvent], None]


class UnifiedCoordinator:
    """A node with one table, and its calls by their ids.

    Start and stop it with `start` and `stop`, or use it as a context manager; all methods belong to
    the loop it was started on. Where a method takes an id it raises NoSuchSession for an unknown
    one; acts raise CallOver, NotDone and TimeoutError as those of `Call` do.
    """

    def __init__(self, config: PeerConfig | None = None, handler: Handler | None = None) -> None:
        """Make it; `handler` decides on incoming calls, without one they all ring."""
        self.config = config or PeerConfig()
        self.handler = handler
        self._node: Node | None = None
        self._own_folder: tempfile.TemporaryDirectory[str] | None = None
        self._watches: dict[str, Watch] = {}
        self._calls: dict[str, Call] = {}
        self._over: deque[str] = deque()
        self._parked: deque[IncomingCall] = deque()
        self._news = asyncio.Event()
        self._decided: set[str] = set()
        self._feeds: weakref.WeakSet[Feed] = weakref.WeakSet()
        self._callbacks: list[Callback] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._latest = ""

    # -- start and stop ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Load the table and listen. LoadRefused for a table with errors, OSError for a port."""
        config = self.config
        text = config.text()
        if config.folder is None:
            self._own_folder = tempfile.TemporaryDirectory(prefix="callsmith-")
        folder = config.folder or Path(self._own_folder.name if self._own_folder else "")
        low, high = config.media_ports
        node = Node(
            NodeConfig(
                folder=folder,
                name=config.user,
                sip_host=config.host,
                sip_port=config.sip_port,
                media_config=MediaConfig(bind=config.host, port_low=low, port_high=high),
                max_sessions=config.max_sessions,
                max_life=config.max_life,
                refer_anywhere=config.refer_anywhere,
            ),
            settings=config.settings,
        )
        node.listeners.add(self._stepped)
        await node.start()
        self._node = node
        try:
            digest = hashlib.sha256(text.encode()).hexdigest()
            await node.deploy(FLOW, digest, text)
        except BaseException:
            await self.stop()
            raise
        node.set_routes([Route("*", FLOW)])

    async def stop(self, drain: float = 0.0) -> None:
        """Wait up to `drain` seconds for calls to end, end the rest, stop; twice is harmless."""
        node, self._node = self._node, None
        if node is not None:
            await node.stop(drain)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for feed in self._feeds:
            feed.close()
        self._news.set()
        if self._own_folder is not None:
            self._own_folder.cleanup()
            self._own_folder = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def node(self) -> Node:
        """The node beneath; Refused unless it was started."""
        if self._node is None:
            raise Refused("it is not running")
        return self._node

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on."""
        return self.node.sip_address

    @property
    def uri(self) -> str:
        """Its own SIP address."""
        host, port = self.address
        host = f"[{host}]" if ":" in host else host
        return self.config.local_uri or f"sip:{self.config.user}@{host}:{port}"

    # -- calls -------------------------------------------------------------------------------------

    async def make_call(self, to: str, from_: str = "") -> str:
        """Place a call to a SIP address; return its id at once. CallRefused."""
        return self._known(self.node.call(FLOW, to, from_ or self.uri))

    async def begin(self, table: str, event: str, fields: Mapping[str, Any]) -> str:
        """Begin a session of another shipped table with an event of people; return its id.

        LoadRefused, CallRefused, OSError for a table that is not there.
        """
        if table not in self.node.deployed():
            text = await asyncio.to_thread((TABLES / f"{table}.yaml").read_text, "utf-8")
            await self.node.deploy(table, hashlib.sha256(text.encode()).hexdigest(), text)
        return self._known(self.node.begin(table, event, fields, self.uri))

    def _known(self, session: str) -> str:
        if session not in self._watches:
            # Its first step is not done yet: an action of it is awaited.
            self._begin(self.node.living(session))
        return session

    async def accept_call(self, session: str, timeout: float = PATIENCE) -> None:
        """Answer an incoming call; returns once it is established."""
        await self._incoming(session).accept(timeout)

    async def reject_call(self, session: str, code: int = 486, reason: str = "") -> None:
        """Refuse an incoming call."""
        await self._incoming(session).reject(code, reason)

    async def forward_call(self, session: str, target: str) -> None:
        """Send the caller elsewhere (302)."""
        await self._incoming(session).forward(target)

    async def hangup(self, session: str, timeout: float = PATIENCE) -> None:
        """End a call; harmless once it is over."""
        await self.call(session).hangup(timeout)

    async def hold(self, session: str, timeout: float = PATIENCE) -> None:
        """Put a call on hold."""
        await self.call(session).hold(timeout)

    async def resume(self, session: str, timeout: float = PATIENCE) -> None:
        """Take a call back from hold."""
        await self.call(session).resume(timeout)

    async def mute(self, session: str) -> None:
        """Send silence."""
        await self.call(session).mute()

    async def unmute(self, session: str) -> None:
        """Send audio again."""
        await self.call(session).unmute()

    async def send_dtmf(self, session: str, digits: str) -> None:
        """Press keys."""
        await self.call(session).send_dtmf(digits)

    async def blind_transfer(self, session: str, target: str) -> None:
        """Send the far side of a call to another address."""
        await self.call(session).transfer(target)

    async def start_attended_transfer(self, session: str, target: str) -> str:
        """Hold a call and ask a target first; return the id of that call."""
        return (await self.call(session).start_attended_transfer(target)).id

    async def complete_attended_transfer(self, session: str) -> None:
        """Join the far side with who was asked."""
        await self.call(session).complete_attended_transfer()

    async def cancel_attended_transfer(self, session: str) -> None:
        """Give up the consultation and go back to the call."""
        await self.call(session).cancel_attended_transfer()

    async def act(
        self,
        session: str,
        event: str,
        fields: Mapping[str, Any],
        reached: Collection[str] = (),
        timeout: float = PATIENCE,
    ) -> None:
        """Give a call any event that people may send, and wait for one of the facts in `reached`.

        Without facts it returns once the row's actions are done; "Ended" waits for the end.
        """
        watch = self._watch(session)
        if watch.ended:
            raise watch.over()
        post = partial(self.node.send, session, event, fields)
        if "Ended" in reached:
            post()
            await watch.until(lambda: watch.ended, timeout)
            return
        await watch.ask(event, reached, post, timeout)

    # -- incoming calls ----------------------------------------------------------------------------

    def get_incoming_call(self) -> IncomingCall | None:
        """Return the incoming call that rings longest, or None; does not wait."""
        while self._parked:
            call = self._parked.popleft()
            if call.ringing:
                return call
        return None

    async def wait_for_call(self, timeout: float | None = None) -> IncomingCall:
        """Return the next incoming call. TimeoutError; Refused if this is stopped meanwhile."""
        async with asyncio.timeout(timeout):
            while (call := self.get_incoming_call()) is None:
                self._news.clear()
                await self._news.wait()
                _ = self.node  # Refused once it is stopped.
        return call

    def park(self, call: IncomingCall) -> None:
        """Let a ringing call wait for whoever asks; beyond `max_waiting` it is refused with 486."""
        if call in self._parked:
            return
        if len([each for each in self._parked if each.ringing]) >= self.config.max_waiting:
            self._hold(call.reject(486))
            return
        self._parked.append(call)
        self._news.set()

    def decided(self, session: str) -> bool:
        """Whether somebody answered, refused or sent on an incoming call."""
        return session in self._decided

    def take(self, session: str) -> None:
        """Take note that an incoming call was decided on."""
        self._decided.add(session)

    async def within(self, work: Awaitable[T], timeout: float | None) -> T:
        """Return what `work` gives; TimeoutError after so many seconds."""
        async with asyncio.timeout(timeout):
            return await work

    # -- looking -----------------------------------------------------------------------------------

    def call(self, session: str) -> Call:
        """Return the call with an id, one of the last 1000 that are over included."""
        if session not in self._calls:
            raise NoSuchSession(f"no call {session} is known here")
        return self._calls[session]

    def get_session_info(self, session: str) -> Summary:
        """Return the line of a living session."""
        return self.node.session(session)

    def list_sessions(self) -> list[Summary]:
        """Return a line for each living session, the oldest first."""
        return self.node.sessions()

    def get_state(self, session: str) -> str:
        """Return the state of a session, the last one if it is over."""
        return self._watch(session).state

    def latest(self) -> Call | None:
        """Return the call that began last, None before the first."""
        return self._calls.get(self._latest)

    def history(self, session: str) -> History:
        """Return the steps of a session."""
        return History(session, self._watch(session).history)

    def find_sessions(
        self, *, state: str = "", number: str = "", health: str = "", limits: Limits | None = None
    ) -> list[Summary]:
        """Return the living sessions in a state, with `number` in an address, of a health class."""
        now = time.time()
        return [
            line
            for line in self.node.sessions()
            if state in ("", line.state)
            and (number in line.caller or number in line.callee)
            and health in ("", self.history(line.id).health(now, limits))
        ]

    def possible_transitions(self, session: str) -> list[dict[str, Any]]:
        """Return the rows that could fire next in a living session, with their guards' values."""
        return self.node.transitions(session)

    # -- events ------------------------------------------------------------------------------------

    def events(self, limit: int = 1024) -> Feed:
        """Return what happens to all calls from now on (see `Feed` for a reader that is slow)."""
        feed = Feed(limit)
        self._feeds.add(feed)
        return feed

    def subscribe(self, callback: Callback) -> None:
        """Call `callback` on the loop for each event of each call; what it raises is logged."""
        self._callbacks.append(callback)

    def unsubscribe(self, callback: Callback) -> None:
        """Call it no more; an unknown one is harmless."""
        self._callbacks = [known for known in self._callbacks if known != callback]

    # -- what the node tells -----------------------------------------------------------------------

    def _stepped(self, session: Session, step: Step, done: DoneRecord | None) -> None:
        watch = self._watches.get(session.id)
        if watch is None:
            watch = self._begin(session)
        for event in watch.stepped(step, done):
            for feed in list(self._feeds):
                feed.put(event)
            for callback in self._callbacks:
                try:
                    callback(event)
                except Exception:
                    log.exception("a subscriber failed")
        call = self._calls[session.id]
        if step.sequence == 1 and isinstance(call, IncomingCall) and not watch.ended:
            self._hold(self._decide(call))
        if watch.ended:
            self._over.append(session.id)
            self._forget()

    def _begin(self, session: Session) -> Watch:
        watch = Watch(session, self.config.history, 256)
        self._watches[session.id] = watch
        kind = IncomingCall if session.role == "UAS" else Call
        self._calls[session.id] = kind(self, watch)
        self._latest = session.id
        return watch

    async def _decide(self, call: IncomingCall) -> None:
        decision = None
        if self.handler is not None:
            try:
                decision = await decide(self.handler, call)
            except Exception:
                log.exception("the handler of incoming calls failed")
                decision = Reject(500)
        if not call.ringing:
            return
        try:
            match decision:
                case Accept():
                    await call.accept()
                case Reject(code, reason):
                    await call.reject(code, reason)
                case Forward(target):
                    await call.forward(target)
                case _:
                    self.park(call)
        except (Refused, TimeoutError) as late:
            log.info("call %s was not taken as decided: %s", call.id, late)

    def _forget(self) -> None:
        """Let go of the oldest call that is over."""
        if len(self._over) > REMEMBERED:
            session = self._over.popleft()
            del self._calls[session], self._watches[session]
            self._decided.discard(session)

    def _watch(self, session: str) -> Watch:
        if session not in self._watches:
            raise NoSuchSession(f"no call {session} is known here")
        return self._watches[session]

    def _incoming(self, session: str) -> IncomingCall:
        call = self.call(session)
        if not isinstance(call, IncomingCall):
            raise Refused(f"{session} was placed here")
        return call

    def _hold(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.info("a decision had no effect: %s", task.exception())
