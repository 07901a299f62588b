"""What the actions of a row do to the call, and what is wrong about doing them now.

This is the meaning behind the contracts of `flows.vocabulary`: what `requires`, `uses`, `acquires`
and `releases` say is checked for every action alike; what a message does to the usage is said here
for each action that sends one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flows.explore import (
    clocked,
    credentials,
    eventing,
    inside,
    linked,
    redirected,
    registration,
    services,
)
from flows.explore import wire as standing
from flows.explore.answers import closed, respond
from flows.explore.doing import Doing, Refused, open_request
from flows.table import Word
from flows.vocabulary import ACTIONS, ActionWord

TOLERANT = frozenset(
    (
        "GenerateLocalSDP",
        "PrepareEarlyMediaSDP",
        "RestoreMedia",
        "CreateLinkedSession",
        "ReplaceSession",
        "CreateConsultationCall",
    )
)
"""Actions that take a resource only if it is not held yet."""
LEGS = ("dialog", "media")
ENDS_ALONE = ("playback",)
"""What comes to its end by itself, maybe just before a row stops it: stopping does no harm then."""


def perform(doing: Doing, word: Word, index: int) -> None:
    """Do one action: check its contract, then let it change the call. Raises Refused."""
    doing.at = index
    contract = ACTIONS.get(word.name)
    if contract is None:
        return
    _require(doing, contract)
    _use(doing, contract, word.arguments)
    act = _ACTS.get(word.name)
    if act is not None:
        act(doing, word.arguments)
    _acquire(doing, contract)
    _release(doing, contract)


def leaves_a_trace(name: str) -> bool:
    """Whether this model sees what the action does; muting, for one, it does not."""
    contract = ACTIONS.get(name)
    seen = contract is not None and (contract.acquires or contract.releases or contract.sets)
    return bool(seen) or (name in _ACTS and name != "SendDTMFTone")


def finish(doing: Doing, words: tuple[Word, ...]) -> None:
    """Look at the row as a whole once all of it is done."""
    wire = doing.wire
    names = [word.name for word in words]
    if not wire.made or "GenerateLocalSDP" not in names:
        return
    beginning = (standing.NONE, standing.READY, standing.OFFERED, standing.CANCELLED)
    begins = wire.call in beginning and not (wire.call == standing.OFFERED and wire.settled)
    if not begins and not (wire.asked or wire.update or wire.unacked):
        doing.at = names.index("GenerateLocalSDP")
        detail = "Our description is made and goes to nobody: no offer asked for it"
        doing.complain("ACT605", detail, mild=wire.call == standing.OVER and not wire.talked)


def attempted(doing: Doing, word: Word, index: int) -> None:
    """Take note of an action that was tried and failed in the world: it is owed no more."""
    doing.at = index
    match word.name:
        case "SendBYE" | "TerminateCurrentCall":
            doing.change(bye="failed")
        case "SendCANCEL":
            doing.change(cancel=True)
        case "SendACK":
            doing.change(ack=False)
        case "SendREGISTER" | "SendREGISTERWithAuth" | "SendUnREGISTER":
            registration.failed(doing)
        case "SendSUBSCRIBE" | "SendPUBLISH" | "SendNOTIFY" | "ProcessMESSAGE":
            eventing.attempted(doing, word.name)
        case "SignalLinked":
            linked.attempted(doing, word.arguments)
        case "SendSIPResponse" if word.arguments.get("code", 200) >= 200:
            doing.change(**closed(doing.wire, open_request(doing)))
        case "SendRejectResponse":
            doing.change(**closed(doing.wire, "INVITE"))
        case name:
            services.attempted(doing, name, word.arguments)


# -- the contract, the same for all ----------------------------------------------------------------


def _require(doing: Doing, contract: ActionWord) -> None:
    for name, wanted in contract.requires.items():
        if bool(doing.values.get(name)) is wanted:
            continue
        if name == "HasPendingReinvite":
            code = "ACT606"
            detail = f"{contract.name} starts a second re-INVITE while one of ours waits"
        else:
            code = "ACT605" if contract.group == "Media" and "SDP" in name else "ACT601"
            negated = "" if wanted else "not "
            detail = f"{contract.name} needs {negated}{name}, which does not hold here"
        doing.complain(code, detail)


def _use(doing: Doing, contract: ActionWord, arguments: Mapping[str, Any]) -> None:
    needed = contract.needs(arguments)
    for resource in contract.uses:
        if resource in doing.held:
            continue
        if resource in doing.gone:
            doing.complain("RES506", f"{contract.name} uses the {resource} after it was given back")
        elif resource in needed and not (doing.troubled or resource in contract.acquires):
            doing.complain("RES504", f"{contract.name} uses a {resource} that was never taken")


def _acquire(doing: Doing, contract: ActionWord) -> None:
    for resource in contract.acquires:
        if resource not in LEGS and doing.wire.bye:
            doing.complain("ACT608", f"{contract.name} begins after the call was ended")
        if resource not in doing.held:
            doing.held = tuple(sorted((*doing.held, resource)))
            doing.gone = tuple(r for r in doing.gone if r != resource)
            doing.fresh.add(contract.name if resource == "media" else resource)
            continue
        satisfied = contract.name in TOLERANT or (
            contract.name == "CreateMediaSession" and "GenerateLocalSDP" in doing.fresh
        )
        if not satisfied:
            doing.complain("RES503", f"{contract.name} takes a {resource} that is held already")


def _release(doing: Doing, contract: ActionWord) -> None:
    main = contract.releases[:1]
    for resource in contract.releases:
        if resource == "link" and linked.alive(doing.wire):
            continue  # another linked session goes on
        if resource in doing.held:
            doing.held = tuple(r for r in doing.held if r != resource)
            doing.dropped.add(resource)
            if resource in LEGS:
                doing.gone = tuple(sorted({*doing.gone, resource}))
                if resource == "dialog" and "media" in doing.held:
                    doing.complain("RES509", "The dialog is given back before the media")
            continue
        twice = resource in doing.dropped or resource in doing.gone
        own = resource in main and contract.name not in ("StopMediaSession",)
        if resource in ENDS_ALONE and not twice:
            continue
        if own and (twice or not doing.troubled):
            again = "was given back already" if twice else "is not held"
            doing.complain("RES505", f"{contract.name} gives back a {resource} that {again}")


# -- signalling ------------------------------------------------------------------------------------


def _create_dialog(doing: Doing, arguments: Mapping[str, Any]) -> None:
    if doing.wire.call == standing.NONE and doing.role == "UAC":
        doing.change(call=standing.READY)


def _send_invite(doing: Doing, arguments: Mapping[str, Any]) -> None:
    wire = doing.wire
    if wire.call not in (standing.NONE, standing.READY, standing.OVER):
        doing.complain("ACT601", "SendINVITE begins a call that has begun already")
        return
    credentials.armed_with(doing, "INVITE", "SendINVITE")
    if wire.made:
        doing.change(call=standing.CALLING, offer="ours", made=False, talked=0, cancel=False)
    else:
        doing.change(call=standing.CALLING, talked=0, cancel=False)
    doing.send("INVITE", direction="sendrecv" if wire.made else "")


def _send_ack(doing: Doing, arguments: Mapping[str, Any]) -> None:
    if not doing.wire.ack:
        doing.complain("ACT609", "SendACK confirms a 2xx that did not come, or a second time")
        return
    doing.change(ack=False, talked=max(doing.wire.talked, 2 if doing.role == "UAC" else 0))
    doing.send("ACK")


def _send_bye(doing: Doing, arguments: Mapping[str, Any]) -> None:
    wire = doing.wire
    if wire.bye in ("sent", "done"):
        doing.complain("ACT608", "SendBYE is sent a second time")
    elif wire.call == standing.ANSWERED:
        doing.complain("ACT602", "SendBYE goes out before the ACK to our 2xx came or failed to")
    elif wire.call == standing.OVER and not (wire.broken or doing.troubled):
        doing.complain("ACT608", "SendBYE is sent in a call that is over")
    elif wire.call != standing.UP:
        if doing.troubled and wire.talked:
            raise Refused
        doing.complain("ACT601", "SendBYE ends a call that is not up")
    elif wire.ack:
        doing.complain("ACT609", "SendBYE goes out before the 2xx was confirmed with SendACK")
    doing.change(bye="sent")
    doing.send("BYE")


def _hand_over(doing: Doing, arguments: Mapping[str, Any]) -> None:
    services.hand_over(doing)
    _send_bye(doing, arguments)


def _send_cancel(doing: Doing, arguments: Mapping[str, Any]) -> None:
    wire = doing.wire
    if wire.cancel:
        doing.complain("ACT603", "SendCANCEL is sent a second time")
    elif wire.call == standing.CALLING:
        detail = (
            "SendCANCEL is done before any provisional answer came; it is kept back until one comes"
        )
        doing.complain("ACT603", detail, mild=True)
    elif wire.call != standing.PROCEEDING:
        if doing.troubled and not wire.talked:
            raise Refused
        doing.complain("ACT603", "SendCANCEL goes out when no INVITE of ours waits any more")
        return
    doing.change(cancel=True)
    doing.send("CANCEL")


def _propose(direction: str | None) -> Callable[[Doing, Mapping[str, Any]], None]:
    def propose(doing: Doing, arguments: Mapping[str, Any]) -> None:
        wire = doing.wire
        wanted = direction or str(arguments.get("direction", "sendrecv"))
        if wire.bye or (wire.call == standing.OVER and not wire.broken):
            doing.complain("ACT608", "A re-INVITE is sent after the call was ended")
        elif wire.call != standing.UP:
            if doing.troubled:
                raise Refused
            doing.complain("ACT601", "A re-INVITE is sent before the call is up")
        elif wire.own:
            doing.complain("ACT606", "A re-INVITE is sent while one of ours waits")
        elif wire.asked:
            doing.complain("ACT605", "An offer is sent while the far side's waits for its answer")
        elif wire.updating not in ("", inside.PLAIN):
            doing.complain("ACT605", "An offer is sent while that of our UPDATE waits")
        elif wire.ack:
            doing.complain("ACT606", "A re-INVITE is sent before the last 2xx was confirmed")
        elif wire.unacked or wire.broken:
            raise Refused
        credentials.armed_with(doing, "re-INVITE", "The re-INVITE")
        doing.change(own=wanted, offer="ours", made=False, local=wanted, retry=False)
        doing.send("re-INVITE", direction=wanted)

    return propose


def _cleanup_dialog(doing: Doing, arguments: Mapping[str, Any]) -> None:
    wire = doing.wire
    if "dialog" in doing.held and not wire.broken:
        _judge_end(doing)
        registration.judge_end(doing)
        eventing.judge_end(doing)
    doing.change(
        call=standing.OVER,
        own="",
        asked="",
        update="",
        others=(),
        unacked=False,
        ack=False,
        reliable="",
        transfer="",
        refer="",
        offer="",
        bye="done" if wire.bye else "",
        challenged="",
        register=standing.Binding(begun=wire.register.begun),
        outside=standing.Outside(wire.outside.kind),
    )


def _judge_end(doing: Doing) -> None:
    wire = doing.wire
    excused = doing.event in ("ActionFailed", "DialogTimeout", "DialogError")
    if wire.call in standing.OPEN_INVITE:
        doing.complain("OBL622", "The call ends and its INVITE got no final answer")
    elif wire.call == standing.ANSWERED and not excused:
        doing.complain("OBL622", "Our 2xx was sent, and the call ends without ACK or BYE")
    elif wire.call in standing.OUR_INVITE and not (excused or wire.cancel):
        doing.complain("ACT611", "The call ends and our INVITE is neither answered nor cancelled")
    elif wire.call == standing.UP and not (excused or wire.bye):
        doing.complain("ACT611", "An answered call ends without BYE: the far side is not told")
    elif wire.bye == "sent" and doing.method == "INVITE" and not excused:
        doing.complain("OBL622", "The call ends while our BYE waits: another request was answered")
    if wire.refer:
        doing.complain("OBL623", "A REFER was accepted and its end is never told with NOTIFY")


# -- descriptions and media ------------------------------------------------------------------------


def _generate(doing: Doing, arguments: Mapping[str, Any]) -> None:
    wire = doing.wire
    if wire.made and "GenerateLocalSDP" in doing.fresh:
        doing.complain("ACT605", "Our description is made a second time")
    if wire.offer == "theirs" and not wire.taken:
        doing.complain("ACT605", "An answer is made before the offer was taken: StoreRemoteSDP")
    doing.change(made=True)


def _store_remote(doing: Doing, arguments: Mapping[str, Any]) -> None:
    doing.change(taken=True)


def _negotiate(doing: Doing, arguments: Mapping[str, Any]) -> None:
    wire = doing.wire
    if wire.offer == "ours" and not (wire.taken or wire.settled):
        doing.complain("ACT605", "There is nothing to negotiate: no answer to our offer came")
    elif not wire.offer and not wire.settled and not doing.values.get("HasLocalSDP"):
        doing.complain("ACT605", "There is nothing to negotiate: no description was exchanged")
    doing.change(settled=True, offer="", taken=False, made=False)


def _direct(doing: Doing, arguments: Mapping[str, Any]) -> None:
    doing.change(local=str(arguments.get("direction", "sendrecv")))


def _start(doing: Doing, arguments: Mapping[str, Any]) -> None:
    if not doing.wire.settled:
        doing.complain("ACT605", "StartMediaSession comes before the descriptions are settled")
    doing.change(flowing=True, gone=False)


def _restore(doing: Doing, arguments: Mapping[str, Any]) -> None:
    if doing.wire.bye or doing.wire.cancel:
        doing.complain("ACT608", "RestoreMedia brings media back to a call that was ended")
    if "media" not in doing.held and not doing.troubled:
        doing.complain("RES504", "RestoreMedia brings back media that was never taken")
    doing.change(flowing=doing.wire.flowing or doing.wire.gone, gone=False)


def _press(doing: Doing, arguments: Mapping[str, Any]) -> None:
    if doing.wire.bye:
        doing.complain("ACT608", "Keys are pressed after the call was ended")
    elif not doing.wire.flowing and not doing.troubled:
        doing.complain("ACT605", "Keys are pressed before media flows")


def _stop(doing: Doing, arguments: Mapping[str, Any]) -> None:
    doing.change(flowing=False, gone=False)


def _cleanup_media(doing: Doing, arguments: Mapping[str, Any]) -> None:
    doing.change(flowing=False, gone=False, settled=False, made=False)


_ACTS: dict[str, Callable[[Doing, Mapping[str, Any]], None]] = {
    "CreateDialog": _create_dialog,
    "SendINVITE": _send_invite,
    "SendACK": _send_ack,
    "SendBYE": _send_bye,
    "SendCANCEL": _send_cancel,
    "SendReINVITE": _propose(None),
    "HoldCall": _propose("sendonly"),
    "ResumeCall": _propose("sendrecv"),
    "SendSIPResponse": respond,
    "CleanupDialog": _cleanup_dialog,
    "GenerateLocalSDP": _generate,
    "StoreRemoteSDP": _store_remote,
    "NegotiateSDPAsUAC": _negotiate,
    "NegotiateSDPAsUAS": _negotiate,
    "UpdateMediaDirection": _direct,
    "StartMediaSession": _start,
    "RestoreMedia": _restore,
    "SendDTMFTone": _press,
    "StopMediaSession": _stop,
    "CleanupMedia": _cleanup_media,
    "PrepareEarlyMediaSDP": _generate,
    "HoldCurrentCall": _propose("sendonly"),
    "TerminateCurrentCall": _hand_over,
    **services.SERVICES,
    **credentials.ACTS,
    **redirected.ACTS,
    **inside.ACTS,
    **clocked.ACTS,
    **registration.ACTS,
    **eventing.ACTS,
    **linked.ACTS,
}
