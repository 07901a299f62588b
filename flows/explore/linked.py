"""Linked sessions, as the session that started them sees them: the second leg of a bridge.

A linked session has a table of its own, of which nothing is assumed but what the decided meaning
says: it rings, again and again if it likes; it is answered, or it fails with some code; once it was
answered it ends. It may do so whenever it likes. Told to hang up, it ends by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flows.explore.doing import Doing, Refused
from flows.explore.stimulus import Stimulus
from flows.explore.wire import Leg, Wire

if TYPE_CHECKING:
    from flows.explore.party import Config, Party

EVENTS = frozenset(("LinkedRinging", "LinkedAnswered", "LinkedFailed", "LinkedEnded"))
PLACED, RINGING, EARLY, ANSWERED, OVER = "placed", "ringing", "early", "answered", "over"
HEARD = (EARLY, ANSWERED)
"""Its media flows, so that it can be joined with ours."""
PROGRESS = 183
"""The code that says so before the answer."""


def alive(call: Wire) -> tuple[Leg, ...]:
    """Return the linked sessions that have not ended."""
    return tuple(leg for leg in call.legs if leg.stage != OVER)


def untold(call: Wire) -> tuple[Leg, ...]:
    """Return the linked sessions that go on and were not told that it is over."""
    return tuple(leg for leg in alive(call) if not leg.told)


def options(party: Party, config: Config) -> Iterator[Stimulus]:
    """Yield what the linked sessions may do next."""
    for leg in alive(config.wire):
        if leg.stage != ANSWERED:
            for code in party.domain.codes("LinkedRinging"):
                heard = code == PROGRESS or leg.stage == EARLY
                yield _changed(config, leg, "LinkedRinging", EARLY if heard else RINGING, code)
            yield _changed(config, leg, "LinkedAnswered", ANSWERED)
            for code in party.domain.codes("LinkedFailed"):
                yield _changed(config, leg, "LinkedFailed", OVER, code)
        else:
            yield _changed(config, leg, "LinkedEnded", OVER)


def _changed(config: Config, leg: Leg, event: str, stage: str, code: int = 0) -> Stimulus:
    fields: tuple[tuple[str, Any], ...] = (("link", leg.name), ("session", "s"))
    fields += (("code", code),) if code else ()
    ends = stage == OVER
    after = _with(config.wire, leg._replace(stage=stage, bridged=leg.bridged and not ends))
    lost: tuple[str, ...] = ()
    if ends:
        lost = ("bridge",) if leg.bridged else ()
        lost += () if alive(after) else ("link",)
    return Stimulus(event, fields, after, "link", lost)


def _with(call: Wire, leg: Leg) -> Wire:
    others = (one for one in call.legs if one.name != leg.name)
    return call._replace(legs=tuple(sorted((*others, leg))))


def parted(call: Wire) -> Wire:
    """Return the call with its bridges gone, as they are when the media dies."""
    return call._replace(legs=tuple(leg._replace(bridged=False) for leg in call.legs))


# -- the actions -----------------------------------------------------------------------------------


def create(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """CreateLinkedSession."""
    name = str(arguments.get("link"))
    if _living(doing, name) is not None:
        doing.complain("RES503", f"CreateLinkedSession starts {name}, which exists already")
        return
    if doing.wire.hangup or doing.wire.bye:
        doing.complain("ACT608", "CreateLinkedSession begins after the call was ended")
    doing.wire = _with(doing.wire, Leg(name, PLACED))


def signal(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """SignalLinked."""
    leg = _needed(doing, "SignalLinked", arguments)
    if leg is None or arguments.get("event") != "HangupCall":
        return
    if leg.told:
        doing.complain("ACT608", f"The linked session {leg.name} is told to hang up a second time")
    doing.wire = _with(doing.wire, leg._replace(told=True))


def bridge(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """BridgeSessions."""
    leg = _needed(doing, "BridgeSessions", arguments)
    if leg is None:
        return
    if leg.told:
        doing.complain("ACT608", f"BridgeSessions joins {leg.name}, which was told to hang up")
    elif leg.stage not in HEARD:
        doing.complain("ACT601", f"BridgeSessions joins {leg.name} before anything is heard of it")
    if not doing.wire.flowing and not doing.troubled:
        doing.complain("ACT605", "BridgeSessions joins media that does not flow yet")
    doing.wire = _with(doing.wire, leg._replace(bridged=True))


def unbridge(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """UnbridgeSessions."""
    leg = _needed(doing, "UnbridgeSessions", arguments)
    if leg is not None:
        doing.wire = _with(doing.wire, leg._replace(bridged=False))


def take_over(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """ReplaceSession: whom the replaced session was linked with is linked with this one, joined."""
    name = str(arguments.get("link"))
    if _living(doing, name) is not None:
        doing.complain("RES503", f"ReplaceSession takes over {name}, which exists already")
        return
    if not doing.wire.flowing and not doing.troubled:
        doing.complain("ACT605", "ReplaceSession joins media that does not flow yet")
    doing.wire = _with(doing.wire, Leg(name, ANSWERED, bridged=True))


def _living(doing: Doing, name: str) -> Leg | None:
    return next((leg for leg in alive(doing.wire) if leg.name == name), None)


def _needed(doing: Doing, action: str, arguments: Mapping[str, Any]) -> Leg | None:
    name = str(arguments.get("link"))
    leg = _living(doing, name)
    if leg is None:
        if doing.troubled:
            raise Refused
        if "link" in doing.held:
            doing.complain("RES504", f"{action} needs the linked session {name}: there is none")
    return leg


def attempted(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """SignalLinked failed in the world: what it was to tell is owed no more."""
    leg = _living(doing, str(arguments.get("link")))
    if leg is not None and arguments.get("event") == "HangupCall":
        doing.wire = _with(doing.wire, leg._replace(told=True))


ACTS = {
    "CreateLinkedSession": create,
    "SignalLinked": signal,
    "BridgeSessions": bridge,
    "UnbridgeSessions": unbridge,
    "ReplaceSession": take_over,
}
