"""Fixtures of the media tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.runtime.media.sides import Side


@pytest.fixture
async def sides() -> AsyncIterator[tuple[Side, Side]]:
    both = (
        Side(loopback=True, ice_addresses=("127.0.0.1",)),
        Side(loopback=True, ice_addresses=("127.0.0.1",)),
    )
    yield both
    for side in both:
        await side.link.shutdown()
