"""The server: every group's routes, the layers each request passes, and uvicorn around them."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING

import anyio.to_thread
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from harness.workspace import (
    catalogs,
    clusters,
    control,
    files,
    identity,
    jobs,
    launch,
    pipelines,
    repair,
    runpage,
    runs,
    statements,
    tables,
    thrift,
    warehouses,
)
from harness.workspace.auth import Guard
from harness.workspace.errors import ApiError, handle_api_error, handle_crash, handle_unrouted
from harness.workspace.requestlog import Logged
from harness.workspace.wire import PlainTargets

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

# Handlers that are plain functions, SQL calls that run for minutes among them, each hold a thread.
THREADS = 200

ROUTES: list[BaseRoute] = [
    *jobs.routes,
    *launch.routes,
    *runs.routes,
    *repair.routes,
    *pipelines.routes,
    *runpage.routes,
    *files.routes,
    *clusters.routes,
    *warehouses.routes,
    *identity.routes,
    *statements.routes,
    *thrift.routes,
    *catalogs.routes,
    *tables.routes,
    *control.routes,
]


def build(workspace: Workspace) -> Starlette:
    """The ASGI application that serves a workspace."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        workspace.signal.open()
        yield

    app = Starlette(
        routes=ROUTES,
        lifespan=lifespan,
        middleware=[
            Middleware(PlainTargets),
            Middleware(Logged, requests=workspace.requests),
            Middleware(Guard, token=workspace.config.token, hosts=workspace.config.hosts),
        ],
        exception_handlers={ApiError: handle_api_error, HTTPException: handle_unrouted, Exception: handle_crash},
    )
    # Starlette would redirect `/x/` to `/x`; clients of a REST API take that for an answer.
    app.router.redirect_slashes = False
    app.state.workspace = workspace
    return app


class Server(uvicorn.Server):
    """uvicorn on a socket that is already bound.

    Parameters: ``workspace``; ``listening``: called once requests are answered.
    """

    def __init__(self, workspace: Workspace, listening: Callable[[], object]) -> None:
        self.workspace = workspace
        self.listening = listening
        super().__init__(
            uvicorn.Config(
                build(workspace),
                log_level="warning",
                access_log=False,
                # Above the clients' own idle times: a connection closed under a request costs a retry.
                timeout_keep_alive=75,
                timeout_graceful_shutdown=2,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the process's business (__main__), which has more to stop than the server."""
        yield

    def stop(self) -> None:
        """Let held polls go and end ``run``; from any thread."""
        self.workspace.signal.close()
        self.should_exit = True
