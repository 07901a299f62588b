"""The parameters of an action, read and held to their declaration (NAM108)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows import document as nodes
from flows.carried import MOST_HEADERS, unfit
from flows.findings import Place
from flows.reading import (
    Notebook,
    described,
    integer_of,
    is_nothing,
    kind_of,
    plain_value,
    respelt,
    shown,
)
from flows.suggest import did_you_mean
from flows.table import Reference
from flows.vocabulary import CONDITIONS, EVENTS, ActionWord, Parameter

SENT = tuple(name for name, word in EVENTS.items() if word.user)
"""The events that people, programs and linked sessions may send to a session."""


class ArgumentReader:
    """Reads what stands behind an action: `{code: 486}` behind SendSIPResponse."""

    def __init__(self, notes: Notebook, variables: Mapping[str, Any]) -> None:
        self.notes = notes
        self.variables = variables
        self.switches = {
            *CONDITIONS,
            *(name for name, value in variables.items() if isinstance(value, bool)),
        }
        """What SetCondition may change: the conditions, and variables that are true or false."""

    def read(
        self, word: ActionWord, node: nodes.Node | None, place: Place, event: str | None = None
    ) -> dict[str, Any]:
        """Return all arguments of one use of `word` in a row on `event`, defaults filled in."""
        arguments = {
            name: parameter.default
            for name, parameter in word.parameters.items()
            if parameter.default is not None
        }
        given: set[str] = set()
        if node is not None and not is_nothing(node):
            if not isinstance(node, nodes.Mapping):
                self.notes.error("SYN003", self._not_a_mapping(word, node), node.place)
                return arguments
            for entry in node.entries:
                given.add(entry.key.text)
                self._one(word, entry, arguments, event)
        for name, parameter in word.parameters.items():
            if parameter.required and name not in given:
                self.notes.error("NAM108", f"{word.name} needs {name}: {parameter.meaning}", place)
        return arguments

    def _not_a_mapping(self, word: ActionWord, node: nodes.Node) -> str:
        if not word.parameters:
            return f"{word.name} takes no parameters."
        first = next(iter(word.parameters))
        value = node.text if isinstance(node, nodes.Scalar) else "..."
        return (
            f"The parameters of {word.name} are a mapping, not a {kind_of(node)}: "
            f"write {{{word.name}: {{{first}: {shown(value)}}}}}."
        )

    def _one(
        self,
        word: ActionWord,
        entry: nodes.Entry,
        arguments: dict[str, Any],
        event: str | None,
    ) -> None:
        name = entry.key.text
        parameter = word.parameters.get(name)
        if parameter is None:
            known = word.parameters
            close = self.notes.suggestion(f"of {word.name}", name, known)
            has = f" (it has {', '.join(known)})" if known else " (it has none)"
            self.notes.error(
                "NAM108",
                f"{word.name} has no parameter {shown(name)}{has}{did_you_mean(close)}",
                entry.key.place,
                fix=respelt(entry.key, close),
            )
            return
        if parameter.type == "headers":
            arguments[name] = self._headers(entry.value)
            return
        if not isinstance(entry.value, nodes.Scalar):
            self.notes.error(
                "NAM108",
                f"{name} of {word.name} is one value, not a {kind_of(entry.value)}.",
                entry.value.place,
            )
            return
        if is_nothing(entry.value):
            if parameter.required:
                self.notes.error(
                    "NAM108", f"{word.name} needs a value for {name}.", entry.key.place
                )
            return
        problem, value = self._value(parameter, entry.value, event)
        if problem:
            self.notes.error(
                "NAM108", f"{name} of {word.name} {problem}.", entry.value.place, parameter.meaning
            )
        else:
            arguments[name] = value

    def _headers(self, node: nodes.Node) -> tuple[str, ...]:
        names: list[str] = []
        for item in self.notes.items(node, "`headers`"):
            name = self.notes.text(item, "The name of a header") or ""
            why = unfit(name)
            if why:
                self.notes.error("NAM108", f"The header {shown(name)} {why}.", item.place)
            else:
                names.append(name)
        if len(names) > MOST_HEADERS:
            self.notes.error(
                "NAM108", f"At most {MOST_HEADERS} headers are carried over.", node.place
            )
        return tuple(names)

    def _address(self, scalar: nodes.Scalar, event: str | None) -> tuple[str, Any]:
        """An address, or what it is read from when the row fires."""
        text = scalar.text
        if text in self.variables:
            return "", Reference(text)
        if not text.startswith("event."):
            return "", text
        reference = Reference(text)
        fields = EVENTS[event].fields if event in EVENTS else {}
        if reference.field in fields:
            return "", reference
        has = f"it has {', '.join(fields)}" if fields else "it has no fields"
        return f"is no field of {event or 'the event'}: {has}", None

    def _value(
        self, parameter: Parameter, scalar: nodes.Scalar, event: str | None
    ) -> tuple[str, Any]:
        """Return a problem in words, or an empty text and the value."""
        match parameter.type:
            case "integer":
                return self._integer(parameter, scalar)
            case "boolean":
                value = plain_value(scalar)
                if isinstance(value, bool):
                    return "", value
                return f"is true or false, not {described(scalar)}", None
            case "choice":
                if scalar.text in parameter.choices:
                    return "", scalar.text
                close = self.notes.suggestion("choice", scalar.text, parameter.choices)
                choices = ", ".join(parameter.choices)
                tail = did_you_mean(close).rstrip(".")
                return f"is one of {choices}, not {described(scalar)}{tail}", None
            case "condition":
                if scalar.text in self.switches:
                    return "", scalar.text
                close = self.notes.suggestion("condition", scalar.text, self.switches)
                tail = did_you_mean(close).rstrip(".")
                return f"is a condition; none is called {described(scalar)}{tail}", None
            case "address" | "source":
                return self._address(scalar, event)
            case "event":
                if scalar.text in SENT:
                    return "", scalar.text
                if scalar.text in EVENTS:
                    return f"is an event that people send; {scalar.text} is none", None
                close = self.notes.suggestion("event", scalar.text, SENT)
                tail = did_you_mean(close).rstrip(".")
                return f"is an event; none is called {described(scalar)}{tail}", None
        return "", scalar.text

    def _integer(self, parameter: Parameter, scalar: nodes.Scalar) -> tuple[str, Any]:
        number = integer_of(scalar.text)
        if number is None:
            return f"is a whole number, not {described(scalar)}", None
        digits = scalar.text.lstrip("+-")
        if scalar.plain and len(digits) > 1 and digits[0] == "0":
            self.notes.coerced(scalar, f"the number {scalar.text} or drop its leading zero")
        low, high = parameter.low, parameter.high
        if (low is not None and number < low) or (high is not None and number > high):
            unit = f" {parameter.unit}" if parameter.unit else ""
            return f"is between {low:g} and {high:g}{unit}, not {number}", None
        return "", number
