"""A managed identity of Azure, as App Service lends it to a process: what ``DefaultAzureCredential`` finds by two
variables of the environment, ``IDENTITY_ENDPOINT`` (this route) and ``IDENTITY_HEADER`` (a token of the workspace).

Of Azure's ways to sign in it is the only one that an address on loopback can answer (docs/provider.md).
Protocol: learn.microsoft.com, "How to use managed identities for App Service", "REST endpoint reference".
"""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.routing import Route

from harness.runner.run import now
from harness.workspace.credentials import ACCESS_TOKEN_SECONDS, access_token, identify
from harness.workspace.errors import InvalidParameter, PermissionDenied
from harness.workspace.wire import Call, endpoint

# learn.microsoft.com, "Azure Databricks": the application id that tokens for any workspace name as their resource.
DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"


def token(call: Call) -> JSONResponse:
    """A token for the workspace, of whom the secret header is a token of.

    Raises: ``PermissionDenied``; ``InvalidParameter`` for tokens for anything else.
    """
    workspace = call.workspace
    principal = identify(workspace, call.request.headers.get("x-identity-header", ""))
    if principal is None:
        raise PermissionDenied("X-IDENTITY-HEADER is no token of this workspace: set IDENTITY_HEADER to one.")
    resource = call.text("resource")
    if resource.rstrip("/") != DATABRICKS:
        raise InvalidParameter(f"Tokens are given for Azure Databricks ({DATABRICKS}) only, not for {resource}.")
    document = {
        "access_token": access_token(workspace.config.token, principal.id),
        "expires_on": str(now() // 1000 + ACCESS_TOKEN_SECONDS),
        "resource": resource,
        "token_type": "Bearer",
    }
    return JSONResponse(document, headers={"Cache-Control": "no-store"})


routes = [Route("/oidc/identity/token", endpoint(token), methods=["GET"])]
