"""Actions of the vocabulary that this runtime does not perform: using one is the error META996."""

from __future__ import annotations

from collections.abc import Mapping

from flows.vocabulary import inside, progress, redirection, registration, transfer
from flows.vocabulary.words import ActionWord, Parameter

_LINK = Parameter("name", "Name by which this table calls the other session.", default="other")


def _later(group: str, meanings: Mapping[str, str]) -> tuple[ActionWord, ...]:
    return tuple(
        ActionWord(name, meaning, group, performed=False) for name, meaning in meanings.items()
    )


LATER: tuple[ActionWord, ...] = (
    ActionWord(
        "CreateLinkedSession",
        "Starts another session with its own table, which calls `target`. What becomes of it comes "
        "as LinkedRinging, LinkedAnswered, LinkedFailed and LinkedEnded.",
        "Linked session",
        parameters={
            "target": Parameter("text", "Address to call.", required=True),
            "flow": Parameter("name", "Flow of the other session; the same if absent."),
            "link": _LINK,
        },
        acquires=("link",),
        performed=False,
    ),
    ActionWord(
        "SignalLinked",
        "Sends the linked session an event. HangupCall tells it to end; that is owed to every "
        "linked session before this one ends.",
        "Linked session",
        parameters={
            "link": _LINK,
            "event": Parameter("event", "Name of the event.", required=True),
        },
        uses=("link",),
        performed=False,
    ),
    ActionWord(
        "BridgeSessions",
        "Joins the media with the answered linked session's. Our media must flow.",
        "Linked session",
        parameters={"link": _LINK},
        acquires=("bridge",),
        uses=("link", "media"),
        performed=False,
    ),
    ActionWord(
        "UnbridgeSessions",
        "Parts the media from the linked session's. Where the linked session ended by itself, they "
        "are parted already.",
        "Linked session",
        parameters={"link": _LINK},
        releases=("bridge",),
        uses=("link", "media"),
        may_fail=False,
        performed=False,
    ),
    *progress.ACTIONS,
    *redirection.ACTIONS,
    *inside.ACTIONS,
    *_later(
        "Signalling",
        {
            "SendINVITEWithBumpedSessionExpires": "Repeats the INVITE with a longer interval.",
            "ArmSessionRefreshTimer": "Watches the session interval.",
        },
    ),
    *transfer.ACTIONS,
    *_later(
        "Recording",
        {
            "StartRecording": "Starts recording.",
            "StopRecording": "Stops recording.",
            "StartRecordingMedia": "Starts recording this leg.",
            "StopRecordingMedia": "Stops recording this leg.",
            "StartRecordingMixer": "Starts recording the conference.",
            "StopRecordingMixer": "Stops recording the conference.",
        },
    ),
    *_later(
        "Conference",
        {
            "CreateAudioMixer": "Opens a mixer.",
            "RedirectToMixer": "Sends this leg's audio to the mixer.",
            "ConnectToMixer": "Joins the mixer.",
            "DisconnectFromMixer": "Leaves the mixer.",
            "MuteToMixer": "Is not heard in the mixer.",
            "UnmuteToMixer": "Is heard in the mixer again.",
            "DestroyMixer": "Closes the mixer.",
            "BridgeToMixer": "Joins a bridge with the mixer.",
            "RestoreDirectMedia": "Takes the audio back from the mixer.",
            "CreateBridge": "Opens a bridge.",
            "DestroyBridge": "Closes the bridge.",
        },
    ),
    *registration.ACTIONS,
    *_later(
        "Subscription",
        {
            "SendSUBSCRIBE": "Subscribes.",
            "ProcessNOTIFY": "Takes over what a NOTIFY says.",
            "SendNOTIFY": "Notifies the subscriber.",
            "SendPUBLISH": "Publishes presence.",
        },
    ),
    *_later(
        "Messages",
        {
            "ProcessMESSAGE": "Takes over a text message.",
        },
    ),
    *_later(
        "Media",
        {
            "StoreNegotiatedConfig": "Keeps the settled codec.",
            "RestoreMediaFlow": "Lets held media flow again.",
            "AttemptMediaRecovery": "Tries to bring failed media back.",
        },
    ),
    *_later(
        "Clean-up",
        {
            "StartDialogCleanup": "Begins to give the SIP usage back.",
            "StartMediaCleanup": "Begins to give the media back.",
            "ReleaseAllResources": "Gives everything back.",
            "StartEmergencyCleanup": "Gives everything back after an error.",
            "CleanupResources": "Gives everything back.",
            "TriggerCallEstablished": "Announces that the call is established.",
            "TriggerCallTerminated": "Announces that the call is over.",
        },
    ),
)
