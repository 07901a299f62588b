"""Our answers to requests of the peer (RFC 3261 8.2.6, 12.1.1, 13.3.1, 14.2).

What follows from each for its dialog and its session is done here too. A provisional answer may
have to be confirmed, and a 2xx to wait for that (RFC 3262 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.sip import build, refresh
from runtime.sip.reliable import Answer, Progress, withhold
from runtime.sip.transaction import ServerTransaction
from runtime.sip.usage import Usage, UsageState

if TYPE_CHECKING:
    from runtime.sip.agent import Agent

Pairs = list[tuple[str, str]]


class Answers:
    """Writes answers, and keeps dialog and session as they say."""

    _agent: Agent

    def answer(
        self, usage: Usage, tx: ServerTransaction, answer: Answer, reliable: bool, now: float
    ) -> None:
        """Send the user's answer, reliably or later where RFC 3262 wants it so."""
        if tx.method != "INVITE":
            self.give(tx, answer, now)
            return
        match withhold(self._agent, usage, tx, answer, reliable):
            case None:
                self.give(tx, answer, now)
            case Progress() as progress:
                headers = progress.next_headers() + answer.headers
                data = self.give(tx, answer._replace(headers=headers), now)
                if tx is not usage.initial:
                    self._refresh(tx)  # As good as the 2xx (RFC 6141 4.6).
                described = answer.content_type == build.ACCEPT
                tx.described = tx.described or described
                progress.sent(data, described=described, asked=reliable, now=now)

    def release(self, usage: Usage, progress: Progress, now: float) -> None:
        """Send what waited for a PRACK."""
        waiting = progress.held or progress.later
        progress.later = progress.held = None
        if waiting is not None and not progress.tx.answered:
            self.answer(usage, progress.tx, waiting, False, now)

    def respond(self, tx: ServerTransaction, code: int, now: float) -> None:
        """Send an answer that says no more than its code."""
        self.give(tx, Answer(code, build.REASONS[code], [], b"", ""), now)

    def settle_alone(self, tx: ServerTransaction, code: int, now: float) -> None:
        """Answer a request that the user was not asked about."""
        self._write(tx, Answer(code, build.REASONS[code], [], b"", ""), now)
        self._let_go(tx)

    def give(self, tx: ServerTransaction, answer: Answer, now: float) -> bytes:
        """Send an answer and do what follows from it for the dialog; returns what was sent."""
        usage, code = tx.usage, answer.code
        refreshes = tx.method in ("INVITE", "UPDATE") and code < 300
        headers = answer.headers
        if refreshes and usage is not None:
            headers = self._session_headers(usage, tx, code, now) + headers
        headers = headers + self._agent.arriving.headers(tx, code, headers, now)
        answer = Answer(code, answer.reason, headers, answer.body, answer.content_type)
        if usage is None:
            return self._write(tx, answer, now)
        if code >= 200:
            usage.open.remove(tx)
            if usage.progress is not None and usage.progress.tx is tx:
                usage.progress.drop()
        makes_dialog = refreshes or (code < 300 and tx.method in ("SUBSCRIBE", "REFER"))
        data = self._write(tx, answer, now, dialog=makes_dialog)
        if code < 200:
            return data
        if refreshes:
            self._accepted(usage, tx)
        elif tx is usage.initial and code >= 300:
            usage.state = UsageState.TERMINATED
        self._agent.arriving.answered(usage, tx, code, answer.headers, now)
        self._let_go(tx)
        self._agent.settle(usage, now)
        return data

    def _session_headers(self, usage: Usage, tx: ServerTransaction, code: int, now: float) -> Pairs:
        """What an answer that makes or refreshes a dialog says of us (12.1.1, 13.3.1.4)."""
        own = [("Contact", self._agent.contact(usage))]
        if code < 200:
            return own
        own.append(("Allow", self._agent.allow))
        if self._agent.supported:
            own.append(("Supported", self._agent.supported))
        if tx.method == "INVITE" or usage.established:
            own += refresh.answering(self._agent, usage, tx.request, now)
        return own

    def _accepted(self, usage: Usage, tx: ServerTransaction) -> None:
        assert usage.dialog is not None
        if tx.method == "INVITE":
            usage.unacknowledged[tx.number] = tx
        if tx is usage.initial:
            usage.dialog.confirmed = True
            usage.state = UsageState.CONFIRMED
        else:
            self._refresh(tx)

    def _refresh(self, tx: ServerTransaction) -> None:
        """RFC 3261 12.2.2: the peer may have moved; a fork of ours has several dialogs."""
        request = tx.request
        found = self._agent.dialogs.get((request.call_id, request.to.tag, request.from_.tag))
        if found is not None:
            found[1].refresh(request)

    def trying(self, tx: ServerTransaction, now: float) -> None:
        """Say 100 (RFC 3261 17.2.1): no tag, no more than the request."""
        data = build.response(tx.request, 100, "Trying", tx.source, tag="")
        tx.respond(100, data, now)

    def _write(
        self, tx: ServerTransaction, answer: Answer, now: float, *, dialog: bool = False
    ) -> bytes:
        data = build.response(
            tx.request,
            answer.code,
            answer.reason,
            tx.source,
            tag=tx.tag,
            headers=[*answer.headers, ("Server", self._agent.settings.server_name)],
            body=answer.body,
            content_type=answer.content_type,
            dialog=dialog,
        )
        tx.respond(answer.code, data, now)
        return data

    @staticmethod
    def _let_go(tx: ServerTransaction) -> None:
        """A call in progress lives long after its INVITE, and its BYE says nothing more."""
        if tx.method in ("INVITE", "BYE"):
            tx.let_go()
