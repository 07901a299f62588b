"""Requests of the peer inside a dialog (RFC 3261 12.2.2, 14.2, 15.1.2; RFC 3262 3; RFC 3311 5.2).

Order and overlap are settled here, BYE and whatever nobody can answer any more are answered here;
the rest is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.sip import headers, refresh
from runtime.sip.dialog import Dialog
from runtime.sip.events import PrackReceived, RequestReceived
from runtime.sip.hop import UDP, Hop
from runtime.sip.message import Request
from runtime.sip.transaction import ServerTransaction
from runtime.sip.usage import Usage, UsageState

if TYPE_CHECKING:
    from runtime.sip.agent import Agent
    from runtime.sip.uas import Uas


class Within:
    """Takes the requests of peers whose dialogs are known."""

    def __init__(self, agent: Agent, uas: Uas) -> None:
        self._agent = agent
        self._uas = uas

    def receive(self, usage: Usage, dialog: Dialog, request: Request, hop: Hop, now: float) -> None:
        """Take a new request; it was checked, and is neither ACK nor CANCEL."""
        if not dialog.accept_cseq(request.cseq.number):
            self._uas.refuse(request, hop, 500)
            return
        if hop.transport != UDP or dialog.hop.transport != UDP:
            dialog.hop = hop  # A peer that came back has a new connection.
            self._agent.follow(usage, hop)
        refused = self._agent.arriving.inside(usage, request, hop, now)
        if refused is not None:
            self._uas.refuse(request, hop, *refused)
            return
        match request.method:
            case "BYE":
                self._bye(usage, dialog, request, hop, now)
            case "OPTIONS":
                self._uas.options(request, hop)
            case "PRACK":
                self._prack(usage, request, hop, now)
            case "INVITE" | "UPDATE":
                self._session(usage, request, hop, now)
            case _:
                self.surface(usage, request, hop, now)

    def _session(self, usage: Usage, request: Request, hop: Hop, now: float) -> None:
        if usage.ended:
            self._uas.refuse(request, hop, 481)  # Our BYE is under way: RFC 5407 3.2.2.
            return
        if _overlaps(usage, request):
            # RFC 3261 14.2, RFC 3311 5.2: the peer must wait for the answer to its first one.
            self._uas.refuse(request, hop, 500, [("Retry-After", self._some_seconds())])
            return
        refused = refresh.refusal(request, self._agent.settings.min_se)
        if refused is not None:
            self._uas.refuse(request, hop, *refused)
            return
        self.surface(usage, request, hop, now)

    def _some_seconds(self) -> str:
        return str(int(self._agent.settings.random_hex(1), 16) % 10)

    def surface(self, usage: Usage, request: Request, hop: Hop, now: float) -> None:
        """Ask the user."""
        tx = self._begin(usage, request, hop, now)
        if request.method == "INVITE":
            self._uas.trying(tx, now)
        usage.open.append(tx)
        if usage.closed and request.method == "NOTIFY":
            self._uas.respond(tx, 200, now)  # It ends what the user let go.
            return
        glare = _glare(usage, request)
        happening = RequestReceived(usage, tx, request.method, request, request.sdp, glare)
        self._agent.tell(usage, happening)

    def _begin(
        self, usage: Usage, request: Request, hop: Hop, now: float, *, waits: bool = True
    ) -> ServerTransaction:
        tx = self._uas.begin(request, hop, now, waits=waits)
        tx.usage = usage
        return tx

    def _bye(self, usage: Usage, dialog: Dialog, request: Request, hop: Hop, now: float) -> None:
        """RFC 3261 15.1.2: 200 at once, and 487 to whatever the peer still waits for."""
        tx = self._begin(usage, request, hop, now, waits=False)
        self._uas.settle_alone(tx, 200, now)
        if not dialog.confirmed and usage.role == "UAC":
            self._agent.forget_branch(usage, dialog)  # One fork less; the INVITE goes on.
            return
        for accepted in usage.unacknowledged.values():
            accepted.acknowledge()
        usage.unacknowledged.clear()
        usage.state = UsageState.TERMINATED
        self._agent.uac.expect_the_end(usage, now)
        refresh.stop(usage)
        self._agent.tell(usage, RequestReceived(usage, tx, "BYE", request, None))
        self._uas.end_open(usage, now)
        self._agent.settle(usage, now)

    def _prack(self, usage: Usage, request: Request, hop: Hop, now: float) -> None:
        """RFC 3262 3: what confirms nothing that waits gets 481."""
        progress = usage.progress
        try:
            rack = headers.rack(request)
        except ValueError:
            rack = None
        if rack is None:
            self._uas.refuse(request, hop, 400)
            return
        if progress is None or not progress.matches(rack):
            self._uas.refuse(request, hop, 481)
            return
        tx = self._begin(usage, request, hop, now)
        told = not usage.ended and not usage.closed and (progress.asked or request.sdp is not None)
        progress.confirmed()
        if told:
            usage.open.append(tx)
            self._agent.tell(usage, PrackReceived(usage, tx, request.sdp))
        else:
            self._uas.settle_alone(tx, 200, now)
        self._uas.release(usage, progress, now)


def _overlaps(usage: Usage, request: Request) -> bool:
    """Whether the peer has not waited for the answer to its last INVITE, UPDATE or offer."""
    offer = request.sdp is not None
    for tx in usage.open:
        if tx.method == request.method:
            return True
        if offer and request.method == "UPDATE" and tx.offered and not tx.described:
            return True
    return False


def _glare(usage: Usage, request: Request) -> bool:
    """Whether an own INVITE or offer is under way: RFC 3261 14.2 and RFC 3311 5.2 ask for 491."""
    if request.method == "INVITE":
        return usage.own_invite is not None or usage.own_update is not None
    if request.method != "UPDATE":
        return False
    if usage.own_update is not None:
        return True
    if request.sdp is None:
        return False
    progress = usage.progress
    ours = progress is not None and progress.waits and progress.offered
    asked = any(not tx.offered for tx in usage.unacknowledged.values())
    return ours or asked or (usage.own_invite is not None and usage.own_invite.reinvite)
