"""What a ``dbt_task`` left behind: the folder ``target`` as an archive, to which ``dbt_output.artifacts_link`` leads.

Source: databricks-sdk, ``DbtOutput``.
"""

from __future__ import annotations

import hmac
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from harness.workspace.errors import NotFound
from harness.workspace.state import workspace_of


async def artifacts(request: Request) -> Response:
    """The archive of a task run. Its name in the link is as secret as a presigned URL's. Raises: ``NotFound``."""
    found = workspace_of(request).runs.find(request.path_params["run_id"])
    task = found[1] if found else None
    made = task.output.dbt if task else {}
    if not made or not hmac.compare_digest(made["secret"], request.path_params["secret"]):
        raise NotFound("There are no such artifacts.")
    if not Path(made["artifacts"]).is_file():
        raise NotFound("These artifacts are no longer kept.")
    return FileResponse(made["artifacts"], media_type="application/gzip", filename="artifacts.tar.gz")


routes = [Route("/_artifacts/{run_id:int}/{secret}", artifacts)]
