"""What a row does, in the few words that fit into a diagram.

A phrase names what the other side or the user notices: the message that is sent, what is played,
what is let go. Preparation (descriptions, sessions being created) is left out unless a row does
nothing else. The full list of actions is one click away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from flows.table import Row, Word

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_PREPARATION = frozenset(
    (
        "CreateDialog",
        "GenerateLocalSDP",
        "StoreLocalSDP",
        "StoreRemoteSDP",
        "NegotiateSDPAsUAC",
        "NegotiateSDPAsUAS",
        "CreateMediaSession",
        "StoreAuthChallenge",
        "StoreNegotiatedConfig",
        "PrepareEarlyMediaSDP",
        "StoreTransferTarget",
    )
)

_FIXED = {
    "StartMediaSession": "start media",
    "StopMediaSession": "stop media",
    "CleanupDialog": "release",
    "CleanupMedia": "release",
    "CleanupResources": "release",
    "ReleaseAllResources": "release",
    "RestoreMedia": "restore media",
    "HoldCall": "hold",
    "ResumeCall": "resume",
    "MuteLocalAudio": "mute",
    "UnmuteLocalAudio": "unmute",
    "StartEcho": "echo",
    "StopEcho": "stop echo",
    "StopPlayback": "stop playing",
    "BridgeSessions": "bridge",
    "UnbridgeSessions": "unbridge",
}

_WITH_ARGUMENTS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "SendSIPResponse": lambda a: _some(a, "code") or "answer",
    "SendRejectResponse": lambda a: _some(a, "code") or "reject",
    "SendReINVITE": lambda a: f"re-INVITE {_some(a, 'direction')}",
    "UpdateMediaDirection": lambda a: f"media {_some(a, 'direction')}",
    "PlayTone": lambda a: f"tone {_some(a, 'frequency')}",
    "PlayAudioFile": lambda a: f"play {_some(a, 'file')}",
    "SendDTMFTone": lambda a: f"DTMF {_some(a, 'digits')}",
    "SetCondition": lambda a: f"{_some(a, 'condition')} = {_some(a, 'value')}",
    "CreateLinkedSession": lambda a: f"call {_some(a, 'target')}",
    "SignalLinked": lambda a: f"signal {_some(a, 'event')}",
}

_RESPONSE_EVENT = re.compile(r"Dialog(\d[\dx]{2})[A-Z]?[A-Za-z]*")
_REQUEST_EVENT = re.compile(r"Dialog([A-Z]{3,})")
_SHORT_EVENTS = {
    "ReinviteReceived": "re-INVITE",
    "ReinviteGlare": "491",
    "UpdateReceived": "UPDATE",
    "InfoReceived": "INFO",
    "MessageReceived": "MESSAGE",
    "ReferReceived": "REFER",
}

Phrase = str


def short_event(row: Row) -> Phrase:
    """An event as people who know SIP say it: `200` for Dialog200OK, `BYE` for DialogBYE."""
    found = _RESPONSE_EVENT.fullmatch(row.label) or _REQUEST_EVENT.fullmatch(row.label)
    return found.group(1) if found else _SHORT_EVENTS.get(row.label, row.label)


def phrase_of(word: Word) -> Phrase:
    """Say one action in a word or two."""
    with_arguments = _WITH_ARGUMENTS.get(word.name)
    if with_arguments is not None:
        return with_arguments(word.arguments).strip()
    fixed = _FIXED.get(word.name)
    if fixed is not None:
        return fixed
    message = word.name.removeprefix("Send")
    if message != word.name and message.isupper():
        return message
    return " ".join(_calm(part) for part in _HUMP.split(word.name))


def summary_of(row: Row) -> Phrase:
    """Say what a row does, for instance `200; release`. Empty if it does nothing."""
    if row.ignore is not None:
        return "ignored"
    words = [word for word in row.actions if word.name not in _PREPARATION]
    phrases = [phrase_of(word) for word in words]
    phrases += [f"set {name}" for name, _ in row.set]
    if not phrases:
        phrases = [phrase_of(word) for word in row.actions[-1:]]
    return "; ".join(dict.fromkeys(phrase for phrase in phrases if phrase))


def _some(arguments: Mapping[str, Any], name: str) -> str:
    value = arguments.get(name)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _calm(part: str) -> str:
    return part if len(part) > 1 and part.isupper() else part.lower()
