"""Trunks as people keep them: the peers that calls come from and go to.

Passwords are written and never read back; what a trunk may is checked here, what it does is the
node's (`runtime.node.trunks`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from designer import auditing
from designer.errors import Refused
from runtime import peer_turns, sealing
from runtime.models import Route, Session, Trunk, TrunkStanding
from runtime.node import trunks as rules
from runtime.node.calling import network
from runtime.node.routes import MAX_SOURCES, matches
from runtime.sip.uri import parse_hostport, parse_uri

ACT = "trunk.manage"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
TEXTS = ("host", "transport", "proxy", "realm", "user", "caller", "note")
NUMBERS = {"in_calls": 100_000, "in_rate": 10_000, "out_calls": 100_000, "out_rate": 10_000}
LONGEST_EVERY = 86_400
FIELDS = (*TEXTS, "port", "sources", "trusted", *NUMBERS, "every", "enabled")
RESERVED = ("new", "add", "localhost")
STALE = 30.0
"""Seconds after which what a node said of a trunk is no more told as true."""


# -- what is there ---------------------------------------------------------------------------------


def listed() -> list[Trunk]:
    """Return all trunks by name, each with its standings at hand."""
    return list(Trunk.objects.prefetch_related("standings"))


def named(name: str) -> Trunk:
    """Return a trunk; Refused if there is none of this name."""
    found = Trunk.objects.filter(name=name.strip().lower()).first()
    if found is None:
        raise Refused(f"There is no trunk named {name[:64]}.")
    return found


def for_node() -> list[rules.Trunk]:
    """Return the trunks as a node takes them."""
    return [
        rules.Trunk(
            name=each.name,
            host=each.host,
            port=each.port,
            transport=each.transport,
            proxy=each.proxy,
            realm=each.realm,
            user=each.user,
            secret=each.secret,
            caller=each.caller,
            sources=tuple(each.sources.split()),
            trusted=each.trusted,
            in_calls=each.in_calls,
            in_rate=each.in_rate,
            out_calls=each.out_calls,
            out_rate=each.out_rate,
            every=float(each.every),
            enabled=each.enabled,
        )
        for each in Trunk.objects.all()
    ]


def state_of(trunk: Trunk, standings: list[TrunkStanding], now: float) -> str:
    """Say in one word how a trunk does: off, unasked, waiting, up, partly or down."""
    if not trunk.enabled:
        return "off"
    if not trunk.every:
        return "unasked"
    states = {each.state for each in standings if now - each.told_at < STALE} - {""}
    if not states:
        return "waiting"
    return states.pop() if len(states) == 1 else "partly"


def as_message(trunk: Trunk) -> dict[str, Any]:
    """Return a trunk as plain data; of its password only whether there is one."""
    now = timezone.now().timestamp()
    standings = list(trunk.standings.all())
    return {
        "name": trunk.name,
        **{field: getattr(trunk, field) for field in FIELDS if field != "sources"},
        "sources": trunk.sources.split(),
        "has_password": bool(trunk.secret),
        "state": state_of(trunk, standings, now),
        "nodes": [
            {
                "node": each.node,
                "state": each.state,
                "since": each.since,
                "checked": each.checked,
                "code": each.code,
                "milliseconds": each.milliseconds,
                "error": each.error,
                "calls_in": each.calls_in,
                "calls_out": each.calls_out,
            }
            for each in sorted(standings, key=lambda each: each.node)
        ],
    }


def routes_of(trunk: Trunk) -> list[Route]:
    """Return the routes that ask for this trunk."""
    found = Route.objects.select_related("flow")
    return [
        each for each in found if each.when.trunk and matches(each.when.trunk.lower(), trunk.name)
    ]


def calls_of(trunk: Trunk, limit: int = 20) -> list[tuple[Session, str]]:
    """Return the newest calls through a trunk, each with its direction."""
    lines = list(trunk.calls.values_list("session", "direction")[: limit * 2])
    known = Session.objects.in_bulk([session for session, _ in lines])
    return [(known[key], way) for key, way in lines if key in known][:limit]


def running(trunk: Trunk) -> int:
    """Return how many calls go through a trunk now, on the nodes that told of it lately."""
    now = timezone.now().timestamp()
    lately = [each for each in trunk.standings.all() if now - each.told_at < STALE]
    return sum(each.calls_in + each.calls_out for each in lately)


# -- what people do --------------------------------------------------------------------------------


def trunk_add(
    *, name: str, given: Mapping[str, Any], password: str = "", user: Any = None, by_name: str = ""
) -> Trunk:
    """Add a trunk. `given` has the fields of FIELDS; Refused says what is wrong with one."""
    name = name.strip().lower()
    if not _NAME.match(name) or name in RESERVED:
        raise Refused(
            "A trunk's name has small letters, digits and hyphens: calls to sip:NUMBER@NAME go"
            " through it."
        )
    values = checked(given)
    if "host" not in values:
        raise Refused("Say where the trunk is: a host name or an address.")
    with transaction.atomic():
        if Trunk.objects.filter(name=name).exists():
            raise Refused(f"There is a trunk named {name} already.")
        trunk = Trunk(name=name, **values)
        if password:
            trunk.secret = sealing.seal(_password(password))
        trunk.save()
        _changed(trunk, "added", user, by_name, set=sorted(values), password=bool(password))
    return trunk


def trunk_change(
    *,
    trunk: Trunk,
    given: Mapping[str, Any],
    password: str | None = None,
    user: Any = None,
    by_name: str = "",
) -> Trunk:
    """Change fields of a trunk. A password of None stays, an empty one is taken away."""
    values = checked(given)
    with transaction.atomic():
        before = {field: getattr(trunk, field) for field in values}
        for field, value in values.items():
            setattr(trunk, field, value)
        if password is not None:
            trunk.secret = sealing.seal(_password(password)) if password else ""
        trunk.save()
        differs = {
            field: [before[field], value]
            for field, value in values.items()
            if before[field] != value
        }
        _changed(trunk, "changed", user, by_name, changes=differs, password=password is not None)
    return trunk


def trunk_remove(*, trunk: Trunk, user: Any = None, by_name: str = "") -> None:
    """Remove a trunk, its history and its password. Calls in progress go on."""
    with transaction.atomic():
        routes = [route.pattern for route in routes_of(trunk)]
        _changed(trunk, "removed", user, by_name, routes=routes)
        trunk.delete()


def reseal(*, by_name: str = "") -> int:
    """Seal all passwords by the present secret key; Refused, and nothing changed, if one cannot be
    read. Returns how many."""
    with transaction.atomic():
        sealed = list(Trunk.objects.exclude(secret="").select_for_update())
        for trunk in sealed:
            password = sealing.unseal(trunk.secret)
            if password is None:
                raise Refused(
                    f"The password of {trunk.name} cannot be read: it was sealed by another secret"
                    " key. Name that one in CALLSMITH_SECRET_KEY_BEFORE, or type the password"
                    " again."
                )
            Trunk.objects.filter(pk=trunk.pk).update(secret=sealing.seal(password))
        peer_turns.changed(peer_turns.PEERS)
        auditing.record(ACT, by_name=by_name, detail={"what": "resealed", "trunks": len(sealed)})
    return len(sealed)


def unreadable(trunk: Trunk) -> bool:
    """Whether there is a password that cannot be read any more."""
    return bool(trunk.secret) and sealing.unseal(trunk.secret) is None


# -- what is checked -------------------------------------------------------------------------------


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields as they are kept; Refused, with a sentence, for one that cannot be."""
    values: dict[str, Any] = {}
    for field in TEXTS:
        if field in given:
            values[field] = _text(field, str(given[field]).strip())
    if "host" in values:
        values["host"], port = _address(values["host"])
        if port is not None:
            values["port"] = port
    if given.get("port"):
        values["port"] = int(_number("port", given["port"], 65_535))
    elif "port" in given:
        values.setdefault("port", 0)
    if "sources" in given:
        values["sources"] = "\n".join(_sources(given["sources"]))
    for field, most in NUMBERS.items():
        if field in given:
            number = _number(field.replace("_", " "), given[field] or 0, most)
            values[field] = int(number) if field.endswith("calls") else number
    if "every" in given:
        values["every"] = int(_number("seconds between questions", given["every"], LONGEST_EVERY))
        if 0 < values["every"] < 5:
            raise Refused("A trunk is asked every 5 seconds at most; 0 asks it never.")
    for field in ("trusted", "enabled"):
        if field in given:
            values[field] = bool(given[field])
    return values


def _text(field: str, value: str) -> str:
    most = getattr(Trunk._meta.get_field(field), "max_length", None) or 2000
    if len(value) > most or any(ch < " " or ch == "\x7f" for ch in value.replace("\n", " ")):
        raise Refused(f"The {field} has at most {most} printable characters.")
    if field == "transport":
        value = value.upper()
        if value not in Trunk.Transport.values:
            raise Refused("The transport is UDP, TCP or TLS.")
    elif field == "proxy" and value:
        try:
            parse_hostport(value)
        except ValueError:
            raise Refused(f"{value[:60]} is no HOST:PORT of a proxy.") from None
    elif field == "realm" and re.search(r'["\\]', value):
        raise Refused("A realm has no quotes and no backslashes.")
    elif field == "caller" and value:
        value = _caller(value)
    return value


def _caller(value: str) -> str:
    text = value if value.lower().startswith(("sip:", "sips:", "tel:")) else f"sip:{value}"
    try:
        uri = parse_uri(text)
    except ValueError:
        uri = None
    if uri is None or not uri.is_sip or not uri.host or not uri.user:
        raise Refused(f"{value[:60]} is no address such as +493012345@provider.example.")
    return text


def _address(value: str) -> tuple[str, int | None]:
    if not value:
        raise Refused("Say where the trunk is: a host name or an address.")
    try:
        return parse_hostport(value)
    except ValueError:
        pass
    try:
        return parse_hostport(f"[{value}]")
    except ValueError:
        raise Refused(f"{value[:60]} is no host name and no address.") from None


def _sources(given: Any) -> list[str]:
    words = given.replace(",", " ").split() if isinstance(given, str) else list(given)
    if len(words) > MAX_SOURCES:
        raise Refused(f"A trunk has at most {MAX_SOURCES} networks.")
    for word in words:
        try:
            found = network(word)
        except ValueError:
            raise Refused(f"{word[:40]} is no network such as 203.0.113.0/24.") from None
        if found.prefixlen == 0:
            raise Refused(f"{word} is everybody: name the networks the trunk calls from.")
    return words


def _number(name: str, given: Any, most: int) -> float:
    try:
        number = float(given)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number <= most:
        raise Refused(f"{name[:1].upper()}{name[1:]} is a number of 0 to {most}.")
    return number


def _password(password: str) -> str:
    if len(password) > 256 or any(ch < " " or ch == "\x7f" for ch in password):
        raise Refused("A password has at most 256 printable characters.")
    return password


def _changed(trunk: Trunk, what: str, user: Any, by_name: str, **detail: Any) -> None:
    auditing.record(
        ACT,
        user=user,
        by_name=by_name or ("" if user is not None else "command line"),
        subject=trunk.name,
        detail={"what": what, "trunk": trunk.name, "host": trunk.host, **detail},
    )
    peer_turns.changed(peer_turns.PEERS)
