"""Where linked sessions begin: what `links.Places` asks of a node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from flows.semantics import Program
from runtime.adapters.linking import USER_CHARACTERS
from runtime.node.calling import NewCall
from runtime.node.links import Start
from runtime.node.loader import Loader
from runtime.node.session import Session
from runtime.node.supervisor import Supervisor
from runtime.sip.uri import parse_uri


class NodePlaces:
    """The places of one node; `address` gives its own hosts and its SIP port."""

    def __init__(
        self,
        supervisor: Supervisor,
        loader: Loader,
        *,
        start: Callable[[Start], Session],
        note: Callable[[Session, str, dict[str, Any]], None],
        address: Callable[[], tuple[tuple[str, ...], int]],
        known: Callable[[str], bool],
        unwritable: Callable[[], bool],
    ) -> None:
        self.start = start
        self.may_refer = known
        self.note = note
        self.program: Callable[[str, NewCall], Program | None] = loader.program
        self._supervisor = supervisor
        self._address = address
        self._unwritable = unwritable

    def full(self) -> str | None:
        """Return why no further session may begin: a node that drains lets running calls go on."""
        if self._unwritable():
            return "calls cannot be recorded"
        return "all sessions are in use" if self._supervisor.full else None

    def home(self, target: str) -> str:
        """Return a target as an address: a bare user becomes one of this node."""
        if ":" in target:
            return target
        host = self._address()[0][0]
        bracketed = f"[{host}]" if ":" in host else host
        return f"sip:{quote(target, safe=USER_CHARACTERS)}@{bracketed}"

    def leads_home(self, target: str) -> bool:
        """Whether an address is one of this node."""
        hosts, port = self._address()
        uri = parse_uri(target)
        return uri.host in hosts and (uri.port or 5060) == port
