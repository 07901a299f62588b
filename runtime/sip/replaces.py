"""The Replaces header (RFC 3891) and what goes with it: which call an INVITE takes the place of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote, unquote

from runtime.sip.message import Request
from runtime.sip.uri import parse_name_addr, parse_params, parse_uri

if TYPE_CHECKING:
    from runtime.sip.agent import Agent
    from runtime.sip.usage import Usage

Pairs = list[tuple[str, str]]

TAG: Final = "replaces"
"The option tag of RFC 3891."

REMEMBERED: Final = 1024
"Dialogs that ended, of which it is known that they did: an INVITE that replaces one gets 603."


class Replaces(NamedTuple):
    """A dialog as the sender of an INVITE names it: the tags are ours and the peer's."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"


def parse(value: str) -> Replaces:
    """Read a Replaces value; ValueError if it is not valid (RFC 3891 6.1)."""
    call_id, semicolon, rest = value.partition(";")
    params = parse_params(semicolon + rest)
    to_tag, from_tag = params.get("to-tag"), params.get("from-tag")
    call_id = call_id.strip()
    if not call_id or " " in call_id or not to_tag or not from_tag or "," in call_id:
        raise ValueError(f"{value!r} names no dialog")
    return Replaces(call_id, to_tag, from_tag, "early-only" in params)


def find(agent: Agent, request: Request) -> Usage | int | None:
    """The usage an INVITE replaces, the code it is refused with, or None: it replaces nothing.

    RFC 3891 3: 400 for a header that is malformed or there twice; 481 where no INVITE dialog
    matches, or an early one that the far side began; 486 for an established one where only an early
    one is meant; 603 for one that has ended.
    """
    lines = request.lines("Replaces")
    if not lines or TAG not in agent.settings.extensions:
        return None
    try:
        if len(lines) > 1:
            raise ValueError("Replaces is there twice")
        wanted = parse(lines[0])
    except ValueError:
        return 400
    key = (wanted.call_id, wanted.to_tag, wanted.from_tag)
    found = agent.dialogs.get(key)
    if found is None:
        return 603 if key in agent.ended else 481
    usage, dialog = found
    if usage.ended:
        return 603
    if not dialog.confirmed:
        return usage if usage.role == "UAC" and usage.own_invite is not None else 481
    return 486 if wanted.early_only else usage


def naming(usage: Usage, *, early_only: bool = False) -> str:
    """The Replaces value by which the peer of a usage finds its side of the dialog.

    ValueError if there is no dialog yet.
    """
    dialog = usage.dialog
    if dialog is None:
        raise ValueError("there is no dialog that could be replaced")
    # The tags are those of the one who reads it: its own is our remote one.
    return str(Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag, early_only))


def refer_to(target: str, replaced: Usage | None = None) -> str:
    """The Refer-To value that sends a peer to `target`, in place of `replaced` (RFC 3891 4)."""
    uri = parse_uri(target)
    if replaced is None:
        return f"<{uri.text}>"
    joint = "&" if uri.headers else "?"
    return f"<{uri.text}{joint}Replaces={quote(naming(replaced), safe='')}>"


def referred(value: str) -> tuple[str, Pairs]:
    """What a Refer-To asks for: the URI to call, and the headers its INVITE is to have.

    Of the headers in the URI only Replaces is taken over: RFC 3261 19.1.5 leaves the choice to who
    makes the request. ValueError if the value is no address, or its Replaces names no dialog.
    """
    uri = parse_uri(parse_name_addr(value).uri_text)
    headers = []
    for piece in uri.headers.split("&") if uri.headers else ():
        name, _, text = piece.partition("=")
        if unquote(name).lower() == "replaces":
            headers.append(("Replaces", str(parse(unquote(text)))))
    return uri.text.partition("?")[0] if uri.is_sip else uri.text, headers


def check(headers: Pairs) -> None:
    """Check Replaces and Referred-By among headers of a user; ValueError if malformed."""
    for name, value in headers:
        if name.lower() == "replaces":
            parse(value)
        elif name.lower() in ("referred-by", "b"):
            _ = parse_name_addr(value).uri  # RFC 3892 3
