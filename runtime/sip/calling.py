"""What becomes of an own INVITE (RFC 3261 9.1, 13.2.2, 14.1): early dialogs, forks, ACK, CANCEL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.sip import build, refresh, reliable, repeat
from runtime.sip.dialog import Dialog, from_response
from runtime.sip.events import ReliableProvisional
from runtime.sip.message import Response
from runtime.sip.transaction import ClientTransaction
from runtime.sip.usage import SDP, Usage, UsageState

if TYPE_CHECKING:
    from runtime.sip.agent import Agent
    from runtime.sip.uac import Uac

Pairs = list[tuple[str, str]]


class Calling:
    """Takes the responses to own INVITEs and keeps the dialogs that they make."""

    def __init__(self, agent: Agent, uac: Uac) -> None:
        self._agent = agent
        self._uac = uac

    def on_response(
        self, usage: Usage, tx: ClientTransaction, response: Response, now: float
    ) -> None:
        """Take a response that the INVITE transaction passed on."""
        if response.code < 200:
            self._provisional(usage, tx, response, now)
        elif response.code < 300:
            self._accepted(usage, tx, response, now)
        else:
            self._refused(usage, tx, response, now)

    def _provisional(
        self, usage: Usage, tx: ClientTransaction, response: Response, now: float
    ) -> None:
        self.cancel_if_possible(tx, now)
        if response.code == 100:
            return
        if not tx.reinvite:
            self._early(usage, tx, response)
        taken = reliable.take(usage, tx, response)
        if taken is None:
            self._uac.tell(usage, tx, response)
        elif taken is not True:
            # A reliable one is as good as the 2xx for the target of what follows (RFC 3262 5).
            taken.dialog.refresh(response)
            usage.to_prack = (*usage.to_prack, taken)
            happening = ReliableProvisional(
                usage, response.code, response.reason, response.sdp, response, tx.reinvite
            )
            self._agent.tell(usage, happening)

    def _early(self, usage: Usage, tx: ClientTransaction, response: Response) -> None:
        """RFC 3261 12.1.2: a tag begins an early dialog; without one there is none yet."""
        tag = response.to.tag
        if not tag:
            return
        if tag not in usage.early:
            usage.early = {**usage.early, tag: from_response(response, tx.outline.uri, tx.hop)}
            self._agent.register(usage, usage.early[tag])
        usage.dialog = usage.early[tag]
        usage.state = UsageState.EARLY

    def _refused(self, usage: Usage, tx: ClientTransaction, response: Response, now: float) -> None:
        repeat.note(usage, tx, response)
        if response.code == 422:
            refresh.heard_refusal(usage, response)
        if not tx.reinvite:
            self.failed(usage)
        usage.to_prack = ()
        self._uac.tell(usage, tx, response)
        self._uac.finished(usage, tx, now)

    def failed(self, usage: Usage) -> None:
        """RFC 3261 12.3: a final response other than 2xx ends all early dialogs of the INVITE."""
        usage.state = UsageState.TERMINATED
        self._agent.forget_early(usage)
        usage.dialog = None

    # A 2xx.

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
        tx.accepted = (*tx.accepted, tag)
        tx.final = True
        if tx.reinvite:
            self._reaccepted(usage, tx, response, now)
        elif first and not usage.closed:
            self._establish(usage, tx, response, now)
            self._uac.tell(usage, tx, response)
        elif first:
            self._establish(usage, tx, response, now)
            self._uac.abandon(usage, now)
        else:
            self._end_fork(usage, tx, response, now)

    def _establish(
        self, usage: Usage, tx: ClientTransaction, response: Response, now: float
    ) -> None:
        """RFC 3261 13.2.2.4: the dialog is confirmed, its route set taken anew from the 2xx."""
        dialog = from_response(response, tx.outline.uri, tx.hop)
        early = usage.early.get(dialog.remote_tag)
        if early is not None:
            dialog.local_cseq = early.local_cseq
            dialog.remote_cseq = early.remote_cseq
            if not response.lines("Contact"):
                dialog.remote_target = early.remote_target
        dialog.confirmed = True
        self._agent.forget_early(usage)
        self._agent.register(usage, dialog)
        usage.dialog = dialog
        usage.state = UsageState.CONFIRMED
        usage.own_invite = None
        usage.to_ack = tx
        usage.to_prack = tuple(
            wanted._replace(dialog=dialog)
            for wanted in usage.to_prack
            if wanted.dialog.remote_tag == dialog.remote_tag
        )
        refresh.heard_answer(self._agent, usage, response, now)

    def _reaccepted(
        self, usage: Usage, tx: ClientTransaction, response: Response, now: float
    ) -> None:
        if usage.dialog is None:
            return
        usage.dialog.refresh(response)
        usage.to_ack = tx
        refresh.heard_answer(self._agent, usage, response, now)
        self._uac.finished(usage, tx, now)
        if usage.closed or not usage.established:
            self._uac.acknowledge(usage, tx, None, now)
        self._uac.tell(usage, tx, response)

    def _end_fork(
        self, usage: Usage, tx: ClientTransaction, response: Response, now: float
    ) -> None:
        """A second branch answered: one call is enough, so it is acknowledged and ended."""
        dialog = from_response(response, tx.outline.uri, tx.hop)
        self._agent.counters["fork_ended"] += 1
        self.send_ack(usage, tx, dialog, None)
        self._uac.end_silently(usage, dialog, now)

    def send_ack(
        self, usage: Usage, tx: ClientTransaction, dialog: Dialog, sdp: bytes | None
    ) -> None:
        """RFC 3261 13.2.2.4: an ACK with a branch of its own, sent like a request in the dialog.

        It has the credentials of the INVITE: an ACK cannot be challenged (22.1).
        """
        uri, routes = dialog.addressing()
        hop = self._agent.complete(dialog.next_hop())
        outline = build.Outline(
            method="ACK",
            uri=uri,
            via=self._agent.via(hop, self._uac.new_branch()),
            from_=dialog.local,
            to=dialog.remote,
            call_id=dialog.call_id,
            cseq=tx.outline.cseq,
            routes=routes,
        )
        credentials = tx.outline.credentials
        ack = build.request(outline, headers=credentials, body=sdp or b"", content_type=SDP)
        tx.acks = {**tx.acks, dialog.remote_tag: (ack, hop)}
        self._agent.send(ack, hop, usage)

    # CANCEL.

    def cancel_if_possible(self, invite: ClientTransaction, now: float) -> None:
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
        data = build.request(outline, headers=invite.cancel_headers)
        self._uac.begin_cancel(invite, outline, data, now)
