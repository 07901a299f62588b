"""What is heard in a call: media started and stopped, muted, echoed, played, pressed."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable

from runtime.adapters.leg import CallLeg
from runtime.adapters.performing import Arguments, performs
from runtime.adapters.port import ActionError
from runtime.executor.step import Event


@performs("StartMediaSession")
def start_media_session(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """Let media flow."""
    return leg.media.start()


@performs("StopMediaSession")
async def stop_media_session(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Stop the media; what the media layer lost is stopped as well."""
    with contextlib.suppress(ActionError):
        await leg.media.silence()


@performs("UpdateMediaDirection")
def update_media_direction(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """Change what our media does, without a message."""
    return leg.media.direction(arguments.get("direction", "sendrecv"))


@performs("MuteLocalAudio")
def mute_local_audio(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """Send silence."""
    return leg.media.mute(True)


@performs("UnmuteLocalAudio")
def unmute_local_audio(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """Send our audio again."""
    return leg.media.mute(False)


@performs("StartEcho")
def start_echo(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """Send back what is heard."""
    return leg.media.echo(True)


@performs("StopEcho")
def stop_echo(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """End the echo."""
    return leg.media.echo(False)


@performs("PlayTone")
def play_tone(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """Send a steady tone."""
    return leg.media.tone(float(arguments.get("frequency", 440)))


@performs("PlayAudioFile")
def play_audio_file(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """Start a sound file."""
    return leg.media.play(arguments["file"], repeat=bool(arguments.get("repeat")))


@performs("StopPlayback")
def stop_playback(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """End the tone or file."""
    return leg.media.stop()


@performs("SendDTMFTone")
def send_dtmf_tone(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """Press keys: the action's own, else those of the event."""
    digits = arguments.get("digits") or event.fields.get("digits") or ""
    if not digits:
        raise ActionError("neither the action nor its event says which digits to send")
    return leg.media.dtmf(str(digits))


@performs("SetCondition")
def set_condition(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Nothing is left to do: the executor has set it."""
