"""The calls about one call: its legs and ladder, why a step went so, comparisons, copies."""

from __future__ import annotations

import base64
from typing import Any

from django.http import Http404

from designer import auditing
from designer.access import hidden_names
from runtime.api import shapes
from runtime.api.declare import Call, operation
from runtime.onecall import comparing, copies, model
from runtime.onecall import why as reasons
from runtime.onecall.legs import OneCall, call_of
from runtime.onecall.veil import Veil


@operation("call.view", dict[str, Any])
def get_call(call: Call, id: str) -> Any:
    """Get the call a session belongs to: its legs and its ladder.

    Numbers and names of people are masked. `ladder.items` are messages, media, digits, steps that
    no message belongs to, and gaps; `from` and `to` are places in `ladder.columns`.
    """
    return model.model_of(_known(call, id), Veil())


@operation("call.view", dict[str, Any])
def get_why(call: Call, id: str, sequence: int) -> Any:
    """Tell why a step went as it did.

    Each row that was asked, in order, with its guards and what they saw; of an event nobody took
    also what the state takes and which rows take it elsewhere. The values are played again.
    """
    told = reasons.moment(_known(call, id).own, sequence)
    if told is None:
        raise Http404("There is no such step in this session.")
    veil = Veil()
    told["values"] = [
        {**v, **{when: veil.value(v["name"], v[when]) for when in ("before", "after")}}
        for v in told["values"]
    ]
    for row in told["tried"]:
        for guard in row["guards"]:
            guard["values"] = {name: veil.value(name, v) for name, v in guard["values"].items()}
    return told


@operation("call.view", dict[str, Any])
def compare_calls(call: Call, id: str, other: str) -> Any:
    """Compare the steps and messages of two sessions.

    The first pair that differs is marked `first`; `sentence` says it in words.
    """
    told = comparing.compared(_known(call, id).own, _known(call, other).own)
    return told.as_dict()


@operation("call.export", shapes.CallCopy, query=shapes.CopyWanted)
def export_call(call: Call, id: str) -> Any:
    """Get a copy of a call for others, masked, as a file.

    Who took it is recorded.
    """
    found, form = _known(call, id), call.query.form
    copy = copies.make(found, form, Veil())
    flow, legs = found.own.session["flow"], [leg.id for leg in found.legs]
    auditing.record(
        "call.export",
        user=call.user,
        flow=flow,
        subject=id,
        detail={"form": form, "masked": True, "legs": legs},
    )
    data = base64.b64encode(copy.data).decode()
    return {"name": copy.name, "media_type": copy.media_type, "base64": data}


def _known(call: Call, session_id: str) -> OneCall:
    hidden = hidden_names(call.user)
    found = call_of(session_id, may_see=lambda flow: flow not in hidden)
    if found is None or found.own.session["flow"] in hidden:
        raise Http404("There is no session with this id.")
    return found
