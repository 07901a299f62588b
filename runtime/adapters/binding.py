"""From a word of a table to what a leg does for it; a test holds them equal to the vocabulary.

Each module named here adds its functions to PERFORMED when it is imported.
"""

from __future__ import annotations

from collections.abc import Awaitable

from flows import plugins
from flows.table import Word
from runtime.adapters import (
    authorizing,
    describing,
    dialling,
    informing,
    linking,
    messaging,
    progressing,
    redirecting,
    referring,
    registering,
    retrying,
    sounding,
    subscribing,
    timing,
)
from runtime.adapters.leg import CallLeg
from runtime.adapters.performing import PERFORMED, Arguments, Call, Method
from runtime.adapters.port import ActionError
from runtime.executor.step import Event

PERFORMERS = (
    authorizing,
    describing,
    dialling,
    informing,
    linking,
    messaging,
    progressing,
    redirecting,
    referring,
    registering,
    retrying,
    sounding,
    subscribing,
    timing,
)
"""The modules whose functions stand behind actions."""


def bind(word: Word) -> Call:
    """Return what a leg does for `word`; KeyError for an action that is not performed."""
    method = PERFORMED.get(word.name)
    return Call(_of_plugin(word.name) if method is None else method, word.arguments)


def _of_plugin(name: str) -> Method:
    """The function of a plug-in as a method: whatever it raises is the failure of its action."""
    function = plugins.PERFORMS[name]

    def method(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None] | None:
        try:
            done = function(leg, arguments, event)
        except Exception as error:
            raise _refusal(name, error) from error
        return None if done is None else _awaited(name, done)

    return method


async def _awaited(name: str, done: Awaitable[None]) -> None:
    try:
        await done
    except Exception as error:
        raise _refusal(name, error) from error


def _refusal(name: str, error: Exception) -> ActionError:
    if isinstance(error, ActionError):
        return error
    return ActionError(f"the plug-in's {name} broke: {type(error).__name__}: {error}")
