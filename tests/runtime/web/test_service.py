import asyncio

import pytest
from django.db import InterfaceError, OperationalError

from runtime import service


@pytest.mark.parametrize(
    "trouble", [OperationalError("gone"), InterfaceError("closed"), ZeroDivisionError("ours")]
)
async def test_a_turn_that_fails_does_not_end_the_turns_to_come(trouble: Exception) -> None:
    turns: asyncio.Queue[int] = asyncio.Queue()

    async def act() -> None:
        turns.put_nowait(1)
        raise trouble

    task = asyncio.create_task(service.every(0.0, act))
    async with asyncio.timeout(5):
        assert [await turns.get() for _ in range(3)] == [1, 1, 1]
    assert not task.done()
    task.cancel()
