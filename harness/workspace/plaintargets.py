"""Request targets as routes expect them, whatever way a client writes them."""

from __future__ import annotations

import urllib.parse

from starlette.types import ASGIApp, Receive, Scope, Send


class PlainTargets:
    """ASGI layer that makes request targets plain.

    Clients behind a proxy setting send absolute-form targets (wire.md §3.5); the Repos calls of the provider carry a
    double slash (§0.7).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if not path.startswith("/") and "://" in path:
                path = urllib.parse.urlsplit(path).path or "/"
            while "//" in path:
                path = path.replace("//", "/")
            if path != scope["path"]:
                scope["path"] = path
                scope["raw_path"] = urllib.parse.quote(path).encode()
        await self.app(scope, receive, send)
