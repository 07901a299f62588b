"""The most general peer: everything that may happen to a side next.

The far side does whatever RFC 3261, 3264, 3311, 3515 and 6086 let a conformant peer do at this
point; people do whatever they can; timers fire when they like; the media breaks; the transport
fails. What the stack answers alone is not asked of the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from typing import Any

from flows.explore import clocked, eventing, further, inside, linked, registration
from flows.explore import stimulus as arriving
from flows.explore import wire as standing
from flows.explore.doing import Message
from flows.explore.domain import CODES, OTHER
from flows.explore.free import forms
from flows.explore.further import SDP
from flows.explore.party import ACTION_FAILED, Config, Party
from flows.explore.stimulus import Stimulus
from flows.explore.wire import Wire
from flows.table import TIMER_EVENT
from flows.vocabulary.events import FOREIGN

FAILURES = (
    "Dialog3xxRedirect",
    "AuthRequired",
    "SessionIntervalTooSmall",
    "Dialog487RequestTerminated",
    "Dialog4xxFailure",
    "Dialog5xxFailure",
    "Dialog6xxFailure",
)
PROVISIONAL = ("Dialog180Ringing", "Dialog183SessionProgress")
STACK_TIMEOUT = 32.0
"""Seconds (64*T1) after which an INVITE without any answer has timed out (RFC 3261 17.1.1.2)."""
MOST_FORMS = 32
"""Combinations of fields tried of one event of a plug-in."""
BEFORE = ("SendEarlyMedia", "RedirectCall")
IN_CALL = ("HoldCall", "ResumeCall", "MuteCall", "UnmuteCall", "PlayAudio", "SendDTMF")


def options(party: Party, config: Config) -> Iterator[Stimulus]:
    """Yield everything that may happen to a side that has not ended, in each of its forms."""
    for stimulus in _options(party, config):
        yield from forms(party.domain, stimulus)


def _options(party: Party, config: Config) -> Iterator[Stimulus]:
    if config.pending:
        fields = (("action", config.pending), ("reason", "it failed"))
        yield Stimulus(ACTION_FAILED, fields, config.wire, "internal")
        return
    yield from registration.options(party, config)
    yield from eventing.options(party, config)
    yield from messages(party, config)
    yield from _media(party, config)
    yield from alone(party, config)


def begins(party: Party, config: Config) -> bool:
    """Whether the table serves this role: its initial state takes what sessions begin with."""
    first = "MakeCall" if config.role == "UAC" else "IncomingCall"
    return first in party.program.position(config.state, config.role).candidates


def _calls(party: Party, config: Config) -> bool:
    """Whether a call can begin here: else what begins is something else."""
    others = registration.begins(party, config) or eventing.begins(party, config)
    return begins(party, config) or not others


def alone(party: Party, config: Config) -> Iterator[Stimulus]:
    """Yield what a side does without the far one: its people and its timers."""
    yield from people(party, config)
    yield from timers(party, config)
    yield from inside.clock(config)
    yield from clocked.options(config)
    yield from linked.options(party, config)


def people(party: Party, config: Config) -> Iterator[Stimulus]:
    """Yield what persons on our side may ask for."""
    call = config.wire
    yield from _foreign(party, config)
    if call.register.begun or call.outside.kind:
        return
    if call.call == standing.NONE:
        calls = _calls(party, config)
        if config.role == "UAC" and not config.held and calls:
            yield Stimulus("MakeCall", (("target", "sip:a"),), call, "user")
        return
    yield Stimulus("HangupCall", (), call._replace(hangup=True), "user")
    if call.call == standing.OFFERED:
        yield Stimulus("AcceptCall", (), call, "user")
        yield Stimulus("RejectCall", (("reason", "busy"),), call, "user")
    taken = party.program.position(config.state, config.role).candidates
    asked = (
        (*IN_CALL, *further.PEOPLE)
        if call.live
        else BEFORE
        if call.call == standing.OFFERED
        else ()
    )
    for name in asked:
        if name in taken:
            yield Stimulus(name, (), call, "user")
    if "Reset" in taken:
        yield Stimulus("Reset", (), call, "user")


def _foreign(party: Party, config: Config) -> Iterator[Stimulus]:
    """Yield the events of plug-ins that some row takes here, with the fields that guards read."""
    taken = party.program.position(config.state, config.role).candidates
    for name in sorted(FOREIGN & taken.keys()):
        fields = sorted(party.domain.read[name])
        choices = [(*sorted(party.domain.constants[f], key=str), OTHER, None) for f in fields]
        for chosen in islice(product(*choices), MOST_FORMS):
            yield Stimulus(name, tuple(zip(fields, chosen, strict=True)), config.wire, "user")


def timers(party: Party, config: Config) -> Iterator[Stimulus]:
    """Yield the state's next timer."""
    durations = party.program.timers(config.state, config.role)
    if config.timer >= len(durations):
        return
    seconds = durations[config.timer]
    call = config.wire
    if call.call == standing.CALLING and seconds >= STACK_TIMEOUT:
        # No time-out of the stack until now: a provisional answer without an event (100) came.
        call = call._replace(call=standing.PROCEEDING)
    yield Stimulus(TIMER_EVENT, (("seconds", seconds),), call, "timer")


def _media(party: Party, config: Config) -> Iterator[Stimulus]:
    call = config.wire
    if "media" not in config.held:
        return
    yield Stimulus("MediaError", (("reason", "it broke"),), call, "media")
    lost = tuple(r for r in ("echo", "playback", "bridge") if r in config.held)
    dead = linked.parted(call)._replace(flowing=False, gone=call.flowing or call.gone)
    yield Stimulus("MediaLost", (), dead, "media", lost)
    if call.flowing:
        yield Stimulus("MediaFlowEstablished", (), call, "media")
        yield Stimulus("RtpTimeout", (), call, "media")
        for digit in party.domain.texts("DtmfDetected", "digit"):
            yield Stimulus("DtmfDetected", (("digit", digit), ("duration", 100)), call, "media")
    if "playback" in config.held and further.does(party, "PlayAudioFile"):
        yield Stimulus("PlayFinished", (("file", "f"),), call, "media", ("playback",))


# -- messages --------------------------------------------------------------------------------------


def messages(party: Party, config: Config) -> Iterator[Stimulus]:
    """Yield what the far side may send, and what the stack tells when it sends nothing."""
    call = config.wire
    if call.broken:
        return
    if call.outside.kind:
        return
    if call.call == standing.NONE and config.role == "UAS" and not config.held:
        if not _calls(party, config):
            return
        for direction in ("sendrecv", ""):
            yield incoming(call, direction)
    elif call.call in standing.OUR_INVITE:
        yield from _to_invite(party, config)
    elif call.call == standing.OFFERED:
        yield from _to_caller(party, config)
        if call.settled and not call.reliable:
            # The early dialog is known to both and its descriptions are settled (RFC 3311 5.1).
            yield from _update(party, config)
    elif call.call in (standing.ANSWERED, standing.UP):
        yield from _in_call(party, config)
    alive = call.call not in (standing.NONE, standing.READY, standing.OVER)
    if alive and call.bye != "done":
        gone = call._replace(broken=True, own="", ack=False)
        yield Stimulus("DialogError", (("reason", "unreachable"),), gone, "trouble")


def incoming(call: Wire, direction: str) -> Stimulus:
    """The first INVITE of a call."""
    after = call._replace(call=standing.OFFERED, offer="theirs" if direction else "")
    fields = tuple((name, f"sip:{name}") for name in ("from", "to", "called", "number")) + _sdp(
        direction
    )
    return Stimulus(
        "IncomingCall", fields, after, "peer", message=Message("INVITE", direction=direction)
    )


def _to_invite(party: Party, config: Config) -> Iterator[Stimulus]:
    for event in PROVISIONAL:
        for direction in ("sendrecv", ""):
            yield from responses(party, config, "INVITE", event, direction)
    yield from further.to_invite(party, config)
    yield from responses(party, config, "INVITE", "Dialog200OK", "sendrecv")
    for event in FAILURES:
        yield from responses(party, config, "INVITE", event, "")
    call = config.wire
    # The stack tells of a missing answer before any provisional one and after a CANCEL; other
    # stacks, with a timer of their own, at any time.
    expected = call.call == standing.CALLING or call.cancel
    if expected or "DialogTimeout" in party.program.position(config.state, "UAC").candidates:
        gone = call._replace(call=standing.OVER, broken=True, offer="")
        yield Stimulus("DialogTimeout", (("method", "INVITE"),), gone, "trouble")
    if call.call == standing.PROCEEDING:
        yield from _update(party, config)


def _to_caller(party: Party, config: Config) -> Iterator[Stimulus]:
    """Until we answer, the caller may give up."""
    call = config.wire
    given_up = call._replace(call=standing.CANCELLED)
    yield Stimulus("DialogCANCEL", (), given_up, "peer", message=Message("CANCEL"))
    yield Stimulus("DialogBYE", (), given_up, "peer", message=Message("BYE"))
    yield from further.to_caller(config)


def _in_call(party: Party, config: Config) -> Iterator[Stimulus]:
    call = config.wire
    if call.call == standing.ANSWERED or call.unacked:
        yield acknowledged(call, "sendrecv" if call.offer == "ours" else "")
        first = call.call == standing.ANSWERED
        late = call._replace(call=standing.UP, unacked=False) if first else None
        yield Stimulus(
            "DialogTimeout",
            (("method", "ACK"),),
            late or call._replace(unacked=False),
            "trouble",
        )
    if call.own:
        yield from _to_reinvite(party, config)
    if call.bye == "sent":
        yield from _to_bye(party, config)
    if call.bye == "done":
        return
    yield from inside.options(party, config)
    yield from further.of_transfer(party, config)
    yield ended(call)
    if not call.ack and not call.own and not call.bye and config.role == "UAC":
        for event in PROVISIONAL:
            yield from _late(party, config, event)
    yield from _requests(party, config)


def acknowledged(call: Wire, direction: str) -> Stimulus:
    """The ACK to our 2xx."""
    after = call._replace(unacked=False, taken=bool(direction) or call.taken)
    if call.call == standing.ANSWERED:
        after = after._replace(call=standing.UP, talked=2)
    return Stimulus(
        "DialogACK", _sdp(direction), after, "peer", message=Message("ACK", direction=direction)
    )


def ended(call: Wire) -> Stimulus:
    """The far side's BYE; the stack answers it and all that the far side waited for."""
    after = call._replace(
        call=standing.OVER, own="", ack=False, asked="", update="", others=(), offer="",
        unacked=False, transfer="", bye="done" if call.bye else "",
    )  # fmt: skip
    return Stimulus("DialogBYE", (), after, "peer", message=Message("BYE"))


def _late(party: Party, config: Config, event: str) -> Iterator[Stimulus]:
    code = CODES[event][2]
    fields = (("code", code), ("reason", ""), ("method", "INVITE"))
    yield Stimulus(event, fields, config.wire, "answer", message=Message("RESP", "INVITE", code))


def _requests(party: Party, config: Config) -> Iterator[Stimulus]:
    call = config.wire
    if not (call.asked or call.unacked or call.ack):
        for direction in directions(party, "ReinviteReceived"):
            yield proposed(call, direction)
    if not call.ack:
        yield from _update(party, config)
    for event, method, fields in (
        ("InfoReceived", "INFO", ("content_type", "body")),
        ("MessageReceived", "MESSAGE", ("content_type", "body")),
        ("TransferRequested", "REFER", ("refer_to",)),
    ):
        if method not in call.others and (event != "MessageReceived" or takes(party, event)):
            after = call._replace(others=tuple(sorted((*call.others, method))))
            filled = tuple((name, "x") for name in fields)
            yield Stimulus(event, filled, after, "peer", message=Message(method))


def takes(party: Party, event: str) -> bool:
    """Whether any row of the table is about the event."""
    return any(row.event == event for row in party.program.table.rows)


def directions(party: Party, event: str) -> tuple[str, ...]:
    """Return what a description that comes with the event may say; empty for none at all."""
    if "direction" in party.domain.read[event]:
        return ("sendrecv", "sendonly", "")
    return ("sendrecv", "")


def proposed(call: Wire, direction: str) -> Stimulus:
    """A re-INVITE of the far side."""
    after = call._replace(
        asked="offer" if direction else "empty",
        theirs=direction or call.theirs,
        offer=call.offer or ("theirs" if direction else ""),
        taken=False,
        made=False,
    )
    message = Message("re-INVITE", direction=direction)
    return Stimulus("ReinviteReceived", _sdp(direction), after, "peer", message=message)


def _update(party: Party, config: Config) -> Iterator[Stimulus]:
    call = config.wire
    if call.update:
        return
    early = call.call in (standing.PROCEEDING, standing.OFFERED) and not call.settled
    for direction in ("",) if early else directions(party, "UpdateReceived"):
        yield updated(call, direction)


def updated(call: Wire, direction: str) -> Stimulus:
    """An UPDATE of the far side."""
    after = call._replace(
        update="offer" if direction else "plain",
        theirs=direction or call.theirs,
        offer=call.offer or ("theirs" if direction else ""),
    )
    if direction:
        after = after._replace(taken=False, made=False)
    message = Message("UPDATE", direction=direction)
    return Stimulus("UpdateReceived", _sdp(direction), after, "peer", message=message)


def _to_reinvite(party: Party, config: Config) -> Iterator[Stimulus]:
    call = config.wire
    for event in PROVISIONAL:
        yield from _late(party, config, event)
    yield from responses(party, config, "re-INVITE", "Dialog200OK", "sendrecv")
    for event in (*FAILURES, "ReinviteGlare"):
        if event != "Dialog487RequestTerminated" or call.bye:
            yield from responses(party, config, "re-INVITE", event, "")
    refused = call._replace(own="", offer="")
    yield Stimulus("DialogTimeout", (("method", "INVITE"),), refused, "trouble")


def _to_bye(party: Party, config: Config) -> Iterator[Stimulus]:
    yield from responses(party, config, "BYE", "Dialog200OK", "")
    for event in ("Dialog3xxRedirect", "AuthRequired", *FAILURES[4:]):
        yield from responses(party, config, "BYE", event, "")
    done = config.wire._replace(bye="done")
    yield Stimulus("DialogTimeout", (("method", "BYE"),), done, "trouble")


def responses(
    party: Party, config: Config, method: str, event: str, direction: str
) -> Iterator[Stimulus]:
    """Yield an answer of the far side, with each code that rows tell apart."""
    usual = {"re-INVITE": 488, "BYE": 481}.get(method, 0) if event == "Dialog4xxFailure" else 0
    for code in party.domain.codes(event, usual):
        yield response(config.wire, method, event, code, direction)


def response(call: Wire, method: str, event: str, code: int, direction: str) -> Stimulus:
    """One answer of the far side to a request of ours."""
    after = {"INVITE": _invite_answered, "re-INVITE": _reinvite_answered}.get(method, _bye_answered)
    on_wire = "INVITE" if method == "re-INVITE" else method
    fields: tuple[tuple[str, Any], ...] = (("code", code), ("reason", ""), ("method", on_wire))
    fields += (("sdp", SDP),) if direction else ()
    message = Message("RESP", method, code, direction)
    changed = after(call, code, direction)
    if event == "AuthRequired":
        changed = arriving.challenged(changed, method)
    return Stimulus(event, fields, changed, "answer", message=message)


def _invite_answered(call: Wire, code: int, direction: str) -> Wire:
    heard = call.taken or bool(direction)
    if code < 200:
        return call._replace(call=standing.PROCEEDING, taken=heard)
    if code < 300:
        return call._replace(call=standing.UP, ack=True, taken=heard, talked=1)
    return call._replace(call=standing.OVER, offer="")


def _reinvite_answered(call: Wire, code: int, direction: str) -> Wire:
    if code >= 300:
        return call._replace(own="", offer="", lost=code in (408, 481))
    if call.bye == "sent":
        # The stack confirms a 2xx to a re-INVITE that its own BYE overtook.
        return call._replace(own="", offer="", ack=True)
    return call._replace(own="", mine=call.own, ack=True, taken=True).renewed()


def _bye_answered(call: Wire, code: int, direction: str) -> Wire:
    return call._replace(bye="done")


def _sdp(direction: str) -> tuple[tuple[str, Any], ...]:
    return (("sdp", SDP), ("direction", direction)) if direction else ()
