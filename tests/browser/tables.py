"""Flows for the browser tests, by the name they are created with."""

from pathlib import Path

from tests.instance import BASE

DATA = Path(__file__).parent / "data"


def line(name: str) -> str:
    """A flow that rings until a person accepts, with comments that edits must keep.

    It lacks rows, which the deeper check finds: what is deployed in tests is `desk`.
    """
    return (DATA / "line.yaml").read_text().replace("NAME", name)


def desk(name: str) -> str:
    """The same line as one would deploy it: the deeper check has nothing to say."""
    return (DATA / "desk.yaml").read_text().replace("NAME", name)


def busy(name: str) -> str:
    """A flow that answers 486 to every call."""
    return (DATA / "busy.yaml").read_text().replace("NAME", name)


def echo(name: str) -> str:
    """The starter echo_test under another name."""
    text = (BASE / "state_tables/echo_test.yaml").read_text()
    return text.replace("name: echo_test", f"name: {name}", 1)
