"""The calling side (RFC 3261 8.1, 9.1, 12.2.1, 13.2, 14.1, 15.1.1): own requests, their answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runtime.sip import build
from runtime.sip.dialog import Dialog, from_response
from runtime.sip.events import ResponseReceived, TransactionTimedOut, TransportFailed
from runtime.sip.hop import Hop
from runtime.sip.message import MAGIC_COOKIE, Response
from runtime.sip.transaction import ClientTransaction
from runtime.sip.usage import SDP, Usage, UsageState

if TYPE_CHECKING:
    from runtime.sip.agent import Agent

Pairs = list[tuple[str, str]]


class Uac:
    """Sends requests, matches their responses to dialogs, and tells what is worth telling."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.transactions: dict[tuple[str, str], ClientTransaction] = {}
        "By branch and CSeq method (RFC 3261 17.1.3)."

    # Acts; the usage has checked that they are possible.

    def invite(self, usage: Usage, headers: Pairs, sdp: bytes | None, now: float) -> None:
        usage.cseq += 1
        usage.state = UsageState.CALLING
        usage.early.clear()
        self._agent.keep(usage)
        outline = build.Outline(
            method="INVITE",
            uri=usage.target,
            via="",
            from_=usage.from_value,
            to=f"<{usage.target}>",
            call_id=usage.call_id,
            cseq=usage.cseq,
        )
        usage.own_invite = self._send(
            usage, outline, usage.hop, now, self._offer_headers(usage) + headers, sdp or b"", SDP
        )

    def reinvite(self, usage: Usage, headers: Pairs, sdp: bytes | None, now: float) -> None:
        dialog = _dialog(usage)
        outline = self._outline(dialog, "INVITE")
        headers = self._offer_headers(usage) + headers
        usage.own_invite = self._send(
            usage, outline, dialog.next_hop(), now, headers, sdp or b"", SDP, reinvite=True
        )

    def request(
        self, usage: Usage, method: str, headers: Pairs, body: bytes, content_type: str, now: float
    ) -> None:
        dialog = _dialog(usage)
        if method in ("UPDATE", "REFER", "NOTIFY"):
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
        usage.bye_tx = self._send(
            usage, self._outline(dialog, "BYE"), dialog.next_hop(), now, headers
        )

    def cancel(self, invite: ClientTransaction, headers: Pairs, now: float) -> None:
        invite.cancel_wanted = True
        invite.cancel_headers = headers
        self._cancel_if_possible(invite, now)

    def acknowledge(
        self, usage: Usage, invite: ClientTransaction, sdp: bytes | None, now: float
    ) -> None:
        usage.to_ack = None
        self._acknowledge(usage, invite, _dialog(usage), sdp)
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

    def transport_failed(self, hop: Hop, now: float) -> None:
        """Fail all that waits for an answer over a hop to which nothing can be sent."""
        for tx in tuple(self.transactions.values()):
            if tx.hop == hop and tx.pending:
                tx.fail(now)

    def connection_lost(self, lost: Hop | str, now: float) -> None:
        """Fail what waits for an answer over a connection: a stream, or a WebSocket by its id.

        What had a provisional answer over a stream waits on: its peer connects to us for the final
        one (RFC 3261 18.2.2).
        """
        for tx in tuple(self.transactions.values()):
            if isinstance(lost, str):
                if tx.hop.remote == lost and tx.pending:
                    tx.fail(now)
            elif tx.pending and not tx.proceeding and _uses(tx.hop, lost):
                tx.fail(now)

    def on_response(self, tx: ClientTransaction, response: Response, now: float) -> None:
        usage = tx.usage
        if usage is None or tx.silent:
            return
        if tx.method == "INVITE":
            self._on_invite_response(usage, tx, response, now)
        elif response.code >= 200:
            if tx.method == "UPDATE" and response.code < 300 and usage.dialog is not None:
                usage.dialog.refresh(response)
            self._agent.outside.answered(usage, tx, response)
            self._agent.subscriber.answered(usage, tx, response, now)
            self._finished(usage, tx, now)
            self._tell(usage, tx, response)
            self._agent.notifier.notified(usage, tx, response, now)

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
        if usage.own_invite is tx and not tx.reinvite:
            self._failed(usage)
        self._agent.tell(usage, happening(usage, tx.method, tx.reinvite))
        self._finished(usage, tx, now)
        self._agent.subscriber.lost(usage, tx, now)
        self._agent.notifier.notified(usage, tx, None, now)

    def _on_invite_response(
        self, usage: Usage, tx: ClientTransaction, response: Response, now: float
    ) -> None:
        code = response.code
        if code < 200:
            self._cancel_if_possible(tx, now)
            if code > 100:
                if not tx.reinvite:
                    self._early(usage, tx, response)
                self._tell(usage, tx, response)
        elif code < 300:
            self._accepted(usage, tx, response, now)
        else:
            if not tx.reinvite:
                self._failed(usage)
            self._tell(usage, tx, response)
            self._finished(usage, tx, now)

    def _failed(self, usage: Usage) -> None:
        """RFC 3261 12.3: a final response other than 2xx ends all early dialogs of the INVITE."""
        usage.state = UsageState.TERMINATED
        self._agent.forget_early(usage)
        usage.dialog = None

    def _early(self, usage: Usage, tx: ClientTransaction, response: Response) -> None:
        tag = response.to.tag
        if tag and tag not in usage.early:
            usage.early[tag] = from_response(response, tx.outline.uri, tx.hop)
            self._agent.register(usage, usage.early[tag])
        if tag:
            usage.dialog = usage.early[tag]
            usage.dialog.refresh(response)
            usage.state = UsageState.EARLY

    def _accepted(
        self, usage: Usage, tx: ClientTransaction, response: Response, now: float
    ) -> None:
        tag = response.to.tag
        if tag in tx.accepted:
            # RFC 3261 13.2.2.4: the same ACK for every repeat of the 2xx.
            if tag in tx.acks:
                ack, hop = tx.acks[tag]
                self._agent.send(ack, hop, usage, again=True)
            return
        first = not tx.accepted
        tx.accepted.add(tag)
        tx.final = True
        if tx.reinvite:
            self._reaccepted(usage, tx, response, now)
        elif first and not usage.closed:
            self._establish(usage, tx, response)
            usage.to_ack = tx
            self._tell(usage, tx, response)
        elif first:
            self._establish(usage, tx, response)
            usage.to_ack = tx
            self.abandon(usage, now)
        else:
            self._end_fork(usage, tx, response, now)

    def _establish(self, usage: Usage, tx: ClientTransaction, response: Response) -> None:
        """RFC 3261 13.2.2.4: the dialog is confirmed, its route set taken anew from the 2xx."""
        dialog = from_response(response, tx.outline.uri, tx.hop)
        early = usage.early.get(dialog.remote_tag)
        if early is not None:
            dialog.local_cseq = early.local_cseq
            dialog.remote_cseq = early.remote_cseq
        dialog.confirmed = True
        self._agent.forget_early(usage)
        self._agent.register(usage, dialog)
        usage.dialog = dialog
        usage.state = UsageState.CONFIRMED
        usage.own_invite = None

    def _reaccepted(
        self, usage: Usage, tx: ClientTransaction, response: Response, now: float
    ) -> None:
        _dialog(usage).refresh(response)
        usage.to_ack = tx
        self._finished(usage, tx, now)
        if usage.closed or not usage.established:
            self.acknowledge(usage, tx, None, now)
        self._tell(usage, tx, response)

    def _end_fork(
        self, usage: Usage, tx: ClientTransaction, response: Response, now: float
    ) -> None:
        """A second branch answered: one call is enough, so it is acknowledged and ended."""
        dialog = from_response(response, tx.outline.uri, tx.hop)
        self._acknowledge(usage, tx, dialog, None)
        bye = self._send(usage, self._outline(dialog, "BYE"), dialog.next_hop(), now)
        bye.silent = True

    def _acknowledge(
        self, usage: Usage, tx: ClientTransaction, dialog: Dialog, sdp: bytes | None
    ) -> None:
        """RFC 3261 13.2.2.4: an ACK with a branch of its own, sent like a request in the dialog."""
        uri, routes = dialog.addressing()
        hop = self._agent.complete(dialog.next_hop())
        outline = build.Outline(
            method="ACK",
            uri=uri,
            via=self._agent.via(hop, self._new_branch()),
            from_=dialog.local,
            to=dialog.remote,
            call_id=dialog.call_id,
            cseq=tx.outline.cseq,
            routes=routes,
        )
        ack = build.request(outline, body=sdp or b"", content_type=SDP)
        tx.acks[dialog.remote_tag] = (ack, hop)
        self._agent.send(ack, hop, usage)

    def _cancel_if_possible(self, invite: ClientTransaction, now: float) -> None:
        """RFC 3261 9.1: no CANCEL before a provisional response, and only one."""
        if not invite.cancel_wanted or invite.cancelled or not invite.proceeding:
            return
        invite.arm_cancelled(now)
        outline = build.Outline(
            method="CANCEL",
            uri=invite.outline.uri,
            via=invite.outline.via,
            from_=invite.outline.from_,
            to=invite.outline.to,
            call_id=invite.outline.call_id,
            cseq=invite.outline.cseq,
            routes=invite.outline.routes,
        )
        usage = invite.usage
        data = build.request(outline, headers=invite.cancel_headers)
        tx = ClientTransaction(
            self._agent, self, outline, data, branch=invite.branch, hop=invite.hop, usage=usage
        )
        tx.silent = True
        self.transactions[(tx.branch, "CANCEL")] = tx
        tx.begin(now)

    def _finished(self, usage: Usage, tx: ClientTransaction, now: float) -> None:
        tx.final = True
        if usage.own_invite is tx:
            usage.own_invite = None
        if usage.own_update is tx:
            usage.own_update = None
        if usage.bye_tx is tx:
            usage.bye_tx = None
        self._agent.outside.ended(usage, tx)
        self._agent.settle(usage, now)

    def _tell(self, usage: Usage, tx: ClientTransaction, response: Response) -> None:
        happening = ResponseReceived(
            usage, tx.method, response.code, response.reason, response.sdp, response, tx.reinvite
        )
        self._agent.tell(usage, happening)

    def _outline(self, dialog: Dialog, method: str) -> build.Outline:
        dialog.local_cseq += 1
        uri, routes = dialog.addressing()
        return build.Outline(
            method, uri, "", dialog.local, dialog.remote, dialog.call_id, dialog.local_cseq, routes
        )

    def _offer_headers(self, usage: Usage) -> Pairs:
        return [("Contact", self._agent.contact(usage)), ("Allow", self._agent.allow)]

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

    def _new_branch(self) -> str:
        return MAGIC_COOKIE + self._agent.settings.random_hex(10)

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
        branch, hop = self._new_branch(), self._agent.complete(hop)
        outline.via = self._agent.via(hop, branch)
        agent_header = [("User-Agent", self._agent.settings.server_name)]
        data = build.request(
            outline, headers=agent_header + (headers or []), body=body, content_type=content_type
        )
        tx = ClientTransaction(
            self._agent, self, outline, data, branch=branch, hop=hop, usage=usage, reinvite=reinvite
        )
        self.transactions[(branch, outline.method)] = tx
        tx.begin(now)
        return tx


def _dialog(usage: Usage) -> Dialog:
    assert usage.dialog is not None
    return usage.dialog


def _uses(hop: Hop, connection: Hop) -> bool:
    """Whether what was sent to a hop went over a connection that is now closed."""
    if hop.connection:
        return hop.connection == connection.connection
    return (hop.transport, hop.remote) == (connection.transport, connection.remote)
