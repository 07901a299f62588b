"""What the words of other tables are called here; used by `flows.dialects` only.

The names on the left are those the session-core family of state tables reads (its loaders map many
spellings to few meanings); a name that is not here is kept, and the compiler says what it thinks.
"""

from __future__ import annotations

EVENTS = {
    "DialogProgress": "Dialog180Ringing",
    "DialogEstablished": "Dialog200OK",
    "DialogFailed": "Dialog4xxFailure",
    "DialogTerminated": "DialogBYE",
    "InboundBYE": "DialogBYE",
    "OutboundBYE": "DialogBYE",
    "DialogREFER": "TransferRequested",
    "DialogReINVITE": "ReinviteReceived",
    "Registration401": "AuthRequired",
    "MediaReady": "MediaSessionCreated",
    "MediaFlowing": "MediaFlowEstablished",
    "MediaFailed": "MediaError",
    "SDPNegotiated": "MediaNegotiated",
    "CheckReadiness": "CheckConditions",
    "BridgeToSession": "BridgeSessions",
    "InitiateTransfer": "BlindTransfer",
    "CancelCall": "HangupCall",
    "MuteMicrophone": "MuteCall",
    "UnmuteMicrophone": "UnmuteCall",
}
DROPPED_EVENT_PARAMETERS = {
    ("MakeCall", "target"),
    ("IncomingCall", "from"),
    ("IncomingCall", "sdp"),
}
"""Parameters of events that never took part in the choice of a row."""

ACTIONS: dict[str, tuple[str, ...]] = {
    "TriggerDialogINVITE": ("SendINVITE",),
    "StopMedia": ("StopMediaSession",),
    "StartMediaCleanup": ("CleanupMedia",),
    "StartDialogCleanup": ("CleanupDialog",),
    "CleanupResources": ("CleanupMedia", "CleanupDialog"),
    "ReleaseAllResources": ("CleanupMedia", "CleanupDialog"),
    "StartEmergencyCleanup": ("CleanupMedia", "CleanupDialog"),
    "HoldOriginalCall": ("HoldCall",),
    "HoldCurrentCall": ("HoldCall",),
    "ResumeOriginalCall": ("ResumeCall",),
    "RestoreMediaFlow": ("ResumeCall",),
    "CreateConsultationDialog": ("CreateConsultationCall",),
    "SendREGISTERWithExpires0": ("SendUnREGISTER",),
    "SendDTMF": ("SendDTMFTone",),
    "AttemptMediaRecovery": ("RestoreMedia",),
}
ANSWERS = {"Send180Ringing": 180, "Send183SessionProgress": 183, "Send200OK": 200}
"""Actions that are one answer, to its status code."""
ANNOUNCEMENTS = {
    "TriggerCallEstablished": "CallEstablished",
    "PublishEstablished": "CallEstablished",
    "TriggerCallTerminated": "CallTerminated",
}
"""Actions that only publish an event."""

CONDITIONS = {
    "dialog_established": "DialogEstablished",
    "media_session_ready": "MediaReady",
    "media_ready": "MediaReady",
    "MediaSessionReady": "MediaReady",
    "sdp_negotiated": "SDPNegotiated",
    "has_local_sdp": "HasLocalSDP",
    "has_remote_sdp": "HasRemoteSDP",
}
GUARDS = {**CONDITIONS, "all_conditions_met": "AllConditionsMet", "is_idle": "IsIdle"}
PUBLISHED = {"CallAnswered": "CallEstablished", "CallEnded": "CallTerminated"}
ROLES = {"uac": "UAC", "uas": "UAS", "both": "Both", "server": "UAS", "client": "UAC"}
BRIDGING_ROLE = "b2bua"
DIRECTIONS = {
    "sendrecv": "sendrecv",
    "sendonly": "sendonly",
    "recvonly": "recvonly",
    "inactive": "inactive",
}
FINAL_STATES = ("Terminated", "Cancelled", "Failed")
OPERATORS = {
    "equals": "==",
    "eq": "==",
    "==": "==",
    "not_equals": "!=",
    "ne": "!=",
    "!=": "!=",
    "greater_than": ">",
    "gt": ">",
    ">": ">",
    "less_than": "<",
    "lt": "<",
    "<": "<",
    ">=": ">=",
    "gte": ">=",
    "<=": "<=",
    "lte": "<=",
}
