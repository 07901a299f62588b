"""Conditions, guards, published events and resources."""

from __future__ import annotations

from flows.expressions import Expression, parse
from flows.table import State
from flows.vocabulary.words import GuardWord, PublishedWord, ResourceWord

_GUARDS = (
    GuardWord(
        "DialogEstablished",
        "The call was answered and confirmed: requests can be sent inside it.",
        "condition",
        rfc="RFC 3261 12",
    ),
    GuardWord("MediaReady", "Media was started and not stopped or lost since.", "condition"),
    GuardWord(
        "SDPNegotiated",
        "Both descriptions are known and settled.",
        "condition",
        rfc="RFC 3264",
    ),
    GuardWord("HasLocalSDP", "Our description was made.", "condition"),
    GuardWord("HasRemoteSDP", "The far side's description was taken over.", "condition"),
    GuardWord(
        "HasPendingReinvite",
        "Our own re-INVITE waits for its answer.",
        "condition",
        rfc="RFC 3261 14.1",
    ),
    GuardWord(
        "HasPendingOfferAnswer",
        "An offer, of ours or of the far side, waits for its answer.",
        "condition",
        rfc="RFC 3264 4",
    ),
    GuardWord("IsIdle", "The session is in the table's initial state.", "state"),
    GuardWord("InActiveCall", "The session is in the state named Active.", "state"),
    GuardWord(
        "AllConditionsMet",
        "DialogEstablished, MediaReady and SDPNegotiated hold together.",
        "derived",
        expands_to="DialogEstablished and MediaReady and SDPNegotiated",
    ),
    GuardWord("HasNegotiatedConfig", "A codec was settled.", "derived", expands_to="SDPNegotiated"),
    GuardWord(
        "IsRegistered",
        "The registrar keeps our address, and nothing was heard to the contrary.",
        "condition",
        rfc="RFC 3261 10.2.4",
    ),
    GuardWord(
        "IsSubscribed",
        "The far side accepted our subscription, and nothing was heard to the contrary.",
        "condition",
        rfc="RFC 6665 4.1.2.1",
    ),
    GuardWord(
        "HasActiveSubscription",
        "A NOTIFY has come for our subscription, and it has neither ended nor run out.",
        "condition",
        rfc="RFC 6665 4.1.2.4",
    ),
    GuardWord("OtherSessionActive", "The linked session is active.", "condition", performed=False),
)

GUARDS: dict[str, GuardWord] = {word.name: word for word in _GUARDS}

CONDITIONS: dict[str, GuardWord] = {w.name: w for w in _GUARDS if w.kind == "condition"}
"""The conditions every session has from its first moment."""

_PUBLISHED = (
    PublishedWord("SessionCreated", "A session began."),
    PublishedWord("StateChanged", "The session went to another state."),
    PublishedWord("IncomingCall", "A call came in and wants a person."),
    PublishedWord("CallRinging", "The far side rings."),
    PublishedWord("CallEstablished", "The call was answered and confirmed."),
    PublishedWord("CallTerminated", "An answered call ended.", outcome="terminated"),
    PublishedWord("CallFailed", "The call did not come about.", outcome="failed"),
    PublishedWord("CallCancelled", "The caller gave up before an answer.", outcome="cancelled"),
    PublishedWord("CallOnHold", "The call is on hold."),
    PublishedWord("CallResumed", "The call goes on after a hold."),
    PublishedWord("MediaFlowEstablished", "The first media packet arrived."),
    PublishedWord("MediaNegotiated", "Codec and addresses are settled."),
    PublishedWord("MediaSessionReady", "The media is ready to flow."),
    PublishedWord("CallRedirected", "A caller was sent to another address."),
    PublishedWord("CallMuted", "Our side stopped sending its voice."),
    PublishedWord("CallUnmuted", "Our side sends its voice again."),
    PublishedWord("DtmfReceived", "The far side pressed a key."),
    PublishedWord("TransferAccepted", "The far side accepted a transfer."),
    PublishedWord("TransferSucceeded", "A transfer reached its target."),
    PublishedWord("TransferFailed", "A transfer did not reach its target."),
    PublishedWord("SessionsBridged", "Two sessions hear each other."),
    PublishedWord("RegistrationSuccess", "The registrar keeps our address."),
    PublishedWord("RegistrationFailed", "The address could not be registered.", outcome="failed"),
    PublishedWord("SubscriptionActive", "A subscription is in force."),
    PublishedWord("StateNotified", "The state of the far side, or ours, was told."),
    PublishedWord("SubscriptionTerminated", "A subscription has ended.", outcome="terminated"),
    PublishedWord("SubscriptionFailed", "A subscription did not last.", outcome="failed"),
    PublishedWord("StatePublished", "A server keeps the state that was published."),
    PublishedWord("PublicationReceived", "A state was taken.", outcome="terminated"),
    PublishedWord("PeerReachable", "The far side is there."),
    PublishedWord("PeerUnreachable", "The far side is not there."),
    PublishedWord("KeepAliveEnded", "Nobody asks any more.", outcome="terminated"),
    PublishedWord("PublicationEnded", "A published state was removed.", outcome="terminated"),
    PublishedWord("PublicationFailed", "A state could not be published.", outcome="failed"),
    PublishedWord("MessageReceived", "A text message was taken.", outcome="terminated"),
    PublishedWord("MessageDelivered", "A text message was accepted.", outcome="terminated"),
    PublishedWord("MessageFailed", "A text message was not accepted.", outcome="failed"),
    PublishedWord("UnregistrationSuccess", "Our address was removed.", outcome="terminated"),
    PublishedWord("UnregistrationFailed", "Our address goes only with its time.", outcome="failed"),
)

PUBLISHED: dict[str, PublishedWord] = {word.name: word for word in _PUBLISHED}

OUTCOMES = {word.name: word.outcome for word in _PUBLISHED if word.outcome}
"""Published event that ends a call, to the outcome it stands for."""

FEATURES: dict[str, str] = {
    "hold": "Either side can hold and resume the call.",
    "mute": "A person can mute the own voice.",
    "transfer": "Calls can be transferred.",
    "early_media": "Media may flow before the answer.",
    "authentication": "Challenges of servers are answered.",
    "redirect": "Redirections are followed.",
    "session_timer": "The session is refreshed.",
    "playback": "Sounds are played.",
    "dtmf": "Keys are understood.",
    "recording": "Calls are recorded.",
    "conference": "More than two parties talk.",
    "linked_sessions": "The flow starts and joins other sessions.",
    "registration": "Addresses are registered.",
    "subscription": "Events are subscribed to.",
    "messaging": "Text messages are taken or sent.",
    "restart": "The far side may die and come back without its calls.",
    "emergency": "Emergency calls come this way.",
    "guarded": "Calls placed or moved by the flow, and recordings, each ask a guard first.",
}
"""What a flow may claim in `features`; it is then held to the rules of that feature."""

_RESOURCES = (
    ResourceWord("dialog", "The SIP usage: Call-ID, tags, transactions."),
    ResourceWord("media", "The media leg: ports, codecs, streams."),
    ResourceWord("echo", "The far side hears itself."),
    ResourceWord("playback", "A tone or a file is being played."),
    ResourceWord("recording", "The call is being recorded."),
    ResourceWord("bridge", "The media is joined with another session's."),
    ResourceWord("link", "A linked session that was not told to end.", capacity=8),
)

RESOURCES: dict[str, ResourceWord] = {word.name: word for word in _RESOURCES}


def state_facts(state: State) -> dict[str, bool]:
    """Return the guards that look at the state, with their value in this state of a table."""
    return {"IsIdle": state.initial, "InActiveCall": state.name == "Active"}


EXPANSIONS: dict[str, Expression] = {
    word.name: parse(word.expands_to) for word in _GUARDS if word.expands_to
}
"""Derived guards with the expression they stand for."""
