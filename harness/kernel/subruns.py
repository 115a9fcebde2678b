"""``dbutils.notebook.run``: another notebook as a run of its own, asked of the workspace over its REST API."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from harness.kernel import rest
from harness.kernel.spec import KernelSpec

# The workspace holds a poll of this caller until the run ends, so that nobody sleeps between polls.
USER_AGENT = "harness-kernel operator/dbutils.notebook.run"
# Which task run asks: the workspace makes the new run a part of it (WORKFLOW_RUN), and it is cancelled with it.
PARENT_HEADER = "X-Harness-Parent-Run"
ENDED = frozenset({"TERMINATED", "SKIPPED", "INTERNAL_ERROR"})


class WorkflowException(Exception):
    """A notebook started by ``dbutils.notebook.run`` did not succeed."""


class SubRuns:
    """Runs that this task starts."""

    def __init__(self, spec: KernelSpec) -> None:
        self._spec = spec

    def run(self, path: str, timeout_seconds: int, arguments: Mapping[str, Any]) -> str:
        """Run a notebook and wait for its end.

        Returns: its exit value (``""`` without one). Raises: ``WorkflowException`` when it failed, was cancelled or
        took longer than ``timeout_seconds`` (0: no limit).
        """
        if not path.startswith("/"):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(self._spec.workspace_path), path))
        task = {
            "task_key": "notebook",
            "notebook_task": {"notebook_path": path, "base_parameters": {k: str(v) for k, v in arguments.items()}},
            **({"timeout_seconds": timeout_seconds} if timeout_seconds else {}),
        }
        run_id = self._request("POST", "runs/submit", {"run_name": posixpath.basename(path), "tasks": [task]})["run_id"]
        run = self._request("GET", "runs/get", {"run_id": run_id})
        while run["state"]["life_cycle_state"] not in ENDED:
            run = self._request("GET", "runs/get", {"run_id": run_id})
        output = self._request("GET", "runs/get-output", {"run_id": run["tasks"][-1]["run_id"]})
        if run["state"].get("result_state") != "SUCCESS":
            reason = output.get("error") or run["state"].get("state_message", "")
            raise WorkflowException(f"Notebook {path} ended {run['state'].get('result_state')}: {reason}")
        return str((output.get("notebook_output") or {}).get("result", ""))

    def _request(self, method: str, endpoint: str, document: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"User-Agent": USER_AGENT, PARENT_HEADER: self._spec.context.get("task_run_id", "")}
        try:
            return rest.request(self._spec, method, f"2.2/jobs/{endpoint}", document, headers)
        except rest.Refused as error:
            raise WorkflowException(str(error)) from None
