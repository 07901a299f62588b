"""The properties that come with the product, each with the clause it paraphrases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("ready.yaml")


@dataclass(frozen=True, slots=True)
class Ready:
    """One property that a table can claim by its name."""

    name: str
    says: str
    rfc: str
    """Empty where it is a rule of this product."""


@cache
def ready() -> Mapping[str, Ready]:
    """Return all of them by name."""
    data = yaml.load(FILE.read_text("utf-8"), Loader=yaml.CSafeLoader)
    return {raw["name"]: Ready(raw["name"], raw["says"], raw["rfc"]) for raw in data}
