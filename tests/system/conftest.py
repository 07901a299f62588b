"""Whole instances: processes, ports and folders as a person has them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.instance import Instance


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
