"""The answers to the far side's requests: which one is answered, and whether rightly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.explore import wire as standing
from flows.explore.doing import Doing, Refused, open_request
from flows.explore.wire import Wire

BUSY = (486, 600)


def closed(wire: Wire, request: str) -> dict[str, Any]:
    """Return what changes when a request got its final answer."""
    match request:
        case "INVITE":
            return {"call": standing.OVER}
        case "re-INVITE":
            return {"asked": ""}
        case "UPDATE":
            return {"update": ""}
        case "":
            return {}
    return {"others": tuple(o for o in wire.others if o != request)}


def respond(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """Answer the request of the event, else the oldest open one."""
    code = int(arguments.get("code", 200))
    request = open_request(doing)
    if not request:
        asked = doing.role == "UAS" or doing.wire.talked
        if doing.troubled and code >= 300 and asked:
            raise Refused
        late = "ACT610" if code < 200 else "ACT604"
        doing.complain(late, f"Nothing waits for the answer {code}: it was given already")
        return
    if code < 200:
        if request not in ("INVITE", "re-INVITE"):
            doing.complain("OBL624", f"{request} has no provisional answer such as {code}")
        doing.send("RESP", request, code, "sendrecv" if code == 183 and doing.wire.made else "")
        return
    accept(doing, request, code)


def accept(doing: Doing, request: str, code: int) -> None:
    """Give the final answer to an open request."""
    _judge(doing, request, code)
    _answer(doing, request, code)


def _judge(doing: Doing, request: str, code: int) -> None:
    """Say what is wrong about this answer to this request."""
    wire = doing.wire
    positive = code < 300
    if request == "INVITE" and positive and wire.reliable in ("described", "lost"):
        doing.complain("ACT610", f"{code} goes out before the PRACK to our reliable 18x came")
    if request == "INVITE" and wire.reliable == "lost" and doing.event == "DialogTimeout":
        if not 500 <= code < 600:
            doing.complain("OBL624", f"No PRACK came: RFC 3262 3 asks for a 5xx, not {code}")
    if request == "INVITE" and wire.call == standing.CANCELLED:
        if positive:
            doing.complain("ACT604", f"The INVITE is answered {code} after it was cancelled")
        elif code != 487:
            doing.complain("OBL624", f"A cancelled INVITE is answered 487, not {code}")
    elif code == 487 and doing.event != "DialogBYE":
        doing.complain("OBL624", "487 says that the request was cancelled, and it was not")
    ours = wire.own or wire.updating not in ("", "plain")
    waits = ours or wire.unacked or wire.ack or wire.call == standing.ANSWERED
    if code == 491 and not (request in ("re-INVITE", "UPDATE") and waits):
        doing.complain("OBL624", "491 says that an offer of ours is open, and none is")
    if code in (488, 491) and request == "UPDATE" and wire.update == "plain":
        doing.complain("OBL624", f"{code} refuses a description, and this UPDATE brings none")
    if code in BUSY and request not in ("INVITE", "REFER"):
        doing.complain("OBL624", f"{code} says that somebody is busy: it answers a new call only")
    if positive and wire.bye == "sent":
        harmless = request in ("INFO", "MESSAGE") or wire.update == "plain"
        doing.complain("OBL624", f"{request} is accepted with {code} after our BYE", mild=harmless)
    elif positive and request in ("re-INVITE", "UPDATE") and _needs_description(wire, request):
        if ours and wire.offer:
            doing.complain("OBL624", f"{request} is accepted while our own offer is open: 491")
    if positive and _needs_description(wire, request):
        if not wire.made:
            doing.complain("OBL624", f"{code} goes out without our description: GenerateLocalSDP")
        elif wire.offer == "theirs" and not wire.taken:
            doing.complain("ACT605", f"{code} answers an offer that was not taken: StoreRemoteSDP")
    if code == 481 and wire.call == standing.UP and not wire.bye:
        doing.complain("OBL624", "481 says that there is no such call, and there is")


def _needs_description(wire: Wire, request: str) -> bool:
    if request == "INVITE":
        # A reliable provisional answer may have settled the descriptions (RFC 3262 5).
        return wire.made or not wire.settled
    return request == "re-INVITE" or (request == "UPDATE" and wire.update == "offer")


def _answer(doing: Doing, request: str, code: int) -> None:
    wire = doing.wire
    positive = code < 300
    described = positive and _needs_description(wire, request)
    answers = wire.offer == "theirs"
    changes = closed(wire, request)
    if described:
        changes |= {"made": False, "offer": "" if answers else "ours"}
        changes |= {"settled": True} if answers and request != "INVITE" else {}
    elif answers and request in ("INVITE", "re-INVITE", "UPDATE"):
        changes |= {"offer": "", "taken": False}
    if request == "INVITE":
        changes["reliable"] = ""
    if positive and request == "INVITE":
        changes |= {"call": standing.ANSWERED, "talked": 1}
    if positive and request == "re-INVITE":
        changes["unacked"] = True
    if positive and request == "REFER":
        changes["refer"] = "accepted"
    changes["outside"] = wire.outside.answered(request, code)
    doing.change(**changes)
    if positive and request in ("re-INVITE", "UPDATE"):
        doing.wire = doing.wire.renewed()
    doing.send("RESP", request, code, _answered_direction(wire) if described else "")


def _answered_direction(wire: Wire) -> str:
    opposite = {"sendonly": "recvonly", "recvonly": "sendonly"}
    return opposite.get(wire.theirs, wire.theirs) if wire.offer == "theirs" else wire.mine
