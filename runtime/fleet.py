"""The other nodes of the installation, as seen from one process: their counts, and asking them.

Over the channel layer, and only between processes: each node tells at most four times a second how
many sessions it has by flow, version, role and state, and which rows fired since; each node hears
questions under its name and answers them (`runtime.asks`). What is lost on the way is harmless: a
report holds whole counts and comes again, a question that nobody answers ends in a refusal.

    fleet.counts()                        # Counter[Place] over this and all other nodes
    fleet.listeners.add(heard)            # heard(report) for each report of another node
    await fleet.ask("edge-2", "send", {"session": id, "event": "HangUp"})
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from designer.errors import Refused
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
RECOUNT_SECONDS = 2.0
"""How long the tally may differ from the node before it is counted anew."""
ASK_SECONDS = 5.0
"""How long a question to another node may take."""
REJOIN_SECONDS = 20.0
"""How often the groups are joined again: a Redis that started anew knows nobody."""
AWAY_PAUSE = 1.0
"""Seconds before the channel layer is asked again after it failed."""

Message = dict[str, Any]
Later = Callable[[float, Callable[[], None]], Any]


class Place(NamedTuple):
    """Where sessions are counted: one state of one version, in one role."""

    flow: str
    digest: str
    role: str
    state: str


class Row(NamedTuple):
    """One row of one version."""

    flow: str
    digest: str
    row: int


class Session(Protocol):
    """What is read of a session."""

    @property
    def id(self) -> str: ...
    @property
    def flow(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def state(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Report:
    """What a node said last."""

    node: str
    epoch: int
    heard: float
    """When, by the clock of this process."""
    counts: Counter[Place]
    fired: Counter[Row] = field(default_factory=Counter)
    """Since its report before."""
    unhandled: Counter[str] = field(default_factory=Counter)
    """By flow: events no row was there for, since its report before."""

    @property
    def flows(self) -> set[str]:
        """The flows this report has something to say of."""
        return {place.flow for place in self.counts} | {row.flow for row in self.fired}


class NodeUnreachable(Refused):
    """Another node did not answer."""


def node_of(session_id: str) -> str:
    """Return the name of the node in a session's id (NAME-EPOCH-NUMBER), empty if there is none."""
    parts = session_id.rsplit("-", 2)
    return parts[0] if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit() else ""


class Tally:
    """The living sessions of one node by place, kept step by step and never counted anew."""

    def __init__(self) -> None:
        self.counts: Counter[Place] = Counter()
        self.fired: Counter[Row] = Counter()
        self.unhandled: Counter[str] = Counter()
        self._places: dict[str, Place] = {}

    def __len__(self) -> int:
        return len(self._places)

    def stepped(self, session: Session, step: Step) -> None:
        """Take note of a step whose actions are done."""
        if step.row >= 0:
            self.fired[Row(session.flow, step.version, step.row)] += 1
        if step.kind == "unhandled":
            self.unhandled[session.flow] += 1
        self._put(session.id, None if step.ended else _place(session))

    def count(self, sessions: list[Session]) -> None:
        """Begin anew with the sessions that live; for those that ended without a step."""
        self._places = {session.id: _place(session) for session in sessions}
        self.counts = Counter(self._places.values())

    def take_events(self) -> tuple[Counter[Row], Counter[str]]:
        """Return what happened since it was last asked, and forget it."""
        fired, unhandled = self.fired, self.unhandled
        self.fired, self.unhandled = Counter(), Counter()
        return fired, unhandled

    def _put(self, session: str, place: Place | None) -> None:
        before = self._places.get(session)
        if before == place:
            return
        if before is not None:
            self.counts[before] -= 1
            if not self.counts[before]:
                del self.counts[before]
        if place is None:
            self._places.pop(session, None)
        else:
            self._places[session] = place
            self.counts[place] += 1


def _place(session: Session) -> Place:
    return Place(session.flow, session.digest, session.role, session.state)


class Fleet:
    """One process's side of the fleet."""

    def __init__(
        self,
        node: Any,
        layer: Any,
        answer: Callable[[str, Mapping[str, Any]], Awaitable[Message]],
        *,
        later: Later,
        clock: Callable[[], float],
        alone: bool = False,
    ) -> None:
        """`answer(verb, arguments)` does what is asked of this node; `clock` only has to go on.

        `alone`: nothing joins processes here, so nobody is told and nobody else can be asked.
        """
        self.node = node
        self.name: str = node.name
        self.tally = Tally()
        self.listeners: set[Callable[[Report], None]] = set()
        """Called on the loop for each report of another node."""
        self.reports: dict[str, Report] = {}
        """By name: what the other nodes said last."""
        self._layer = layer
        self._answer = answer
        self._later = later
        self._clock = clock
        self._alone = alone
        self._counted = clock()
        self._channel = ""
        self._due = False
        self._asked: dict[str, tuple[str, asyncio.Future[Message]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # -- counting ----------------------------------------------------------------------------------

    def stepped(self, session: Any, step: Step, done: DoneRecord | None) -> None:
        """Take note of a step of this node; a report goes out soon."""
        self.tally.stepped(session, step)
        if not self._due and not self._alone:
            self._due = True
            self._later(FLUSH_SECONDS, self._flush)

    def counts(self, flow: str | None = None) -> Counter[Place]:
        """Return the living sessions of all nodes by place, of one flow if one is named."""
        self._recount()
        total = Counter(self.tally.counts)
        for report in self.others():
            total.update(report.counts)
        if flow is None:
            return total
        return Counter({place: n for place, n in total.items() if place.flow == flow})

    def elsewhere(self, flow: str | None = None) -> Counter[Place]:
        """Return the same of the other nodes only."""
        found: Counter[Place] = Counter()
        for report in self.others():
            found.update({p: n for p, n in report.counts.items() if flow in (None, p.flow)})
        return found

    def by_flow(self) -> Counter[str]:
        """Return how many sessions each flow has on all nodes."""
        flows: Counter[str] = Counter()
        for place, count in self.counts().items():
            flows[place.flow] += count
        return flows

    def others(self) -> list[Report]:
        """Return the reports of the other nodes that were heard of lately."""
        late = self._clock() - FORGET_SECONDS
        for report in [each for each in self.reports.values() if each.heard < late]:
            del self.reports[report.node]
        return list(self.reports.values())

    def _flush(self) -> None:
        self._due = False
        self._hold(self.tell())

    async def tell(self) -> None:
        """Tell the other nodes the counts of this one, whole."""
        self._recount()
        fired, unhandled = self.tally.take_events()
        message = {
            "type": REPORTS,
            "node": self.name,
            "epoch": self.node.epoch,
            "counts": [[*place, count] for place, count in self.tally.counts.items()],
            "fired": [[*row, count] for row, count in fired.items()],
            "unhandled": dict(unhandled),
        }
        await self._layer.group_send(REPORTS, message)

    def _recount(self) -> None:
        """Put the tally right now and then: a session may end without a step that says so."""
        if len(self.tally) == self.node.session_count:
            return
        if self._clock() - self._counted >= RECOUNT_SECONDS:
            self._counted = self._clock()
            self.tally.count(self.node.sessions())

    def _heard_report(self, message: Message) -> None:
        if message["node"] == self.name:
            return
        report = Report(
            node=message["node"],
            epoch=message["epoch"],
            heard=self._clock(),
            counts=Counter({Place(*each[:4]): each[4] for each in message["counts"]}),
            fired=Counter({Row(*each[:3]): each[3] for each in message["fired"]}),
            unhandled=Counter(message["unhandled"]),
        )
        self.reports[report.node] = report
        for listener in list(self.listeners):
            try:
                listener(report)
            except Exception:
                log.exception("a listener of the fleet failed")

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

    # -- the loop ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Hear what the other nodes tell and ask, until this is cancelled."""
        said = ""
        while True:
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
        await self._layer.group_add(REPORTS, self._channel)
        await self._layer.group_add(_group(self.name), self._channel)

    async def _rejoin(self) -> None:
        while True:
            await asyncio.sleep(REJOIN_SECONDS)
            await self._join()

    async def _keep_telling(self) -> None:
        while True:
            await self.tell()
            await asyncio.sleep(KEEP_SECONDS)

    def _heard(self, message: Message) -> None:
        match message.get("type"):
            case "fleet.counts":
                self._heard_report(message)
            case "node.ask":
                self._hold(self._asked_by(message))
            case "node.answer":
                self._answered(message)

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
