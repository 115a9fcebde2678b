"""Who we are: the current user, the discovery document, and the calls that clients make on the side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from harness.workspace import principals
from harness.workspace.scim import view
from harness.workspace.store import Document
from harness.workspace.wire import Call, api, endpoint, respond

if TYPE_CHECKING:
    from starlette.responses import Response

TELEMETRY_FLAG = "databricks.partnerplatform.clientConfigsFeatureFlags.enableTelemetryForPythonDriver"


def me(call: Call) -> Response:
    """Who the token belongs to; a service principal is told as a user named by its application id.

    The SDK reads the workspace's id from the header (``WorkspaceClient.get_workspace_id``).
    """
    store, who = call.workspace.store, principals.caller(call)
    found = principals.by_id(store, who.id)
    known = view(store, *found) if found else {"id": who.id}
    document = {**known, "schemas": [principals.USER.schema], "userName": who.name}
    return respond(document, headers={"X-Databricks-Org-Id": str(call.workspace.config.org_id)})


def discovery(call: Call) -> Document:
    """What every SDK and CLI asks first (wire.md §6.19)."""
    return {
        "workspace_id": str(call.workspace.config.org_id),
        "oidc_endpoint": f"{call.base}/oidc",
        "cloud": "AWS",
    }


def feature_flags(call: Call) -> Document:
    """The SQL connector's flags: telemetry off (wire.md §4.9)."""
    return {"flags": [{"name": TELEMETRY_FLAG, "value": "false"}], "ttl_seconds": 900}


def telemetry(call: Call) -> Response:
    """Clients' telemetry is counted as received and thrown away."""
    sent = call.arguments.get("protoLogs", [])
    count = len(sent) if isinstance(sent, list) else 0
    return JSONResponse({"errors": [], "numSuccess": 0, "numProtoSuccess": count, "numRealtimeSuccess": 0})


routes = [
    *api("GET", "2.0/preview/scim/v2/Me", me),
    *api("GET", "2.0/connector-service/feature-flags/{client}/{version}", feature_flags),
    Route("/.well-known/databricks-config", endpoint(discovery), methods=["GET"]),
    Route("/telemetry-ext", endpoint(telemetry), methods=["POST"]),
    Route("/telemetry-unauth", endpoint(telemetry), methods=["POST"]),
]
