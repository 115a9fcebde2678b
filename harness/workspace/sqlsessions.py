"""SQL sessions over REST: ``/api/2.0/sql/sessions``, which the SQL connector opens with ``use_sea`` (wire.md §4.10).

Not in Databricks' documentation; requests and answers are those of ``databricks.sql.backend.sea``.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from harness.lake.sql.sessions import Session, SessionLost
from harness.workspace import principals, warehouses
from harness.workspace.errors import InvalidParameter, NotFound
from harness.workspace.wire import Call, Document, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

FIELDS = frozenset({"warehouse_id", "catalog", "schema", "session_confs"})


def find(workspace: Workspace, text: str) -> Session:
    """A session by its id as clients write it. Raises: ``NotFound``."""
    try:
        return workspace.sql.session(uuid.UUID(text).bytes)
    except ValueError:
        raise NotFound(f"The session {text} was not found.") from None
    except SessionLost as lost:
        raise NotFound(f"The session {text} was not found: {lost.failure.message}") from None


async def create(call: Call) -> Document:
    """Open a session. Raises: ``InvalidParameter`` for a setting or catalog that is not accepted."""
    if unknown := set(call.arguments) - FIELDS:
        raise InvalidParameter(f"{sorted(unknown)[0]} is not supported by the local workspace.")
    workspace, warehouse_id = call.workspace, call.text("warehouse_id")
    settings = {name: str(value) for name, value in call.mapping("session_confs", {}).items()}
    warehouses.wake(workspace, warehouse_id)
    session = workspace.sql.open(
        warehouse_id,
        call.text("catalog", "") or None,
        call.text("schema", "") or None,
        settings,
        client=call.request.headers.get("user-agent", ""),
        user=principals.caller(call).name,
    )
    if (why := await run_in_threadpool(workspace.sql.connect, session)) is not None:
        workspace.sql.close(session.id)
        raise InvalidParameter(why.message)
    return {"session_id": str(uuid.UUID(bytes=session.id))}


def close(call: Call) -> Document:
    """Close a session; its statements are cancelled and forgotten. Raises: ``NotFound``."""
    call.workspace.sql.close(find(call.workspace, call.path["session_id"]).id)
    return {}


routes = [
    *api("POST", "2.0/sql/sessions", create),
    *api("DELETE", "2.0/sql/sessions/{session_id}", close),
]
