"""The Replaces header (RFC 3891): which call an INVITE takes the place of, and how to name one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runtime.sip import headers
from runtime.sip.headers import ReferTo, Replaces, parse_refer_to, parse_replaces
from runtime.sip.message import Request
from runtime.sip.uri import parse_name_addr, parse_uri

if TYPE_CHECKING:
    from runtime.sip.agent import Agent
    from runtime.sip.usage import Usage

Pairs = list[tuple[str, str]]

TAG: Final = "replaces"
"The option tag of RFC 3891."

REMEMBERED: Final = 1024
"Dialogs that ended, of which it is known that they did: an INVITE that replaces one gets 603."


def find(agent: Agent, request: Request) -> Usage | int | None:
    """The usage an INVITE replaces, the code it is refused with, or None: it replaces nothing.

    RFC 3891 3: 400 for a header that is malformed or there twice; 481 where no INVITE dialog
    matches, or an early one that the far side began; 486 for an established one where only an early
    one is meant; 603 for one that has ended.
    """
    if TAG not in agent.settings.extensions:
        return None
    try:
        wanted = headers.replaces(request)
    except ValueError:
        return 400
    if wanted is None:
        return None
    # A tag "0" means a peer of RFC 2543, which has none.
    from_tag = "" if wanted.from_tag == "0" else wanted.from_tag
    key = (wanted.call_id, wanted.to_tag, from_tag)
    found = agent.dialogs.get(key)
    if found is None:
        return 603 if key in agent.ended else 481
    usage, dialog = found
    if usage.ended:
        return 603
    if not dialog.confirmed:
        return usage if usage.role == "UAC" and usage.own_invite is not None else 481
    return 486 if wanted.early_only else usage


def naming(usage: Usage, *, early_only: bool = False) -> Replaces:
    """How the peer of a usage finds its side of the dialog; ValueError if there is none yet."""
    dialog = usage.dialog
    if dialog is None:
        raise ValueError("there is no dialog that could be replaced")
    # The tags are those of the one who reads it: its own is our remote one.
    return Replaces(dialog.call_id, dialog.remote_tag or "0", dialog.local_tag, early_only)


def refer_to(target: str, replaced: Usage | None = None) -> str:
    """The Refer-To value that sends a peer to `target`, in place of `replaced` (RFC 3891 4)."""
    carried = () if replaced is None else (("Replaces", str(naming(replaced))),)
    return str(ReferTo(parse_uri(target), headers=carried))


def check(given: Pairs) -> None:
    """Check Replaces and Referred-By among headers of a user; ValueError if malformed."""
    for name, value in given:
        if name.lower() == "replaces":
            parse_replaces(value)
        elif name.lower() in ("referred-by", "b"):
            _ = parse_name_addr(value).uri  # RFC 3892 3


def referred(value: str) -> tuple[str, Pairs]:
    """What a Refer-To asks for: the URI to call, and the headers its INVITE is to have.

    Of the headers in the URI only Replaces is taken over: RFC 3261 19.1.5 leaves the choice to who
    makes the request. ValueError if the value is no address, or its Replaces names no dialog.
    """
    asked = parse_refer_to(value)
    replaced = asked.replaces
    return asked.uri.text, [] if replaced is None else [("Replaces", str(replaced))]
