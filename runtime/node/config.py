"""Settings of a node, given by whoever starts it; nothing here reads the environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from runtime.media.port import MediaConfig
from runtime.sip.guard import GuardSettings
from runtime.sip.transport.connection import StreamLimits
from runtime.sip.transport.tls import TlsFiles

MediaMode = Literal["inprocess", "attach", "child"]


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Everything a node has to be told."""

    folder: Path
    """Where the journal and the copies of deployed flows are kept."""
    name: str = "node1"
    """Letters, digits and hyphens; part of every local tag, so unique among the nodes."""
    epoch_after: int = 0
    """Start numbers up to this one were used under the name already, as others know."""
    sip_host: str = "127.0.0.1"
    sip_port: int = 5060
    """Port of UDP and of TCP; 0 takes one that is free in both."""
    sip_tls: tuple[str, int] | None = None
    """Host and port of SIP over TLS; None: no peer can connect over it."""
    tls: TlsFiles = TlsFiles()
    """The own certificate, and whom to believe when connecting to a peer over TLS."""
    media: MediaMode = "inprocess"
    """The media engine: in this process; in a process somebody else starts and watches
    ("attach"); or in a child that the node starts and watches itself."""
    media_socket: Path | None = None
    """Unix socket of the media process; None: `media.sock` in the folder."""
    media_config: MediaConfig = field(default_factory=MediaConfig)
    max_sessions: int = 2000
    """Calls at once; more are answered 503."""
    guard: GuardSettings = GuardSettings()
    """Who may begin how much; loopback and the networks of trunks are trusted beside those it
    names."""
    emergency_sessions: int = 20
    """Emergency calls that are taken beyond `max_sessions`."""
    streams: StreamLimits = StreamLimits()
    """What TCP and TLS connections may cost."""
    max_life: float = 4 * 3600.0
    """Seconds after which a session is ended whatever its table says."""
    retry_after: int = 5
    """Seconds that a 503 asks the caller to wait."""
    action_limit: float = 10.0
    """Seconds an awaited action may take before it has failed."""
    refer_anywhere: bool = False
    """Whether the far side of a call may refer it to any address, not only to users of this node
    and numbers behind its trunks: whoever may can have calls placed at the node's expense."""
    server_name: str = "callsmith"

    @property
    def sounds(self) -> Path:
        """The one folder whose files a table may play, beside the built-in prompts."""
        return self.folder / "sounds"

    @property
    def socket(self) -> Path:
        """The Unix socket of the media process."""
        return self.media_socket or self.folder / "media.sock"
