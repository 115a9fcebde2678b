"""Jobs: ``/api/2.2/jobs/{create,reset,update,get,list,delete}``. Running them is in launch.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.runner.run import now
from harness.workspace import arrays, clusters, faults, gitsource, jobspec, nesting, permissions
from harness.workspace.errors import InvalidParameter, NotFound
from harness.workspace.store import Document
from harness.workspace.wire import Call, api, page

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

# Older clients call the same operations under the older versions (wire.md §6.24).
VERSIONS = ("2.2", "2.1", "2.0")


def key(job_id: int) -> str:
    """A job's id as the store sorts it."""
    return f"{job_id:016d}"


def find(workspace: Workspace, job_id: int) -> Document:
    """A job. Raises: ``NotFound``."""
    job = workspace.store.get("job", key(job_id))
    if job is None:
        raise NotFound(f"Job {job_id} does not exist.")
    return job


def accept(workspace: Workspace, settings: Document, job_id: int = 0) -> Document:
    """Check settings and take note of the clusters they name. Raises: ``InvalidParameter``. Returns: the settings."""
    whole = jobspec.with_tasks(settings, settings["name"])
    jobspec.check(whole)
    gitsource.check(workspace, whole)
    nesting.check(workspace, whole, (job_id,))
    clusters.note(workspace, whole)
    return settings


def given(call: Call, arguments: Document) -> Document:
    """The settings of a request. Raises: ``InvalidParameter``.

    Jobs made by version 2.2 queue their runs unless told not to; those of earlier versions skip them
    (docs, "Updating from Jobs API 2.1 to 2.2").
    """
    settings = jobspec.job_settings(arguments)
    if arrays.version(call) == "2.2" and "queue" not in settings:
        settings["queue"] = {"enabled": True}
    return settings


def create(call: Call) -> Document:
    workspace = call.workspace
    permissions.given(call, "jobs")
    settings = accept(workspace, given(call, call.arguments))
    job_id = workspace.store.next("id")
    job = {
        "job_id": job_id,
        "creator_user_name": workspace.config.user,
        "run_as_user_name": workspace.config.user,
        "created_time": now(),
        "settings": settings,
    }
    workspace.store.put("job", key(job_id), job)
    if "access_control_list" in call.arguments:
        permissions.grant(call, "jobs", job_id, replace=True)
    return {"job_id": job_id}


def reset(call: Call) -> Document:
    workspace, job_id = call.workspace, call.integer("job_id")
    settings = accept(workspace, given(call, call.mapping("new_settings")), job_id)

    def replaced(job: Document) -> Document:
        # An omitted run_as stays (databricks/cli testserver, peers.md §3.13).
        kept = {name: job["settings"][name] for name in ("run_as",) if name in job["settings"]}
        return {**job, "settings": {**kept, **settings}}

    if workspace.store.update("job", key(job_id), replaced) is None:
        raise NotFound(f"Job {job_id} does not exist.")
    return {}


def update(call: Call) -> Document:
    workspace, job_id = call.workspace, call.integer("job_id")
    removed = call.arguments.get("fields_to_remove", [])
    if not isinstance(removed, list) or not all(isinstance(name, str) for name in removed):
        raise InvalidParameter("Expected fields_to_remove to be a list of strings.")
    settings = find(workspace, job_id)["settings"]
    new = {k: v for k, v in call.mapping("new_settings", {}).items() if k not in jobspec.BESIDE}
    settings = accept(workspace, {"name": "Untitled", **jobspec.merged(settings, new, removed)}, job_id)
    workspace.store.update("job", key(job_id), lambda job: {**job, "settings": settings})
    return {}


def get(call: Call) -> Document:
    job = find(call.workspace, call.integer("job_id"))
    settings, following = arrays.paged(job["settings"], arrays.OF_A_JOB, call)
    return {**job, "settings": settings, "next_page_token": following}


def list_jobs(call: Call) -> Document:
    """Newest first. ``name`` is compared whole, without case (docs: api/workspace/jobs/list).

    Version 2.0 has no pages unless a ``limit`` asks for them.
    """
    name, expand = call.text("name", "").lower(), call.flag("expand_tasks")
    hidden = faults.unlisted(call.workspace, "jobs.list_jobs")
    jobs = [job for job in reversed(call.workspace.store.all("job")) if not hidden(job)]
    found = [job for job in jobs if not name or job["settings"]["name"].lower() == name]
    whole = arrays.version(call) == "2.0"
    some, following, previous = page(
        found, call, size=max(1, len(found)) if whole else 20, most=10**6 if whole else 100
    )
    some = [_listed(call, job) if expand else _briefly(job) for job in some]
    return {
        **({"jobs": some} if some else {}),
        "has_more": following is not None,
        "next_page_token": following,
        "prev_page_token": previous,
    }


def _listed(call: Call, job: Document) -> Document:
    settings, more = arrays.shortened(job["settings"], arrays.OF_A_JOB, call)
    return {**job, "settings": settings, "has_more": more or None}


def _briefly(job: Document) -> Document:
    settings = {name: value for name, value in job["settings"].items() if name not in arrays.OF_A_JOB}
    return {**job, "settings": settings}


def delete(call: Call) -> Document:
    job_id = find(call.workspace, call.integer("job_id"))["job_id"]
    call.workspace.store.delete("job", key(job_id))
    permissions.forget(call.workspace.store, "jobs", job_id)
    return {}


routes = [
    *api("POST", "{version}/jobs/create", create, VERSIONS),
    *api("POST", "{version}/jobs/reset", reset, VERSIONS),
    *api("POST", "{version}/jobs/update", update, VERSIONS),
    *api("POST", "{version}/jobs/delete", delete, VERSIONS),
    *api("GET", "{version}/jobs/get", get, VERSIONS),
    *api("GET", "{version}/jobs/list", list_jobs, VERSIONS),
]
