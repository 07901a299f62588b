"""What happened, in few words: facts of the media, events, parties."""

from __future__ import annotations

from typing import Any

_ICE = frozenset({"connected", "transport_failed", "transport_closed"})


def kind_of(fact: dict[str, Any]) -> str:
    if fact["kind"] in ("dtmf", "dtmf_sent"):
        return "dtmf"
    if fact["kind"] == "stats":
        return "rtcp"
    return "ice" if fact["kind"] in _ICE or fact["detail"].get("code") in _ICE else "media"


def fact_words(fact: dict[str, Any]) -> str:
    """Return what the media said in a few words."""
    said = fact["detail"]
    match fact["kind"]:
        case "connected":
            return "ICE and DTLS are up"
        case "flowing":
            codec = f", {said['codec']}" if said.get("codec") else ""
            return f"audio comes in{codec}"
        case "play_finished":
            how = "stopped" if said.get("stopped") else "to its end"
            return f"{said.get('source', 'sound')} played {how}"
        case "dtmf":
            return f"digit {said.get('digit', '?')} came, {said.get('duration', '?')} ms"
        case "dtmf_sent":
            return f"digits {said.get('digits', '?')} sent"
        case "timeout":
            return f"no audio for {said.get('seconds', '?')} s"
        case "error":
            return f"media failed: {said.get('reason') or said.get('code', 'unknown')}"
        case "lost":
            return "the media process was lost"
        case "linked":
            return f"another leg begins: {said.get('link', '?')}"
        case "replaced":
            return "takes the place of another leg"
        case "refer_refused":
            return "a transfer to an address outside is refused"
        case "stats":
            return _figures(said)
    return str(fact["kind"]).replace("_", " ")


def _figures(said: dict[str, Any]) -> str:
    parts = [f"{said.get('packets_in', 0)} packets in", f"{said.get('packets_out', 0)} out"]
    parts += [f"{said['lost']} lost"] if said.get("lost") is not None else []
    parts += [f"jitter {said['jitter_ms']} ms"] if said.get("jitter_ms") is not None else []
    return ", ".join(parts)


def event_words(step: dict[str, Any]) -> str:
    """Return what came, as people read it."""
    fields = step["fields"]
    if step["event"] == "after":
        seconds = fields.get("seconds")
        return f"after {seconds:g} s" if isinstance(seconds, int | float) else "after its time"
    code = fields.get("code")
    if code and str(code) not in step["event"]:
        return f"{step['event']} {code}"
    return str(step["event"])


def party_name(address: str) -> str:
    """Return whom an address names, as people read it: its user part, else its host."""
    bare = address.rpartition("<")[2].partition(">")[0]
    bare = bare.partition(":")[2] if bare.lower().startswith(("sip:", "sips:", "tel:")) else bare
    user, at, host = bare.partition("@")
    return (user if at else bare).partition(";")[0] or host or "unknown"
