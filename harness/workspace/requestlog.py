"""What was asked: a bounded log of requests for tests and for ``/_harness/requests``.

Query strings and bodies are not kept: they may carry keys and secrets.
"""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEPT = 5000
OPERATOR = re.compile(r"\boperator/([\w.]+)")


def operator_of(user_agent: str) -> str:
    """The Airflow class that asks, from the provider's User-Agent (wire.md §0.10); empty for other clients."""
    found = OPERATOR.search(user_agent)
    return found.group(1) if found else ""


def operation_of(endpoint: Callable[..., Any]) -> str:
    """The name of what answers a route, as ``module.function``."""
    module = endpoint.__module__.rpartition(".")[2]
    return str(getattr(endpoint, "operation", f"{module}.{endpoint.__name__.lstrip('_')}"))


@dataclass(frozen=True)
class Entry:
    """One request. ``time``: epoch seconds; ``ms``: how long it took; ``operation``: our handler's name; ``route``:
    the path that it serves, with parameters in braces."""

    time: float
    method: str
    path: str
    route: str
    status: int
    ms: float
    operation: str
    operator: str
    user_agent: str


class RequestLog:
    """The last requests, and how often each unserved path was asked for."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._unserved: Counter[str] = Counter()

    def add(self, entry: Entry, *, served: bool) -> None:
        self._entries.append(entry)
        if not served:
            self._unserved[f"{entry.method} {entry.path}"] += 1

    def entries(self) -> list[dict[str, Any]]:
        return [asdict(entry) for entry in list(self._entries)]

    def unserved(self) -> list[dict[str, Any]]:
        """What was answered 501: ``[{"request": "GET /api/…", "times": 2}, …]``."""
        return [{"request": request, "times": times} for request, times in sorted(dict(self._unserved).items())]

    def clear(self) -> None:
        self._entries.clear()
        self._unserved.clear()


class Logged:
    """ASGI layer that writes the log. ``/_harness/`` is the tests' own talk and is left out."""

    def __init__(self, app: ASGIApp, requests: RequestLog) -> None:
        self.app = app
        self.requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_harness/"):
            await self.app(scope, receive, send)
            return
        started, clock, status = time.time(), time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            agent = dict(scope["headers"]).get(b"user-agent", b"").decode("latin-1")
            endpoint = scope.get("endpoint")
            entry = Entry(
                time=started,
                method=scope["method"],
                path=scope["path"],
                route=getattr(scope.get("route"), "path", ""),
                status=status,
                ms=round(1000 * (time.perf_counter() - clock), 1),
                operation=operation_of(endpoint) if endpoint else "",
                operator=operator_of(agent),
                user_agent=agent,
            )
            self.requests.add(entry, served=not scope.get("harness.unserved"))
