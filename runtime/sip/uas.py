"""The answering side (RFC 3261 8.2, 9.2, 12.2.2, 13.3, 14.2, 15.1.2): requests and our answers.

What is refused without asking anybody is refused without state (8.2.7): a flood of it costs no
memory, and a repeated request gets the same answer with the same tag.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from runtime.sip import build, headers, refresh, replaces
from runtime.sip.answers import Answers
from runtime.sip.checks import refusal
from runtime.sip.dialog import Dialog, from_invite
from runtime.sip.events import (
    AckReceived,
    AckTimedOut,
    CancelReceived,
    InviteReceived,
    OutOfDialogReceived,
)
from runtime.sip.hop import TLS, Hop
from runtime.sip.message import Malformed, Request
from runtime.sip.screen import Refusal
from runtime.sip.transaction import ServerTransaction
from runtime.sip.usage import Usage, UsageState
from runtime.sip.within import Within

if TYPE_CHECKING:
    from runtime.sip.agent import Agent

Pairs = list[tuple[str, str]]


class Uas(Answers):
    """Takes requests apart into those settled here, those of a dialog, and those that begin one."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._within = Within(agent, self)
        self.transactions: dict[tuple[str, ...], ServerTransaction] = {}
        self._merge: dict[tuple[str, str, int, str], ServerTransaction] = {}
        "Out-of-dialog requests by From tag, Call-ID and CSeq (RFC 3261 8.2.2.2)."
        self._judged: Request | None = None
        "What the guard has let in already, before it was looked at closely."
        self._secret = agent.settings.random_hex(16).encode()

    # Requests, in the order in which they are looked at.

    def receive_again(self, request: Request, now: float) -> bool:
        """Absorb a request whose transaction exists; False if it is a new one."""
        tx = self.transactions.get(request.key)
        if tx is None:
            return False
        self._agent.last_usage = tx.usage
        if request.method == "ACK":
            tx.receive_ack(request, now)
        else:
            self._agent.counters["repeated_in"] += 1
            tx.repeat_request(now)
        return True

    def receive(self, request: Request, hop: Hop, now: float) -> None:
        """Take a new request whose mandatory headers were checked."""
        if request.method == "ACK":
            self._ack(request, now)
            return
        if request.method == "CANCEL":
            self._cancel(request, hop, now)
            return
        settings = self._agent.settings
        methods = settings.out_of_dialog | settings.begins
        refused = refusal(request, methods, settings.extensions)
        if refused is not None:
            self.refuse(request, hop, *refused)
        elif request.to.tag:
            self._in_dialog(request, hop, now)
        else:
            self._out_of_dialog(request, hop, now)

    def gives_way(self, request: Request, hop: Hop, now: float) -> bool:
        """Refuse a new call under overload before its headers are typed; False if it may go on."""
        guard = self._agent.guard
        if guard is None or not guard.overloaded or request.method != "INVITE":
            return False
        if self._agent.settings.token in (request.get("To") or ""):
            return False  # A call that runs.
        if not all(map(request.get, ("From", "To", "Call-ID", "CSeq"))):
            return False  # It is malformed, and refused as such.
        try:
            fate = guard.judge(request, hop, now)
            if isinstance(fate, Refusal):
                self.refuse(request, hop, fate.code, fate.headers)
        except (KeyError, ValueError):
            return False  # It is malformed, and refused as such.
        if fate is None:
            self._judged = request
        return fate is not None

    def _judge(self, request: Request, hop: Hop, now: float) -> bool:
        """Whether the guard lets a request begin something; what it refuses is answered."""
        guard = self._agent.guard
        if guard is None or self._judged is request:
            self._judged = None
            return True
        fate = guard.judge(request, hop, now)
        if isinstance(fate, Refusal):
            self.refuse(request, hop, fate.code, fate.headers)
        return fate is None

    def _may_refuse(self, hop: Hop) -> bool:
        """Whether a refusal is sent: not to a flood, unless it is about a call that runs."""
        guard = self._agent.guard
        return guard is None or self._agent.last_usage is not None or guard.may_answer(hop)

    def refuse(self, request: Request, hop: Hop, code: int, extra: Pairs | None = None) -> None:
        """Answer without keeping anything."""
        self._agent.counters[f"refused_{code}"] += 1
        if code != 503 and not self._may_refuse(hop):
            return  # For 503 the guard has judged already.
        self._reply(request, hop, code, build.REASONS[code], extra or [])

    def refuse_malformed(self, fault: Malformed, hop: Hop) -> None:
        """Answer what could be read of a malformed request, if enough could."""
        self._agent.counters["malformed"] += 1
        if fault.partial is not None and self._may_refuse(hop):
            try:
                self._reply(fault.partial, hop, fault.code, fault.reason, [])
            except ValueError:
                self._agent.counters["unanswerable"] += 1

    def _reply(self, request: Request, hop: Hop, code: int, reason: str, extra: Pairs) -> None:
        tag = self._stateless_tag(request)
        extra = [*extra, ("Server", self._agent.settings.server_name)]
        data = build.response(request, code, reason, hop, tag=tag, headers=extra)
        self._agent.send(data, reply_hop(request, hop), self._agent.last_usage)

    def _stateless_tag(self, request: Request) -> str:
        """The same tag for the same request (RFC 3261 8.2.7), not to be guessed by others."""
        seed = f"{request.top_via_text}\n{request.get('Call-ID')}\n{request.get('CSeq')}"
        digest = hashlib.blake2s(seed.encode(errors="replace"), key=self._secret, digest_size=8)
        return self._agent.refusal_tag + digest.hexdigest()

    def _ack(self, request: Request, now: float) -> None:
        """An ACK to a 2xx is a transaction of its own and belongs to the dialog (17)."""
        found = self._find(request)
        if found is None:
            self._agent.counters["stray_ack"] += 1
            return
        usage, dialog = found
        self._agent.last_usage = usage
        tx = usage.unacknowledged.pop(request.cseq.number, None)
        if tx is not None:
            tx.acknowledge()
            reinvite = tx is not usage.initial
            self._agent.tell(usage, AckReceived(usage, request.sdp, reinvite))
            self._send_waiting_bye(usage, now)

    def _cancel(self, request: Request, hop: Hop, now: float) -> None:
        """RFC 3261 9.2: 200 if the INVITE is known; it is the user who ends the INVITE by 487."""
        tx = self.transactions.get(request.key_for("INVITE"))
        if tx is None:
            self.refuse(request, hop, 481)
            return
        self._agent.last_usage = tx.usage
        cancel = self.begin(request, hop, now)
        cancel.tag, cancel.usage = tx.tag, tx.usage
        self.settle_alone(cancel, 200, now)
        if tx.usage is not None and not tx.answered and not tx.cancelled:
            tx.cancelled = True
            self._agent.tell(tx.usage, CancelReceived(tx.usage, tx))

    def _in_dialog(self, request: Request, hop: Hop, now: float) -> None:
        found = self._find(request)
        if found is None:
            self._without_dialog(request, hop, now)
            return
        usage, dialog = found
        self._agent.last_usage = usage
        self._within.receive(usage, dialog, request, hop, now)

    def _without_dialog(self, request: Request, hop: Hop, now: float) -> None:
        """A NOTIFY may come before the answer to its SUBSCRIBE, and then makes the dialog."""
        usage = self._agent.subscriber.awaits(request) if request.method == "NOTIFY" else None
        refused = (
            (481, []) if usage is None else self._agent.arriving.inside(usage, request, hop, now)
        )
        if usage is None or refused is not None:
            self.refuse(request, hop, *(refused or (481, [])))
            return
        self._agent.last_usage = usage
        self._within.surface(usage, request, hop, now)

    def _out_of_dialog(self, request: Request, hop: Hop, now: float) -> None:
        cseq = request.cseq
        merge = (request.from_.tag, request.call_id, cseq.number, cseq.method)
        if merge in self._merge:
            self.refuse(request, hop, 482)
        elif not self._judge(request, hop, now):
            pass
        elif request.method == "OPTIONS":
            self.options(request, hop)
        elif request.method == "INVITE":
            if not self._screened_out(request, hop, now):
                self._invite(request, hop, now, merge)
        elif request.method in self._agent.settings.begins:
            if not self._screened_out(request, hop, now):
                begun = self._agent.arriving.receive(
                    request, hop, now, self._stateless_tag(request)
                )
                if isinstance(begun, ServerTransaction):
                    self._known_as(begun, merge)
                else:
                    self.refuse(request, hop, *begun)
        elif request.method in self._agent.settings.out_of_dialog:
            if self._screened_out(request, hop, now):
                return
            tx = self.begin(request, hop, now)
            tx.tag = self._stateless_tag(request)
            self._known_as(tx, merge)
            self._agent.happenings.append(OutOfDialogReceived(tx, request.method, request))
        elif request.method in ("BYE", "INFO", "UPDATE", "PRACK", "NOTIFY"):
            self.refuse(request, hop, 481)
        else:
            self.refuse(request, hop, 405, [("Allow", self._agent.allow)])

    def _known_as(self, tx: ServerTransaction, merge: tuple[str, str, int, str]) -> None:
        self._merge[merge] = tx
        tx.merge = merge

    def _screened_out(self, request: Request, hop: Hop, now: float) -> bool:
        refused = self._agent.settings.screen(request, hop, now)
        if refused is not None:
            self.refuse(request, hop, refused.code, refused.headers)
        return refused is not None

    def options(self, request: Request, hop: Hop) -> None:
        """RFC 3261 11.2: what an INVITE would get, and what we can do."""
        settings = self._agent.settings
        if not settings.ready():
            wait = [("Retry-After", str(settings.retry_after))] if settings.retry_after else []
            self.refuse(request, hop, 503, [*wait, *settings.load()])
            return
        headers = [
            ("Allow", self._agent.allow),
            ("Accept", build.ACCEPT),
            ("Accept-Encoding", "identity"),
            ("Accept-Language", "en"),
            ("Supported", self._agent.supported),
            *settings.load(),
        ]
        self._reply(request, hop, 200, "OK", headers)

    def _invite(
        self, request: Request, hop: Hop, now: float, merge: tuple[str, str, int, str]
    ) -> None:
        tag = self._agent.new_tag()
        try:
            dialog = from_invite(request, tag, hop)
            _ = request.from_.uri, request.to.uri
        except ValueError:
            self.refuse(request, hop, 400)
            return
        refused = refresh.refusal(request, self._agent.settings.min_se)
        if refused is not None:
            self.refuse(request, hop, *refused)
            return
        replaced = replaces.find(self._agent, request)
        if isinstance(replaced, int):
            self.refuse(request, hop, replaced)
            return
        tx = self.begin(request, hop, now)
        self._known_as(tx, merge)
        usage = self._agent.new_usage("UAS", hop)
        usage.call_id, usage.local_tag, usage.dialog = request.call_id, tag, dialog
        usage.local_uri, usage.remote_uri = request.to.uri_text, request.from_.uri_text
        usage.state = UsageState.EARLY
        usage.secure = request.uri.scheme == "sips" or dialog.secure
        usage.initial, usage.open = tx, [tx]
        tx.usage, tx.tag = usage, tag
        self._agent.keep(usage)
        self._agent.register(usage, dialog)
        self._agent.last_usage = usage
        self.trying(tx, now)
        if seconds := _lifetime(request):
            tx.expire_after(seconds, now)
        happening = InviteReceived(
            usage,
            tx,
            request,
            request.sdp,
            usage.remote_uri,
            usage.local_uri,
            request.uri_text,
            replaced,
        )
        self._agent.tell(usage, happening)

    def end_open(self, usage: Usage, now: float) -> None:
        """Give 487 to every request of the peer that nobody will answer any more."""
        while usage.open:  # An answer may settle the usage, which ends up here again.
            self.respond(usage.open[0], 487, now)

    def begin(
        self, request: Request, hop: Hop, now: float, *, waits: bool = True
    ) -> ServerTransaction:
        """Keep a transaction for a request that somebody will answer."""
        tx = ServerTransaction(self._agent, self, request, hop, reply_hop(request, hop))
        self.transactions[tx.key] = tx
        if waits:  # What is answered at once needs no timer for a late answer.
            tx.start(now)
        return tx

    # What transactions tell.

    def on_ack(self, tx: ServerTransaction, ack: Request, now: float) -> None:
        try:
            _ = ack.cseq, ack.to, ack.from_
        except (KeyError, ValueError):
            self._agent.counters["malformed"] += 1
            return
        self._ack(ack, now)

    def on_unacknowledged(self, tx: ServerTransaction, now: float) -> None:
        usage = tx.usage
        if usage is None or usage.unacknowledged.pop(tx.number, None) is None:
            return
        self._agent.tell(usage, AckTimedOut(usage, tx is not usage.initial))
        self._send_waiting_bye(usage, now)

    def on_late(self, tx: ServerTransaction, now: float) -> None:
        """RFC 4320 4.1: a request other than INVITE hears of us when it has waited long."""
        self.trying(tx, now)

    def on_expired(self, tx: ServerTransaction, now: float) -> None:
        """RFC 3261 13.3.1: an INVITE whose Expires has passed is as good as cancelled."""
        if tx.usage is not None and not tx.answered and not tx.cancelled:
            tx.cancelled = True
            self._agent.tell(tx.usage, CancelReceived(tx.usage, tx, expired=True))

    def on_server_end(self, tx: ServerTransaction) -> None:
        self.transactions.pop(tx.key, None)
        if tx.usage is not None:
            if tx in tx.usage.open:
                tx.usage.open.remove(tx)
            if tx.usage.initial is tx:
                tx.usage.initial = None  # A long call need not keep its INVITE.
            if tx.usage.progress is not None and tx.usage.progress.tx is tx:
                self._end_progress(tx.usage)
        if tx.merge is not None:
            self._merge.pop(tx.merge, None)

    def _end_progress(self, usage: Usage) -> None:
        """The INVITE is over: a PRACK that is still missing confirms nothing any more."""
        assert usage.progress is not None
        usage.progress.silence()
        usage.progress = None
        if usage.ended and not usage.bye_tx and not usage.own_invite:
            self._agent.forget(usage)

    def _send_waiting_bye(self, usage: Usage, now: float) -> None:
        if usage.bye_wanted is not None and usage.established and not usage.unacknowledged:
            self._agent.uac.bye(usage, usage.bye_wanted, now)

    def _find(self, request: Request) -> tuple[Usage, Dialog] | None:
        key = (request.call_id, request.to.tag, request.from_.tag)
        return self._agent.dialogs.get(key)


def _lifetime(request: Request) -> int | None:
    """How long an invitation means anything, seconds; None without a limit, or one to be read."""
    try:
        return headers.expires(request)
    except ValueError:
        return None


def reply_hop(request: Request, hop: Hop) -> Hop:
    """Where responses go: RFC 3261 18.2.2 and RFC 3581 4; connections answer on themselves.

    The address is always the one the request came from, never what a Via claims. A connection that
    is gone by then is opened again to the port that the Via names.
    """
    if isinstance(hop.remote, str):
        return hop
    via = request.via
    if not hop.reliable and "rport" in via.params:
        return hop
    port = via.port or (5061 if hop.transport == TLS else 5060)
    return Hop(hop.transport, (hop.remote[0], port), hop.local, hop.connection)
