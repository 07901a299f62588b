"""The actions this runtime performs: one method of the leg for each, held to the contract here."""

from __future__ import annotations

from flows.vocabulary import links
from flows.vocabulary.later import LATER
from flows.vocabulary.words import ActionWord, Parameter

_DIRECTION = Parameter(
    "choice",
    "Who sends media, seen from our side.",
    default="sendrecv",
    choices=("sendrecv", "sendonly", "recvonly", "inactive"),
)

_DIALOG = (
    ActionWord(
        "CreateDialog",
        "Begins the SIP usage: takes over the INVITE (UAS) or allocates Call-ID and tag (UAC).",
        "Signalling",
        acquires=("dialog",),
        rfc="RFC 3261 12.1",
    ),
    ActionWord(
        "SendINVITE",
        "Sends the INVITE with the local description. Done when it is handed to the stack.",
        "Signalling",
        requires={"HasLocalSDP": True},
        sets={"HasPendingOfferAnswer": True},
        uses=("dialog",),
        sends="INVITE",
        roles=("UAC",),
        rfc="RFC 3261 13.2.1",
    ),
    ActionWord(
        "SendACK",
        "Confirms a 2xx to our INVITE or re-INVITE.",
        "Signalling",
        uses=("dialog",),
        sends="ACK",
        rfc="RFC 3261 13.2.2.4",
    ),
    ActionWord(
        "SendBYE",
        "Ends the answered call. As a UAS only after the ACK, or when it failed to come.",
        "Signalling",
        uses=("dialog",),
        sends="BYE",
        rfc="RFC 3261 15.1.1",
    ),
    ActionWord(
        "SendCANCEL",
        "Gives up the INVITE before its final answer; only after a provisional answer arrived.",
        "Signalling",
        uses=("dialog",),
        sends="CANCEL",
        roles=("UAC",),
        rfc="RFC 3261 9.1",
    ),
    ActionWord(
        "SendReINVITE",
        "Proposes the session anew with this direction of media.",
        "Signalling",
        parameters={"direction": _DIRECTION},
        requires={"DialogEstablished": True, "HasPendingReinvite": False},
        sets={"HasPendingReinvite": True, "HasPendingOfferAnswer": True},
        uses=("dialog", "media"),
        sends="re-INVITE",
        rfc="RFC 3261 14.1",
    ),
    ActionWord(
        "SendSIPResponse",
        "Answers the request that caused the row's event, else the oldest open one. 183 and 2xx "
        "to an INVITE carry the local description if there is one. A refusal (300 to 699) of the "
        "first INVITE needs no CreateDialog; what begins a dialog (101 to 299) does.",
        "Signalling",
        parameters={
            "code": Parameter("integer", "Status code.", default=200, low=101, high=699),
            "reason": Parameter("text", "Words of the status line; the standard ones if absent."),
        },
        uses=("dialog",),
        sends="response",
        clears=(
            "INVITE",
            "UPDATE",
            "INFO",
            "MESSAGE",
            "REFER",
            "PRACK",
            "SUBSCRIBE",
            "NOTIFY",
            "PUBLISH",
        ),  # fmt: skip
        rfc="RFC 3261 8.2.6",
    ),
    ActionWord(
        "CleanupDialog",
        "Gives the SIP usage back. Open requests are answered first, by the stack.",
        "Signalling",
        sets={
            "DialogEstablished": False,
            "HasPendingReinvite": False,
            "HasPendingOfferAnswer": False,
        },
        releases=("dialog",),
        may_fail=False,
        rfc="RFC 3261 12.3",
    ),
)

_DESCRIPTION = (
    ActionWord(
        "GenerateLocalSDP",
        "Makes our description: the answer if an offer of the far side waits, else an offer. "
        "Takes the media if none is held. Fails if there is no common codec.",
        "Description",
        sets={"HasLocalSDP": True},
        acquires=("media",),
        rfc="RFC 3264 5, 6",
    ),
    ActionWord(
        "StoreLocalSDP",
        "Keeps our description as the one in force.",
        "Description",
        requires={"HasLocalSDP": True},
        may_fail=False,
    ),
    ActionWord(
        "StoreRemoteSDP",
        "Keeps the far side's description that came with the event, if it brought one.",
        "Description",
        sets={"HasRemoteSDP": True},
        rfc="RFC 3264",
    ),
    ActionWord(
        "NegotiateSDPAsUAC",
        "Settles codec and addresses with the answer to our offer (of a 2xx or 183). Satisfied "
        "if it is settled and the event brought nothing.",
        "Description",
        sets={"SDPNegotiated": True, "HasRemoteSDP": True, "HasPendingOfferAnswer": False},
        uses=("media",),
        rfc="RFC 3264 7",
    ),
    ActionWord(
        "NegotiateSDPAsUAS",
        "Settles codec and addresses as the answering side: with our answer, or with the one the "
        "ACK brought if the offer was ours. Satisfied if it is settled and the event brought "
        "nothing.",
        "Description",
        sets={"SDPNegotiated": True, "HasRemoteSDP": True, "HasPendingOfferAnswer": False},
        uses=("media",),
        rfc="RFC 3264 7",
    ),
)

_MEDIA = (
    ActionWord(
        "CreateMediaSession",
        "Takes a media leg with its ports. Satisfied if GenerateLocalSDP took it already.",
        "Media",
        acquires=("media",),
    ),
    ActionWord(
        "StartMediaSession",
        "Lets media flow in both directions that were agreed.",
        "Media",
        requires={"HasLocalSDP": True},
        sets={"MediaReady": True},
        uses=("media",),
    ),
    ActionWord(
        "StopMediaSession",
        "Stops the media at once; the leg is kept until CleanupMedia.",
        "Media",
        sets={"MediaReady": False},
        uses=("media",),
        releases=("echo", "playback"),
        may_fail=False,
    ),
    ActionWord(
        "CleanupMedia",
        "Gives the media leg and its ports back.",
        "Media",
        sets={
            "MediaReady": False,
            "SDPNegotiated": False,
            "HasLocalSDP": False,
            "HasRemoteSDP": False,
        },
        releases=("media", "echo", "playback"),
        may_fail=False,
    ),
    ActionWord(
        "RestoreMedia",
        "Brings new media after MediaLost: on the same ports for a phone, with a re-INVITE of its "
        "own for a browser, as soon as the call may carry one.",
        "Media",
        sets={"MediaReady": True},
        acquires=("media",),
        uses=("dialog",),
    ),
    ActionWord(
        "HoldCall",
        "Puts the far side on hold: a re-INVITE that only sends.",
        "Media",
        requires={"DialogEstablished": True, "HasPendingReinvite": False},
        sets={"HasPendingReinvite": True, "HasPendingOfferAnswer": True},
        uses=("dialog", "media"),
        sends="re-INVITE",
        rfc="RFC 3264 8.4, RFC 6337 5.3",
    ),
    ActionWord(
        "ResumeCall",
        "Takes the far side back from hold: a re-INVITE that sends and receives.",
        "Media",
        requires={"DialogEstablished": True, "HasPendingReinvite": False},
        sets={"HasPendingReinvite": True, "HasPendingOfferAnswer": True},
        uses=("dialog", "media"),
        sends="re-INVITE",
        rfc="RFC 3264 8.4",
    ),
    ActionWord(
        "UpdateMediaDirection",
        "Changes what our media does, without a message to the far side.",
        "Media",
        parameters={"direction": _DIRECTION},
        uses=("media",),
        rfc="RFC 3264 8.4",
    ),
    ActionWord("MuteLocalAudio", "Sends silence instead of our audio.", "Media", uses=("media",)),
    ActionWord("UnmuteLocalAudio", "Sends our audio again.", "Media", uses=("media",)),
    ActionWord(
        "StartEcho",
        "Sends the far side's audio back to it.",
        "Media",
        acquires=("echo",),
        uses=("media",),
    ),
    ActionWord("StopEcho", "Ends the echo.", "Media", releases=("echo",), uses=("media",)),
    ActionWord(
        "PlayTone",
        "Plays a steady tone until StopPlayback. Done when it has begun.",
        "Media",
        parameters={
            "frequency": Parameter("integer", "Pitch.", default=440, unit="Hz", low=20, high=3800)
        },
        acquires=("playback",),
        uses=("media",),
    ),
    ActionWord(
        "PlayAudioFile",
        "Plays a sound file. Done when it has begun; its end is the event PlayFinished.",
        "Media",
        parameters={
            "file": Parameter("text", "Name of the sound file.", required=True),
            "repeat": Parameter("boolean", "Begin again at the end.", default=False),
        },
        acquires=("playback",),
        uses=("media",),
    ),
    ActionWord(
        "StopPlayback", "Ends the tone or file.", "Media", releases=("playback",), uses=("media",)
    ),
    ActionWord(
        "SendDTMFTone",
        "Presses keys for the far side; without `digits`, those of the event.",
        "Media",
        parameters={"digits": Parameter("text", "0-9, *, #, A-D.")},
        uses=("media",),
        rfc="RFC 4733",
    ),
)

_MEMORY = (
    ActionWord(
        "SetCondition",
        "Gives a condition a value.",
        "Memory",
        parameters={
            "condition": Parameter("condition", "Name of the condition.", required=True),
            "value": Parameter("boolean", "Its new value.", default=True),
        },
        may_fail=False,
    ),
)

ACTIONS: dict[str, ActionWord] = {
    word.name: word for word in (*_DIALOG, *_DESCRIPTION, *_MEDIA, *_MEMORY, *links.ACTIONS, *LATER)
}
