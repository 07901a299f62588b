"""What an agent is told once: its name, what it takes, whom it asks."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from runtime.sip import limits, refresh
from runtime.sip.build import Headers
from runtime.sip.guard import Guard
from runtime.sip.screen import Screen, admit_all
from runtime.sip.transaction import Periods


def _always_ready() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """What an agent is told once."""

    token: str
    "Node id and epoch, of letters, digits and hyphens: begins every local tag and Contact user."

    server_name: str = "callsmith"
    "Server and User-Agent header."

    out_of_dialog: frozenset[str] = frozenset()
    "Methods other than INVITE that are surfaced outside a dialog; all others get 405 or 481."

    begins: frozenset[str] = frozenset()
    "Of MESSAGE, SUBSCRIBE, PUBLISH and REFER those that begin a usage outside a dialog."

    events: frozenset[str] = frozenset()
    "Event packages whose SUBSCRIBE and PUBLISH are surfaced; all others get 489 (RFC 6665 4.2.1)."

    ready: Callable[[], bool] = _always_ready
    "Whether OPTIONS is answered 200 (else 503)."

    retry_after: int = 0
    "Retry-After of such a 503, seconds; 0 leaves it out."

    load: Callable[[], Headers] = tuple
    "Further headers of the answer to OPTIONS: how busy this is, for people and dispatchers."

    screen: Screen = admit_all
    "Asked for each request that would begin something: None takes it, else how it is refused."

    guard: Guard | None = None
    "Who may begin how much, and what gives way under overload; None: everybody, nothing."

    extensions: tuple[str, ...] = limits.EXTENSIONS
    "Option tags that a Require may name and that Supported offers; one left out is not done."

    min_se: int = refresh.LEAST
    "Session intervals below this many seconds are refused by 422 (RFC 4028); at least 90."

    random_hex: Callable[[int], str] = secrets.token_hex
    "Gives n random bytes as hexadecimal digits."

    datagram: int = 1300
    "Bytes of the longest request that goes over UDP (RFC 3261 18.1.1); 0 for any."

    periods: Periods = field(default_factory=Periods)
    "T1, T2 and T4."
