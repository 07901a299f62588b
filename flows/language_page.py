"""docs/language.md: the whole language, its words made from their declarations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from flows.properties.ready import ready
from flows.vocabulary import (
    ACTIONS,
    EVENTS,
    FEATURES,
    GUARDS,
    OUTCOMES,
    PUBLISHED,
    RESOURCES,
    TIMER,
    ActionWord,
    EventWord,
    Parameter,
)

_TEXTS = Path(__file__).parent / "texts"
_Word = TypeVar("_Word", ActionWord, EventWord)


def language() -> str:
    """Return the page."""
    parts = (
        (_TEXTS / "language.md").read_text("utf-8"),
        "\n".join(_events()),
        "\n".join(_actions()),
        "\n".join(_guards()),
        "\n".join(_published()),
        "\n".join(_resources()),
        (_TEXTS / "properties.md").read_text("utf-8"),
        "\n".join(_ready()),
    )
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _events() -> Iterator[str]:
    yield from ("## Events", "", "What may stand behind `event:`.")
    for group, words in _grouped([*EVENTS.values(), TIMER]).items():
        yield from ("", f"### {group}")
        for word in words:
            yield from _event(word)


def _grouped(words: Iterable[_Word]) -> dict[str, list[_Word]]:
    groups: dict[str, list[_Word]] = {}
    for word in words:
        groups.setdefault(word.group, []).append(word)
    return groups


def _event(word: EventWord) -> Iterator[str]:
    yield from ("", f"#### `{word.name}`", "", word.meaning, "")
    facts = {
        "comes from": word.kind.value,
        "reaches": _roles(word.roles),
        "fields": ", ".join(f"`event.{name}` ({kind})" for name, kind in word.fields.items()),
        "sets": _literals(word.effect),
        "owes": f"an answer to {word.owes}" if word.owes else "",
        "source": word.rfc,
        "performed": "" if word.performed else "nothing in this runtime gives it yet (META996)",
    }
    yield from _facts(facts)
    event = "{after: 30s}" if word is TIMER else word.name
    role = "Both" if len(word.roles) > 1 else word.roles[0]
    yield from _example(f"{{from_state: Active, role: {role}, event: {event}, next_state: Active}}")


def _actions() -> Iterator[str]:
    yield from ("## Actions", "", "What may stand in `actions:`; done in this order.")
    for group, words in _grouped(ACTIONS.values()).items():
        yield from ("", f"### {group}")
        for word in words:
            yield from _action(word)


def _action(word: ActionWord) -> Iterator[str]:
    yield from ("", f"#### `{word.name}`", "", word.meaning, "")
    facts = {
        "for": _roles(word.roles),
        "requires": _literals(word.requires),
        "sets": _literals(word.sets),
        "acquires": ", ".join(word.acquires),
        "uses": ", ".join(word.uses),
        "releases": ", ".join(word.releases),
        "sends": word.sends,
        "answers": ", ".join(word.clears),
        "may fail": "yes, as the event `ActionFailed`" if word.may_fail else "no",
        "source": word.rfc,
        "performed": "" if word.performed else "not by this runtime yet (META996)",
    }
    yield from _facts(facts)
    if word.parameters:
        yield from ("", "| parameter | kind | meaning |", "|---|---|---|")
        for name, parameter in word.parameters.items():
            kind = _kind(parameter).replace("|", "\\|")
            yield f"| `{name}` | {kind} | {parameter.meaning} |"
    yield from _snippet(f"actions: [{_use(word)}]")


def _use(word: ActionWord) -> str:
    arguments = ", ".join(
        f"{name}: {_sample(parameter)}"
        for name, parameter in word.parameters.items()
        if parameter.required or parameter.default is not None
    )
    return f"{{{word.name}: {{{arguments}}}}}" if arguments else word.name


def _sample(parameter: Parameter) -> Any:
    if parameter.default is not None:
        value = parameter.default
        return str(value).lower() if isinstance(value, bool) else value
    samples = {"condition": "MediaReady", "event": "HangupCall", "integer": 1}
    return samples.get(parameter.type, "greeting.wav" if parameter.type == "text" else "other")


def _kind(parameter: Parameter) -> str:
    parts = [parameter.type]
    if parameter.choices:
        parts.append("one of " + ", ".join(parameter.choices))
    if parameter.low is not None and parameter.high is not None:
        parts.append(f"{parameter.low:g} to {parameter.high:g}{_unit(parameter)}")
    if parameter.required:
        parts.append("needed")
    elif parameter.default is not None:
        parts.append(f"{_sample(parameter)} if absent")
    return ", ".join(parts)


def _unit(parameter: Parameter) -> str:
    return f" {parameter.unit}" if parameter.unit else ""


def _guards() -> Iterator[str]:
    yield from ("## Conditions and guards", "", "Names that may stand in `guards:`.", "")
    yield from ("| name | kind | meaning | source |", "|---|---|---|---|")
    for word in GUARDS.values():
        stands = f" Stands for `{word.expands_to}`." if word.expands_to else ""
        later = "" if word.performed else " Nothing in this runtime sets it yet (META996)."
        yield f"| `{word.name}` | {word.kind} | {word.meaning}{stands}{later} | {word.rfc} |"
    yield from _example("{from_state: Active, role: Both, event: HoldCall, guards: [MediaReady]}")


def _published() -> Iterator[str]:
    yield from ("## Published events", "", "What may stand in `publish_events:`.", "")
    yield from ("| name | meaning | ends a call as |", "|---|---|---|")
    for word in PUBLISHED.values():
        yield f"| `{word.name}` | {word.meaning} | {OUTCOMES.get(word.name, '')} |"
    yield from _example(
        "{from_state: Active, role: Both, event: DialogBYE, next_state: Terminated, "
        "publish_events: [CallTerminated]}"
    )


def _resources() -> Iterator[str]:
    yield from ("## Resources", "", "What a session holds; the contracts of actions name them.", "")
    yield from ("| name | meaning | at most |", "|---|---|---|")
    for word in RESOURCES.values():
        yield f"| `{word.name}` | {word.meaning} | {word.capacity} |"
    yield from ("", "## Features", "", "What a flow may claim in `features:`.", "")
    yield from ("| name | meaning |", "|---|---|")
    for name, meaning in FEATURES.items():
        yield f"| `{name}` | {meaning} |"


def _ready() -> Iterator[str]:
    yield from ("### Ready properties", "", "Claimed by name: `properties: [ready bye-once]`.", "")
    yield from ("| name | says | source |", "|---|---|---|")
    for one in ready().values():
        yield f"| `{one.name}` | {one.says} | {one.rfc} |"


def _facts(facts: Mapping[str, str]) -> Iterator[str]:
    for name, text in facts.items():
        if text:
            yield f"- {name}: {text}"


def _roles(roles: Iterable[str]) -> str:
    return ", ".join(roles)


def _literals(literals: Mapping[str, bool]) -> str:
    return ", ".join(name if value else f"not {name}" for name, value in literals.items())


def _example(text: str) -> Iterator[str]:
    return _snippet(f"- {text}")


def _snippet(text: str) -> Iterator[str]:
    yield from ("", "```yaml", text, "```")
