"""Registrations and linked sessions: what they owe, and where they must not come to rest
(TMR701, INV801, OBL622, OBL624, CMP852, COV411, COV412, PUB814)."""

from __future__ import annotations

from flows.check.evidence import Evidence
from flows.check.invariants import TALK, kind_of
from flows.explore import eventing, linked, wire
from flows.explore.answers import BUSY
from flows.explore.party import Config
from flows.explore.registration import REGISTERING, TOO_BRIEF
from flows.explore.walk import Edge
from flows.findings import Severity

REGISTERED = "Registered"
"""The usual name of the state in which the registrar keeps our address."""


def registered(evidence: Evidence) -> None:
    """INV801: in Registered the registrar keeps our address and nothing is under way."""
    for number, config in enumerate(evidence.walk.configs):
        if config.ended or config.pending or config.state != REGISTERED:
            continue
        binding = config.wire.register
        if not binding.bound:
            fault = "the registrar does not keep our address"
        elif binding.stage:
            fault = "a REGISTER waits for its answer"
        elif config.wire.hangup:
            fault = "a person asked to remove the address"
        else:
            continue
        message = f"A session is in {config.state} although {fault}."
        edge = evidence.walk.parents[number]
        if edge is not None and edge.move.row >= 0:
            evidence.about_step("INV801", edge, message)
        else:
            evidence.about_state("INV801", config.state, message, edge)


def watched(evidence: Evidence) -> None:
    """TMR701: a registration is renewed, or ends, or is tried again: nothing rests for ever."""
    program = evidence.walk.party.program
    for number, config in enumerate(evidence.walk.configs):
        if config.timer < len(program.timers(config.state, config.role)):
            continue
        what = _rests(config)
        if what:
            message = f"{config.state} waits for {what}, which nothing brings about."
            edge = evidence.walk.parents[number]
            evidence.about_state("TMR701", config.state, message, edge, what)


def _rests(config: Config) -> str:
    return _rests_outside(config) or _rests_registered(config)


def _rests_outside(config: Config) -> str:
    """What a session without a call waits for though nothing brings it about."""
    mine, over = config.wire.outside, config.ended or config.pending or config.wire.broken
    if over or not mine.kind or "dialog" not in config.held or config.wire.others:
        return ""
    match mine.kind:
        case eventing.TOOK:
            return "more, when what it took is answered"
        case eventing.NOTIFY if mine.stage == wire.OFF:
            return "a subscriber who is gone"
        case eventing.WATCH | eventing.PUBLISH if mine.stage in ("", wire.OFF) and not mine.own:
            return "a subscription or a published state that is over"
    return ""


def _rests_registered(config: Config) -> str:
    binding = config.wire.register
    if config.ended or config.pending or not binding.begun or binding.stage or binding.watched:
        return ""
    if binding.bound:
        return "the end of a registration that is not watched (ProcessRegistrationResponse)"
    return NEXT_TRY


def caller(evidence: Evidence) -> None:
    """OBL622: what becomes of the linked session is told to the caller who waits for it."""
    program = evidence.walk.party.program
    for edge in evidence.walk.all_edges():
        move, target = edge.move, edge.move.target
        event = move.stimulus.event
        if event not in linked.EVENTS or move.kind != "fired" or target.pending or target.ended:
            continue
        if target.wire.call != wire.OFFERED or target.wire.hangup:
            continue
        if event == "LinkedAnswered":
            message = "The linked session was answered, and the caller gets no answer."
            evidence.about_step("OBL622", edge, message)
        elif event == "LinkedFailed" and not linked.untold(target.wire):
            taken = program.position(target.state, target.role).candidates
            accepted = taken.get("AcceptCall")
            waits = accepted is not None and accepted.kind == "fired"
            if not (waits or _calls_again(evidence, target.state)):
                message = "The linked session failed, and the caller goes on waiting for nobody."
                evidence.about_step("OBL622", edge, message)


def _calls_again(evidence: Evidence, state: str) -> bool:
    """Whether a timer of the state calls somebody else: the caller waits in a queue."""
    rows = (r for r in evidence.table.rows if r.from_state == state and r.after is not None)
    return any(word.name == "CreateLinkedSession" for row in rows for word in row.actions)


def relayed(evidence: Evidence) -> None:
    """OBL624: where a table tells the codes of the linked session apart, it tells the caller so:
    busy as busy (486, 600), ringing as 180, progress as 183."""
    read = evidence.walk.party.domain.read
    for edge in evidence.walk.all_edges():
        move, event = edge.move, edge.move.stimulus.event
        if event not in ("LinkedRinging", "LinkedFailed") or "code" not in read[event]:
            continue
        heard = int(dict(move.stimulus.fields).get("code", 0))
        for message in move.sends:
            if message.kind != "RESP" or message.method != "INVITE":
                continue
            ringing = event == "LinkedRinging" and message.code != heard
            busy = event == "LinkedFailed" and (message.code in BUSY) is not (heard in BUSY)
            if ringing or busy:
                text = f"The linked session said {heard}, and the caller is told {message.code}."
                evidence.about_step("OBL624", edge, text)


def far_leg(evidence: Evidence) -> None:
    """CMP852: the leg that is left learns that the other one has ended."""
    for edge in evidence.walk.all_edges():
        move, target = edge.move, edge.move.target
        if move.kind != "fired" or target.pending or target.ended:
            continue
        joined = any(leg.bridged for leg in evidence.walk.configs[edge.source].wire.legs)
        if move.stimulus.event == "LinkedEnded" and joined and _left_alone(target):
            message = "The linked session has ended, and the far side of this one is not told."
            evidence.about_step("CMP852", edge, message)


def _left_alone(config: Config) -> bool:
    call = config.wire
    held = {"playback", "recording"} & set(config.held)
    return call.live and not (held or call.legs or call.hangup)


def joined(evidence: Evidence) -> None:
    """INV801: while people talk, the answered linked session is joined with this one."""
    rows = evidence.table.rows
    if not any(word.name == "BridgeSessions" for row in rows for word in row.actions):
        return
    for number, config in enumerate(evidence.walk.configs):
        if config.ended or config.pending or config.failed or not config.wire.live:
            continue
        if kind_of(evidence.table.states[config.state]) != TALK or config.wire.gone:
            continue
        apart = [leg.name for leg in linked.untold(config.wire) if not leg.bridged]
        edge = evidence.walk.parents[number]
        if apart and edge is not None:
            message = f"The call is up in {config.state} and is not joined with {apart[0]}."
            evidence.about_step("INV801", edge, message)


def credentials(evidence: Evidence) -> None:
    """COV412: where authentication is claimed, each challenge is answered with credentials once."""
    if "authentication" not in evidence.table.features:
        return
    asked: dict[tuple[str, str], Edge] = {}
    answered: set[tuple[str, str]] = set()
    for edge in evidence.walk.all_edges():
        before, stimulus = evidence.walk.configs[edge.source], edge.move.stimulus
        request = stimulus.wire.challenged
        over = before.wire.hangup or before.wire.cancel or before.wire.bye
        ending = evidence.table.states[before.state].group == "end"
        given_up = (over or ending) and request in GIVEN_UP
        if stimulus.event != "AuthRequired" or edge.move.kind == "unhandled" or given_up:
            continue
        place = (before.state, request)
        asked.setdefault(place, edge)
        if any(message.kind in RETRIED for message in edge.move.sends):
            answered.add(place)
    for state, request in asked.keys() - answered:
        edge = asked[state, request]
        message = f"authentication is claimed, and {state} never answers a challenge ({request})."
        evidence.about_state("COV412", state, message, edge, request)


def too_brief(evidence: Evidence) -> None:
    """COV412: where registration is claimed, 423 is answered by asking for a longer time."""
    if "registration" not in evidence.table.features:
        return
    asked: dict[str, Edge] = {}
    answered: set[str] = set()
    for edge in evidence.walk.all_edges():
        before, stimulus = evidence.walk.configs[edge.source], edge.move.stimulus
        if dict(stimulus.fields).get("code") != TOO_BRIEF or before.wire.hangup:
            continue
        if stimulus.event == "RegistrationFailed":
            asked.setdefault(before.state, edge)
            if any(message.kind == "REGISTER" for message in edge.move.sends):
                answered.add(before.state)
    for state in asked.keys() - answered:
        message = f"registration is claimed, and {state} never asks for a longer time after 423."
        evidence.about_state("COV412", state, message, asked[state], "423")


def temporary(evidence: Evidence) -> None:
    """COV412: failures that pass by (5xx, silence, no connection) are waited out alike, and those
    that do not (403, 404, 6xx) are not."""
    for number, edges in enumerate(evidence.walk.edges):
        before = evidence.walk.configs[number]
        if before.wire.register.stage != REGISTERING or before.wire.hangup or before.failed:
            continue
        done = [e for e in edges if e.move.kind == "fired" and e.move.broke < 0]
        passing = [e for e in done if _passing(e) not in ("", LASTING)]
        waits = [e for e in passing if not e.move.target.ended]
        ends = [e for e in passing if e.move.target.ended]
        if waits and ends:
            _unlike(evidence, before.state, waits[0], ends[0])
        elsewhere = [e for e in waits if e.move.target.state != waits[0].move.target.state]
        if elsewhere:
            one, other = waits[0].move, elsewhere[0].move
            message = (
                f"{before.state} waits in {one.target.state} after {one.stimulus.label}, and in "
                f"{other.target.state} after {other.stimulus.label}, which passes by as well."
            )
            warning = Severity.WARNING
            evidence.about_state("COV412", before.state, message, elsewhere[0], "wait", warning)
        for edge in done:
            if _passing(edge) == LASTING and not edge.move.target.ended:
                label = edge.move.stimulus.label
                message = f"{before.state} tries again after {label}, which is final."
                warning = Severity.WARNING
                evidence.about_state("COV412", before.state, message, edge, "lasting", warning)


def _unlike(evidence: Evidence, state: str, waits: Edge, ends: Edge) -> None:
    one, other = waits.move.stimulus.label, ends.move.stimulus.label
    message = f"{state} waits out {one}, and gives up after {other}, which passes by as well."
    evidence.about_state("COV412", state, message, ends, "temporary", Severity.WARNING)


def _passing(edge: Edge) -> str:
    stimulus = edge.move.stimulus
    match stimulus.event:
        case "DialogTimeout" | "DialogError":
            return stimulus.event
        case "RegistrationFailed":
            code = int(dict(stimulus.fields)["code"])
            if code // 100 == 5:
                return "5xx"
            return LASTING if code // 100 == 6 or code in (403, 404) else ""
    return ""


def asked_again(evidence: Evidence) -> None:
    """COV411: where one waiting for the next try can be cut short, every one can."""
    program, table = evidence.walk.party.program, evidence.table
    if not any(row.event == "RetryRegistration" for row in table.rows):
        return
    for number, config in enumerate(evidence.walk.configs):
        taken = program.position(config.state, config.role).candidates
        if _rests(config) == NEXT_TRY and "RetryRegistration" not in taken:
            message = f"A person can not ask for the next try in {config.state}."
            edge = evidence.walk.parents[number]
            evidence.about_state("COV411", config.state, message, edge, "RetryRegistration")


LASTING = "a lasting failure"
NEXT_TRY = "the next REGISTER"
RETRIED = frozenset(
    ("INVITE", "re-INVITE", "REGISTER", "BYE", "UPDATE", "INFO", "MESSAGE", "OPTIONS", "REFER")
    + ("SUBSCRIBE", "PUBLISH")
)
GIVEN_UP = frozenset(("INVITE", "re-INVITE", "registering", "SUBSCRIBE", "PUBLISH"))
"""Requests that need not be repeated once a person gave the call or the registration up."""


def truth(evidence: Evidence) -> None:
    """PUB814: what is told of a registration is so."""
    for edge in evidence.walk.all_edges():
        move = edge.move
        if move.broke >= 0 or move.transition is None or move.kind != "fired":
            continue
        for name in move.transition.decision.published:
            if _untrue(name, edge):
                message = f"{name} is published on {move.stimulus.event}, and it is not so."
                evidence.about_step("PUB814", edge, message)


def _untrue(name: str, edge: Edge) -> bool:
    move = edge.move
    match name:
        case "RegistrationSuccess":
            return move.stimulus.event != "Registration200OK"
        case "RegistrationFailed":
            arrived = move.stimulus.wire
            return (arrived.register.bound and not arrived.challenged) or arrived.hangup
        case "UnregistrationSuccess":
            removed = move.stimulus.event != "UnregistrationFailed"
            bound = move.stimulus.wire.register.bound and not move.stimulus.wire.challenged
            return bound or not (move.stimulus.wire.hangup and removed)
        case "UnregistrationFailed":
            return not move.stimulus.wire.hangup
        case "SessionsBridged":
            return "bridge" not in move.target.held
    return False


RULES = (
    registered,
    watched,
    caller,
    relayed,
    far_leg,
    joined,
    credentials,
    too_brief,
    temporary,
    asked_again,
    truth,
)
