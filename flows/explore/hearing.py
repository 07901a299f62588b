"""What a side makes of a message: what its stack does alone, and what the table is told."""

from __future__ import annotations

from flows.explore import eventing, further, inside, peer, wire
from flows.explore.doing import Message
from flows.explore.party import Config, Party, Stimulus

Channel = tuple[Message, ...]
WITHOUT_CALL = frozenset(("SUBSCRIBE", "NOTIFY", "PUBLISH", "MESSAGE"))
"""Requests that may come where there is no call."""


def heard(party: Party, config: Config, message: Message) -> tuple[Stimulus | None, Channel]:
    """Return what a side makes of a message: the happening, and what its stack sends by itself."""
    call = config.wire
    alone: Channel = ()
    stimulus: Stimulus | None = None
    if message.kind in WITHOUT_CALL and not config.ended and not call.live:
        events = eventing.options(party, config)
        stimulus = next((s for s in events if s.message == message), None)
        if stimulus is not None:
            return stimulus, ()
    open_ = not config.ended and call.call in (wire.ANSWERED, wire.UP)
    match message.kind:
        case "INVITE" if call.call == wire.NONE and not config.ended:
            stimulus = peer.incoming(call, message.direction)
        case "RESP":
            stimulus, alone = _response(config, message)
        case "NOTIFY" if open_:
            stimulus = further.arrived(call, message)
        case "REL" if call.call in wire.OUR_INVITE and not (config.ended or call.reliable):
            stimulus = further.progressed(call, message.code, message.direction)
        case "PRACK" if call.reliable in ("plain", "described") and not config.ended:
            stimulus = further.confirmed(call, message.direction)
        case "ACK" if open_ and (call.call == wire.ANSWERED or call.unacked):
            stimulus = peer.acknowledged(call, message.direction)
        case "CANCEL" if call.call == wire.OFFERED:
            cancelled = call._replace(call=wire.CANCELLED)
            stimulus = Stimulus("DialogCANCEL", (), cancelled, "peer", message=message)
        case "BYE" if call.call == wire.OFFERED and not config.ended:
            alone = (Message("RESP", "BYE", 200),)
            given_up = call._replace(call=wire.CANCELLED)
            stimulus = Stimulus("DialogBYE", (), given_up, "peer", message=message)
        case "BYE" if open_ and call.bye != "done":
            alone = (Message("RESP", "BYE", 200),)
            stimulus = peer.ended(call)
        case "BYE":
            alone = (Message("RESP", "BYE", 200 if call.bye else 481),)
        case "re-INVITE" if open_ and not (call.asked or call.unacked):
            stimulus = peer.proposed(call, message.direction)
        case "re-INVITE":
            alone = (Message("RESP", "re-INVITE", 500 if open_ else 481),)
        case "OPTIONS":
            alone = (Message("RESP", "OPTIONS", 200 if open_ else 481),)
        case "UPDATE" if open_ and not call.update:
            stimulus = peer.updated(call, message.direction)
        case "UPDATE" | "INFO" | "MESSAGE" | "REFER":
            possible = peer.messages(party, config) if not config.ended else ()
            stimulus = next((s for s in possible if s.message == message), None)
            alone = () if stimulus is not None else (Message("RESP", message.kind, 481),)
    return stimulus, alone


def _response(config: Config, message: Message) -> tuple[Stimulus | None, Channel]:
    call = config.wire
    if message.method == "REFER":
        return (None if config.ended else further.arrived(call, message)), ()
    if message.method in call.asking or (message.method == "UPDATE" and call.updating):
        stimulus = inside.answered(call, message.method, message.code, message.direction)
        return (None if config.ended else stimulus), ()
    waits = {
        "INVITE": call.call in wire.OUR_INVITE,
        "re-INVITE": bool(call.own),
        "BYE": call.bye == "sent",
    }.get(message.method, False)
    if waits and not config.ended:
        event = event_of(message)
        return peer.response(call, message.method, event, message.code, message.direction), ()
    accepted = 200 <= message.code < 300
    if accepted and message.method == "INVITE" and call.call == wire.OVER:
        # The usage is gone: the stack confirms the late 2xx and ends the call.
        return None, (Message("ACK"), Message("BYE"))
    if accepted and message.method == "re-INVITE":
        return None, (Message("ACK"),)
    return None, ()


def event_of(message: Message) -> str:
    """Return the event of an answer, the most specific one."""
    exact = {
        180: "Dialog180Ringing",
        487: "Dialog487RequestTerminated",
        422: "SessionIntervalTooSmall",
    }
    if message.code == 491 and message.method == "re-INVITE":
        return "ReinviteGlare"
    if message.code in (401, 407):
        return "AuthRequired"
    classes = {1: "Dialog183SessionProgress", 2: "Dialog200OK", 3: "Dialog3xxRedirect"}
    classes |= {n: f"Dialog{n}xxFailure" for n in (4, 5, 6)}
    return exact.get(message.code) or classes[message.code // 100]


def told_again(message: Message) -> bool:
    """Whether the stack tells of a repeated message once more: only of a provisional answer.

    It knows its transactions: other repeats are answered as before, or absorbed.
    """
    return message.kind == "RESP" and message.code < 200
