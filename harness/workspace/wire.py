"""Requests in, documents out: what every API group's handlers share.

A handler is a function of one :class:`Call`; it returns a document (a JSON object) or a whole response, or raises an
:class:`~harness.workspace.errors.ApiError`. A plain function runs on a worker thread, a coroutine on the event loop.

Parameters come from the query **and** from a JSON body, whatever the method: the provider's async hook sends GET
parameters in the body (wire.md §0.2), and its operators send numbers as strings (§0.6). A field that is ``null`` is
absent, as in proto3 JSON; no answer ever holds one (peers.md §3.2).
"""

from __future__ import annotations

import base64
import contextlib
import inspect
import json
import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from harness.workspace.errors import ApiError, InvalidParameter, MalformedRequest, TooLarge
from harness.workspace.requestlog import operator_of

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

Document = dict[str, Any]
Handler = Callable[["Call"], Document | Response] | Callable[["Call"], Awaitable[Document | Response]]

BODY_LIMIT = 64 * 1024 * 1024
# Of JSON, as protobuf's own parser has it (protobuf.dev, "recursion limit").
MOST_NESTED = 100
MISSING: Any = object()


class Call:
    """One request, read. ``arguments``: query and body together, the body's first. ``by_body``: a body carried them."""

    def __init__(self, request: Request, arguments: Document, *, by_body: bool) -> None:
        self.request = request
        self.arguments = arguments
        self.by_body = by_body

    @property
    def workspace(self) -> Workspace:
        workspace: Workspace = self.request.app.state.workspace
        return workspace

    @property
    def operator(self) -> str:
        """The Airflow class that asks, or ''."""
        return operator_of(self.request.headers.get("user-agent", ""))

    @property
    def base(self) -> str:
        """Where the client found us: HTTP or HTTPS, under the name that it uses."""
        return f"{self.request.url.scheme}://{self.request.url.netloc}"

    @property
    def path(self) -> dict[str, Any]:
        return self.request.path_params

    def text(self, name: str, default: str = MISSING) -> str:
        """A string field. Raises: ``InvalidParameter`` when it is missing without a default, or is no string."""
        value = self._value(name, default)
        if not isinstance(value, str):
            raise InvalidParameter(f"Expected {name} to be a string, got {_shown(value)}.")
        return value

    def integer(self, name: str, default: int = MISSING) -> int:
        """A whole number, also when sent as a string. Raises: ``InvalidParameter``."""
        value = self._value(name, default)
        number = whole(value)
        if number is None:
            raise InvalidParameter(f"Expected {name} to be an integer, got {_shown(value)}.")
        return number

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean; ``requests`` writes Python's as ``True`` (wire.md §1.1). Raises: ``InvalidParameter``."""
        value = self._value(name, default)
        flags = {"true": True, "false": False}
        if isinstance(value, bool):
            return value
        if not isinstance(value, str) or value.lower() not in flags:
            raise InvalidParameter(f"Expected {name} to be a boolean, got {_shown(value)}.")
        return flags[value.lower()]

    def mapping(self, name: str, default: Document = MISSING) -> Document:
        """A JSON object. Raises: ``InvalidParameter``."""
        value = self._value(name, default)
        if not isinstance(value, dict):
            raise InvalidParameter(f"Expected {name} to be an object, got {_shown(value)}.")
        return value

    def _value(self, name: str, default: Any) -> Any:
        value = self.arguments.get(name, default)
        if value is MISSING:
            raise InvalidParameter(f"Missing required field: {name}")
        return value


def whole(value: object) -> int | None:
    """The whole number that a JSON value or a numeric string stands for; ``None`` when it stands for none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return None
    return None


def without_null(value: Any, where: str = "the body") -> Any:
    """The value without the fields that are null. Raises: ``InvalidParameter`` for a null inside a list."""
    if isinstance(value, dict):
        return {key: without_null(item, f"{where}.{key}") for key, item in value.items() if item is not None}
    if isinstance(value, list):
        if any(item is None for item in value):
            raise InvalidParameter(f"A list must not hold null: {where}")
        return [without_null(item, where) for item in value]
    return value


def respond(document: Document, status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    """A JSON answer without nulls."""
    return JSONResponse(without_null(document), status, headers=headers)


def endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """The handler as Starlette wants it."""

    async def serve(request: Request) -> Response:
        call = await read(request)
        if inspect.iscoroutinefunction(handler):
            result = await handler(call)
        else:
            result = await run_in_threadpool(handler, call)
        return result if isinstance(result, Response) else respond(result)

    serve.operation = f"{handler.__module__.rpartition('.')[2]}.{handler.__name__}"  # type: ignore[attr-defined]
    return serve


def api(method: str, path: str, handler: Handler, versions: tuple[str, ...] = ()) -> list[Route]:
    """Routes of one operation under ``/api/``; one a version when ``path`` starts with ``{version}``."""
    paths = [path.replace("{version}", version, 1) for version in versions] or [path]
    return [Route(f"/api/{path}", endpoint(handler), methods=[method]) for path in paths]


def raw(method: str, path: str, handler: Callable[[Call], Awaitable[Document | Response]]) -> list[Route]:
    """A route whose handler reads the request's body itself, such as a file of any size; ``path`` from the root.

    ``arguments`` are those of the query.
    """

    async def serve(request: Request) -> Response:
        try:
            result = await handler(Call(request, dict(request.query_params), by_body=False))
        except ApiError:
            # Clients that still write see a broken connection, not the answer, and try again.
            with contextlib.suppress(ClientDisconnect, RuntimeError):
                async for _ in request.stream():
                    pass
            raise
        return result if isinstance(result, Response) else respond(result)

    serve.operation = f"{handler.__module__.rpartition('.')[2]}.{handler.__name__}"  # type: ignore[attr-defined]
    return [Route(path, serve, methods=[method])]


async def read(request: Request) -> Call:
    """Read a request whole. Raises: ``TooLarge``, ``MalformedRequest``, ``InvalidParameter``."""
    arguments: Document = dict(request.query_params)
    if request.headers.get("content-type", "").startswith("multipart/"):
        return Call(request, arguments, by_body=False)
    body = await whole_body(request)
    if not body.strip():
        return Call(request, arguments, by_body=False)
    try:
        document = json.loads(body, parse_constant=_no_number, parse_float=_finite)
        if b"\\ud" in body.lower():
            # Half of a surrogate pair is no character: kept, it could never be answered.
            json.dumps(document, ensure_ascii=False).encode()
    except ValueError as error:
        raise MalformedRequest(f"Invalid JSON given in the body of the request: {error}") from None
    except RecursionError:
        raise _too_deep() from None
    _check_depth(document)
    if document is None:  # aiohttp and requests write `json=None` as no body, other clients as null
        return Call(request, arguments, by_body=False)
    if not isinstance(document, dict):
        raise MalformedRequest(f"Expected a JSON object in the body of the request, got {_shown(document)}.")
    return Call(request, {**arguments, **without_null(document)}, by_body=True)


def _check_depth(document: object) -> None:
    level = [document]
    for _ in range(MOST_NESTED):
        level = [
            inner
            for value in level
            if isinstance(value, (dict, list))
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> MalformedRequest:
    return MalformedRequest(f"The JSON in the body of the request is nested deeper than {MOST_NESTED} levels.")


def _no_number(word: str) -> float:
    """Python reads NaN and Infinity, which are no JSON: kept, they could never be answered."""
    raise ValueError(f"{word} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _no_number(digits)


async def whole_body(request: Request) -> bytes:
    """A request's body. Raises: ``TooLarge``; ``MalformedRequest`` when the client went away."""
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > BODY_LIMIT:
                raise TooLarge(f"The request body is larger than {BODY_LIMIT} bytes.")
            chunks.append(chunk)
    except ClientDisconnect:
        raise MalformedRequest("The client went away before its request was read.") from None
    return b"".join(chunks)


def page(
    items: list[Any], call: Call, *, size: int, most: int, field: str = "limit"
) -> tuple[list[Any], str | None, str | None]:
    """One page of a list, by ``limit`` (or what ``field`` names) and ``page_token`` (or the older ``offset``).

    Returns: the items, the next page's token, the previous page's token. Raises: ``InvalidParameter``.
    """
    limit = call.integer(field, size)
    if not 1 <= limit <= most:
        raise InvalidParameter(f"Invalid {field}: {limit}. It must be between 1 and {most}.")
    token = call.text("page_token", "")
    start = position_of(token) if token else call.integer("offset", 0)
    if start < 0:
        raise InvalidParameter(f"Invalid offset: {start}.")
    end = start + limit
    following = token_of(end) if end < len(items) else None
    previous = token_of(max(0, start - limit)) if start > 0 else None
    return items[start:end], following, previous


def token_of(position: int) -> str:
    """The page token of a position in a list."""
    return base64.urlsafe_b64encode(f"at:{position}".encode()).decode()


def position_of(token: str) -> int:
    """The position that a page token stands for. Raises: ``InvalidParameter``."""
    try:
        mark, _, position = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if mark != "at":
            raise ValueError(mark)
        return int(position)
    except ValueError:
        raise InvalidParameter(f"Invalid page_token: {token}") from None


def _shown(value: object) -> str:
    return json.dumps(value, default=repr)[:200]
