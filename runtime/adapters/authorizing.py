"""Challenges of servers, answered with the credentials of the trunk a call was placed through.

What a caller's own side asks for in a call that came in gets none: whoever sends us a challenge
must not be able to have our passwords tried out by us.
"""

from __future__ import annotations

import contextlib

from runtime.adapters.leg import CallLeg
from runtime.adapters.performing import Arguments, performs
from runtime.adapters.port import ActionError
from runtime.executor.step import Event
from runtime.sip.auth import Credentials, DigestClient, challenges, choose
from runtime.sip.events import ResponseReceived


@performs("StoreAuthChallenge")
def store_auth_challenge(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Keep the challenge that came last: whatever is sent next answers it, if we can."""
    leg.stored, leg.challenge = leg.challenge, None
    credentials = credentials_for(leg, leg.stored) if leg.stored is not None else None
    if leg.stored is None or credentials is None:
        return
    with contextlib.suppress(ActionError):
        leg.dialog.authorize(leg.stored.response, DigestClient(credentials))


@performs("SendINVITEWithAuth")
async def send_invite_with_auth(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Send the first INVITE again, with credentials."""
    challenged = take_stored(leg)
    if challenged.method != "INVITE" or challenged.reinvite:
        raise ActionError(f"it was the {challenged.method} that wants credentials")
    await leg.invite_again()


@performs("SendRequestWithAuth")
def send_request_with_auth(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Send the challenged request of the dialog again, with credentials."""
    challenged = take_stored(leg)
    if challenged.method == "INVITE" and not challenged.reinvite:
        raise ActionError("the first INVITE is sent again by SendINVITEWithAuth")
    leg.repeat(challenged.method)
    if challenged.method == "INFO" and leg.infos is not None:
        leg.infos.repeated()


def take_stored(leg: CallLeg) -> ResponseReceived:
    """Return the challenge that the next request answers; ActionError if we cannot."""
    stored, leg.stored = leg.stored, None
    if stored is None:
        raise ActionError("no challenge was stored that could be answered")
    if credentials_for(leg, stored) is None:
        raise ActionError("there are no credentials for whoever asks")
    return stored


def credentials_for(leg: CallLeg, challenged: ResponseReceived) -> Credentials | None:
    """Return what answers every challenge of a response, None if one of them gets nothing."""
    found = [leg.credentials(each) for each in choose(challenges(challenged.response))]
    return found[0] if found and all(found) else None
