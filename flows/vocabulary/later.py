"""Actions of the vocabulary that this runtime does not perform: using one is the error META996."""

from __future__ import annotations

from collections.abc import Mapping

from flows.vocabulary import (
    inside,
    messages,
    progress,
    redirection,
    refreshing,
    registration,
    subscription,
    transfer,
)
from flows.vocabulary.words import ActionWord


def _later(group: str, meanings: Mapping[str, str]) -> tuple[ActionWord, ...]:
    return tuple(
        ActionWord(name, meaning, group, performed=False) for name, meaning in meanings.items()
    )


LATER: tuple[ActionWord, ...] = (
    *progress.ACTIONS,
    *redirection.ACTIONS,
    *inside.ACTIONS,
    *refreshing.ACTIONS,
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
    *subscription.ACTIONS,
    *messages.ACTIONS,
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
