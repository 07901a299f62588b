"""An installation of three nodes: one with pages, two without, over PostgreSQL and Redis."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import services
from tests.instance import FurtherNode, Instance

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(180)]


class Fleet:
    """The server and its further nodes."""

    def __init__(self, folder: Path, database: str, redis: str) -> None:
        self.services = {"DATABASE_URL": database, "REDIS_URL": redis}
        self.folder = folder
        self.server = Instance(folder / "node1", **self.services)
        self.nodes: dict[str, FurtherNode] = {}

    def add(self, name: str, **environment: str) -> FurtherNode:
        node = FurtherNode(self.folder / name, name, **self.services, **environment)
        self.nodes[name] = node
        return node


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with services.postgresql() as database, services.redis() as redis:
        fleet = Fleet(tmp_path_factory.mktemp("fleet"), database, redis)
        try:
            fleet.server.start()
            started = [fleet.add(name).launch() for name in ("node2", "node3")]
            for node in started:
                node.wait()
            yield fleet
        finally:
            for node in fleet.nodes.values():
                node.stop()
            fleet.server.stop()


def test_all_nodes_are_there_and_answer_for_each_other(fleet: Fleet) -> None:
    for name in ("node1", "node2", "node3"):
        answer = fleet.server.ask("ask", node=name, act="health", arguments={})
        assert answer["health"]["node"] == name
