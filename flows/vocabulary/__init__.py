"""The words of the language: events, actions, guards, published events, resources.

Each word is declared once, with its contract: compiler, checker, schema, palette and the adapter
all read the same declaration.
"""

from flows.vocabulary.actions import ACTIONS
from flows.vocabulary.events import EVENTS, TIMER
from flows.vocabulary.guards import (
    CONDITIONS,
    GUARDS,
    OUTCOMES,
    PUBLISHED,
    RESOURCES,
    guards_in_state,
)
from flows.vocabulary.words import (
    ActionWord,
    EventWord,
    GuardWord,
    Kind,
    Parameter,
    PublishedWord,
    ResourceWord,
)

__all__ = [
    "ACTIONS",
    "CONDITIONS",
    "EVENTS",
    "GUARDS",
    "OUTCOMES",
    "PUBLISHED",
    "RESOURCES",
    "TIMER",
    "ActionWord",
    "EventWord",
    "GuardWord",
    "Kind",
    "Parameter",
    "PublishedWord",
    "ResourceWord",
    "guards_in_state",
]
