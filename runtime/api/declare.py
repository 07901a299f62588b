"""How a call of the API is declared; addresses, checks of what is sent and the OpenAPI document
are made of the declaration, so none of them can differ from another.

    @operation("flow.view", list[shapes.Flow], query=shapes.Paging, paged=True)
    def list_flows(call: Call) -> Any:
        \"\"\"List the flows.

        What the document says below the summary.
        \"\"\"

    RESOURCES = [Resource("flows", "api_flows", GET=list_flows, POST=create_flow)]
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from designer.access import PERMISSIONS, flow_asked
from designer.errors import Refused
from designer.models import Flow
from runtime import bridge
from runtime.api import entrance, shapes
from runtime.api.problems import Problem

log = logging.getLogger(__name__)

SMALL = 64 << 10
LARGE = 2 << 20
"""Bytes a body may have: of most calls, and of those that carry a flow's text."""
Function = Callable[..., Any]


@dataclass(slots=True)
class Call:
    """One call as its function sees it: what was sent has its declared shape already."""

    request: HttpRequest
    query: Any = None
    body: Any = None
    by_token: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    """Beside the answer."""

    @property
    def user(self) -> Any:
        return self.request.user

    def require(self, act: str, flow: Flow | str | None = None) -> None:
        """Problem 403 unless the caller may do this too, to this flow if one is named."""
        entrance.require(self.request, act, by_token=self.by_token, flow=flow)

    def page_of(self, found: Any, count: int | None = None) -> list[Any]:
        """Cut the page out of a list or a query set, and say in the headers where the others are.

        With `count` what is found is the page already, and `count` how many there are.
        """
        page, size = self.query.page, self.query.size
        total = count
        if total is None:
            total = len(found) if isinstance(found, list) else found.count()
            found = found[(page - 1) * size : page * size]
        last = max(1, -(-total // size))
        links = {"first": 1, "prev": page - 1, "next": page + 1, "last": last}
        given = [
            f'<{self._address(number)}>; rel="{name}"'
            for name, number in links.items()
            if 1 <= number <= last
        ]
        self.headers |= {"Link": ", ".join(given), "X-Total-Count": str(total)}
        return list(found)

    def _address(self, page: int) -> str:
        given = {**self.request.GET.dict(), "page": str(page)}
        return f"{self.request.path}?{urlencode(given)}"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    function: Function
    act: str
    answer: Any
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    status: int = 200
    paged: bool = False
    most: int = SMALL
    asks_node: bool = False
    """Only the running node can do it; 503 while it is away."""
    conflict: type[msgspec.Struct] = shapes.Problem
    """What a 409 says."""

    @property
    def summary(self) -> str:
        return (inspect.getdoc(self.function) or "").partition("\n")[0].rstrip(".")

    @property
    def description(self) -> str:
        return (inspect.getdoc(self.function) or "").partition("\n")[2].strip()


def operation(act: str, answer: Any, **more: Any) -> Callable[[Function], Operation]:
    """Declare a function a call: the act it needs, what it answers, what may be sent."""
    assert act in PERMISSIONS, act
    query = more.get("query")
    assert not more.get("paged") or (query is not None and issubclass(query, shapes.Paging))
    return lambda function: Operation(function, act, answer, **more)


class Resource:
    """One address with its methods."""

    def __init__(self, route: str, name: str, tag: str, **operations: Operation) -> None:
        self.route, self.name, self.tag = route, name, tag
        self.operations: Mapping[str, Operation] = operations

    @property
    def methods(self) -> list[str]:
        reads = ["HEAD"] if "GET" in self.operations else []
        return sorted([*self.operations, *reads])

    def view(self) -> Callable[..., HttpResponse]:
        """Return the view of the address."""

        def view(request: HttpRequest, **path: Any) -> HttpResponse:
            try:
                answer = self._answer(request, path)
            except Problem as problem:
                answer = problem.answer()
            except Exception:
                log.exception("%s %s failed by a fault of ours", request.method, request.path)
                answer = Problem(500, "This failed by a fault of ours; the log has it.").answer()
            # What calls said is for whoever asked, and for no cache on the way.
            answer.headers["Cache-Control"] = "no-store"
            return answer

        # Forgery is looked at inside, where it is known whether a token came.
        return csrf_exempt(login_not_required(view))

    def _answer(self, request: HttpRequest, path: dict[str, Any]) -> HttpResponse:
        by_token = entrance.enter(request)
        method = str(request.method)
        done = self.operations.get("GET" if method == "HEAD" else method)
        if done is None:
            allowed = ", ".join(self.methods)
            raise Problem(405, f"Here one may {allowed}.", headers={"Allow": allowed})
        flow = flow_asked(path)
        entrance.require(request, done.act, by_token=by_token, flow=flow)
        call = Call(request, by_token=by_token)
        raw = _raw(request, done.most)
        if not by_token:
            entrance.against_forgery(request)
        call.query = _query(request, done.query)
        call.body = _body(raw, done.body)
        answer = _done(done, call, path)
        response = HttpResponse(
            msgspec.json.encode(answer), content_type="application/json", status=done.status
        )
        for name, value in call.headers.items():
            response.headers[name] = value
        return response


def _done(done: Operation, call: Call, path: dict[str, Any]) -> Any:
    try:
        return done.function(call, **path)
    except Http404 as missing:
        raise Problem(404, str(missing)) from None
    except bridge.NodeAway as away:
        raise Problem(503, away.message) from None
    except Refused as refusal:
        raise Problem(409, refusal.message) from None


def _raw(request: HttpRequest, most: int) -> bytes:
    try:
        raw = request.body
    except RequestDataTooBig:
        raw = b" " * (most + 1)
    if len(raw) > most:
        raise Problem(413, f"The body of this call has at most {most >> 10} KiB.")
    return raw


def _query(request: HttpRequest, shape: type[msgspec.Struct] | None) -> Any:
    if shape is None:
        if request.GET:
            raise Problem(400, f"This call knows no {next(iter(request.GET))} in its query.")
        return None
    try:
        return msgspec.convert(request.GET.dict(), shape, strict=False)
    except msgspec.ValidationError as error:
        raise Problem(400, f"The query cannot be used: {error}.") from None


def _body(raw: bytes, shape: type[msgspec.Struct] | None) -> Any:
    if shape is None:
        return None
    try:
        return msgspec.json.decode(raw.strip() or b"{}", type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"The body cannot be used: {error}.") from None
