"""Whole instances: processes, ports and folders as a person has them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.instance import Instance

WITHOUT_INSTANCE = ("test_processes", "test_setup", "test_tree")
"""These need no whole instance, so they run wherever there is room."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/system" in str(item.path) and item.path.stem not in WITHOUT_INSTANCE:
            # Beside the browser's instance, one more at a time is what two cores carry.
            item.add_marker(pytest.mark.xdist_group("system"))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Instance]]:
    """Give a function that starts an instance; it ends with the test."""
    running: list[Instance] = []

    def started(name: str = "data", **environment: str) -> Instance:
        instance = Instance(tmp_path / name, **environment)
        running.append(instance)
        return instance.start()

    yield started
    for instance in running:
        instance.stop()
