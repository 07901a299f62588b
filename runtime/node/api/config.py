"""Settings of a peer that a program embeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runtime.sip.settings import AgentSettings


def _as_given(settings: AgentSettings) -> AgentSettings:
    return settings


TABLES = Path(__file__).resolve().parents[3] / "state_tables"


@dataclass(frozen=True, slots=True)
class PeerConfig:
    """Where a peer listens and which table drives its calls."""

    user: str = "callsmith"
    """User part of its own address, and the name of its node (letters, digits, hyphens)."""
    host: str = "127.0.0.1"
    """Address it listens on, for SIP and RTP."""
    sip_port: int = 0
    """UDP port of SIP; 0 takes a free one."""
    media_ports: tuple[int, int] = (0, 0)
    """First and last RTP port; zeros take free ones."""
    local_uri: str = ""
    """Own address in From; empty: `sip:USER@HOST:PORT`."""
    table: Path | str = TABLES / "peer.yaml"
    """The table of all its calls: a file, or the text of one."""
    folder: Path | None = None
    """Where journal and texts are kept; None: a folder that is removed when the peer stops."""
    max_sessions: int = 2000
    """Calls at once; more are answered 503."""
    max_life: float = 4 * 3600.0
    """Seconds after which a call is ended whatever its table says."""
    refer_anywhere: bool = False
    """Whether the far side of a call may send it to any address with REFER, not only to this peer:
    such calls may cost money."""
    max_waiting: int = 100
    """Incoming calls that ring until the program asks for them; more are answered 486."""
    history: int = 50
    """Steps of each call that are kept for `history`; 0 keeps none."""
    settings: Callable[[AgentSettings], AgentSettings] = _as_given
    """Changes further settings of the SIP stack (see `runtime.sip.settings`)."""

    def text(self) -> str:
        """Return the table's text. OSError if its file cannot be read."""
        if isinstance(self.table, Path):
            return self.table.read_text("utf-8")
        return self.table
