"""The call that compares two texts of a flow."""

from __future__ import annotations

from typing import Any

from designer import behaviour, comparing
from designer.views.compare import sides
from designer.views.shell import flow_or_404
from runtime.api import shapes
from runtime.api.declare import Call, operation


@operation("flow.view", shapes.Comparison)
def compare(call: Call, name: str, left: str, right: str) -> Any:
    """Compare two texts of a flow.

    Each side is the number of a version, `deployed`, or `draft` for your own draft. `tables` is
    null if a text cannot be read as a table; `behaviour` is null also where one has errors or both
    are too large to try all orders of events while somebody waits.
    """
    old, new = sides(call.request, flow_or_404(name), left, right)
    tables = comparing.compared(old.text, new.text)
    return {
        "left": {"key": old.key, "version": old.number},
        "right": {"key": new.key, "version": new.number},
        "same_text": old.text == new.text,
        "tables": None if tables is None else tables.changes.as_dict(),
        "behaviour": behaviour.compared(old.text, new.text),
    }
