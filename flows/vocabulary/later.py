"""Actions of the vocabulary that this runtime does not perform: using one is the error META996.

Those of recordings and conferences are to come; the others say what another word does.
"""

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
            "StoreNegotiatedConfig": "Another name for what NegotiateSDPAsUAC and "
            "NegotiateSDPAsUAS do: the codec they settle is kept.",
            "RestoreMediaFlow": "Another name: ResumeCall takes a held call back.",
            "AttemptMediaRecovery": "Another name: RestoreMedia brings lost media back.",
        },
    ),
    *_later(
        "Clean-up",
        {
            "StartDialogCleanup": "Another name: CleanupDialog gives the SIP usage back.",
            "StartMediaCleanup": "Another name: CleanupMedia gives the media back.",
            "ReleaseAllResources": "Another name: CleanupMedia and CleanupDialog, in this order.",
            "StartEmergencyCleanup": "Another name: CleanupMedia and CleanupDialog, in this "
            "order, do no harm where something is broken.",
            "CleanupResources": "Another name: CleanupMedia and CleanupDialog, in this order.",
            "TriggerCallEstablished": "A row says it with `publish_events: [CallEstablished]`.",
            "TriggerCallTerminated": "A row says it with `publish_events: [CallTerminated]`.",
        },
    ),
)
