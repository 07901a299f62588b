"""The words of the language: events, actions, guards, published events, resources.

Each word is declared once, with its contract: compiler, checker, schema, palette and the adapter
all read the same declaration.
"""

from flows.vocabulary.actions import ACTIONS
from flows.vocabulary.events import EVENTS, TIMER
from flows.vocabulary.guards import (
    CONDITIONS,
    EXPANSIONS,
    FEATURES,
    GUARDS,
    OUTCOMES,
    PUBLISHED,
    RESOURCES,
    state_facts,
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
    "EXPANSIONS",
    "FEATURES",
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
    "state_facts",
]
