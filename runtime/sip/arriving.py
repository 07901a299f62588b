"""Requests other than INVITE that begin a usage: MESSAGE, SUBSCRIBE, PUBLISH, REFER.

Which of them are taken at all is a setting; whoever screens requests has been asked already. Each
is told as `OutsideReceived` and waits for `usage.respond(transaction, ...)`.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from runtime.sip.dialog import Dialog, from_invite
from runtime.sip.events import OutsideReceived
from runtime.sip.hop import Hop
from runtime.sip.message import Request
from runtime.sip.notice import DEFAULT_EXPIRES, expires_of
from runtime.sip.transaction import ServerTransaction
from runtime.sip.usage import Usage, UsageState

if TYPE_CHECKING:
    from runtime.sip.agent import Agent

Pairs = list[tuple[str, str]]

_WITH_DIALOG: Final = ("SUBSCRIBE", "REFER")
_OF_EVENTS: Final = ("SUBSCRIBE", "PUBLISH")
_OF_CALLS: Final = ("BYE", "INVITE", "UPDATE", "INFO", "REFER")
MAX_PUBLICATIONS: Final = 10_000
"Entity tags that are remembered; the oldest goes when there are more."


class Arriving:
    """Begins usages, and keeps the entity tags of what peers have published."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._tags: OrderedDict[str, tuple[str, str, float]] = OrderedDict()
        "Request-URI, event and end of the time, by entity tag (RFC 3903 4.4)."

    def receive(
        self, request: Request, hop: Hop, now: float, tag: str
    ) -> ServerTransaction | tuple[int, Pairs]:
        """Begin a usage with this request; its transaction, or why it is refused."""
        refused = self._refusal(request, now)
        if refused is not None:
            return refused
        dialog: Dialog | None = None
        try:
            _ = request.from_.uri, request.to.uri
            if request.method in _WITH_DIALOG:
                tag = self._agent.new_tag()
                dialog = from_invite(request, tag, hop)
        except ValueError:
            return 400, []
        tx = self._agent.uas.begin(request, hop, now)
        tx.tag = tag
        usage = self._usage(request, hop, tx, dialog)
        self._agent.last_usage = usage
        self._agent.tell(usage, OutsideReceived(usage, tx, request.method, request))
        return tx

    def _refusal(self, request: Request, now: float) -> tuple[int, Pairs] | None:
        if request.method == "REFER":
            # RFC 3515 2.4.2: one Refer-To, no less and no more.
            return None if len(request.get_all("Refer-To")) == 1 else (400, [])
        if request.method not in _OF_EVENTS:
            return None
        refused = self._agent.notifier.refusal(request)
        if refused is None and request.method == "PUBLISH":
            return self._unmatched(request, now)
        return refused

    def _unmatched(self, request: Request, now: float) -> tuple[int, Pairs] | None:
        """RFC 3903 6: the entity tag must be known, and without one there must be a body."""
        etag = request.get("SIP-If-Match")
        if etag is None:
            return None if request.body else (400, [])
        uri, event, until = self._tags.get(etag, ("", "", 0.0))
        same = (uri, event) == (request.uri_text, request.get("Event"))
        return None if same and until > now else (412, [])

    def _usage(
        self, request: Request, hop: Hop, tx: ServerTransaction, dialog: Dialog | None
    ) -> Usage:
        usage = self._agent.new_usage("UAS", hop)
        usage.call_id, usage.local_tag, usage.dialog = request.call_id, tx.tag, dialog
        usage.local_uri, usage.remote_uri = request.to.uri_text, request.from_.uri_text
        usage.open = [tx]
        tx.usage = usage
        self._agent.keep(usage)
        if dialog is not None:
            self._agent.register(usage, dialog)
        if request.method == "SUBSCRIBE":
            self._agent.notifier.begin(usage, request)
        return usage

    def inside(
        self, usage: Usage, request: Request, hop: Hop, now: float
    ) -> tuple[int, Pairs] | None:
        """Take over a request in a dialog; why it is refused, None if the user is to be asked.

        RFC 5057: each usage of a dialog has its own life. What belongs to a call gets 481 where
        only subscriptions are left of the dialog, or where it never was a call.
        """
        if request.method == "NOTIFY":
            code = self._agent.subscriber.notified(usage, request, hop, now)
            return None if code is None else (code, self._explained(code))
        if request.method == "SUBSCRIBE":
            return self._agent.notifier.refreshed(usage, request)
        over = usage.state is UsageState.TERMINATED and not usage.bye_tx and usage.subscriptions
        if (over or usage.state is UsageState.NEW) and request.method in _OF_CALLS:
            return 481, []
        return None

    def _explained(self, code: int) -> Pairs:
        return self._agent.notifier.allow_events() if code == 489 else []

    def headers(self, tx: ServerTransaction, code: int, headers: Pairs, now: float) -> Pairs:
        """What our answer says beside the user's own headers."""
        if tx.method == "PUBLISH" and code < 300:
            return self._published(tx.request, headers, now)
        return self._agent.notifier.headers(tx, code, headers)

    def _published(self, request: Request, headers: Pairs, now: float) -> Pairs:
        """RFC 3903 6: a PUBLISH that is taken gets a new entity tag and the time it is kept."""
        given = {name.lower(): value for name, value in headers}
        own: Pairs = []
        asked = expires_of(request)
        seconds = given.get("expires") or str(DEFAULT_EXPIRES if asked is None else asked)
        if "expires" not in given:
            own.append(("Expires", seconds))
        etag = given.get("sip-etag") or self._agent.settings.random_hex(8)
        if "sip-etag" not in given:
            own.append(("SIP-ETag", etag))
        self._tags.pop(request.get("SIP-If-Match") or "", None)
        until = now + (int(seconds) if seconds.isascii() and seconds.isdigit() else 0)
        if until > now:
            self._tags[etag] = (request.uri_text, request.get("Event") or "", until)
            if len(self._tags) > MAX_PUBLICATIONS:
                self._tags.popitem(last=False)
        return own

    def answered(
        self, usage: Usage, tx: ServerTransaction, code: int, headers: Pairs, now: float
    ) -> None:
        """A request was answered; what began a usage is over with it unless it made a dialog."""
        self._agent.notifier.answered(usage, tx, code, headers, now)
        begun = usage.role == "UAS" and usage.state is UsageState.NEW and not tx.request.to.tag
        if begun and (code >= 300 or not usage.subscriptions):
            usage.state = UsageState.TERMINATED
