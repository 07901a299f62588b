"""Nothing is lost while the database goes away and the node is killed."""

from __future__ import annotations

import pytest

from benchmarks import sustained


@pytest.mark.long
@pytest.mark.postgresql
@pytest.mark.timeout(300)
def test_no_transition_is_lost_with_the_database_stopped_and_the_node_killed() -> None:
    assert sustained.main(seconds=60.0, rate=3000, away=30.0)
