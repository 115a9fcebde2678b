"""The run of an update: what of a pipeline's specification it carries out, and what cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.runner.run import Run, TaskRun
from harness.workspace import pipelineevents
from harness.workspace.errors import InvalidParameter
from harness.workspace.store import Document

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

RUN_TYPE = "PIPELINE_UPDATE"
SELECTIONS = ("refresh_selection", "full_refresh_selection")
# Of a specification: what would change what an update does, and cannot be honoured.
REFUSED = ("ingestion_definition", "gateway_definition", "filters")
SOURCES = ("notebook", "file", "glob")


def runnable(spec: Document) -> None:
    """Raises: ``InvalidParameter`` naming what of a pipeline's specification cannot be run here."""
    if spec.get("continuous"):
        raise InvalidParameter("continuous pipelines are not supported here: an update ends when its tables are new.")
    for name in REFUSED:
        if spec.get(name):
            raise InvalidParameter(f"{name} is not supported here.")
    libraries = spec.get("libraries") or []
    if not libraries:
        raise InvalidParameter("The pipeline has no source code: libraries is empty.")
    for library in libraries:
        kinds = [kind for kind in library if library[kind]]
        if len(kinds) != 1 or kinds[0] not in SOURCES:
            raise InvalidParameter(
                f"libraries: {', '.join(kinds) or 'an empty library'} is not supported here; supported: "
                f"{', '.join(SOURCES)}. Python packages are named in environment.dependencies."
            )
        path = library[kinds[0]].get("include" if kinds[0] == "glob" else "path")
        if not path:
            raise InvalidParameter(f"libraries: {kinds[0]} needs a path.")
        if kinds[0] == "glob" and any(mark in path.removesuffix("/**") for mark in "*?["):
            raise InvalidParameter(f"libraries: glob.include {path} is not supported; end a folder with /**.")


def run_of(workspace: Workspace, pipeline: Document, update: Document) -> Run:
    """The run that carries an update out, not yet started."""
    spec = update["config"]
    cluster: Document = next((c for c in spec.get("clusters") or [] if c.get("label", "default") == "default"), {})
    given = {**spec.get("configuration", {}), **update.get("parameters", {})}
    conf = {**(cluster.get("spark_conf") or {}), **given}
    asked = {
        "pipeline_id": pipeline["pipeline_id"],
        "name": spec["name"],
        "update_id": update["update_id"],
        "catalog": spec.get("catalog") or workspace.config.default_catalog,
        "schema": spec.get("schema") or spec.get("target") or "default",
        "libraries": spec["libraries"],
        "root_path": spec.get("root_path", ""),
        "full_refresh": update["full_refresh"],
        "validate_only": update["validate_only"],
        **{name: update.get(name, []) for name in SELECTIONS},
    }
    task = {
        "task_key": "update",
        "pipeline_update": asked,
        "new_cluster": {**cluster, "spark_conf": conf},
        "environment_key": "pipeline",
    }
    number = workspace.store.next("id", 2)
    environment = {"environment_key": "pipeline", "spec": spec.get("environment") or {}}
    return Run(
        run_id=number,
        job_id=0,
        name=pipeline["pipeline_id"],
        settings={"tasks": [task], "environments": [environment], "update_id": update["update_id"]},
        tasks=[TaskRun(number + 1, "update", task, str(pipelineevents.folder(workspace, update)))],
        run_type=RUN_TYPE,
        creator=workspace.config.user,
    )
