"""The calls about what people did, and whether all of it is as it was written."""

from __future__ import annotations

from typing import Any

import msgspec

from designer.access import hidden_names
from runtime import acts_list
from runtime.acts_list import ActFilter
from runtime.api import shapes
from runtime.api.declare import Call, operation
from runtime.views.audit_page import chain_state


@operation("audit.view", list[shapes.Act], query=shapes.ActsWanted)
def list_acts(call: Call) -> Any:
    """List the acts of people and of the product, newest first.

    Go on with `before` set to the id of the last one.
    """
    asked = call.query
    wanted = ActFilter.of(msgspec.structs.asdict(asked))
    found = acts_list.acts(wanted, hidden_names(call.user))
    found = acts_list.before(found, asked.before or "")
    return [acts_list.line_of(entry) for entry in found[: asked.size]]


@operation("audit.view", shapes.Chain)
def get_chain(call: Call) -> Any:
    """Tell whether the record is as it was written.

    As it was compared last, and the heads of the chains as they are now."""
    state = chain_state()
    report = state["report"]
    counts = {name: report.get(name, 0) for name in ("records", "acts", "erased")}
    told = {"state": state["state"], "at": state["at"], "heads": state["heads"]}
    return {**told, **counts, "broken": report.get("broken")}
