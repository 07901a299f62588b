"""A SIP user agent without I/O: bytes and timer events in, bytes and happenings out.

The shell hands every datagram or WebSocket message to `receive` and every timer to `expire`, then
takes what is to be sent and what happened, and arms one timer for `deadline`. Time is an argument:
monotonic seconds, the same clock everywhere. One agent serves all usages of a node; it resolves no
names, opens no sockets and knows nothing of what the calls are for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import NamedTuple

from runtime.sip import attempts, build, limits, refresh, replaces
from runtime.sip.arriving import Arriving
from runtime.sip.build import Headers
from runtime.sip.dialog import Dialog, Key
from runtime.sip.events import ConnectionLost, Happening
from runtime.sip.hop import Hop
from runtime.sip.message import MAGIC_COOKIE, Malformed, Request
from runtime.sip.notifier import Notifier
from runtime.sip.outside import Outside
from runtime.sip.refresh import SessionTimer
from runtime.sip.reliable import Answer
from runtime.sip.settings import AgentSettings as AgentSettings
from runtime.sip.subscriber import Subscriber
from runtime.sip.timers import Timers
from runtime.sip.transaction import ServerTransaction
from runtime.sip.uac import Uac
from runtime.sip.uas import Uas
from runtime.sip.uri import parse_name_addr, parse_uri, quote_display
from runtime.sip.usage import NOTHING, Usage, UsageError, UsageState
from runtime.sip.wire import check, split


class Outgoing(NamedTuple):
    """One message to send; `usage` is whom it belongs to, where that is known."""

    data: bytes
    hop: Hop
    usage: Usage | None


class Agent:
    """Ties transactions, dialogs and both sides of the user agent together."""

    def __init__(self, settings: AgentSettings) -> None:
        if not re.fullmatch(r"[A-Za-z0-9-]+", settings.token):
            raise ValueError("the token must be of letters, digits and hyphens")
        self.settings = settings
        self.periods = settings.periods
        self.timers = Timers()
        self.usages: dict[int, Usage] = {}
        self.dialogs: dict[Key, tuple[Usage, Dialog]] = {}
        self.counters: Counter[str] = Counter()
        self.happenings: list[Happening] = []
        self.last_usage: Usage | None = None
        "Whom the last message received belonged to."
        self._outbox: list[Outgoing] = []
        self._numbers = count(1)
        self._connections: dict[str, set[int]] = {}
        more = sorted((settings.out_of_dialog | settings.begins) - set(limits.METHODS))
        self.allow = ", ".join((*limits.METHODS, *more))
        "The Allow header of all that says what we take (RFC 3261 20.5)."
        self.streams = False
        "Whether peers can reach us over TCP, so that long requests may go over it."
        self.local_for: Callable[[Hop], str] | None = None
        """Says which of our own addresses a peer sees; set by whoever has the sockets."""
        self.supported = ", ".join(settings.extensions)
        "The Supported header of our 2xx (RFC 3261 20.37)."
        self.offers = tuple(tag for tag in settings.extensions if tag == replaces.TAG)
        "What our own requests offer; the others only where the user asks for them."
        self.ended: dict[Key, None] = {}
        "INVITE dialogs that ended, the latest; RFC 3891 3 has an answer to who replaces one."
        self.guard = settings.guard
        self.mark = MAGIC_COOKIE + settings.random_hex(3)
        "How the branches of this agent begin."
        self.refusal_tag = f"{settings.token}.s"
        "How the tags of what is refused without state begin; those of dialogs are hexadecimal."
        self._token = f"tag={settings.token}.".encode()
        self._mark, self._refusal = self.mark.encode(), f";tag={self.refusal_tag}".encode()
        self.uac = Uac(self)
        self.outside = Outside(self)
        self.subscriber = Subscriber(self)
        self.notifier = Notifier(self)
        self.arriving = Arriving(self)
        self.uas = Uas(self)

    # For the shell.

    def receive(self, data: bytes, hop: Hop, now: float) -> None:
        """Take one message (or a keep-alive) from the wire; never raises, whatever it holds."""
        self.last_usage = None
        if self.guard is not None:
            self.guard.now = now
        if not data.strip(b"\r\n"):
            self._keep_alive(data, hop)
            return
        if self._is_noise(data, hop, now):
            return
        try:
            message = split(data)
            if isinstance(message, Request):
                if not self._repeated(message, now) and not self.uas.gives_way(message, hop, now):
                    check(message)
                    self.uas.receive(message, hop, now)
                return
            check(message)
        except Malformed as fault:
            self.uas.refuse_malformed(fault, hop)
            return
        # RFC 3261 8.1.3.3: a response with a second Via is for somebody else.
        if len(message.get_all("Via")) > 1 or not self.uac.receive(message, hop, now):
            self.counters["stray_response"] += 1

    def deadline(self) -> float | None:
        """When `expire` must be called next."""
        return self.timers.deadline()

    def expire(self, now: float) -> None:
        """Fire all timers that are due at `now`."""
        self.timers.expire(now)

    def take_messages(self) -> list[Outgoing]:
        """What is to be sent now, in order; the list is the caller's."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def take_happenings(self) -> list[Happening]:
        """What happened since the last call, in order; the list is the caller's."""
        happenings, self.happenings = self.happenings, []
        return happenings

    def connection_lost(self, connection: str, now: float) -> None:
        """A WebSocket was closed: own requests over it failed, living usages are told."""
        for usage in self._using(connection):
            if usage.state is not UsageState.TERMINATED:
                self.tell(usage, ConnectionLost(usage))
        attempts.connection_lost(self.uac, connection, now)

    def stream_lost(self, hop: Hop, now: float, *, asked: bool) -> None:
        """A TCP or TLS connection was closed; `asked`: own requests went over it.

        A call over one outlives it: whoever has something to say next connects anew (RFC 3261
        18.2.2), while a browser can be connected to by nobody.
        """
        for usage in self._using(hop.connection):
            usage.hop = replace(usage.hop, connection="")
            for dialog in (usage.dialog, *usage.early.values()):
                if dialog is not None and dialog.hop.connection == hop.connection:
                    dialog.hop = replace(dialog.hop, connection="")
        if asked:
            attempts.connection_lost(self.uac, hop, now)

    def _using(self, connection: str) -> list[Usage]:
        found = map(self.usages.get, sorted(self._connections.pop(connection, ())))
        return [usage for usage in found if usage is not None and usage.hop.flow == connection]

    def unframed(self, fault: Malformed, hop: Hop) -> None:
        """Answer a message whose end in the stream cannot be told, if it can be answered."""
        self.last_usage = None
        self.uas.refuse_malformed(fault, hop)

    def transport_failed(self, hop: Hop, now: float) -> None:
        """A message could not be sent to `hop` (RFC 3261 17.1.4, 18.4)."""
        self.counters["transport_failed"] += 1
        attempts.transport_failed(self.uac, hop, now)

    # For the user.

    def invite(
        self,
        target: str,
        *,
        caller: str,
        hop: Hop,
        now: float,
        sdp: bytes | None = None,
        headers: Headers = (),
        call_id: str | None = None,
        reliable: bool = False,
        session: SessionTimer | None = None,
    ) -> Usage:
        """Call `target` (a SIP URI) over `hop` as `caller` (a URI, or a name with a URI)."""
        usage = self.prepare(
            target,
            caller=caller,
            hop=hop,
            headers=headers,
            call_id=call_id,
            reliable=reliable,
            session=session,
        )
        usage.invite(now=now, sdp=sdp)
        return usage

    def prepare(
        self,
        target: str,
        *,
        caller: str,
        hop: Hop,
        now: float = 0.0,
        headers: Headers = (),
        call_id: str | None = None,
        reliable: bool = False,
        session: SessionTimer | None = None,
    ) -> Usage:
        """Allocate Call-ID and local tag for a call without sending; `usage.invite()` sends.

        `reliable` says that the user confirms provisional responses (RFC 3262), `session` asks for
        a session timer (RFC 4028). Replaces and Referred-By among the headers are checked.
        """
        try:
            uri = parse_uri(target)
            sender = parse_name_addr(caller)
            _ = sender.uri
            extra = build.check_headers(headers)
            replaces.check(extra)
        except ValueError as error:
            raise UsageError(str(error)) from error
        if not uri.is_sip or uri.headers:
            raise UsageError(f"{target!r} is not a SIP address that can be called")
        usage = self.new_usage("UAC", hop)
        usage.call_id = call_id or f"{self.settings.random_hex(12)}@{self.settings.token}"
        usage.local_tag = self.new_tag()
        usage.target = usage.remote_uri = target
        usage.secure = uri.scheme == "sips"
        usage.local_uri = sender.uri_text
        name = f"{quote_display(sender.display)} " if sender.display else ""
        usage.from_value = f"{name}<{sender.uri_text}>;tag={usage.local_tag}"
        usage.headers = extra
        usage.supported = ("100rel",) if reliable else ()
        usage.session = session
        return usage

    def respond(
        self,
        transaction: ServerTransaction,
        code: int,
        reason: str | None = None,
        *,
        now: float,
        body: bytes = b"",
        content_type: str = "",
        headers: Headers = (),
    ) -> None:
        """Answer a request outside any dialog; code 200-699."""
        if transaction.answered or transaction.usage is not None:
            raise UsageError("the request cannot be answered this way")
        if not 200 <= code < 700:
            raise UsageError("the answer has a code from 200 to 699")
        try:
            extra = build.check_headers(headers)
            phrase = build.check_reason(code, reason)
            build.check_content_type(content_type)
        except ValueError as error:
            raise UsageError(str(error)) from error
        self.uas.give(transaction, Answer(code, phrase, extra, body, content_type), now)

    # For transactions and the two cores.

    def send(self, data: bytes, hop: Hop, usage: Usage | None, *, again: bool = False) -> None:
        if again:
            self.counters["repeated_out"] += 1
        self._outbox.append(Outgoing(data, hop, usage))

    def tell(self, usage: Usage, happening: Happening) -> None:
        if not usage.closed:
            self.happenings.append(happening)

    def new_tag(self) -> str:
        return f"{self.settings.token}.{self.settings.random_hex(8)}"

    def new_usage(self, role: str, hop: Hop) -> Usage:
        return Usage(self, next(self._numbers), role, hop)

    def keep(self, usage: Usage) -> None:
        self.usages[usage.id] = usage
        self.bind(usage)

    def bind(self, usage: Usage) -> None:
        """Remember which connection a usage runs over."""
        if usage.hop.flow:
            self._connections.setdefault(usage.hop.flow, set()).add(usage.id)

    def follow(self, usage: Usage, hop: Hop) -> None:
        """Let a usage run over the connection on which its peer was heard last."""
        if usage.hop.flow in self._connections:
            self._connections[usage.hop.flow].discard(usage.id)
        usage.hop = hop
        if usage.id in self.usages:
            self.bind(usage)

    def register(self, usage: Usage, dialog: Dialog) -> None:
        self.dialogs[dialog.key] = (usage, dialog)

    def forget_early(self, usage: Usage) -> None:
        for dialog in usage.early.values():
            self.dialogs.pop(dialog.key, None)
        usage.early = NOTHING

    def forget_branch(self, usage: Usage, dialog: Dialog) -> None:
        """One branch of a forked INVITE is over."""
        self.dialogs.pop(dialog.key, None)
        usage.early = {tag: other for tag, other in usage.early.items() if other is not dialog}
        if usage.dialog is dialog:
            usage.dialog = next(reversed(usage.early.values()), None)

    def settle(self, usage: Usage, now: float) -> None:
        """Forget a usage once it is over and waits for nothing."""
        if usage.state is not UsageState.TERMINATED or usage.own_invite or usage.bye_tx:
            return
        if usage.subscriptions:
            return
        self.uas.end_open(usage, now)
        progress = usage.progress
        if progress is None or not progress.waits or usage.initial is None:
            self.forget(usage)  # Else a PRACK is still on its way (RFC 3262 3).

    def forget(self, usage: Usage) -> None:
        """Nothing that comes belongs to this usage any more."""
        refresh.stop(usage)
        self.forget_early(usage)
        if usage.dialog is not None:
            self.dialogs.pop(usage.dialog.key, None)
            self._remember(usage.dialog)
        self.usages.pop(usage.id, None)
        if usage.hop.flow in self._connections:
            self._connections[usage.hop.flow].discard(usage.id)

    def _remember(self, dialog: Dialog) -> None:
        if not dialog.confirmed or not self.offers:
            return
        self.ended[dialog.key] = None
        if len(self.ended) > replaces.REMEMBERED:
            del self.ended[next(iter(self.ended))]

    def contact(self, usage: Usage, user: str = "") -> str:
        """Our Contact in a usage: the user part names the node that owns the call, or is `user`.

        A call that was begun by a sips URI keeps to them (RFC 3261 12.1.1, 8.1.1.8), and TLS is
        what they mean without a parameter.
        """
        hop = self.complete(usage.hop)
        user = user or f"{self.settings.token}.{usage.id:x}"
        if usage.secure:
            return f"<sips:{user}@{hop.local}{hop.parameter if hop.browser else ''}>"
        return f"<sip:{user}@{hop.local}{hop.parameter}>"

    def complete(self, hop: Hop) -> Hop:
        """The hop with our own address as its peer should see it."""
        if hop.local or self.local_for is None:
            return hop
        return replace(hop, local=self.local_for(hop))

    def via(self, hop: Hop, branch: str) -> str:
        """Our Via; rport asks for symmetric responses (RFC 3581)."""
        return f"SIP/2.0/{hop.transport} {hop.local};rport;branch={branch}"

    def _repeated(self, request: Request, now: float) -> bool:
        """Only the key is read here, so that a repeated request costs little."""
        try:
            return self.uas.receive_again(request, now)
        except (KeyError, ValueError):
            return False

    def _is_noise(self, data: bytes, hop: Hop, now: float) -> bool:
        """Whether a message can belong to nobody here: it is dropped before anything is parsed.

        A response to us bears our mark in its branch; an ACK to what was refused without state
        bears the tag of that. A flood of either costs next to nothing.
        """
        if data.startswith(b"SIP/2.0 "):
            kind, noise = "stray_response", self._mark not in data
        elif data.startswith(b"ACK "):
            kind, noise = "refusal_acknowledged", self._refusal in data
        elif self.guard is not None and self._token not in data:
            return self.guard.shuns(hop, data, now)  # What belongs to a call bears our tag.
        else:
            return False
        if noise:
            self.counters[kind] += 1
        return noise

    def _keep_alive(self, data: bytes, hop: Hop) -> None:
        """RFC 5626 4.4.1: a double CRLF over a connection is a ping, answered by one CRLF."""
        self.counters["keep_alive"] += 1
        if hop.reliable and data == b"\r\n\r\n":
            self._outbox.append(Outgoing(b"\r\n", hop, None))
