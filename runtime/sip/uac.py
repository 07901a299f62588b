"""The calling side (RFC 3261 8.1, 9.1, 12.2.1, 13.2, 14.1, 15.1.1): own requests, their answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from runtime.sip import attempts, build, refresh, repeat
from runtime.sip.calling import Calling
from runtime.sip.dialog import Dialog
from runtime.sip.events import ResponseReceived, TransactionTimedOut, TransportFailed
from runtime.sip.hop import Hop
from runtime.sip.message import Response
from runtime.sip.transaction import ClientTransaction
from runtime.sip.usage import SDP, Usage, UsageState

if TYPE_CHECKING:
    from runtime.sip.agent import Agent
    from runtime.sip.auth import DigestClient

Pairs = list[tuple[str, str]]

FATAL: Final = frozenset((404, 408, 410, 416, 481, 482, 483, 484, 485, 502, 604))
"Answers to a request inside a dialog after which the far side has none (RFC 5057 5.1)."


class Uac:
    """Sends requests, matches their responses to dialogs, and tells what is worth telling."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.calling = Calling(agent, self)
        self.transactions: dict[tuple[str, str], ClientTransaction] = {}
        "By branch and CSeq method (RFC 3261 17.1.3)."

    # Acts; the usage has checked that they are possible.

    def invite(
        self,
        usage: Usage,
        headers: Pairs,
        sdp: bytes | None,
        now: float,
        content_type: str = SDP,
    ) -> None:
        usage.cseq += 1
        usage.state = UsageState.CALLING
        usage.refused, usage.to_prack = None, ()
        self._agent.keep(usage)
        outline = build.Outline(
            method="INVITE",
            uri=usage.target,
            via="",
            from_=usage.from_value,
            to=f"<{usage.remote_uri}>",  # It stays where the call is redirected (8.1.3.4).
            call_id=usage.call_id,
            cseq=usage.cseq,
            # A route given by the user: its ACK and CANCEL take it as well (17.1.1.3, 9.1).
            routes=tuple(value for name, value in headers if name.lower() == "route"),
            max_forwards=usage.max_forwards,
        )
        headers = [header for header in headers if header[0].lower() != "route"]
        usage.own_invite = self._send(
            usage,
            outline,
            usage.hop,
            now,
            self._offer_headers(usage, refresh.asking(usage)) + headers,
            sdp or b"",
            content_type,
        )

    def reinvite(self, usage: Usage, headers: Pairs, sdp: bytes | None, now: float) -> None:
        dialog = _dialog(usage)
        outline = self._outline(dialog, "INVITE")
        headers = self._offer_headers(usage, refresh.asking(usage)) + headers
        usage.own_invite = self._send(
            usage, outline, dialog.next_hop(), now, headers, sdp or b"", SDP, reinvite=True
        )

    def request(
        self,
        usage: Usage,
        method: str,
        headers: Pairs,
        body: bytes,
        content_type: str,
        now: float,
        *,
        dialog: Dialog | None = None,
    ) -> None:
        dialog = dialog or _dialog(usage)
        if method == "UPDATE":
            timer = refresh.asking(usage) if usage.established else []
            headers = [*self._offer_headers(usage, timer), *headers]
        elif method in ("REFER", "NOTIFY"):
            headers = [("Contact", self._agent.contact(usage)), *headers]
        outline = self._outline(dialog, method)
        tx = self._send(usage, outline, dialog.next_hop(), now, headers, body, content_type)
        if method == "UPDATE":
            usage.own_update = tx
        elif method == "REFER":
            self._agent.subscriber.referred(usage, tx)
        elif method == "NOTIFY":
            self._agent.notifier.sent(usage, tx, headers)

    def bye(self, usage: Usage, headers: Pairs, now: float) -> None:
        """The dialog is over once the BYE was handed to its transaction (RFC 3261 15.1.1)."""
        dialog = _dialog(usage)
        usage.state = UsageState.TERMINATED
        usage.bye_wanted = headers
        self.expect_the_end(usage, now)
        refresh.stop(usage)
        usage.bye_tx = self._send(
            usage, self._outline(dialog, "BYE"), dialog.next_hop(), now, headers
        )

    def prack(self, usage: Usage, headers: Pairs, sdp: bytes | None, now: float) -> None:
        """Confirm the oldest reliable provisional response, in its own early dialog."""
        wanted, *usage_later = usage.to_prack
        usage.to_prack = tuple(usage_later)
        headers = [("RAck", str(wanted.rack)), *headers]
        self.request(usage, "PRACK", headers, sdp or b"", SDP, now, dialog=wanted.dialog)

    def authorize(self, usage: Usage, response: Response, client: DigestClient) -> None:
        repeat.authorize(usage, response, client)

    def repeat(self, usage: Usage, method: str, headers: Pairs, now: float) -> None:
        repeat.repeat(self._agent, usage, method, headers, now)

    def end_silently(self, usage: Usage, dialog: Dialog, now: float) -> None:
        """End a dialog that nobody was told of."""
        bye = self._send(usage, self._outline(dialog, "BYE"), dialog.next_hop(), now)
        bye.silent = True

    def expect_the_end(self, usage: Usage, now: float) -> None:
        """After a BYE of either side an own re-INVITE gets its answer soon, or none at all."""
        if usage.own_invite is not None and usage.own_invite.reinvite:
            usage.own_invite.arm_end(now)

    def cancel(self, invite: ClientTransaction, headers: Pairs, now: float) -> None:
        invite.cancel_wanted = True
        invite.cancel_headers = headers
        self.calling.cancel_if_possible(invite, now)

    def begin_cancel(
        self, invite: ClientTransaction, outline: build.Outline, data: bytes, now: float
    ) -> None:
        """Send a CANCEL: a transaction of its own, over the way of its INVITE."""
        tx = ClientTransaction(
            self._agent,
            self,
            outline,
            data,
            branch=invite.branch,
            hop=invite.hop,
            usage=invite.usage,
        )
        tx.silent = True
        self.transactions[(tx.branch, "CANCEL")] = tx
        tx.begin(now)

    def acknowledge(
        self, usage: Usage, invite: ClientTransaction, sdp: bytes | None, now: float
    ) -> None:
        usage.to_ack = None
        self.calling.send_ack(usage, invite, _dialog(usage), sdp)
        if usage.bye_wanted is not None and usage.bye_tx is None and usage.established:
            self.bye(usage, usage.bye_wanted, now)

    def abandon(self, usage: Usage, now: float) -> None:
        """The user let go: cancel what rings, acknowledge what waits, end what is established."""
        invite = usage.own_invite
        if invite is not None and not invite.reinvite and not invite.cancel_wanted:
            self.cancel(invite, [], now)
        if usage.to_ack is not None and usage.dialog is not None:
            self.acknowledge(usage, usage.to_ack, None, now)
        if usage.established and usage.bye_wanted is None:
            if usage.unacknowledged:
                usage.bye_wanted = []
            else:
                self.bye(usage, [], now)

    # What comes in.

    def receive(self, response: Response, hop: Hop, now: float) -> bool:
        """Give a response to its transaction (RFC 3261 17.1.3); False if there is none."""
        tx = self.transactions.get((response.via.branch, response.cseq.method))
        if tx is None or response.call_id != tx.outline.call_id:
            return False
        if len(response.lines("Via")) > 1 or "," in response.lines("Via")[0]:
            return False  # RFC 3261 8.1.3.3: it was meant for somebody behind us.
        self._agent.last_usage = tx.usage
        if hop.connection and hop.connection != tx.hop.connection:
            self._follow(tx, hop)
        tx.receive(response, now)
        return True

    def _follow(self, tx: ClientTransaction, hop: Hop) -> None:
        """What comes next goes over the connection that the answer came on."""
        if hop.transport != tx.hop.transport:
            return
        tx.hop = replace(tx.hop, connection=hop.connection)
        if tx.usage is not None and tx is tx.usage.own_invite:
            self._agent.follow(tx.usage, tx.hop)

    def on_response(self, tx: ClientTransaction, response: Response, now: float) -> None:
        usage = tx.usage
        if usage is None or tx.silent:
            return
        if response.code == 503 and self._next_way(tx, now):
            return
        if tx.method == "INVITE":
            self.calling.on_response(usage, tx, response, now)
        elif response.code >= 200:
            repeat.note(usage, tx, response)
            if tx.method == "UPDATE":
                self._updated(usage, response, now)
            self._agent.outside.answered(usage, tx, response)
            self._agent.subscriber.answered(usage, tx, response, now)
            repeat.end_all_the_same(self._agent, usage, tx, response, now)
            self.finished(usage, tx, now)
            self.tell(usage, tx, response)
            self._agent.notifier.notified(usage, tx, response, now)

    def _updated(self, usage: Usage, response: Response, now: float) -> None:
        """A 2xx to UPDATE refreshes the target of its own dialog (RFC 3311 5.1)."""
        if response.code == 422:
            refresh.heard_refusal(usage, response)
        if response.code >= 300:
            return
        key = (response.call_id, response.from_.tag, response.to.tag)
        found = self._agent.dialogs.get(key)
        if found is not None:
            found[1].refresh(response)
        if usage.established:
            refresh.heard_answer(self._agent, usage, response, now)

    def _next_way(self, tx: ClientTransaction, now: float, *, late: bool = False) -> bool:
        others = tx.hop.others
        return bool(others) and attempts.next_way(self, self._agent, tx, now, late=late)

    def on_timeout(self, tx: ClientTransaction, now: float) -> None:
        self._lost(tx, TransactionTimedOut, now)

    def on_failure(self, tx: ClientTransaction, now: float) -> None:
        self._lost(tx, TransportFailed, now)

    def on_client_end(self, tx: ClientTransaction) -> None:
        self.transactions.pop((tx.branch, tx.method), None)

    def _lost(
        self,
        tx: ClientTransaction,
        happening: type[TransactionTimedOut] | type[TransportFailed],
        now: float,
    ) -> None:
        usage = tx.usage
        if usage is None or tx.silent or tx.final:
            return  # A failed ACK or an unanswered CANCEL changes nothing for the user.
        if self._next_way(tx, now, late=happening is TransactionTimedOut):
            return
        if usage.own_invite is tx and not tx.reinvite:
            self.calling.failed(usage)
        if not (tx.reinvite and usage.ended):
            self._agent.tell(usage, happening(usage, tx.method, tx.reinvite))
        self.finished(usage, tx, now)
        self._agent.subscriber.lost(usage, tx, now)
        self._agent.notifier.notified(usage, tx, None, now)

    def finished(self, usage: Usage, tx: ClientTransaction, now: float) -> None:
        tx.final = True
        if usage.own_invite is tx:
            usage.own_invite = None
        if usage.own_update is tx:
            usage.own_update = None
        if usage.bye_tx is tx:
            usage.bye_tx = None
        self._agent.outside.ended(usage, tx)
        self._agent.settle(usage, now)

    def tell(self, usage: Usage, tx: ClientTransaction, response: Response) -> None:
        code = response.code
        fatal = code >= 300 and code in FATAL and tx.outline.inside
        happening = ResponseReceived(
            usage, tx.method, code, response.reason, response.sdp, response, tx.reinvite, fatal
        )
        self._agent.tell(usage, happening)

    def _outline(self, dialog: Dialog, method: str) -> build.Outline:
        dialog.local_cseq += 1
        uri, routes = dialog.addressing()
        return build.Outline(
            method,
            uri,
            "",
            dialog.local,
            dialog.remote,
            dialog.call_id,
            dialog.local_cseq,
            routes,
            inside=True,
        )

    def _offer_headers(self, usage: Usage, timer: Pairs) -> Pairs:
        """What a request that may refresh the target says of us (RFC 3261 13.2.1, RFC 4028 7)."""
        headers = [("Contact", self._agent.contact(usage)), ("Allow", self._agent.allow)]
        tags = [*usage.supported, *self._agent.offers]
        if usage.session is not None or usage.refresh is not None:
            tags.append(refresh.TAG)
        if tags:
            headers.append(("Supported", ", ".join(tags)))
        return headers + timer

    def send(
        self,
        usage: Usage,
        outline: build.Outline,
        hop: Hop,
        now: float,
        headers: Pairs,
        body: bytes = b"",
        content_type: str = "",
    ) -> ClientTransaction:
        """Send a request that somebody else has made up; its answer is told like any other."""
        return self._send(usage, outline, hop, now, headers, body, content_type)

    def send_inside(
        self,
        usage: Usage,
        dialog: Dialog,
        method: str,
        headers: Pairs,
        body: bytes,
        content_type: str,
        now: float,
    ) -> ClientTransaction:
        """Send a request inside a dialog for a part of the stack that keeps its own state."""
        outline = self._outline(dialog, method)
        return self._send(usage, outline, dialog.next_hop(), now, headers, body, content_type)

    def new_branch(self) -> str:
        return self._agent.mark + self._agent.settings.random_hex(10)

    def _send(
        self,
        usage: Usage,
        outline: build.Outline,
        hop: Hop,
        now: float,
        headers: Pairs | None = None,
        body: bytes = b"",
        content_type: str = "",
        *,
        reinvite: bool = False,
    ) -> ClientTransaction:
        branch, hop = self.new_branch(), self._agent.complete(hop)
        outline.via = self._agent.via(hop, branch)
        if usage.credentials:
            outline.credentials = repeat.credentials(usage, outline.method, outline.uri, body)
        headers = [
            ("User-Agent", self._agent.settings.server_name),
            *outline.credentials,
            *(headers or []),
        ]
        data = build.request(outline, headers=headers, body=body, content_type=content_type)
        way = attempts.by_stream(self._agent, hop, len(data))
        if way is not hop:
            hop, outline.via = way, self._agent.via(way, branch)
            data = build.request(outline, headers=headers, body=body, content_type=content_type)
        tx = ClientTransaction(
            self._agent, self, outline, data, branch=branch, hop=hop, usage=usage, reinvite=reinvite
        )
        self.transactions[(branch, outline.method)] = tx
        tx.begin(now)
        return tx


def _dialog(usage: Usage) -> Dialog:
    assert usage.dialog is not None
    return usage.dialog
