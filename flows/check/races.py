"""The races of RFC 5407, played on every configuration of a table in which they can come about.

Each scene is one diagram of the RFC as one side sees it: where the side stands, what the far side
sends in which order, and which answers the RFC wants on the wire. A scene that no call of the table
comes to is listed as such: it was not passed, it does not apply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from flows.check.meanings import MEANINGS
from flows.explore import wire
from flows.explore.doing import Message
from flows.explore.further import SDP
from flows.explore.pair import FIFO, Pair, quiet
from flows.explore.party import Config, Stimulus
from flows.explore.stage import Played, Stage, Wrong
from flows.explore.walk import Walk
from flows.findings import Finding
from flows.semantics import SESSION_ROLES

CODES = tuple(f"RACE{number}" for number in range(901, 915))
PASSED, FOUND = "passed", "found"
GONE = frozenset((404, 408, 410, 481))
"""Answers by which the far side takes the call for gone (RFC 5057 5.1)."""
OK = Message("RESP", "INVITE", 200, "sendrecv")
CONFIRMED = Message("RESP", "re-INVITE", 200, "sendrecv")
BYE = Message("BYE")
BYE_ANSWERED = Message("RESP", "BYE", 200)
BACK_OFF = {"UAC": (2.1, 4.0), "UAS": (0.0, 2.0)}
"""RFC 3261 14.1: seconds to wait after 491 for the side that began the call, and the other."""


class Scene(NamedTuple):
    """One race as one side sees it."""

    code: str
    fits: Callable[[Config], bool]
    """Whether a configuration is where the scene begins."""
    play: Callable[[Stage], None]
    """Raises Wrong where the side does not do what the RFC says."""


def examine(walk: Walk, pair: Pair | None = None) -> tuple[list[Finding], dict[str, str]]:
    """Play all races on what a walk reached; return the findings, and what became of each code."""
    stages = Pair(walk.party, FIFO) if pair is None else pair
    starts = _starts(walk, stages)
    findings: list[Finding] = []
    verdicts: dict[str, str] = {}
    for scene in SCENES:
        fitting = [(n, at) for n, at in starts if scene.fits(stages.configs[n])]
        if not fitting:
            verdicts.setdefault(scene.code, f"not applicable: {NEEDS[scene.code]}")
            continue
        found = list(_played(scene, fitting, stages, walk))
        known = {(f.code, f.place) for f in findings}
        findings += [f for f in found if (f.code, f.place) not in known]
        if found or verdicts.get(scene.code) != FOUND:
            verdicts[scene.code] = FOUND if found else PASSED
    return findings, verdicts


def _starts(walk: Walk, stages: Pair) -> list[tuple[int, int]]:
    """Return the configurations a scene may begin at, as number in the pair and in the walk."""
    found: dict[int, int] = {}
    for at, config in enumerate(walk.configs):
        call = config.wire
        if config.ended or config.pending or config.failed or call.broken or call.lost:
            continue
        found.setdefault(stages.number(quiet(config)), at)
    return list(found.items())


def _played(
    scene: Scene, starts: list[tuple[int, int]], stages: Pair, walk: Walk
) -> Iterator[Finding]:
    said: set[object] = set()
    for number, at in starts:
        way = ((walk.configs[edge.source], edge.move) for edge in walk.way(at))
        stage = Stage(stages, number, ())
        try:
            scene.play(stage)
        except Wrong as wrong:
            finding = _finding(scene.code, wrong, walk)
            if (finding.row, finding.state) in said:
                continue
            said.add((finding.row, finding.state))
            yield _traced(finding, Stage(stages, number, way).lines + stage.lines, walk)


def _finding(code: str, wrong: Wrong, walk: Walk) -> Finding:
    table = walk.party.program.table
    severity, explanation = MEANINGS[code]
    played = wrong.played
    row = played.move.row if played.move is not None and played.move.row >= 0 else None
    place = table.states[played.before.state].place if row is None else table.rows[row].place
    message = f"As {played.before.role} in {played.before.state}: {wrong.message}."
    state = played.before.state
    return Finding(code, severity, message, place, explanation, row=row, state=state)


def _traced(finding: Finding, lines: list[dict[str, object]], walk: Walk) -> Finding:
    rows = walk.party.program.table.rows
    used = dict.fromkeys(line["row"] for line in lines)
    related = [rows[r].place for r in used if isinstance(r, int) and r >= 0]
    return Finding(
        finding.code, finding.severity, finding.message, finding.place, finding.explanation,
        row=finding.row, state=finding.state, trace=tuple(lines),
        related=tuple(place for place in related if place != finding.place),
    )  # fmt: skip


# -- where scenes begin ----------------------------------------------------------------------------


def _ringing(config: Config) -> bool:
    return config.wire.call == wire.OFFERED


def _moratorium(config: Config) -> bool:
    """Our 200 is out and the ACK is awaited: the RFC's Moratorium state."""
    return config.wire.call == wire.ANSWERED


def _answered_offer(config: Config) -> bool:
    return _moratorium(config) and config.wire.offer != "ours"


def _offered_in_answer(config: Config) -> bool:
    return _moratorium(config) and config.wire.offer == "ours"


def _cancelling(config: Config) -> bool:
    return config.wire.call == wire.PROCEEDING and config.wire.cancel


def _ended_early(config: Config) -> bool:
    return config.wire.call in wire.OUR_INVITE and config.wire.bye == "sent"


def _mortal(config: Config) -> bool:
    """Our BYE is out: the RFC's Mortal state."""
    return config.wire.call == wire.UP and config.wire.bye == "sent"


def _mortal_and_quiet(config: Config) -> bool:
    call = config.wire
    return _mortal(config) and not (call.own or call.asked or call.unacked or call.ack)


def _mortal_with_offer(config: Config) -> bool:
    return _mortal(config) and bool(config.wire.own)


def _mortal_unconfirmed(config: Config) -> bool:
    return _mortal(config) and config.wire.unacked


def _mortal_called(config: Config) -> bool:
    return _mortal_and_quiet(config) and config.role == "UAS"


def _offering(config: Config) -> bool:
    """Our re-INVITE is out and nothing else is open."""
    call = config.wire
    busy = call.bye or call.asked or call.update or call.unacked or call.ack
    return call.call == wire.UP and bool(call.own) and not busy


def _referring(config: Config) -> bool:
    """Our REFER is out and was not answered yet."""
    return config.wire.live and config.wire.transfer == "sent"


def _calling_and_offering(config: Config) -> bool:
    return config.role == "UAC" and _offering(config)


# -- what the RFC wants ----------------------------------------------------------------------------


def _over(stage: Stage, played: Played) -> None:
    """The call is behind us: the session has ended, or gave its dialog back."""
    if not stage.config.ended and "dialog" in stage.config.held:
        raise Wrong(f"the call is over and the session keeps its dialog in {played.after.state}",
                    played)  # fmt: skip


def _our_bye_is_answered(stage: Stage) -> None:
    if not stage.config.ended and stage.config.wire.bye == "sent":
        _over(stage, stage.gets(BYE_ANSWERED))


def _ack(stage: Stage) -> Played:
    return stage.gets(Message("ACK", direction="sendrecv" if _ours(stage) else ""))


def _ours(stage: Stage) -> bool:
    return stage.config.wire.offer == "ours"


def _confirmed(played: Played) -> None:
    if not played.sent("ACK"):
        raise Wrong("the 200 gets no ACK", played)


def _repeated_invite(stage: Stage) -> None:
    again = Message("INVITE", direction="sendrecv")
    fields = (("from", "sip:a"), ("to", "sip:b"), ("sdp", SDP), ("direction", "sendrecv"))
    stimulus = Stimulus("IncomingCall", fields, stage.config.wire, "peer", message=again)
    if (played := stage.takes(stimulus)) is not None:
        raise Wrong("the INVITE that comes again is taken for a new call", played)
    stage.absorbs(again, Message("RESP", "INVITE", 200))
    if (played := _ack(stage)).answers_again:
        raise Wrong("the INVITE is answered a second time", played)


def _late_cancel(stage: Stage) -> None:
    cancel = Message("CANCEL")
    stimulus = Stimulus("DialogCANCEL", (), stage.config.wire, "peer", message=cancel)
    held = stage.config.held
    played = stage.takes(stimulus)
    if played is None:
        stage.absorbs(cancel, Message("RESP", "CANCEL", 200))
    elif played.sends or played.after.ended or set(played.after.held) < set(held):
        raise Wrong("the CANCEL that crossed our 200 tears the call down", played)
    _ack(stage)
    if not stage.config.ended:
        _over(stage, stage.gets(BYE))


def _crossing_200(stage: Stage) -> None:
    played = stage.gets(OK)
    _confirmed(played)
    kinds = [message.kind for message in played.sends]
    if "BYE" not in kinds:
        raise Wrong("the 200 crossed our CANCEL, and no BYE ends the call", played)
    if kinds.index("BYE") < kinds.index("ACK"):
        raise Wrong("BYE goes out before the ACK to the 200 that crossed our CANCEL", played)
    _our_bye_is_answered(stage)


def _early_bye(stage: Stage) -> None:
    played = stage.gets(BYE)
    if played.answers_again:
        raise Wrong("the BYE lets the INVITE be answered again, and its 200 is out", played)
    if played.sent("BYE"):
        raise Wrong("the BYE is answered with a BYE", played)
    stage.absorbs(Message("ACK"))
    _over(stage, played)


def _confirms_after_bye(stage: Stage) -> None:
    _confirmed(stage.gets(OK))
    _our_bye_is_answered(stage)


def _early_reinvite(stage: Stage) -> None:
    for direction in _each(stage, "ReinviteReceived"):
        played = stage.gets(Message("re-INVITE", direction=direction))
        answers = played.answers("re-INVITE")
        acknowledged = _ack(stage)
        answers = answers or acknowledged.answers("re-INVITE")
        if not answers:
            raise Wrong("the re-INVITE that overtook the ACK gets no answer", played)
        if GONE & set(answers):
            raise Wrong(f"{answers[0]} to the re-INVITE says that the call is gone", played)


def _reinvite_on_open_offer(stage: Stage) -> None:
    for direction in _each(stage, "ReinviteReceived"):
        played = stage.gets(Message("re-INVITE", direction=direction))
        answers = played.answers("re-INVITE")
        if not set(answers) & {491, 500}:
            told = f"{answers[0]}" if answers else "nothing"
            raise Wrong(f"our offer is open, and the re-INVITE gets {told} instead of 491", played)
        _ack(stage)


def _early_glare(stage: Stage) -> None:
    stage.gets(Message("RESP", "re-INVITE", 491))


def _bye_before_ack(stage: Stage) -> None:
    played = stage.gets(BYE)
    if not played.after.ended:
        stage.hears(Message("ACK"))
    if not stage.config.ended and "dialog" in stage.config.held:
        raise Wrong("after the BYE the session goes on to wait for the ACK", played)


def _bye_on_bye(stage: Stage) -> None:
    played = stage.gets(BYE)
    if played.sent("BYE"):
        raise Wrong("the BYE that crossed ours is answered with another BYE", played)
    _our_bye_is_answered(stage)
    _over(stage, played)


def _reinvite_on_bye(stage: Stage) -> None:
    for direction in _each(stage, "ReinviteReceived"):
        played = stage.gets(Message("re-INVITE", direction=direction))
        answers = played.answers("re-INVITE")
        if not answers or answers[0] < 300:
            told = f"{answers[0]}" if answers else "nothing"
            raise Wrong(f"a re-INVITE that our BYE overtook gets {told} instead of 481", played)
        _our_bye_is_answered(stage)


def _bye_on_reinvite(stage: Stage) -> None:
    played = stage.gets(BYE)
    if not played.after.ended:
        stage.gets(Message("RESP", "re-INVITE", 481))
    _over(stage, played)


def _200_after_bye(stage: Stage) -> None:
    _confirmed(stage.gets(CONFIRMED))
    _our_bye_is_answered(stage)


def _ack_after_bye(stage: Stage) -> None:
    flowing = stage.config.wire.flowing
    if stage.config.wire.unacked:
        played: Played | None = _ack(stage)
    else:
        fields = ()
        late = Stimulus("DialogACK", fields, stage.config.wire, "peer", message=Message("ACK"))
        played = stage.takes(late)
        if played is None:
            stage.absorbs(Message("ACK"))
    if played is not None and (played.sends or (played.after.wire.flowing and not flowing)):
        raise Wrong("an ACK that our BYE overtook begins something anew", played)
    _our_bye_is_answered(stage)


def _reinvite_on_reinvite(stage: Stage) -> None:
    for direction in _each(stage, "ReinviteReceived"):
        played = stage.gets(Message("re-INVITE", direction=direction))
        answers = played.answers("re-INVITE")
        if answers[:1] != [491]:
            told = f"{answers[0]}" if answers else "nothing"
            raise Wrong(f"a re-INVITE that crosses ours gets {told} instead of 491", played)
        refused = stage.gets(Message("RESP", "re-INVITE", 491))
        if refused.sent("re-INVITE"):
            raise Wrong("the re-INVITE is repeated at once after 491", refused)
        _tries_again(stage)


def _tries_again(stage: Stage) -> None:
    """After the back-off the second try goes through; whoever does not try is not accused."""
    low, high = BACK_OFF[stage.role]
    drawn = stage.due()
    if drawn is not None:
        if drawn.sent("re-INVITE"):
            _confirmed(stage.gets(CONFIRMED))
        return
    while not stage.config.ended:
        timers = stage.pair.party.program.timers(stage.config.state, stage.role)
        at = stage.config.timer
        again = stage.waits()
        if again is None:
            return
        if again.sent("re-INVITE"):
            if not low <= timers[at] <= high:
                raise Wrong(f"the {stage.role} tries again {timers[at]:g} s after 491 instead of "
                            f"{low:g} to {high:g} s", again)  # fmt: skip
            _confirmed(stage.gets(CONFIRMED))
            return
        if again.after.state != again.before.state:
            return


def _update_on_reinvite(stage: Stage) -> None:
    for direction in _each(stage, "UpdateReceived"):
        played = stage.gets(Message("UPDATE", direction=direction))
        answers = played.answers("UPDATE")
        if answers[:1] != [491]:
            told = f"{answers[0]}" if answers else "nothing"
            raise Wrong(f"an offer in UPDATE that crosses ours gets {told} instead of 491", played)
        _confirmed(stage.gets(CONFIRMED))


def _refer_on_bye(stage: Stage) -> None:
    played = stage.hears(Message("REFER"))
    accepted = [code for code in played.answers("REFER") if code < 300]
    if accepted:
        raise Wrong(f"a REFER that our BYE overtook is accepted with {accepted[0]}", played)
    if "link" in played.after.held and "link" not in played.before.held:
        raise Wrong("a REFER that our BYE overtook starts the transfer", played)
    _our_bye_is_answered(stage)


def _bye_on_refer(stage: Stage) -> None:
    played = stage.gets(BYE)
    if not played.after.ended:
        stage.hears(Message("RESP", "REFER", 481))
    _over(stage, played)


def _bye_while_ringing(stage: Stage) -> None:
    played = stage.gets(BYE)
    answers = played.answers("INVITE")
    if answers[:1] != [487]:
        told = f"{answers[0]}" if answers else "nothing"
        raise Wrong(f"BYE in the early dialog, and the INVITE gets {told} instead of 487", played)
    _over(stage, played)


def _each(stage: Stage, event: str) -> Iterator[str]:
    """Play what follows once for each direction, from the same beginning."""
    number, lines = stage.number, list(stage.lines)
    for direction in stage.directions(event):
        stage.number, stage.lines = number, list(lines)
        yield direction


SCENES = (
    Scene("RACE901", _moratorium, _repeated_invite),
    Scene("RACE902", _moratorium, _late_cancel),
    Scene("RACE902", _cancelling, _crossing_200),
    Scene("RACE903", _moratorium, _early_bye),
    Scene("RACE903", _ended_early, _confirms_after_bye),
    Scene("RACE904", _answered_offer, _early_reinvite),
    Scene("RACE905", _offered_in_answer, _reinvite_on_open_offer),
    Scene("RACE905", _calling_and_offering, _early_glare),
    Scene("RACE906", _moratorium, _bye_before_ack),
    Scene("RACE907", _mortal_and_quiet, _bye_on_bye),
    Scene("RACE908", _mortal_and_quiet, _reinvite_on_bye),
    Scene("RACE908", _offering, _bye_on_reinvite),
    Scene("RACE909", _mortal_with_offer, _200_after_bye),
    Scene("RACE910", _mortal_unconfirmed, _ack_after_bye),
    Scene("RACE910", _mortal_called, _ack_after_bye),
    Scene("RACE911", _offering, _reinvite_on_reinvite),
    Scene("RACE912", _offering, _update_on_reinvite),
    Scene("RACE913", _mortal_and_quiet, _refer_on_bye),
    Scene("RACE913", _referring, _bye_on_refer),
    Scene("RACE914", _ringing, _bye_while_ringing),
)
_ANSWERS = "no call of the table waits for the ACK to a 200 of its own"
_ENDS = "no call of the table waits for the answer to a BYE of its own"
_OFFERS = "the table sends no re-INVITE"
NEEDS = {
    "RACE901": _ANSWERS,
    "RACE902": f"{_ANSWERS}, and none gives up an INVITE of its own",
    "RACE903": _ANSWERS,
    "RACE904": _ANSWERS,
    "RACE905": f"{_ANSWERS}, and {_OFFERS}",
    "RACE906": _ANSWERS,
    "RACE907": _ENDS,
    "RACE908": f"{_ENDS}, and {_OFFERS}",
    "RACE909": "no BYE of the table overtakes a re-INVITE of its own",
    "RACE910": _ENDS,
    "RACE911": _OFFERS,
    "RACE912": _OFFERS,
    "RACE913": _ENDS,
    "RACE914": "no call of the table rings here, and a second 200 is ended by the stack alone",
}
"""Why a race does not apply, for tables no call of which comes to where it begins."""

assert set(NEEDS) == set(CODES) == {scene.code for scene in SCENES}
assert set(BACK_OFF) == set(SESSION_ROLES)
