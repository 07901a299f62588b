"""Words and rules of other packages: a Python package that names its `Words` in an entry point.

    [project.entry-points."callsmith.words"]
    house = "my_package:WORDS"

A plug-in word has a contract like any other: it is compiled, checked, documented in the palette and
performed by the function the package gives. What is wrong with a plug-in, and a rule of it that
breaks, is a finding (META998) and stops nothing else.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from flows.check.catalogue import catalogue
from flows.expressions import ExpressionError, parse
from flows.findings import START, Finding, Place, Severity
from flows.graph import Graph
from flows.schema import json_schema, palette
from flows.table import ANY_STATE
from flows.vocabulary import ACTIONS, CONDITIONS, EVENTS, EXPANSIONS, GUARDS, RESOURCES
from flows.vocabulary.events import FOREIGN
from flows.vocabulary.words import (
    ActionWord,
    EventWord,
    GuardWord,
    Kind,
    Parameter,
)

__all__ = [
    "PERFORMS",
    "ActionWord",
    "EventWord",
    "Finding",
    "Graph",
    "GuardWord",
    "Kind",
    "Parameter",
    "Place",
    "PluginError",
    "Severity",
    "Words",
    "load",
    "problems",
    "register",
    "spoken",
    "taken",
    "unregister",
]

logger = logging.getLogger(__name__)

GROUP = "callsmith.words"
_NAME = re.compile(r"[A-Za-z]\w{1,63}")
_CODE = re.compile(r"[A-Z]{3,4}\d{3}")

Rule = Callable[[Graph], Iterable[Finding]]
Performer = Callable[[Any, Mapping[str, Any], Any], Awaitable[None] | None]
"""Does an action: the leg, the arguments, the event. What it raises is the event ActionFailed."""


class PluginError(ValueError):
    """A package's words cannot be taken; one sentence says why."""


@dataclass(frozen=True, slots=True)
class Words:
    """What one package adds."""

    actions: tuple[ActionWord, ...] = ()
    events: tuple[EventWord, ...] = ()
    guards: tuple[GuardWord, ...] = ()
    rules: tuple[Rule, ...] = ()
    performs: Mapping[str, Performer] = field(default_factory=dict)
    """The function behind each action."""


PERFORMS: dict[str, Performer] = {}
"""The functions behind the actions of all plug-ins."""
_TAKEN: dict[str, Words] = {}
_PROBLEMS: dict[str, str] = {}
_loaded = False


def load() -> None:
    """Take the words of every installed package that offers some. Once; later calls do nothing."""
    global _loaded
    if _loaded:
        return
    _loaded = True
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            words = entry.load()
            if not isinstance(words, Words):
                raise PluginError(f"{entry.value} is no Words of flows.plugins.")
            register(entry.name, words)
        except Exception as error:
            # A package of somebody else may raise anything while it is imported.
            _PROBLEMS[entry.name] = f"{type(error).__name__}: {error}"
            logger.warning("the plug-in %s was not taken: %s", entry.name, error)


def problems() -> Mapping[str, str]:
    """Return why packages were not taken, by their name."""
    return dict(_PROBLEMS)


def taken() -> Mapping[str, Words]:
    """Return what each package added, by its name, in the order in which they were taken."""
    return dict(_TAKEN)


def register(name: str, words: Words) -> None:
    """Take the words of one package; raises PluginError, and then takes none of them."""
    problem = next(_wrong(name, words), None)
    if problem is not None:
        raise PluginError(problem)
    ACTIONS.update({word.name: word for word in words.actions})
    EVENTS.update({word.name: word for word in words.events})
    FOREIGN.update(word.name for word in words.events)
    for guard in words.guards:
        GUARDS[guard.name] = guard
        if guard.kind == "condition":
            CONDITIONS[guard.name] = guard
        if guard.expands_to:
            EXPANSIONS[guard.name] = parse(guard.expands_to)
    PERFORMS.update(words.performs)
    _TAKEN[name] = words
    _forget()


def unregister(name: str) -> None:
    """Give the words of a package up again."""
    words = _TAKEN.pop(name)
    for action in words.actions:
        del ACTIONS[action.name]
        PERFORMS.pop(action.name, None)
    for event in words.events:
        del EVENTS[event.name]
        FOREIGN.discard(event.name)
    for guard in words.guards:
        for place in (GUARDS, CONDITIONS, EXPANSIONS):
            place.pop(guard.name, None)  # type: ignore[attr-defined]
    _forget()


def _forget() -> None:
    """What was made from the vocabulary is made anew."""
    json_schema.cache_clear()
    palette.cache_clear()


def _wrong(name: str, words: Words) -> Iterator[str]:
    if name in _TAKEN:
        yield f"The plug-in {name} was taken already."
    own = [w.name for group in (words.actions, words.events, words.guards) for w in group]
    for word in own:
        if not _NAME.fullmatch(word):
            yield f"{word!r} is no name of a word: a letter, then letters, digits and _."
        if own.count(word) > 1 or word in ACTIONS or word in EVENTS or word in GUARDS:
            yield f"{word} is a word already."
    for action in words.actions:
        yield from _wrong_action(action, words)
    for guard in words.guards:
        if guard.kind not in ("condition", "derived"):
            yield f"{guard.name} is a condition or derived, not {guard.kind}."
        if (guard.kind == "derived") != bool(guard.expands_to):
            yield f"{guard.name} is derived if it stands for an expression, and only then."
        try:
            parse(guard.expands_to or "true")
        except ExpressionError as error:
            yield f"{guard.name} cannot be read: {error.message}"
    strange = sorted(words.performs.keys() - {action.name for action in words.actions})
    if strange:
        yield f"{strange[0]} is performed and not declared."


def _wrong_action(action: ActionWord, words: Words) -> Iterator[str]:
    if not action.meaning:
        yield f"{action.name} has no meaning; people read it in the palette."
    if action.performed and action.name not in words.performs:
        yield f"{action.name} has no function that performs it."
    for resource in (*action.acquires, *action.releases, *action.uses):
        if resource not in RESOURCES:
            yield f"{action.name} speaks of {resource}, which is no resource."
    conditions = {*CONDITIONS, *(g.name for g in words.guards if g.kind == "condition")}
    for condition in (*action.requires, *action.sets):
        if condition not in conditions:
            yield f"{action.name} speaks of {condition}, which is no condition."


# -- rules -----------------------------------------------------------------------------------------


def spoken(graph: Graph) -> Iterator[Finding]:
    """What the rules of all plug-ins say of a table; what breaks is said by META998."""
    for name, problem in _PROBLEMS.items():
        yield _broken(f"The plug-in {name} was not taken, so its words are unknown: {problem}")
    yield from _without_contract(graph)
    for name, words in list(_TAKEN.items()):
        for rule in words.rules:
            yield from _of(name, rule, graph)


def _without_contract(graph: Graph) -> Iterator[Finding]:
    """META994: a row does something of which no rule can know what it does."""
    own = {
        word.name: name
        for name, words in _TAKEN.items()
        for word in words.actions
        if not word.contracted
    }
    if not own:
        return
    for row in graph.table.rows:
        for word in row.actions:
            if word.name in own:
                yield Finding(
                    "META994",
                    Severity.ERROR,
                    f"{word.name} of the plug-in {own[word.name]} has no contract: no rule can see "
                    "what it does.",
                    word.place,
                    "Its declaration says what it requires, sets, acquires, releases, uses, sends "
                    "or answers, or that it is inert.",
                    row=row.index,
                    state=None if row.from_state == ANY_STATE else row.from_state,
                )


def _of(name: str, rule: Rule, graph: Graph) -> list[Finding]:
    told = f"The rule {getattr(rule, '__name__', 'without a name')} of the plug-in {name}"
    try:
        findings = list(rule(graph))
    except Exception as error:
        # A rule of somebody else may raise anything; all other rules still speak.
        return [_broken(f"{told} broke: {type(error).__name__}: {error}")]
    for finding in findings:
        if not isinstance(finding, Finding):
            return [_broken(f"{told} gave something that is no finding.")]
        if not _CODE.fullmatch(finding.code) or finding.code in catalogue():
            return [_broken(f"{told} gave the code {finding.code}, which is not its own.")]
    return findings


def _broken(message: str) -> Finding:
    return Finding(
        "META998",
        Severity.WARNING,
        " ".join(message.split())[:500],
        START,
        "What the rule would have found is unknown; all other rules have spoken.",
    )
