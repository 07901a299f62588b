"""The shipped tables on a node, and what its journal says of their calls."""

from __future__ import annotations

from pathlib import Path

from runtime.node.accounts import Policy
from runtime.node.node import Node
from runtime.node.peers import Peers
from tests.runtime.node import nodes

FOLDER = Path(__file__).parents[2] / "state_tables"


def starter(name: str) -> tuple[str, str]:
    """The name and the text of a shipped table."""
    return name, (FOLDER / f"{name}.yaml").read_text("utf-8")


def unhandled(node: Node) -> list[tuple[str, str]]:
    """What met no row: state and event."""
    return [(step.from_state, step.event) for step in nodes.steps(node) if step.kind == "unhandled"]


def events(node: Node, session: str | None = None) -> list[str]:
    """What happened, in order."""
    return [step.event for step in nodes.steps(node, session)]


def open_to_all(node: Node) -> None:
    """Let anybody ask for what is no call, as an installation without accounts may."""
    node.set_peers(Peers(policy=Policy(anybody_asks=True)))
