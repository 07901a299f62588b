"""The port between a leg and the sessions that are linked with its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from runtime.adapters.port import ActionError

if TYPE_CHECKING:
    from runtime.adapters.leg import CallLeg


class Wanted(NamedTuple):
    """A session that an action wants to start."""

    link: str
    """The name its owner calls it by."""
    target: str
    """An address, or a user of this node."""
    flow: str = ""
    """Empty: the owner's own version."""
    carried: tuple[str, ...] = ()
    """Names of headers of the owner's INVITE that go into the new one."""
    headers: tuple[tuple[str, str], ...] = ()
    """Further headers of the new INVITE."""


class Links(Protocol):
    """What the node does for one session about the sessions it is linked with."""

    def create(self, wanted: Wanted) -> None:
        """Start a session; what becomes of it comes as events. Raises ActionError."""

    def signal(self, link: str, event: str) -> None:
        """Send a linked session an event that people may send. Raises ActionError."""

    def heard(self, link: str) -> CallLeg:
        """Return the leg of a linked session whose media flows; ActionError if there is none."""

    def address(self, target: str) -> str:
        """Return a target as an address: a bare user is one of this node. Raises ActionError."""

    def may_refer(self, target: str) -> bool:
        """Whether the far side may send us to an address."""

    def note(self, kind: str, **detail: Any) -> None:
        """Keep a fact beside the steps of the session."""

    def let_go(self, link: str) -> None:
        """Tell a linked session to hang up and hear of it no more; none is harmless."""

    def hand_over(self) -> tuple[CallLeg, CallLeg] | None:
        """Let an answered linked session take our place; return whose media is to be joined then.

        None if it goes on alone; ActionError if none was answered.
        """

    def take_over(self, link: str) -> CallLeg | None:
        """Take the place of the session that the INVITE names; return whom it was linked with.

        None if that one will join the media itself. ActionError if the session is over, or was
        linked with nobody.
        """

    def unsettled(self) -> str | None:
        """Say which linked session is being called or ended, None if all rest."""

    def ended(self) -> None:
        """The session has ended: who is linked with it is told. Never raises."""


class _NoLinks:
    """A leg that runs in no node, in a simulation or a test, has nobody to link with."""

    def create(self, wanted: Wanted) -> None:
        raise ActionError("no session can be started from here")

    def signal(self, link: str, event: str) -> None:
        raise ActionError(f"there is no linked session {link}")

    def heard(self, link: str) -> CallLeg:
        raise ActionError(f"there is no linked session {link}")

    def address(self, target: str) -> str:
        return target

    def may_refer(self, target: str) -> bool:
        return False

    def note(self, kind: str, **detail: Any) -> None:
        """Nobody keeps it."""

    def let_go(self, link: str) -> None:
        """Nobody is linked."""

    def hand_over(self) -> tuple[CallLeg, CallLeg] | None:
        raise ActionError("no linked session was answered")

    def take_over(self, link: str) -> CallLeg | None:
        raise ActionError("there is no session whose place this one takes")

    def unsettled(self) -> str | None:
        return None

    def ended(self) -> None:
        """Nobody is linked."""


NO_LINKS: Links = _NoLinks()
