"""The page of a run: what ``run_page_url`` opens. One static HTML file, and the documents it loads.

The page itself shows nothing; what it loads needs the run's view key (auth.py), which stands in the link, opens this
one run for reading, and is not the API token: run links are logged.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse
from starlette.routing import Route

from harness.runner.render import RenderFailed
from harness.runner.run import Run, TaskRun
from harness.workspace.auth import view_key
from harness.workspace.errors import ApiError, InvalidParameter, NotFound, PermissionDenied
from harness.workspace.runviews import run_view, task_view
from harness.workspace.store import Document
from harness.workspace.wire import Call, endpoint

if TYPE_CHECKING:
    from starlette.responses import Response

    from harness.workspace.state import Workspace

PAGE = (Path(__file__).parent / "runpage.html").read_text()
LOG_CHARACTERS = 200_000


def _hashes(tag: str) -> str:
    """The page's own inline scripts or styles, as a Content-Security-Policy names them: nothing else runs there."""
    texts = re.findall(rf"<{tag}>(.*?)</{tag}>", PAGE, re.DOTALL)
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(t.encode()).digest()).decode()}'" for t in texts)


POLICY = (
    f"default-src 'none'; connect-src 'self'; script-src {_hashes('script')}; style-src {_hashes('style')}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# A notebook's output may carry scripts (plotly does): they run, but in an origin of their own.
NOTEBOOK_POLICY = "sandbox allow-scripts"


def has_notebook(task: TaskRun) -> bool:
    """Whether a task run has left an executed notebook."""
    return (Path(task.directory) / "executed.ipynb").is_file()


def executed_html(workspace: Workspace, task: TaskRun) -> str | None:
    """The executed notebook of a task run as HTML; ``None`` while there is none. Raises: ``ApiError``."""
    try:
        page = workspace.runner.html(task)
    except RenderFailed as error:
        raise ApiError(f"The executed notebook could not be made into HTML: {error}") from None
    return page.read_text() if page else None


def viewed(call: Call) -> tuple[Run, TaskRun | None]:
    """The run a page asks for. Raises: ``PermissionDenied`` without its key, so that ids cannot be tried."""
    try:
        found = call.workspace.runs.find(int(call.path["run_id"]))
    except ValueError:
        raise InvalidParameter(f"'{call.path['run_id']}' is not a run id.") from None
    key = view_key(call.workspace.config.token, found[0].run_id) if found else ""
    if found is None or not secrets.compare_digest(call.text("key", "").encode(), key.encode()):
        raise PermissionDenied("This link opens no run of this workspace. The run may be gone since a reset.")
    return found


def page(call: Call) -> Response:
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"})


def run_document(call: Call) -> Document:
    """A run and, beside each of its tasks and of the iterations of those that loop, what came out of it."""
    run, _ = viewed(call)
    view = run_view(call.workspace, run, tasks=False)
    view["tasks"] = []
    for task in run.task_runs():
        shown = task_view(call.workspace, run, task)
        view["tasks"].append(shown)
        if task.input:
            shown["task_key"] += f"[{task.index}]"
        shown["output"] = {
            "error": task.output.error,
            "error_trace": task.output.error_trace,
            "result": task.output.result,
            "logs": task.output.logs[-LOG_CHARACTERS:],
            "notebook": has_notebook(task),
        }
    return view


def notebook(call: Call) -> Response:
    _, task = viewed(call)
    html = executed_html(call.workspace, task) if task else None
    if html is None:
        raise NotFound("There is no executed notebook for this task.")
    headers = {"Content-Security-Policy": NOTEBOOK_POLICY, "Referrer-Policy": "no-referrer"}
    return HTMLResponse(html, headers=headers)


routes = [
    Route("/", endpoint(page), methods=["GET"]),
    Route("/_view/runs/{run_id}", endpoint(run_document), methods=["GET"]),
    Route("/_view/runs/{run_id}/notebook", endpoint(notebook), methods=["GET"]),
]
