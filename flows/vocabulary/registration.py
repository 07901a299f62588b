"""The words of registrations and of credentials (RFC 3261 sections 10 and 22)."""

from __future__ import annotations

from collections.abc import Mapping

from flows.vocabulary.words import ActionWord, EventWord, Kind, Parameter

_GROUP = "Registration"
_RESPONSE: Mapping[str, str] = {"code": "integer", "reason": "text", "method": "text"}


def _user(name: str, meaning: str, **fields: str) -> EventWord:
    return EventWord(name, Kind.USER, meaning, _GROUP, fields, ("UAC",))


def _answer(
    name: str, meaning: str, *, registered: bool, rfc: str, fields: Mapping[str, str] = _RESPONSE
) -> EventWord:
    effect = {"IsRegistered": registered}
    return EventWord(name, Kind.MESSAGE, meaning, _GROUP, fields, ("UAC",), effect, rfc=rfc)


EVENTS: tuple[EventWord, ...] = (
    _user(
        "StartRegistration",
        "Somebody asks this session to register its address with `registrar`.",
        registrar="text",
    ),
    _user("RetryRegistration", "A person asks to try a failed registration again now."),
    _user("StartUnregistration", "A person removes the registration."),
    _user("UnregisterRequest", "A person removes the registration; as StartUnregistration."),
    _answer(
        "Registration200OK",
        "The registrar accepted our REGISTER and keeps the address for `expires` seconds. "
        "ProcessRegistrationResponse takes that over.",
        registered=True,
        fields={**_RESPONSE, "expires": "integer"},
        rfc="RFC 3261 10.2.4",
    ),
    _answer(
        "RegistrationFailed",
        "The registrar refused our REGISTER (3xx to 6xx, but for 401 and 407): the address counts "
        "as not registered. 423 says that we asked for too short a time, and `minimum` how many "
        "seconds it takes at least.",
        registered=False,
        fields={**_RESPONSE, "minimum": "integer"},
        rfc="RFC 3261 10.2.7, 10.2.8",
    ),
    _answer(
        "Unregistration200OK",
        "The registrar removed our address.",
        registered=False,
        rfc="RFC 3261 10.2.2",
    ),
    _answer(
        "UnregistrationFailed",
        "The registrar refused to remove our address: it goes when its time is over.",
        registered=False,
        rfc="RFC 3261 10.2.2",
    ),
    EventWord(
        "RefreshRegistration",
        Kind.INTERNAL,
        "Most of the granted time has passed: now is the time to register anew. It comes once "
        "after each ProcessRegistrationResponse.",
        _GROUP,
        roles=("UAC",),
        rfc="RFC 3261 10.2.4",
    ),
    EventWord(
        "RegistrationExpired",
        Kind.INTERNAL,
        "The granted time has passed and the registration was not renewed.",
        _GROUP,
        roles=("UAC",),
        effect={"IsRegistered": False},
        rfc="RFC 3261 10.3",
    ),
)

ACTIONS: tuple[ActionWord, ...] = (
    ActionWord(
        "StoreAuthChallenge",
        "Keeps the challenge of a server that came with AuthRequired: the next request of this "
        "session carries credentials for it.",
        "Signalling",
        uses=("dialog",),
        may_fail=False,
        rfc="RFC 3261 22.2, 22.3",
    ),
    ActionWord(
        "SendINVITEWithAuth",
        "Repeats the challenged INVITE with credentials; StoreAuthChallenge comes first. A limit "
        "on the tries is the table's: the server may refuse the credentials by asking again.",
        "Signalling",
        requires={"HasLocalSDP": True},
        sets={"HasPendingOfferAnswer": True},
        uses=("dialog",),
        sends="INVITE",
        roles=("UAC",),
        rfc="RFC 3261 22.2",
    ),
    ActionWord(
        "SendRequestWithAuth",
        "Repeats the challenged request of the call (BYE, re-INVITE, UPDATE, INFO, MESSAGE, REFER "
        "...) as it was, with credentials; StoreAuthChallenge comes first.",
        "Signalling",
        uses=("dialog",),
        sends="request",
        rfc="RFC 3261 22.2",
    ),
    ActionWord(
        "SendREGISTER",
        "Registers the address, or renews its registration. After a 423 that was taken over it "
        "asks for the time that the registrar demands.",
        _GROUP,
        parameters={
            "expires": Parameter(
                "integer",
                "How long the address is to be kept.",
                default=3600,
                unit="s",
                low=60,
                high=86400,
            )
        },
        uses=("dialog",),
        sends="REGISTER",
        roles=("UAC",),
        rfc="RFC 3261 10.2",
    ),
    ActionWord(
        "SendREGISTERWithAuth",
        "Repeats the challenged REGISTER, be it to register or to remove the address, with "
        "credentials; StoreAuthChallenge comes first.",
        _GROUP,
        uses=("dialog",),
        sends="REGISTER",
        roles=("UAC",),
        rfc="RFC 3261 22.2",
    ),
    ActionWord(
        "SendUnREGISTER",
        "Asks the registrar to remove our address, with an expiry of zero. The times of the "
        "registration are watched no more.",
        _GROUP,
        uses=("dialog",),
        sends="REGISTER",
        roles=("UAC",),
        rfc="RFC 3261 10.2.2",
    ),
    ActionWord(
        "ProcessRegistrationResponse",
        "Takes over what the registrar answered: of a 200 the granted time, which is watched from "
        "now on (RefreshRegistration, RegistrationExpired); of a 423 the least time it takes.",
        _GROUP,
        uses=("dialog",),
        may_fail=False,
        roles=("UAC",),
        rfc="RFC 3261 10.2.4, 10.2.8",
    ),
)
