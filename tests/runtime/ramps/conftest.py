from typing import Any

import pytest

from designer import selectors, services
from designer.models import Version
from runtime import deployments
from runtime.models import Ramp
from runtime.ramps import services as ramps
from runtime.ramps.plan import Plan, read_steps
from tests.web import ECHO, alice, dora, olaf, published, rung, vera


@pytest.fixture
def flow(db: Any) -> Any:
    """echo_test with v1 deployed."""
    flow = services.flow_import(text=ECHO, file_name="echo_test.yaml", author_name="alice").flow
    deployments.deploy(version=selectors.version_of(flow, 1), by_name="alice")
    return flow


@pytest.fixture
def candidate(flow: Any) -> Version:
    """v2 of it, another text."""
    return services.version_save(flow=flow, text=ECHO + "# two\n", base=1, author_name="alice")


@pytest.fixture
def ramp(candidate: Version, alice: Any) -> Ramp:
    """v2 beside v1 at 5 %, then 25 %."""
    plan = Plan(read_steps("5 % 10 min, 25 % 20 min"))
    return ramps.start(version=candidate, plan=plan, user=alice)


__all__ = ["alice", "dora", "olaf", "published", "rung", "vera"]
