"""A refused request sent again (RFC 3261 8.1.3.5, 22): credentials for a challenge, or a new limit.

The request goes out in the same dialog, or with the same Call-ID and local tag, under the next CSeq
number. Credentials that were given once go with every later request of the usage (22.3), counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from runtime.sip.auth import Challenge, DigestClient, challenges, choose
from runtime.sip.message import Malformed, Request, Response
from runtime.sip.state import UsageError, UsageState
from runtime.sip.wire import split

if TYPE_CHECKING:
    from runtime.sip.agent import Agent
    from runtime.sip.dialog import Dialog
    from runtime.sip.transaction import ClientTransaction
    from runtime.sip.usage import Usage

Pairs = list[tuple[str, str]]

CHALLENGES: Final = (401, 407)
KEPT: Final = (*CHALLENGES, 422)
"Final responses after which a request is kept, so that it can be sent again."

_WRITTEN: Final = frozenset(
    "Via Max-Forwards From To Call-ID CSeq Route Contact Allow User-Agent Supported "
    "Session-Expires Min-SE Content-Length Content-Type Authorization Proxy-Authorization".split()
)
"Headers that the stack writes anew."


class Login(NamedTuple):
    """A challenge and who answers it."""

    challenge: Challenge
    client: DigestClient


class Refused(NamedTuple):
    """An own request that was refused in a way that can be mended."""

    method: str
    data: bytes
    reinvite: bool


def note(usage: Usage, tx: ClientTransaction, response: Response) -> None:
    """Keep what was refused; whatever was kept before is forgotten."""
    kept = response.code in KEPT and tx.method != "CANCEL"
    usage.refused = Refused(tx.method, tx.data, tx.reinvite) if kept else None


def authorize(usage: Usage, response: Response, client: DigestClient) -> None:
    """Answer the challenges of a 401 or 407 from now on; UsageError if none can be answered."""
    if response.code not in CHALLENGES:
        raise UsageError(f"{response.code} is no challenge")
    chosen = choose(challenges(response))
    if not chosen:
        raise UsageError("the response has no challenge that can be answered")
    asked = {(challenge.proxy, challenge.realm) for challenge in chosen}
    kept = [
        login
        for login in usage.credentials
        if (login.challenge.proxy, login.challenge.realm) not in asked
    ]
    usage.credentials = (*kept, *(Login(challenge, client) for challenge in chosen))


def credentials(usage: Usage, method: str, uri: str, body: bytes) -> Pairs:
    """The headers that answer the challenges of a usage in one request."""
    return [
        login.client.authorize(login.challenge, method, uri, body) for login in usage.credentials
    ]


def repeat(agent: Agent, usage: Usage, method: str, headers: Pairs, now: float) -> None:
    """Send the refused request of `method` once more."""
    refused = usage.refused
    if refused is None or refused.method != method:
        raise UsageError(f"no {method} was refused that could be sent again")
    request = _read(refused.data)
    first = not request.to.tag
    given = {name.lower() for name, _ in headers}
    extra = [
        (name, value)
        for name, value in request.headers
        if (name not in _WRITTEN or (name == "Route" and first)) and name.lower() not in given
    ] + headers
    body, content_type = request.body, request.get("Content-Type") or ""
    if method == "INVITE" and not refused.reinvite:
        if usage.state is not UsageState.TERMINATED or usage.closed:
            raise UsageError("the call goes on already")
        agent.uac.invite(usage, extra, body, now)
    elif method == "BYE":
        _bye(agent, usage, extra, now)
    elif request.to.tag and method != "SUBSCRIBE":
        dialog = _dialog(agent, usage, request)
        if method == "INVITE":
            usage.need_quiet()
            agent.uac.reinvite(usage, extra, body, now)
        else:
            agent.uac.request(usage, method, extra, body, content_type, now, dialog=dialog)
    else:
        agent.outside.repeat(usage, method, headers, now=now)
    usage.refused = None


def end_all_the_same(
    agent: Agent, usage: Usage, tx: ClientTransaction, response: Response, now: float
) -> None:
    """Repeat a challenged BYE whose user has let go, if its credentials are known: once."""
    if tx.method != "BYE" or not usage.closed or response.code not in CHALLENGES or tx.repeated:
        return
    known = {login.challenge.realm: login.client for login in usage.credentials}
    for challenge in choose(challenges(response)):
        client = known.get(challenge.realm)
        if client is not None:
            authorize(usage, response, client)
            usage.bye_tx = None
            _bye(agent, usage, [], now)
            if usage.bye_tx is not None:
                usage.bye_tx.repeated = True
            return


def _bye(agent: Agent, usage: Usage, headers: Pairs, now: float) -> None:
    """The dialog of a challenged BYE lives on until another one is answered."""
    if usage.dialog is None or usage.bye_tx is not None:
        raise UsageError("there is no dialog to end")
    agent.keep(usage)
    agent.register(usage, usage.dialog)
    agent.uac.bye(usage, headers, now)


def _dialog(agent: Agent, usage: Usage, request: Request) -> Dialog:
    found = agent.dialogs.get((request.call_id, request.from_.tag, request.to.tag))
    if found is None or found[0] is not usage:
        raise UsageError("the dialog of the request is gone")
    return found[1]


def _read(data: bytes) -> Request:
    try:
        request = split(data)
    except Malformed as error:
        raise UsageError("the request is gone") from error
    assert isinstance(request, Request)
    return request
