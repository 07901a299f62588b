"""Sessions without a call: subscriptions, publications and text messages, from either side.

The far side accepts, asks for credentials, refuses for whatever reason or keeps silent; NOTIFYs
come when they like, before the answer to the SUBSCRIBE, crossing its renewal or its end (RFC 6665).
What is granted runs out. One request of ours may be under way (RFC 3903 4.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flows.explore import inside
from flows.explore import stimulus as arriving
from flows.explore.answers import accept
from flows.explore.credentials import armed_with, request_again
from flows.explore.doing import Doing, Message, Refused
from flows.explore.domain import OTHER
from flows.explore.stimulus import Stimulus
from flows.explore.wire import ACCEPTED, LAST, OFF, ON, Outside, Wire

if TYPE_CHECKING:
    from flows.explore.party import Config, Party

WATCH, PUBLISH, TEXT, PROBE, NOTIFY, TOOK = "watch", "publish", "text", "probe", "notify", "took"
STARTS = {
    "StartSubscription": WATCH,
    "PublishState": PUBLISH,
    "SendMessage": TEXT,
    "StartKeepAlive": PROBE,
}
"""What people begin such a session with."""
TAKEN = {"ReceiveMESSAGE": "MESSAGE", "PublicationReceived": "PUBLISH"}
"""Requests of the far side that are over with their answer."""
SUBSCRIBED = "SubscriptionRequested"
EVENTS = frozenset(
    (
        *STARTS,
        *TAKEN,
        SUBSCRIBED,
        "UnsubscribeRequest",
        "SubscriptionAccepted",
        "SubscriptionFailed",
        "RefreshSubscription",
        "SubscriptionExpired",
        "ReceiveNOTIFY",
        "SubscriptionTerminated",
        "SendNOTIFY",
        "UnpublishState",
        "PublicationAccepted",
        "PublicationFailed",
        "RefreshPublication",
        "StopKeepAlive",
    )
)
SILENCE = 408
HOUR = 3600


def begins(party: Party, config: Config) -> bool:
    """Whether sessions of this role can begin so."""
    taken = party.program.position(config.state, config.role).candidates
    first = STARTS if config.role == "UAC" else (*TAKEN, SUBSCRIBED)
    return any(name in taken for name in first)


def options(party: Party, config: Config) -> Iterator[Stimulus]:
    """Yield what may happen to a session because of what it is without a call."""
    call, kind = config.wire, config.wire.outside.kind
    if not kind:
        if not config.held and call == Wire():
            yield from _beginnings(party, config)
        return
    if "dialog" not in config.held or call.broken:
        return
    of_kind = {
        WATCH: _watching,
        PUBLISH: _publishing,
        TEXT: _texting,
        PROBE: _probing,
        NOTIFY: _notifying,
    }
    if kind in of_kind:
        yield from of_kind[kind](party, config)
        gone = call._replace(broken=True, others=(), outside=call.outside._replace(own=""))
        fields = (("reason", "unreachable"),)
        yield Stimulus("DialogError", fields, gone, "trouble")


def _beginnings(party: Party, config: Config) -> Iterator[Stimulus]:
    taken = party.program.position(config.state, config.role).candidates
    call = config.wire
    if config.role == "UAC":
        for name, kind in STARTS.items():
            if name in taken:
                begun = call._replace(outside=Outside(kind))
                yield Stimulus(name, _said(name), begun, "user")
        return
    for name, method in TAKEN.items():
        if name in taken:
            begun = call._replace(outside=Outside(TOOK), others=(method,))
            yield Stimulus(name, _asked(name), begun, "peer", message=Message(method))
    if SUBSCRIBED in taken:
        yield from _subscribed(party, call._replace(outside=Outside(NOTIFY)))


def _said(name: str) -> tuple[tuple[str, Any], ...]:
    fields: tuple[tuple[str, Any], ...] = (("target", "sip:a"),)
    if name == "StartSubscription":
        return (*fields, ("event", OTHER))
    if name == "StartKeepAlive":
        return fields
    more = (("content_type", OTHER), ("body", "x"))
    return (*fields, *more, *((("event", OTHER),) if name == "PublishState" else ()))


def _asked(name: str) -> tuple[tuple[str, Any], ...]:
    fields: tuple[tuple[str, Any], ...] = (("from", "sip:a"), ("to", "sip:b"))
    fields += (("content_type", OTHER), ("body", "x"))
    return fields if name == "ReceiveMESSAGE" else (*fields, ("event", OTHER), ("expires", HOUR))


def _subscribed(party: Party, call: Wire) -> Iterator[Stimulus]:
    """A SUBSCRIBE, for each time that rows tell apart; 0 ends the subscription."""
    named = {v for v in party.domain.named("expires") if isinstance(v, int)}
    times = {0, HOUR, *(near for v in named for near in (v - 1, v, v + 1) if near >= 0)}
    others = tuple(sorted((*call.others, "SUBSCRIBE")))
    for seconds in sorted(times if "expires" in party.domain.read[SUBSCRIBED] else {0, HOUR}):
        after = call._replace(others=others, outside=call.outside._replace(zero=seconds == 0))
        fields = tuple({**dict(_asked(SUBSCRIBED)), "expires": seconds}.items())
        yield Stimulus(SUBSCRIBED, fields, after, "peer", message=Message("SUBSCRIBE"))


# -- subscribing -----------------------------------------------------------------------------------


def _watching(party: Party, config: Config) -> Iterator[Stimulus]:
    call, mine = config.wire, config.wire.outside
    yield Stimulus("UnsubscribeRequest", (), call._replace(hangup=True), "user")
    fields: tuple[tuple[str, Any], ...]
    if mine.own:
        if mine.own == "SUBSCRIBE" and mine.stage != OFF:
            stage = ON if mine.stage == ON else ACCEPTED
            accepted = _with(call, own="", stage=stage)
            fields = (("code", 200), ("reason", ""), ("expires", HOUR))
            message = Message("RESP", "SUBSCRIBE", 200)
            yield Stimulus("SubscriptionAccepted", fields, accepted, "answer", message=message)
        yield from _refusals(party, call, "SUBSCRIBE", "SubscriptionFailed")
    if mine.stage == ACCEPTED and not mine.own:
        fields = (("code", SILENCE), ("reason", "No NOTIFY came"))
        silent = _with(call, stage=OFF, watched=0)
        yield Stimulus("SubscriptionFailed", fields, silent, "trouble")
    known = mine.stage in (ACCEPTED, ON) or (mine.own and not mine.stage)
    if known and "NOTIFY" not in call.others:
        yield from _told(party, call)
    if mine.watched == 2 and not mine.own:
        yield Stimulus("RefreshSubscription", (), _with(call, watched=1), "clock")
    if mine.stage == ON and not mine.own:
        over = _with(call, stage=OFF, watched=0)
        yield Stimulus("SubscriptionExpired", (), over, "clock")


def _told(party: Party, call: Wire) -> Iterator[Stimulus]:
    others = tuple(sorted((*call.others, "NOTIFY")))
    body = (("event", OTHER), ("content_type", OTHER), ("body", "x"))
    states = ("active", "pending") if "state" in party.domain.read["ReceiveNOTIFY"] else ("active",)
    message = Message("NOTIFY")
    fields: tuple[tuple[str, Any], ...]
    for state in states:
        after = _with(call._replace(others=others), stage=ON)
        fields = (("state", state), ("expires", HOUR), *body)
        yield Stimulus("ReceiveNOTIFY", fields, after, "peer", message=message)
    # The stack tells no more of a SUBSCRIBE whose subscription has ended meanwhile.
    ended = _with(call._replace(others=others), stage=OFF, watched=0, own="")
    fields = (("reason", OTHER), *body)
    yield Stimulus("SubscriptionTerminated", fields, ended, "peer", message=message)


def _refusals(party: Party, call: Wire, method: str, event: str) -> Iterator[Stimulus]:
    """Yield what else than acceptance may come of a request of ours."""
    what = call.outside.own
    for code in party.domain.codes("AuthRequired"):
        asked = arriving.challenged(_with(call, own=""), what)
        yield _answer("AuthRequired", method, code, asked, (("method", method),))
    refused = _with(call, own="", stage=OFF, watched=0)
    for code in party.domain.codes(event):
        yield _answer(event, method, code, refused, ())
    fields = (("code", SILENCE), ("reason", ""))
    yield Stimulus(event, fields, refused, "trouble")


def _answer(
    event: str, method: str, code: int, after: Wire, more: tuple[tuple[str, Any], ...]
) -> Stimulus:
    fields = (("code", code), ("reason", ""), *more)
    return Stimulus(event, fields, after, "answer", message=Message("RESP", method, code))


def _with(call: Wire, **changes: Any) -> Wire:
    return call._replace(outside=call.outside._replace(**changes))


# -- the other kinds -------------------------------------------------------------------------------


def _publishing(party: Party, config: Config) -> Iterator[Stimulus]:
    call, mine = config.wire, config.wire.outside
    if "PublishState" in party.program.position(config.state, config.role).candidates:
        yield Stimulus("PublishState", _said("PublishState"), call, "user")
    yield Stimulus("UnpublishState", (), call._replace(hangup=True), "user")
    if mine.own:
        removing = mine.own == "unPUBLISH"
        fields = (("code", 200), ("reason", ""), ("expires", 0 if removing else HOUR))
        kept = _with(call, own="", stage=OFF if removing else ON, watched=0 if removing else 2)
        message = Message("RESP", "PUBLISH", 200)
        yield Stimulus("PublicationAccepted", fields, kept, "answer", message=message)
        yield from _refusals(party, call, "PUBLISH", "PublicationFailed")
    if mine.watched == 2 and not mine.own:
        yield Stimulus("RefreshPublication", (), _with(call, watched=1), "clock")


def _texting(party: Party, config: Config) -> Iterator[Stimulus]:
    call = config.wire
    if "SendMessage" in party.program.position(config.state, config.role).candidates:
        yield Stimulus("SendMessage", _said("SendMessage"), call, "user")
    if call.outside.own:
        after = _with(call, own="")
        yield _answer("MessageDelivered", "MESSAGE", 200, after, ())
        yield from _refusals(party, call, "MESSAGE", "MessageFailed")


def _probing(party: Party, config: Config) -> Iterator[Stimulus]:
    call = config.wire
    yield Stimulus("StopKeepAlive", (), call._replace(hangup=True), "user")
    if not call.outside.own:
        return
    done, method = _with(call, own=""), (("method", "OPTIONS"),)
    for code in sorted({200, SILENCE, *party.domain.codes("RequestAnswered")}):
        yield _answer("RequestAnswered", "OPTIONS", code, done, method)
    for code in party.domain.codes("AuthRequired"):
        asked = arriving.challenged(done, "OPTIONS")
        yield _answer("AuthRequired", "OPTIONS", code, asked, method)
    fields = (("code", SILENCE), ("reason", ""), *method)
    yield Stimulus("RequestAnswered", fields, done, "trouble")


def _notifying(party: Party, config: Config) -> Iterator[Stimulus]:
    call, mine = config.wire, config.wire.outside
    if mine.stage in (ON, LAST):
        if "SUBSCRIBE" not in call.others and mine.stage == ON:
            yield from _subscribed(party, call)
            yield Stimulus("SubscriptionExpired", (), _with(call, stage=LAST), "clock")
        if "SendNOTIFY" in party.program.position(config.state, config.role).candidates:
            for state in ("", "terminated"):
                fields = (("state", state),) if state else ()
                yield Stimulus("SendNOTIFY", fields, _with(call, saying=state), "user")
    if mine.own:
        for code in party.domain.codes("SubscriptionFailed"):
            lost = _with(call, own="", stage=OFF)
            yield _answer("SubscriptionFailed", "NOTIFY", code, lost, ())


# -- the actions -----------------------------------------------------------------------------------


def subscribe(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """SendSUBSCRIBE."""
    mine, ends = doing.wire.outside, arguments.get("expires") == 0
    armed_with(doing, doing.wire.challenged or "SUBSCRIBE", "SendSUBSCRIBE")
    if mine.own:
        doing.complain("ACT606", "SendSUBSCRIBE is sent while another one waits for its answer")
    elif ends and mine.stage not in (ON, ACCEPTED):
        if doing.troubled:
            raise Refused
        doing.complain("ACT601", "SendSUBSCRIBE ends a subscription that is not in force")
    elif doing.wire.hangup and not ends:
        doing.complain("ACT608", "SendSUBSCRIBE subscribes after a person ended the subscription")
    own = "unSUBSCRIBE" if ends else "SUBSCRIBE"
    stage = "" if mine.stage == OFF else mine.stage
    doing.wire = _with(doing.wire, kind=mine.kind or WATCH, own=own, stage=stage, watched=0)
    doing.send("SUBSCRIBE")


def process_notify(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """ProcessNOTIFY."""
    if "NOTIFY" not in doing.wire.others:
        doing.complain("ACT604", "No NOTIFY waits for its answer: it was given already")
        return
    accept(doing, "NOTIFY", 200)
    mine = doing.wire.outside
    if mine.stage == ON and mine.own != "unSUBSCRIBE":
        doing.wire = _with(doing.wire, watched=2)


def notify(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """SendNOTIFY."""
    mine = doing.wire.outside
    if mine.stage not in (ON, LAST):
        if doing.troubled:
            raise Refused
        doing.complain("ACT601", "SendNOTIFY tells a subscriber who is not there (any more)")
        return
    said = arguments.get("state") or mine.saying
    ends = mine.stage == LAST or said == "terminated"
    doing.wire = _with(doing.wire, stage=OFF if ends else ON, own="NOTIFY", owed=False, saying="")
    doing.send("NOTIFY")


def publish(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """SendPUBLISH."""
    mine, ends = doing.wire.outside, arguments.get("expires") == 0
    armed_with(doing, doing.wire.challenged or "PUBLISH", "SendPUBLISH")
    if mine.own:
        doing.complain("ACT606", "SendPUBLISH is sent while another one waits for its answer")
    elif ends and mine.stage != ON:
        if doing.troubled:
            raise Refused
        doing.complain("ACT601", "SendPUBLISH removes a state that is not published")
    elif doing.wire.hangup and not ends:
        doing.complain("ACT608", "SendPUBLISH publishes after a person took the state back")
    own = "unPUBLISH" if ends else "PUBLISH"
    doing.wire = _with(doing.wire, kind=mine.kind or PUBLISH, own=own, watched=0)
    doing.send("PUBLISH")


def message(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """SendMESSAGE."""
    if not doing.wire.outside.kind:
        inside.ask(doing, "MESSAGE")
        return
    armed_with(doing, "MESSAGE", "SendMESSAGE")
    if doing.wire.outside.own:
        doing.complain("ACT606", "SendMESSAGE is sent while another one waits for its answer")
    doing.wire = _with(doing.wire, own="MESSAGE")
    doing.send("MESSAGE")


def probe(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """SendOPTIONS."""
    if not doing.wire.outside.kind:
        inside.ask(doing, "OPTIONS")
        return
    armed_with(doing, "OPTIONS", "SendOPTIONS")
    if doing.wire.outside.own:
        doing.complain("ACT606", "SendOPTIONS is sent while another one waits for its answer")
    doing.wire = _with(doing.wire, own="OPTIONS")
    doing.send("OPTIONS")


def process_message(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """ProcessMESSAGE."""
    if "MESSAGE" not in doing.wire.others:
        if doing.troubled:
            raise Refused
        doing.complain("ACT604", "No MESSAGE waits for its answer: it was given already")
        return
    accept(doing, "MESSAGE", int(arguments.get("code", 200)))


def again(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """SendRequestWithAuth."""
    challenged = doing.wire.challenged
    if not doing.wire.outside.kind or not (challenged and doing.wire.stored):
        request_again(doing, arguments)
        return
    if doing.wire.hangup and challenged in ("SUBSCRIBE", "PUBLISH"):
        doing.complain("ACT608", f"{challenged} goes out again after a person took it back")
    doing.change(challenged="", stored=False)
    doing.wire = _with(doing.wire, own=challenged)
    doing.send(challenged.removeprefix("un"))


def attempted(doing: Doing, name: str) -> None:
    """Take note of an action that failed in the world: what it was to send is owed no more."""
    if name in ("SendSUBSCRIBE", "SendPUBLISH"):
        doing.wire = _with(doing.wire, stage=OFF, watched=0)
    elif name == "SendNOTIFY":
        doing.wire = _with(doing.wire, owed=False)
    elif name == "ProcessMESSAGE":
        doing.change(others=tuple(o for o in doing.wire.others if o != "MESSAGE"))


def judge_end(doing: Doing) -> None:
    """Say what is wrong about giving the usage back now."""
    mine = doing.wire.outside
    excused = doing.event in ("ActionFailed", "DialogError")
    if not mine.kind or excused or doing.troubled:
        return
    for request in doing.wire.others:
        doing.complain("OBL621", f"The session ends and the far side's {request} has no answer")
    if mine.owed or (mine.kind == NOTIFY and mine.stage == LAST):
        doing.complain("OBL623", "The session ends and the last NOTIFY was not sent")
    if mine.own in ("SUBSCRIBE", "PUBLISH", "MESSAGE"):
        doing.complain("ACT611", f"The session ends while its {mine.own} waits for its answer")
    if mine.kind == PUBLISH and mine.stage == ON and not doing.wire.challenged:
        doing.complain("RES507", "The session ends and its state stays published")


ACTS = {
    "SendSUBSCRIBE": subscribe,
    "ProcessNOTIFY": process_notify,
    "SendNOTIFY": notify,
    "SendPUBLISH": publish,
    "ProcessMESSAGE": process_message,
    "SendMESSAGE": message,
    "SendOPTIONS": probe,
    "SendRequestWithAuth": again,
}
