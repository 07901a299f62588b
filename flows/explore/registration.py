"""A registration: the most general registrar, and what the actions of a registering session do.

The registrar accepts, asks for credentials again and again, refuses for whatever reason, wants a
longer time (423), keeps silent, or can not be reached (RFC 3261 section 10). Only one REGISTER may
be under way (10.2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flows.explore import stimulus as arriving
from flows.explore.credentials import armed_with
from flows.explore.doing import Doing, Message
from flows.explore.stimulus import Stimulus
from flows.explore.wire import Binding, Wire

if TYPE_CHECKING:
    from flows.explore.party import Config, Party

START = "StartRegistration"
LEAVE = ("StartUnregistration", "UnregisterRequest")
TOO_BRIEF = 423
REGISTERING, REMOVING = "registering", "removing"
_GONE = Binding(begun=True)


def begins(party: Party, config: Config) -> bool:
    """Whether sessions of this role can begin as registrations."""
    taken = party.program.position(config.state, config.role).candidates
    return config.role == "UAC" and START in taken


def options(party: Party, config: Config) -> Iterator[Stimulus]:
    """Yield what may happen to a session because of its registration."""
    call, binding = config.wire, config.wire.register
    if not binding.begun:
        if begins(party, config) and not config.held and call == Wire():
            yield Stimulus(START, (("registrar", "sip:r"),), call, "user")
        return
    if "dialog" not in config.held:
        return
    yield from _people(party, config)
    yield from _clock(call)
    if binding.stage == REGISTERING:
        yield from _registering(party, call)
    elif binding.stage == REMOVING:
        yield from _removing(party, call)


def _people(party: Party, config: Config) -> Iterator[Stimulus]:
    table = party.program.table
    wanted = [name for name in LEAVE if any(row.event == name for row in table.rows)] or LEAVE[:1]
    for name in wanted:
        yield Stimulus(name, (), config.wire._replace(hangup=True), "user")
    if "RetryRegistration" in party.program.position(config.state, config.role).candidates:
        yield Stimulus("RetryRegistration", (), config.wire, "user")


def _clock(call: Wire) -> Iterator[Stimulus]:
    binding = call.register
    if binding.watched == 2 and not binding.stage:
        due = call._replace(register=binding._replace(watched=1))
        yield Stimulus("RefreshRegistration", (), due, "clock")
    if binding.watched:
        over = call._replace(register=binding._replace(watched=0, bound=False))
        yield Stimulus("RegistrationExpired", (), over, "clock")


def _registering(party: Party, call: Wire) -> Iterator[Stimulus]:
    kept = Binding(begun=True, bound=True)
    yield _answer("Registration200OK", 200, call, kept, (("expires", 3600),))
    yield from _common(party, call, REGISTERING)
    codes = set(party.domain.codes("RegistrationFailed"))
    if "registration" in party.program.table.features:
        codes.add(TOO_BRIEF)
    for code in sorted(codes):
        after = _GONE._replace(brief=code == TOO_BRIEF)
        more = (("minimum", 7200),) if code == TOO_BRIEF else ()
        yield _answer("RegistrationFailed", code, call, after, more)


def _removing(party: Party, call: Wire) -> Iterator[Stimulus]:
    yield _answer("Unregistration200OK", 200, call, _GONE)
    yield from _common(party, call, REMOVING)
    for code in party.domain.codes("UnregistrationFailed"):
        yield _answer("UnregistrationFailed", code, call, _GONE)


def _common(party: Party, call: Wire, what: str) -> Iterator[Stimulus]:
    """Yield what may come of a REGISTER whatever it asks for."""
    waits = call.register._replace(stage="")
    for code in party.domain.codes("AuthRequired"):
        challenged = arriving.challenged(call._replace(register=waits), what)
        yield _answer("AuthRequired", code, challenged, waits)
    lost = call._replace(register=_GONE)
    yield Stimulus("DialogTimeout", (("method", "REGISTER"),), lost, "trouble")
    fields = (("reason", "unreachable"), ("method", "REGISTER"))
    yield Stimulus("DialogError", fields, lost, "trouble")


def _answer(
    event: str, code: int, call: Wire, after: Binding, more: tuple[tuple[str, Any], ...] = ()
) -> Stimulus:
    fields = (("code", code), ("reason", ""), ("method", "REGISTER"), *more)
    message = Message("RESP", "REGISTER", code)
    return Stimulus(event, fields, call._replace(register=after), "answer", message=message)


# -- the actions -----------------------------------------------------------------------------------


def send(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """SendREGISTER."""
    armed_with(doing, REGISTERING, "SendREGISTER")
    binding = doing.wire.register
    if binding.brief:
        doing.complain(
            "ACT601",
            "SendREGISTER asks for the time that the registrar found too short (423): "
            "ProcessRegistrationResponse comes first",
        )
    if doing.wire.hangup:
        doing.complain("ACT608", "SendREGISTER registers an address that a person gave up")
    _under_way(doing, REGISTERING, "SendREGISTER")


def send_again(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """SendREGISTERWithAuth."""
    wire = doing.wire
    if wire.challenged not in (REGISTERING, REMOVING) or not wire.stored:
        doing.complain(
            "ACT601",
            "SendREGISTERWithAuth has no challenge of the registrar to answer: StoreAuthChallenge",
        )
        return
    if wire.hangup and wire.challenged == REGISTERING:
        doing.complain("ACT608", "SendREGISTERWithAuth registers an address a person gave up")
    what = wire.challenged
    doing.change(challenged="", stored=False, register=wire.register._replace(tried=True))
    _under_way(doing, what, "SendREGISTERWithAuth")


def remove(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """SendUnREGISTER."""
    if doing.wire.stored:
        doing.change(register=doing.wire.register._replace(tried=True))
    armed_with(doing, doing.wire.challenged, "SendUnREGISTER")
    if not doing.wire.register.bound and not doing.troubled:
        doing.complain("ACT601", "SendUnREGISTER removes an address that is not registered")
    _under_way(doing, REMOVING, "SendUnREGISTER")


def process(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """ProcessRegistrationResponse."""
    binding = doing.wire.register
    if doing.event == "Registration200OK":
        doing.change(register=binding._replace(watched=2))
    elif doing.event == "RegistrationFailed":
        doing.change(register=binding._replace(brief=False))
    else:
        doing.complain("ACT601", "ProcessRegistrationResponse finds no answer of the registrar")


def _under_way(doing: Doing, stage: str, name: str) -> None:
    binding = doing.wire.register
    if binding.stage:
        doing.complain("ACT606", f"{name} is sent while another REGISTER waits for its answer")
    watched = 0 if stage == REMOVING else binding.watched
    doing.change(register=binding._replace(begun=True, stage=stage, watched=watched, brief=False))
    doing.send("REGISTER")


def failed(doing: Doing) -> None:
    """A REGISTER could not be sent at all: what it was to do is owed no more."""
    doing.change(register=_GONE)


def judge_end(doing: Doing) -> None:
    """Say what is wrong about giving the registration's usage back now."""
    if doing.wire.register.stage:
        doing.complain(
            "ACT611", "The session ends while its REGISTER waits: the address may stay registered"
        )
    elif doing.wire.register.bound and not (
        # Without credentials that the registrar takes nothing can be removed either.
        doing.wire.challenged and doing.wire.register.tried
    ):
        doing.complain("RES507", "The session ends and its address stays registered")


ACTS = {
    "SendREGISTER": send,
    "SendREGISTERWithAuth": send_again,
    "SendUnREGISTER": remove,
    "ProcessRegistrationResponse": process,
}
