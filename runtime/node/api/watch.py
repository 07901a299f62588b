"""What is known of one call while it lives: where it stands, and who waits for what."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from typing import Any

from runtime.executor.step import Step
from runtime.node.api.data import Refused
from runtime.node.api.feed import ENDED, STATE_CHANGED, CallEvent, Feed
from runtime.node.api.history import Entry
from runtime.node.journal import DoneRecord
from runtime.node.session import Session


class CallOver(Refused):
    """The call has ended; `outcome` says how, `code` is the SIP code behind it (0: none)."""

    def __init__(self, outcome: str, code: int = 0) -> None:
        super().__init__(f"the call is over: {outcome}" + (f" ({code})" if code else ""))
        self.outcome = outcome
        self.code = code


class NotDone(Refused):
    """What was asked for did not come about; the call goes on as before."""


class Asked:
    """One act that waits for its effect: its step where `reached` is empty, else one of these.

    "CallOnHold" is a fact that is published, "in Consulted" a state that is entered.
    """

    def __init__(self, event: str, reached: Collection[str], state: str) -> None:
        self.event = event
        self.reached = reached
        self.before = state
        self.began = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def stepped(self, step: Step, failed: str, facts: Collection[str]) -> None:
        """Look whether a step settles it."""
        if self.done.done():
            return
        own = not self.began and step.event == self.event
        self.began = self.began or own
        if not self.began:
            return
        if own and step.kind in ("ignored", "unhandled"):
            self._refuse(f"the call is in {step.from_state}, which takes no {self.event} now")
        elif own and failed:
            self._refuse(failed)
        elif any(fact in self.reached for fact in (*facts, f"in {step.to_state}")) or (
            own and not self.reached
        ):
            self.done.set_result(None)
        elif step.to_state == self.before and (own or step.from_state != self.before):
            self._refuse(f"{self.event} led back to {self.before} ({step.event})")

    def _refuse(self, reason: str) -> None:
        self.done.set_exception(NotDone(reason))


class Watch:
    """One session of the coordinator, fed with its steps."""

    def __init__(self, session: Session, history: int, feed_limit: int) -> None:
        self.id = session.id
        self.role = session.role
        self.caller = session.caller
        self.callee = session.callee
        self.started = session.started
        self.state = session.state
        self.established = False
        self.outcome = ""
        self.code = 0
        """The last SIP code that the far side or the table gave."""
        self.facts: set[str] = set()
        """All facts published so far."""
        self.linked = ""
        """The session that this one started last."""
        self.history: deque[Entry] = deque(maxlen=history)
        self.feeds: list[Feed] = []
        self._asked: list[Asked] = []
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._feed_limit = feed_limit

    @property
    def ended(self) -> bool:
        return bool(self.outcome)

    @property
    def remote(self) -> str:
        """Address of the far side."""
        return self.callee if self.role == "UAC" else self.caller

    def over(self) -> CallOver:
        return CallOver(self.outcome, self.code)

    def feed(self) -> Feed:
        """Return the events from now on; of a call that is over, its end alone."""
        feed = Feed(self._feed_limit)
        if self.ended:
            feed.put(self._end)
            feed.close()
        else:
            self.feeds.append(feed)
        return feed

    # -- steps -------------------------------------------------------------------------------------

    def stepped(self, step: Step, done: DoneRecord | None) -> list[CallEvent]:
        """Take a step whose actions are done; return what it says to listeners."""
        failed = _failure(done)
        facts = () if failed else step.published
        self.state = step.to_state
        self.facts.update(facts)
        self.established = self.established or "CallEstablished" in facts
        code = step.fields.get("code")
        self.code = code if isinstance(code, int) else self.code
        if step.event.startswith("Linked"):
            self.linked = step.fields.get("session") or self.linked
        self.history.append(Entry.of(step, done))
        events = [self._event(fact, step) for fact in facts]
        if step.from_state != step.to_state:
            events.append(self._event(STATE_CHANGED, step))
        if step.ended:
            self.outcome = step.outcome or "completed"
            events.append(self._event(ENDED, step, self.outcome))
        for event in events:
            for feed in self.feeds:
                feed.put(event)
        self._settle(step, failed, facts)
        if step.ended:
            self._end = events[-1]
            for feed in self.feeds:
                feed.close()
        return events

    def _event(self, name: str, step: Step, outcome: str = "") -> CallEvent:
        return CallEvent(
            self.id,
            name,
            step.to_state,
            step.sequence,
            step.time,
            step.event,
            dict(step.fields),
            outcome,
        )

    def _settle(self, step: Step, failed: str, facts: Collection[str]) -> None:
        for asked in self._asked:
            asked.stepped(step, failed, facts)
            if step.ended and not asked.done.done():
                asked.done.set_exception(self.over())
        self._asked = [asked for asked in self._asked if not asked.done.done()]
        for condition, future in self._waiting:
            if not future.done() and condition():
                future.set_result(None)
        self._waiting = [(c, future) for c, future in self._waiting if not future.done()]

    # -- waiting -----------------------------------------------------------------------------------

    async def ask(
        self, event: str, reached: Collection[str], post: Callable[[], None], timeout: float
    ) -> None:
        """Post an event and wait for its effect.

        Raises NotDone, CallOver, or TimeoutError; with the last the call may still do it.
        """
        asked = Asked(event, reached, self.state)
        self._asked.append(asked)
        try:
            post()
            async with asyncio.timeout(timeout):
                await asked.done
        finally:
            asked.done.cancel()
            self._asked = [each for each in self._asked if each is not asked]

    async def until(self, condition: Callable[[], bool], timeout: float | None) -> None:
        """Return once `condition` holds; it is asked after each step. TimeoutError."""
        if condition():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((condition, future))
        async with asyncio.timeout(timeout):
            await future


def _failure(done: DoneRecord | None) -> str:
    """Why an action of the step failed; empty if none did."""
    if done is None:
        return ""
    return next((result.error or "failed" for result in done.results if not result.ok), "")


def plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Return event fields without those that are not set."""
    return {name: value for name, value in fields.items() if value not in (None, "")}
