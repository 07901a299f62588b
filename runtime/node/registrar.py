"""The registrar: what a REGISTER does to the bindings of its user (RFC 3261 10.3, RFC 5626 6).

Who may register whom is decided before (`runtime.node.screening`); nothing is changed here unless
all that a request asks for can be done.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from msgspec import structs

from runtime.node.location import Binding, Location
from runtime.sip.hop import Hop
from runtime.sip.message import Request
from runtime.sip.uri import NameAddr, Uri, parse_name_addr, parse_uri

DEFAULT_EXPIRES = 600
MIN_EXPIRES = 60
MAX_EXPIRES = 3600
MAX_BINDINGS = 10
"""Contacts of one user."""
MAX_CONTACT = 512
"""Characters of a contact, and of a device's name."""
MAX_PATHS = 5
_QVALUE = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")


class Answer(NamedTuple):
    """The response to a REGISTER."""

    code: int
    headers: list[tuple[str, str]]


class Refused(Exception):
    """A REGISTER that changes nothing."""

    def __init__(self, code: int, *headers: tuple[str, str]) -> None:
        super().__init__(code)
        self.answer = Answer(code, list(headers))


class Registrar:
    """Answers REGISTER out of a location and changes it."""

    def __init__(self, location: Location) -> None:
        self._location = location

    def register(self, request: Request, hop: Hop, realm: str, now: float) -> Answer:
        """Do what a REGISTER asks for; ValueError for one that cannot be read.

        `realm` is the one its To stands for, `now` seconds since the epoch.
        """
        address = request.to.uri
        if not address.is_sip or not address.user:
            return Answer(404, [])
        known = {each.key: each for each in self._location.of(address.user, realm, now)}
        try:
            if any(value.strip() == "*" for value in request.get_all("Contact")):
                self._location.remove(_all(request, known))
            else:
                put, gone = _wanted(request, hop, realm, address, known, now, self._location.node)
                self._location.remove(gone)
                self._location.put(put)
        except Refused as refused:
            return refused.answer
        return Answer(200, self._said(request, address.user, realm, now))

    def _said(self, request: Request, user: str, realm: str, now: float) -> list[tuple[str, str]]:
        bindings = self._location.of(user, realm, now)
        headers = [("Contact", _contact(each, now)) for each in bindings]
        supported = request.tokens("Supported")
        if "path" in supported:
            headers += [("Path", value) for value in request.lines("Path")]
        if "outbound" in supported and any(
            each.flow and each.call_id == request.call_id for each in bindings
        ):
            headers.append(("Require", "outbound"))
        return headers


def _contact(binding: Binding, now: float) -> str:
    text = f"<{binding.contact}>;expires={max(0, round(binding.expires - now))}"
    if binding.q != 1.0:
        text += f";q={binding.q:g}"
    if binding.instance:
        text += f';+sip.instance="{binding.instance}"'
    if binding.reg_id:
        text += f";reg-id={binding.reg_id}"
    return text


def _all(request: Request, known: dict[str, Binding]) -> list[Binding]:
    """RFC 3261 10.3 step 6: `*` stands alone, with Expires 0."""
    if len(request.get_all("Contact")) > 1 or _seconds(request.get("Expires")) != 0:
        raise Refused(400)
    for binding in known.values():
        _in_order(request, binding)
    return list(known.values())


def _in_order(request: Request, binding: Binding) -> None:
    """Step 7: what comes late over the same Call-ID undoes nothing that is newer."""
    if binding.call_id == request.call_id and request.cseq.number <= binding.cseq:
        raise Refused(500)


def _wanted(
    request: Request,
    hop: Hop,
    realm: str,
    address: Uri,
    known: dict[str, Binding],
    now: float,
    node: str,
) -> tuple[list[Binding], list[Binding]]:
    """Return what is to be kept and what is to be forgotten."""
    put: dict[str, Binding] = {}
    gone: dict[str, Binding] = {}
    contacts = request.contacts
    if len(contacts) > MAX_BINDINGS:
        raise Refused(403)
    for contact in contacts:
        expires = _expires(request, contact)
        fresh = _binding(request, hop, realm, address, contact, now, expires, node)
        key = fresh.key
        old = known.get(key)
        if old is not None:
            _in_order(request, old)
            fresh = structs.replace(fresh, since=old.since)
        if expires:
            put[key] = fresh
        elif old is not None:
            gone[key] = old
    if len(known.keys() - gone.keys() | put.keys()) > MAX_BINDINGS:
        # Phones that came back under another port without taking leave: the oldest ones go.
        spare = sorted(known.keys() - put.keys() - gone.keys(), key=lambda k: known[k].refreshed)
        over = len(known.keys() - gone.keys() | put.keys()) - MAX_BINDINGS
        gone |= {key: known[key] for key in spare[:over]}
    return list(put.values()), list(gone.values())


def _expires(request: Request, contact: NameAddr) -> int:
    wanted = _seconds(contact.params.get("expires") or request.get("Expires"))
    expires = DEFAULT_EXPIRES if wanted is None else wanted
    if 0 < expires < MIN_EXPIRES:
        raise Refused(423, ("Min-Expires", str(MIN_EXPIRES)))
    return min(expires, MAX_EXPIRES)


def _binding(
    request: Request,
    hop: Hop,
    realm: str,
    address: Uri,
    contact: NameAddr,
    now: float,
    expires: int,
    node: str,
) -> Binding:
    uri = contact.uri
    if not uri.is_sip or len(uri.text) > MAX_CONTACT:
        raise Refused(400)
    instance = (contact.params.get("+sip.instance") or "").strip('"')[:MAX_CONTACT]
    remote, port = _reached(hop, uri)
    return Binding(
        user=address.user,
        realm=realm,
        contact=uri.text,
        transport=hop.transport,
        remote=remote,
        port=port,
        connection=hop.flow,
        local=hop.local,
        host=address.host,
        since=now,
        refreshed=now,
        expires=now + expires,
        q=_preference(contact.params.get("q")),
        instance=instance,
        reg_id=_seconds(contact.params.get("reg-id")) or 0 if instance else 0,
        call_id=request.call_id[:255],
        cseq=request.cseq.number,
        agent=(request.get("User-Agent") or "")[:128],
        path=_path(request),
        node=node,
    )


def _reached(hop: Hop, contact: Uri) -> tuple[str, int]:
    """Return the address a phone is reached at, "" and 0 if only its connection leads there.

    It is the port the contact names, unless a translator of addresses stands between, which lets
    nothing through but answers to where it came from.
    """
    if isinstance(hop.remote, str):
        return "", 0
    host, port = hop.remote
    if contact.host != host:
        return host, port
    return host, contact.port or (5061 if hop.transport == "TLS" else 5060)


def _path(request: Request) -> tuple[str, ...]:
    """Return the URIs of Path, nearest first; ValueError if one cannot be read (RFC 3327 5.3)."""
    values = request.get_all("Path")
    if len(values) > MAX_PATHS:
        raise Refused(400)
    for value in values:
        _ = parse_uri(parse_name_addr(value).uri_text)
    return tuple(values)


def _preference(text: str | None) -> float:
    """Return a q value; 1 for what is none (RFC 3261 20.10)."""
    return float(text) if text and _QVALUE.match(text) else 1.0


def _seconds(text: str | None) -> int | None:
    """Return a delta-seconds value; None for what is none (RFC 3261 20.19: then the default)."""
    text = (text or "").strip()
    return int(text[:9]) if text.isascii() and text.isdigit() else None
