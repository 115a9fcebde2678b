"""``resolved_values`` of ``runs/get``: a task's parameters as it is given them, with their references replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.runner.references import UnknownReference, context_of, resolve
from harness.runner.run import Run, TaskRun
from harness.workspace.store import Document

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

# Kind of task → its fields of parameters, and the field of run-now that is merged into, or replaces, each.
# Source: databricks-sdk, jobs.ResolvedValues.
FIELDS = {
    "notebook_task": {"base_parameters": "notebook_params"},
    "spark_python_task": {"parameters": "python_params"},
    "python_wheel_task": {"parameters": "python_params", "named_parameters": "python_named_params"},
    "spark_jar_task": {"parameters": "jar_params"},
    "sql_task": {"parameters": "sql_params"},
    "run_job_task": {"job_parameters": ""},
    "condition_task": {"left": "", "right": ""},
}


def resolved_values(workspace: Workspace, run: Run, task: TaskRun) -> Document | None:
    """The parameters of one attempt, by kind of task and field; a reference that names nothing is left as it is."""
    for kind, fields in FIELDS.items():
        if kind in task.spec:
            return {
                kind: {field: _value(workspace, run, task, task.spec[kind], field, fields[field]) for field in fields}
            }
    return None


def _value(workspace: Workspace, run: Run, task: TaskRun, body: Document, field: str, override: str) -> object:
    own, given = body.get(field), run.parameters.get(override)
    value = {**own, **given} if isinstance(own, dict) and isinstance(given, dict) else given or own
    if value is None:
        return None
    try:
        return resolve(value, context_of(run, task, {"id": str(workspace.config.org_id), "url": workspace.url}))
    except UnknownReference:
        return value
