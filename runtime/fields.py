"""JSON kept as the exact text that was written."""

from __future__ import annotations

import json
from typing import Any

from django.db import models


class JsonText(models.TextField):  # type: ignore[type-arg]
    """Plain JSON data in a text column, on every database alike.

    A digest is made over the text, and PostgreSQL's own JSON types do not give back the text they
    were given (jsonb: order of keys, writing of numbers). So nothing is looked up inside of it.
    """

    # What django-stubs reads the type of the attribute from.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, *_: object) -> Any:
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> str | None:
        if value is None:
            return None
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def value_to_string(self, obj: models.Model) -> str:
        return self.get_prep_value(self.value_from_object(obj)) or ""
