"""The server: every group's routes, the layers each request passes, and uvicorn around them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import anyio.to_thread
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from harness.workspace import (
    aianswers,
    catalogs,
    clusterevents,
    clusterlifecycle,
    clusterpolicies,
    clusters,
    control,
    coverage,
    dbfs,
    dbtartifacts,
    debugger,
    droppedtables,
    enforcement,
    externallocations,
    faults,
    federationpolicies,
    files,
    functions,
    gitcredentials,
    grants,
    identity,
    informationschema,
    instancepools,
    jobs,
    launch,
    libraries,
    lineage,
    managedidentity,
    multipart,
    objectpermissions,
    oidc,
    pipelineevents,
    pipelines,
    pipelineupdates,
    queries,
    queryhistory,
    repair,
    repos,
    resultfiles,
    runpage,
    runs,
    runtimes,
    scim,
    secretscopes,
    shells,
    snapshots,
    sqlfunctions,
    sqlsessions,
    staging,
    statements,
    storagecredentials,
    tableconstraints,
    tables,
    tags,
    temporarycredentials,
    thrift,
    tokens,
    volumefiles,
    volumefolders,
    volumes,
    warehouses,
    workspaceexport,
    workspaceimport,
)
from harness.workspace.auth import Guard
from harness.workspace.credentials import identify
from harness.workspace.errors import ApiError, handle_api_error, handle_crash, handle_unrouted
from harness.workspace.plaintargets import PlainTargets
from harness.workspace.requestlog import Logged

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

# Handlers that are plain functions, SQL calls that run for minutes among them, each hold a thread.
THREADS = 200
# How long an idle client may take to answer the end of a TLS connection (asyncio's default: 30 s). Few ever answer;
# uvicorn waits for them when it stops (timeout_graceful_shutdown), and uvloop without end for what is open after that.
GOODBYE_SECONDS = 0.5

ROUTES: list[BaseRoute] = [
    *jobs.routes,
    *launch.routes,
    *runs.routes,
    *repair.routes,
    *pipelines.routes,
    *pipelineupdates.routes,
    *pipelineevents.routes,
    *runpage.routes,
    *files.routes,
    *workspaceimport.routes,
    *workspaceexport.routes,
    *repos.routes,
    *gitcredentials.routes,
    *dbfs.routes,
    *storagecredentials.routes,
    *externallocations.routes,
    *temporarycredentials.routes,
    *volumes.routes,
    *volumefiles.routes,
    *volumefolders.routes,
    *multipart.routes,
    *clusters.routes,
    *clusterlifecycle.routes,
    *clusterevents.routes,
    *runtimes.routes,
    *libraries.routes,
    *clusterpolicies.routes,
    *instancepools.routes,
    *warehouses.routes,
    *identity.routes,
    *scim.routes,
    *tokens.routes,
    *oidc.routes,
    *federationpolicies.routes,
    *managedidentity.routes,
    *secretscopes.routes,
    *statements.routes,
    *sqlsessions.routes,
    *resultfiles.routes,
    *staging.routes,
    *queryhistory.routes,
    *queries.routes,
    *thrift.routes,
    *catalogs.routes,
    *tables.routes,
    *tableconstraints.routes,
    *functions.routes,
    *grants.routes,
    *tags.routes,
    *objectpermissions.routes,
    *control.routes,
    *coverage.routes,
    *debugger.routes,
    *shells.routes,
    *lineage.routes,
    *snapshots.routes,
    *dbtartifacts.routes,
    *informationschema.routes,
    *sqlfunctions.routes,
    *droppedtables.routes,
    *enforcement.routes,
    *aianswers.routes,
    *faults.routes,
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
            Middleware(Guard, identify=partial(identify, workspace), hosts=workspace.config.hosts),
            Middleware(faults.Faulty, faults=workspace.faults, signal=workspace.signal, routes=ROUTES),
        ],
        exception_handlers={ApiError: handle_api_error, HTTPException: handle_unrouted, Exception: handle_crash},
    )
    # Starlette would redirect `/x/` to `/x`; clients of a REST API take that for an answer.
    app.router.redirect_slashes = False
    app.state.workspace = workspace
    return app


class Server(uvicorn.Server):
    """uvicorn on a socket that is already bound.

    Parameters: ``workspace``; ``listening``: called once requests are answered; ``tls``: a second bound socket, served
    over HTTPS with the certificate of the workspace's configuration.
    """

    def __init__(self, workspace: Workspace, listening: Callable[[], object], tls: socket.socket | None = None) -> None:
        self.tls = tls
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
        if self.tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.workspace.config.certificate)
            # uvicorn serves all its sockets with TLS, or none.
            secure = await asyncio.get_running_loop().create_server(
                self._protocol, sock=self.tls, ssl=context, ssl_shutdown_timeout=GOODBYE_SECONDS
            )
            self.servers.append(secure)
        self.listening()

    def _protocol(self) -> asyncio.Protocol:
        protocol: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return protocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the process's business (__main__), which has more to stop than the server."""
        yield

    def stop(self) -> None:
        """Let held polls go and end ``run``; from any thread."""
        self.workspace.signal.close()
        self.should_exit = True
