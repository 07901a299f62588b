"""Where sound comes from: tones, the built-in prompts, WAV files, and a change of rate.

A sound is one array of signed 16-bit samples, one channel, at the rate that was asked for.
"""

from __future__ import annotations

import functools
import math
import wave
from pathlib import Path

import numpy as np

from runtime.media.g711 import Samples
from runtime.media.port import MediaError

LEVEL = 0.35
"""Amplitude of generated sounds as a part of full scale (about -9 dBm0)."""

MAX_SECONDS = 600
MAX_FILE_BYTES = 128 << 20

DTMF_ROWS = {697: "123A", 770: "456B", 852: "789C", 941: "*0#D"}
DTMF_COLUMNS = (1209, 1336, 1477, 1633)

NOTES = {"C4": 261.63, "D4": 293.66, "E4": 329.63, "F4": 349.23, "G4": 392.0, "A4": 440.0}
NOTES |= {"B4": 493.88, "C5": 523.25, "D5": 587.33, "E5": 659.26, "G5": 783.99}
MELODY = "C4 E4 G4 E5 D5 G4 B4 D5 A4 C5 E5 C5 F4 A4 C5 A4 G4 B4 D5 B4 C5 G4 E4 C4".split()


def _waves(frequencies: tuple[float, ...], seconds: float, rate: int) -> np.ndarray:
    time = np.arange(int(seconds * rate)) / rate
    parts = [np.sin(2 * math.pi * frequency * time) for frequency in frequencies]
    mixed: np.ndarray = LEVEL * sum(parts, np.zeros(len(time))) / len(parts)
    return mixed


def _faded(sound: np.ndarray, rate: int, seconds: float = 0.005) -> np.ndarray:
    """Soften both edges, so that the loudspeaker does not click."""
    count = min(int(seconds * rate), len(sound) // 2)
    ramp = np.linspace(0.0, 1.0, count, endpoint=False)
    sound = sound.copy()
    sound[:count] *= ramp
    sound[len(sound) - count :] *= ramp[::-1]
    return sound


def _bell(frequency: float, seconds: float, rate: int) -> np.ndarray:
    time = np.arange(int(seconds * rate)) / rate
    tone = np.sin(2 * math.pi * frequency * time) + 0.3 * np.sin(4 * math.pi * frequency * time)
    return _faded(LEVEL * 0.75 * tone * np.exp(-3.5 * time), rate)


def _samples(sound: np.ndarray) -> Samples:
    return _whole(sound * 32767)


def _whole(values: np.ndarray) -> Samples:
    """Round to samples; what is too loud is cut."""
    samples: Samples = np.clip(np.rint(values), -32768, 32767).astype(np.int16)
    return samples


def _beep(rate: int) -> np.ndarray:
    return _faded(_waves((1000.0,), 0.4, rate), rate)


def _ringback(rate: int) -> np.ndarray:
    """One period of the European tone: 1 s of 425 Hz, 4 s of silence (ITU-T E.180)."""
    return np.concatenate([_faded(_waves((425.0,), 1.0, rate), rate), np.zeros(4 * rate)])


def _busy(rate: int) -> np.ndarray:
    return np.concatenate([_faded(_waves((425.0,), 0.5, rate), rate), np.zeros(rate // 2)])


def _greeting(rate: int) -> np.ndarray:
    chime = [_bell(NOTES[note], 0.45, rate) for note in ("C5", "E5", "G5")]
    return np.concatenate([*chime, _bell(NOTES["C5"], 1.2, rate)])


def _music(rate: int) -> np.ndarray:
    return np.concatenate([_bell(NOTES[note], 0.5, rate) for note in MELODY])


PROMPTS = {
    "beep": _beep,
    "ringback": _ringback,
    "busy": _busy,
    "greeting": _greeting,
    "music": _music,
}
"""The prompts that need no file, each a function of the rate."""


def tone_frame(frequency: float, start: int, count: int, rate: int) -> Samples:
    """Answer `count` samples of a steady tone, continuous with those before sample `start`."""
    time = np.arange(start, start + count) / rate
    return _samples(LEVEL * np.sin(2 * math.pi * frequency * time))


@functools.lru_cache(maxsize=64)
def dtmf_tones(digit: str, milliseconds: int, rate: int) -> Samples:
    """Answer the two tones of a digit (ITU-T Q.23), for a peer without telephone-event."""
    for low, digits in DTMF_ROWS.items():
        if digit in digits:
            high = DTMF_COLUMNS[digits.index(digit)]
            return _samples(_faded(_waves((low, high), milliseconds / 1000, rate), rate))
    return np.zeros(rate * milliseconds // 1000, dtype=np.int16)


def load(source: str, rate: int, folder: str = "") -> Samples:
    """Answer a built-in prompt or a WAV file of `folder`; raises MediaError("unknown_source").

    It may read a file: not for the event loop.
    """
    if source in PROMPTS:
        return _prompt(source, rate)
    path = _inside(source, folder)
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise MediaError("unknown_source", f"{source} is not in the prompts folder") from error
    if found.st_size > MAX_FILE_BYTES:
        raise MediaError("unknown_source", f"{source} is too large to play")
    return _read_wave(path, found.st_mtime_ns, rate)


def _inside(source: str, folder: str) -> Path:
    """Answer the file of that name; one that leads out of the folder is as good as none."""
    if not folder:
        raise MediaError("unknown_source", f"{source} is no built-in prompt")
    try:
        root = Path(folder).resolve()
        path = (root / source).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise MediaError("unknown_source", "the name of the file is not usable") from error
    if not path.is_relative_to(root) or path == root:
        raise MediaError("unknown_source", f"{source} is not in the prompts folder")
    return path


@functools.lru_cache(maxsize=16)
def _prompt(name: str, rate: int) -> Samples:
    return _samples(PROMPTS[name](rate))


@functools.lru_cache(maxsize=16)
def _read_wave(path: Path, changed: int, rate: int) -> Samples:
    """Read a file as it was at `changed`: another time is another entry of the cache."""
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, own_rate = (
                file.getnchannels(),
                file.getsampwidth(),
                file.getframerate(),
            )
            data = file.readframes(min(file.getnframes(), MAX_SECONDS * own_rate))
    except (OSError, EOFError, ValueError, wave.Error) as error:
        raise MediaError("unknown_source", f"{path.name} cannot be played: {error}") from error
    if width not in (1, 2) or channels < 1 or own_rate < 1:
        raise MediaError("unknown_source", f"{path.name} is not PCM of 8 or 16 bits")
    return resample(_first_channels(data, channels, width), own_rate, rate)


def _first_channels(data: bytes, channels: int, width: int) -> Samples:
    whole = len(data) // (channels * width) * channels * width
    if width == 1:
        samples = (np.frombuffer(data[:whole], dtype=np.uint8).astype(np.int16) - 128) * 256
    else:
        samples = np.frombuffer(data[:whole], dtype="<i2").astype(np.int16)
    mixed = samples.reshape(-1, channels).astype(np.int32).sum(axis=1) // channels
    one: Samples = mixed.astype(np.int16)
    return one


def resample(sound: Samples, own_rate: int, rate: int) -> Samples:
    """Change the rate of a whole sound: low pass where samples are left out, then interpolate."""
    if own_rate == rate or len(sound) == 0:
        return sound
    values = sound.astype(np.float64)
    if rate < own_rate:
        values = np.convolve(values, _low_pass(0.45 * rate / own_rate, 97), mode="same")
    wanted = np.arange(len(sound) * rate // own_rate) * (own_rate / rate)
    values = np.interp(wanted, np.arange(len(values)), values)
    return _whole(values)


@functools.lru_cache(maxsize=16)
def _low_pass(cutoff: float, taps: int) -> np.ndarray:
    """Windowed sinc; `cutoff` is a part of the sampling rate."""
    position = np.arange(taps) - (taps - 1) / 2
    kernel: np.ndarray = 2 * cutoff * np.sinc(2 * cutoff * position) * np.hamming(taps)
    kernel /= kernel.sum()
    return kernel


class RateChanger:
    """Change the rate of a stream of frames by a whole factor, keeping what joins the frames."""

    TAPS = 8
    """Length of the filter at the lower rate."""

    def __init__(self, own_rate: int, rate: int) -> None:
        self._up = max(rate // own_rate, 1)
        self._down = max(own_rate // rate, 1)
        factor = max(self._up, self._down)
        kernel = _low_pass(0.45 / factor, self.TAPS * factor + 1)
        self._kernel = kernel * self._up
        self._history = np.zeros(len(kernel) - 1)
        self._phase = 0

    def change(self, frame: Samples) -> Samples:
        """Answer the frame at the other rate."""
        if self._up == self._down:
            return frame
        values = np.zeros(len(frame) * self._up)
        values[:: self._up] = frame
        joined = np.concatenate([self._history, values])
        self._history = joined[len(joined) - len(self._history) :]
        filtered = np.convolve(joined, self._kernel, mode="valid")[self._phase :: self._down]
        self._phase = (self._phase - len(values)) % self._down
        return _whole(filtered)
