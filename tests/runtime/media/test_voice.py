"""Sound without sockets: codecs, prompts, files, rates, and what a leg says next."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from runtime.media import dtmf, g711, rtp, sound
from runtime.media.latch import Gate
from runtime.media.port import MediaError
from runtime.media.voice import Fifo, Voice
from tests.runtime.media.sides import strongest


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_g711_comes_back_within_its_own_precision(codec: str) -> None:
    samples = np.arange(-32768, 32768, 7, dtype=np.int16)
    back = g711.decoder(codec)(g711.encoder(codec)(samples)).astype(int)
    allowed = np.abs(samples.astype(int)) / 16 + 16
    clipped = np.abs(samples.astype(int)) > 32000
    assert (np.abs(back - samples) <= allowed)[~clipped].all()


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_each_g711_code_keeps_its_level(codec: str) -> None:
    decode, encode = g711.decoder(codec), g711.encoder(codec)
    codes = bytes(range(256))
    assert (decode(encode(decode(codes))) == decode(codes)).all()


@pytest.mark.parametrize("name", sorted(sound.PROMPTS))
@pytest.mark.parametrize("rate", [8000, 48000])
def test_each_prompt_has_sound_and_does_not_clip(name: str, rate: int) -> None:
    samples = sound.load(name, rate)
    assert 3000 < np.abs(samples).max() < 32000
    assert len(samples) >= rate * 0.3


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_wave_file_is_played_at_the_rate_of_the_leg(
    tmp_path: Path, rate: int, channels: int
) -> None:
    path = tmp_path / "tone.wav"
    samples = sound.tone_frame(440, 0, rate, rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(samples, channels).tobytes())
    loaded = sound.load("tone.wav", 8000, str(tmp_path))
    assert len(loaded) == 8000
    assert strongest(loaded) == pytest.approx(440, abs=2)


def test_a_file_that_is_no_wave_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "not.wav"
    path.write_bytes(b"RIFF0000WAVEjunk")
    with pytest.raises(MediaError) as refused:
        sound.load("not.wav", 8000, str(tmp_path))
    assert refused.value.code == "unknown_source"


@pytest.mark.parametrize("name", ["../out.wav", "/etc/hostname", "a\0b", "x" * 300, ".", "none"])
def test_a_name_that_leads_out_of_the_prompts_folder_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "prompts"
    folder.mkdir()
    (tmp_path / "out.wav").write_bytes(b"")
    (folder / "link.wav").symlink_to(tmp_path / "out.wav")
    for source in (name, "link.wav"):
        with pytest.raises(MediaError) as refused:
            sound.load(source, 8000, str(folder))
        assert refused.value.code == "unknown_source"


def test_without_a_prompts_folder_no_file_is_played() -> None:
    with pytest.raises(MediaError):
        sound.load("tone.wav", 8000)


@pytest.mark.parametrize(("own", "other"), [(8000, 48000), (48000, 8000), (8000, 8000)])
def test_a_stream_changes_its_rate_without_seams(own: int, other: int) -> None:
    changer = sound.RateChanger(own, other)
    frame = own // 50
    parts = [changer.change(sound.tone_frame(500, i * frame, frame, own)) for i in range(25)]
    assert {len(part) for part in parts} == {other // 50}
    joined = np.concatenate(parts)[other // 25 :].astype(float)
    assert strongest(joined, other) == pytest.approx(500, abs=3)
    level = np.sqrt((joined**2).mean()) / 32767
    assert level == pytest.approx(sound.LEVEL / np.sqrt(2), rel=0.1)


def test_the_fifo_waits_for_two_frames_and_never_holds_more_than_its_limit() -> None:
    fifo = Fifo(160)
    frame = np.ones(160, dtype=np.int16)
    fifo.push(frame)
    assert fifo.pull() is None
    fifo.push(frame)
    assert fifo.pull() is not None and fifo.pull() is not None and fifo.pull() is None
    for _ in range(50):
        fifo.push(frame)
    assert fifo.left_out > 0
    pulled = 0
    while fifo.pull() is not None:
        pulled += 1
    assert pulled <= Fifo.LIMIT


def test_a_prompt_goes_before_tone_and_echo_and_mute_silences_all() -> None:
    ended: list[tuple[str, bool]] = []
    voice = Voice(8000, lambda source, stopped: ended.append((source, stopped)))
    voice.set_echo(True)
    voice.set_tone(440)
    voice.play("beep", sound.load("beep", 8000), False)
    frames = [voice.next() for _ in range(20)]
    assert all(frame is not None for frame in frames) and ended == [("beep", False)]
    voice.muted = True
    assert voice.next() is None
    voice.muted = False
    voice.stop()
    assert voice.next() is None


def test_a_repeated_prompt_has_no_end() -> None:
    voice = Voice(8000, lambda source, stopped: pytest.fail("it ended"))
    voice.play("beep", sound.load("beep", 8000), True)
    assert all(voice.next() is not None for _ in range(100))


def test_sent_digits_keep_one_time_grow_and_end_three_times() -> None:
    sent: list[str] = []
    sender = dtmf.Sender(sent.append)
    sender.add("5", 100)
    frames = []
    timestamp = 1000
    while sender.busy:
        frames.append(sender.next(timestamp, 160))
        timestamp += 160
    packets = [frame for frame in frames if frame is not None]
    assert {packet.timestamp for packet in packets} == {1000}
    assert [packet.marker for packet in packets] == [True] + [False] * 6
    durations = [int.from_bytes(packet.payload[2:4], "big") for packet in packets]
    assert durations == [160, 320, 480, 640, 800, 800, 800]
    assert [packet.payload[1] >> 7 for packet in packets] == [0, 0, 0, 0, 1, 1, 1]
    assert sent == ["5"]


def test_loss_jitter_and_wraps_are_counted() -> None:
    reception = rtp.Reception()
    for index in [65534, 65535, 0, 2, 3, 3]:
        packet = rtp.Packet(0, index, (index - 65534) % 65536 * 160, 9, b"x" * 160)
        reception.take(packet, ((index - 65534) % 65536) * 0.02)
    assert (reception.packets, reception.lost, reception.duplicates) == (5, 1, 1)
    assert reception.jitter == pytest.approx(0, abs=1e-6)


def test_a_late_packet_fills_its_gap() -> None:
    reception = rtp.Reception()
    taken = [reception.take(rtp.Packet(0, n, n * 160, 9, b""), 0.0) for n in (1, 2, 4, 3)]
    assert taken == [True] * 4 and reception.lost == 0


PHONE = ("127.0.0.1", 4000)


def _packet(sequence: int, ssrc: int = 1) -> rtp.Packet:
    return rtp.Packet(0, sequence & 0xFFFF, 0, ssrc, b"")


def test_the_kept_source_is_not_changed_while_it_speaks() -> None:
    gate = Gate(PHONE)
    assert gate.admit(("127.0.0.1", 5000), _packet(1), 0.0)
    assert not gate.admit(PHONE, _packet(1), 1.9)
    assert gate.target == ("127.0.0.1", 5000)
    assert gate.admit(PHONE, _packet(1), 2.1)
    assert gate.target == PHONE


def test_a_source_of_another_address_is_never_believed_for_a_public_one() -> None:
    public = Gate(("8.8.8.8", 4000))
    for index in range(500):
        assert not public.admit(("9.9.9.9", 1), _packet(index), index * 0.02)
    assert public.target == ("8.8.8.8", 4000)


def test_behind_translation_a_consistent_stream_is_believed_once() -> None:
    gate = Gate(("10.0.0.5", 4000))
    admitted = [gate.admit(("9.9.9.9", 7), _packet(index), index * 0.02) for index in range(102)]
    assert admitted[:100] == [False] * 100 and admitted[-1]
    assert gate.target == ("9.9.9.9", 7)
    late = [gate.admit(("8.8.8.8", 7), _packet(index), 100 + index * 0.02) for index in range(200)]
    assert not any(late)


def test_behind_translation_a_gap_or_another_stream_starts_the_proof_again() -> None:
    gate = Gate(("10.0.0.5", 4000))
    for index in range(99):
        assert not gate.admit(("9.9.9.9", 7), _packet(index), index * 0.02)
        assert not gate.admit(("8.8.8.8", 7), _packet(index), index * 0.02)
    for index in range(200, 290):
        assert not gate.admit(("9.9.9.9", 7), _packet(index), index * 0.02)


def test_nothing_foreign_is_believed_once_the_signalled_address_spoke() -> None:
    gate = Gate(("10.0.0.5", 4000))
    assert gate.admit(("10.0.0.5", 4000), _packet(1), 0.0)
    for index in range(300):
        assert not gate.admit(("9.9.9.9", 7), _packet(index), 10 + index * 0.02)
