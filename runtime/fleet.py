"""The other nodes of the installation, as seen from one process: their counts, and asking them.

Over the channel layer, and only between processes: each node tells at most four times a second
what its hub counts, and the hub of who serves pages adds it up (`runtime.sums`); each node hears
questions under its name and answers them (`runtime.asks`). What is lost on the way is harmless:
what is told holds whole counts and comes again, a question that nobody answers ends in a refusal.

    await fleet.ask("edge-2", "send", {"session": id, "event": "HangUp"})
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from designer.errors import Refused
from runtime.bridge import NodeAway
from runtime.executor.step import Step
from runtime.node.journal import DoneRecord

log = logging.getLogger(__name__)

REPORTS = "fleet.counts"
"""The group in which nodes tell their counts."""
FLUSH_SECONDS = 0.25
KEEP_SECONDS = 1.0
"""How often a node tells its counts though nothing changed: others may just begin to listen."""
FORGET_SECONDS = 5.0
"""After so long without a word the counts of a node are no longer added up."""
ASK_SECONDS = 5.0
"""How long a question to another node may take."""
REJOIN_SECONDS = 20.0
"""How often the groups are joined again: a Redis that started anew knows nobody."""
AWAY_PAUSE = 1.0
"""Seconds before the channel layer is asked again after it failed."""

Message = dict[str, Any]
Later = Callable[[float, Callable[[], None]], Any]


class Counts(Protocol):
    """Who counts the sessions of this node, and adds up what the others count (the hub)."""

    def told(self) -> Message: ...
    def hear(self, told: Message) -> None: ...
    def forget(self, node: str) -> None: ...


class Relays(Protocol):
    """Who tells what happens in single sessions across nodes (`runtime.relay`)."""

    def follow(self, session: str, reply: str) -> None: ...
    def heard(self, session: str, frames: list[str]) -> None: ...


class NodeUnreachable(NodeAway):
    """Another node did not answer."""


def node_of(session_id: str) -> str:
    """Return the name of the node in a session's id (NAME-EPOCH-NUMBER), empty if there is none."""
    parts = session_id.rsplit("-", 2)
    return parts[0] if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit() else ""


class Fleet:
    """One process's side of the fleet."""

    def __init__(
        self,
        node: Any,
        layer: Any,
        answer: Callable[[str, Mapping[str, Any]], Awaitable[Message]],
        counts: Counts,
        *,
        later: Later,
        clock: Callable[[], float],
        pages: bool = True,
        alone: bool = False,
        relays: Relays | None = None,
    ) -> None:
        """`answer(verb, arguments)` does what is asked of this node; `clock` only has to go on.

        `pages`: somebody here wants to know the counts of the other nodes. `alone`: nothing joins
        processes here, so nobody is told and nobody else can be asked.
        """
        self.node = node
        self.name: str = node.name
        self._counts = counts
        self._heard_at: dict[str, float] = {}
        """By name: when another node told its counts last."""
        self._layer = layer
        self._answer = answer
        self._later = later
        self._clock = clock
        self._pages = pages
        self._alone = alone
        self._relays = relays
        self._channel = ""
        self._due = False
        self._asked: dict[str, tuple[str, asyncio.Future[Message]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # -- counting ----------------------------------------------------------------------------------

    def stepped(self, session: Any, step: Step, done: DoneRecord | None) -> None:
        """Take note of a step of this node; its counts go out soon."""
        if not self._due and not self._alone:
            self._due = True
            self._later(FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        self._due = False
        self._hold(self.tell())

    async def tell(self) -> None:
        """Tell the other nodes the counts of this one, whole."""
        await self._layer.group_send(REPORTS, {"type": REPORTS, **self._counts.told()})

    def forget_late(self) -> None:
        """Count the sessions of nodes no more of which nothing was heard lately."""
        late = self._clock() - FORGET_SECONDS
        for name in [name for name, heard in self._heard_at.items() if heard < late]:
            del self._heard_at[name]
            self._counts.forget(name)

    def _heard_report(self, message: Message) -> None:
        if message["node"] == self.name:
            return
        self._heard_at[message["node"]] = self._clock()
        self._counts.hear(message)

    # -- asking ------------------------------------------------------------------------------------

    async def ask(
        self, node: str, verb: str, arguments: Mapping[str, Any], timeout: float = ASK_SECONDS
    ) -> Message:
        """Let a node do something and return its answer; Refused is what it refused.

        NodeUnreachable if it does not answer in time; then it may have done it all the same.
        """
        if node == self.name:
            return await self._answer(verb, arguments)
        if self._alone:
            raise NodeUnreachable(f"{node} is another node: none is reached without Redis.")
        number = secrets.token_hex(8)
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._asked[number] = (node, future)
        question = {
            "type": "node.ask",
            "id": number,
            "verb": verb,
            "arguments": dict(arguments),
            "reply": self._channel,
        }
        try:
            async with asyncio.timeout(timeout):
                await self._layer.group_send(_group(node), question)
                answer = await future
        except TimeoutError:
            raise NodeUnreachable(
                f"{node} did not answer within {timeout:g} s. Its calls cannot be reached now;"
                " Nodes shows how it does."
            ) from None
        except Refused:
            raise
        except Exception as away:  # the layer's own library raises what it likes
            raise NodeUnreachable(f"{node} cannot be asked: Redis is away ({away}).") from away
        finally:
            del self._asked[number]
        if "error" in answer:
            raise Refused(str(answer["error"]))
        return answer

    async def _asked_by(self, message: Message) -> None:
        try:
            answer = await self._answer(message["verb"], message["arguments"])
        except Refused as refusal:
            answer = {"error": refusal.message}
        except Exception as bug:
            log.exception("the question %s could not be answered", message.get("verb"))
            answer = {"error": f"{self.name} failed at it: {type(bug).__name__}."}
        reply = {"type": "node.answer", "id": message["id"], "answer": answer}
        await self._layer.send(message["reply"], reply)

    def _answered(self, message: Message) -> None:
        known = self._asked.get(message["id"])
        if known is not None and not known[1].done():
            known[1].set_result(message["answer"])

    # -- following ---------------------------------------------------------------------------------

    async def follow(self, node: str, session: str) -> None:
        """Have what happens in a session of another node told here, for some seconds from now."""
        question = {"type": "node.follow", "session": session, "reply": self._channel}
        await self._layer.group_send(_group(node), question)

    # -- the loop ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Hear what the other nodes tell and ask, until this is cancelled."""
        said = ""
        while not self._alone:
            try:
                await self._join()
                said = ""
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._rejoin())
                    group.create_task(self._keep_telling())
                    while True:
                        self._heard(await self._layer.receive(self._channel))
            except asyncio.CancelledError:
                raise
            except Exception as away:  # the layer's own library raises what it likes
                reason = str(away.exceptions[0] if isinstance(away, ExceptionGroup) else away)
                if said != reason:
                    said = reason
                    log.warning("the other nodes cannot be heard: %s", said)
                await asyncio.sleep(AWAY_PAUSE)

    async def _join(self) -> None:
        if not self._channel:
            self._channel = await self._layer.new_channel()
        if self._pages:
            await self._layer.group_add(REPORTS, self._channel)
        await self._layer.group_add(_group(self.name), self._channel)

    async def _rejoin(self) -> None:
        while True:
            await asyncio.sleep(REJOIN_SECONDS)
            await self._join()

    async def _keep_telling(self) -> None:
        while True:
            await self.tell()
            self.forget_late()
            await asyncio.sleep(KEEP_SECONDS)

    def _heard(self, message: Message) -> None:
        match message.get("type"):
            case "fleet.counts":
                self._heard_report(message)
            case "node.ask":
                self._hold(self._asked_by(message))
            case "node.answer":
                self._answered(message)
            case "node.follow" if self._relays is not None:
                self._relays.follow(message["session"], message["reply"])
            case "node.frames" if self._relays is not None:
                self._relays.heard(message["session"], message["frames"])

    def _hold(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._let_go)

    def _let_go(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # A full channel, or Redis away: what was said is said again, or is given up in time.
            log.info("a word to another node is lost: %s", task.exception())


def _group(node: str) -> str:
    return f"node.{node}"
