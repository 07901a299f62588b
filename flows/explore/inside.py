"""Our requests inside a call (INFO, OPTIONS, MESSAGE, UPDATE), their answers, and re-INVITEs again.

The far side answers each of them once, as it likes, or keeps silent (408). The waiting time after a
glare passes when it likes (RFC 3261 14.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flows.explore import stimulus as arriving
from flows.explore import wire as standing
from flows.explore.doing import Doing, Message, Refused
from flows.explore.stimulus import Stimulus
from flows.explore.wire import Wire

if TYPE_CHECKING:
    from flows.explore.party import Config, Party

DUE = "ReinviteRetryDue"
PLAIN = "plain"
EVENTS = frozenset(
    (DUE, "UpdateAccepted", "UpdateRefused", "RequestAnswered", "MessageDelivered", "MessageFailed")
)
METHODS = ("INFO", "MESSAGE", "OPTIONS")
"""Our requests whose answers change nothing in the call."""
_SDP = "v=0"


def options(party: Party, config: Config) -> Iterator[Stimulus]:
    """Yield the answers to our requests inside the call."""
    call = config.wire
    if call.updating:
        described = call.updating != PLAIN
        yield answered(call, "UPDATE", 200, "sendrecv" if described else "")
        for code in party.domain.codes("UpdateRefused"):
            yield answered(call, "UPDATE", code)
    for method in call.asking:
        event = "MessageFailed" if method == "MESSAGE" else "RequestAnswered"
        for code in sorted({200, *party.domain.codes(event)}):
            yield answered(call, method, code)
    for method in (*call.asking, *(("UPDATE",) if call.updating else ())):
        for code in party.domain.codes("AuthRequired"):
            yield answered(call, method, code)


def clock(config: Config) -> Iterator[Stimulus]:
    """Yield that the waiting time after a glare is over."""
    if config.wire.retry:
        yield Stimulus(DUE, (), config.wire._replace(retry=False), "clock")


def answered(call: Wire, method: str, code: int, direction: str = "") -> Stimulus:
    """The final answer to a request of ours."""
    message = Message("RESP", method, code, direction)
    fields: tuple[tuple[str, Any], ...] = (("code", code), ("reason", ""))
    if method == "UPDATE":
        after, event = _update_answered(call, code)
        fields += (("sdp", _SDP),) if direction else ()
    else:
        after = call._replace(asking=tuple(one for one in call.asking if one != method))
        event = "RequestAnswered"
        if method == "MESSAGE":
            event = "MessageDelivered" if code < 300 else "MessageFailed"
    if code in (401, 407):
        event = "AuthRequired"
        described = method == "UPDATE" and call.updating != PLAIN
        after = arriving.challenged(after, f"{method} offer" if described else method)
    if event in ("AuthRequired", "RequestAnswered"):
        fields += (("method", method),)
    return Stimulus(event, fields, after, "answer", message=message)


def _update_answered(call: Wire, code: int) -> tuple[Wire, str]:
    described = call.updating != PLAIN
    if code < 300:
        changes: dict[str, Any] = {"mine": call.updating, "taken": True} if described else {}
        return call._replace(updating="", **changes).renewed(), "UpdateAccepted"
    offer = "" if described else call.offer
    lost = call.lost or code in (408, 481)
    return call._replace(updating="", offer=offer, lost=lost), "UpdateRefused"


# -- the actions -----------------------------------------------------------------------------------


def _live(doing: Doing, what: str) -> bool:
    """Whether a request can go out inside the call; complains or raises Refused if not."""
    wire = doing.wire
    if wire.bye or (wire.call == standing.OVER and not wire.broken):
        doing.complain("ACT608", f"{what} is sent after the call was ended")
    elif wire.call != standing.UP:
        if doing.troubled:
            raise Refused
        doing.complain("ACT601", f"{what} is sent before the call is up")
    elif wire.broken:
        raise Refused
    else:
        return True
    return False


def update(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """SendUPDATE."""
    wire, direction = doing.wire, str(arguments.get("direction") or "")
    if not _live(doing, "UPDATE"):
        return
    if wire.updating:
        doing.complain("ACT606", "UPDATE is sent while one of ours waits")
    elif direction and (wire.own or wire.asked or wire.update == "offer" or wire.ack):
        doing.complain("ACT605", "An offer is sent while another one waits for its answer")
    send_update(doing, direction)


def send_update(doing: Doing, direction: str) -> None:
    """An UPDATE goes out, with our description if it says a direction."""
    if direction:
        doing.change(
            updating=direction, offer="ours", made=False, taken=False, local=direction, retry=False
        )
    else:
        doing.change(updating=PLAIN)
    doing.send("UPDATE", direction=direction)


def ask(doing: Doing, method: str) -> None:
    """INFO, OPTIONS or MESSAGE."""
    if _live(doing, method):
        doing.change(asking=tuple(sorted({*doing.wire.asking, method})))
        doing.send(method)


def schedule(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """ScheduleReinviteRetry."""
    wire = doing.wire
    if doing.event not in ("ReinviteGlare", "UpdateRefused"):
        doing.complain("ACT601", "ScheduleReinviteRetry waits, and no re-INVITE met another one")
    elif wire.bye or wire.hangup:
        doing.complain("ACT608", "A re-INVITE is to be sent again after the call was ended")
    elif wire.call != standing.UP:
        raise Refused
    else:
        doing.change(retry=True)


def clear(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """ClearPendingReinvite."""
    if doing.wire.own:
        doing.complain("ACT606", "ClearPendingReinvite forgets a re-INVITE that is under way")
    doing.change(retry=False)


ACTS = {
    "SendUPDATE": update,
    "SendINFO": lambda doing, _: ask(doing, "INFO"),
    "SendMESSAGE": lambda doing, _: ask(doing, "MESSAGE"),
    "SendOPTIONS": lambda doing, _: ask(doing, "OPTIONS"),
    "ScheduleReinviteRetry": schedule,
    "ClearPendingReinvite": clear,
}
