"""Libraries that are installed on a cluster, and not named by its tasks."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.compute import Library, PythonPyPiLibrary
from databricks.sdk.service.workspace import ImportFormat

from harness.stack import Stack
from tests.wheels import index, wheel

HOME = "/Users/harness@localhost"
SCRIPT = b"""
import harnesstest_volume, harnesstest_pypi
print(harnesstest_volume.NAME, harnesstest_pypi.NAME)
double = spark.udf.register("harnesstest_udf", lambda n: harnesstest_volume.NAME)
print(spark.sql("SELECT harnesstest_udf(1)").first()[0])
"""


def script(workspace: WorkspaceClient, name: str, text: bytes) -> dict[str, Any]:
    workspace.workspace.upload(f"{HOME}/{name}", io.BytesIO(text), format=ImportFormat.RAW, overwrite=True)
    return {"spark_python_task": {"python_file": f"{HOME}/{name}"}}


def test_tasks_see_what_is_installed_on_their_cluster(
    clean_stack: Stack, workspace: WorkspaceClient, submitted: Callable[..., Any], tmp_path: Path
) -> None:
    clean_stack.wait_engine()
    file = wheel(tmp_path, "harnesstest_volume", "1.0", "NAME = 'from a wheel'")
    wheel(tmp_path / "index" / "harnesstest-pypi", "harnesstest_pypi", "2.0", "NAME = 'from an index'")
    workspace.dbfs.upload(f"/libs/{file.name}", io.BytesIO(file.read_bytes()))
    cluster = workspace.clusters.create("17.3.x-scala2.13", node_type_id="i3.xlarge", num_workers=0).cluster_id
    with index(tmp_path / "index") as url:
        package = Library(pypi=PythonPyPiLibrary("harnesstest-pypi==2.0", url))
        missing = Library(whl="dbfs:/libs/missing-1.0-py3-none-any.whl")
        workspace.libraries.install(cluster, [Library(whl=f"dbfs:/libs/{file.name}"), package, missing])
        states = [status.status.value for status in workspace.libraries.cluster_status(cluster)]
        assert states == ["INSTALLED", "INSTALLED", "FAILED"]
        task = script(workspace, "uses.py", SCRIPT)
        ran = submitted(
            {"task_key": "on_it", "existing_cluster_id": cluster, **task},
            {"task_key": "elsewhere", **task},
        )
    assert ran.states == {"on_it": "SUCCESS", "elsewhere": "FAILED"}, ran.outputs["on_it"].error
    *told, first, last = ran.outputs["on_it"].logs.splitlines()
    assert (first, last) == ("from a wheel from an index", "from a wheel")
    assert "missing-1.0-py3-none-any.whl of the cluster is not installed" in told[0]
    assert ran.outputs["elsewhere"].error == "ModuleNotFoundError: No module named 'harnesstest_volume'"


def test_a_job_cluster_keeps_what_an_earlier_task_had_installed(
    workspace: WorkspaceClient, ended: Callable[[int], Any], tmp_path: Path
) -> None:
    file = wheel(tmp_path, "harnesstest_shared", "1.0", "NAME = 'shared'")
    workspace.dbfs.upload(f"/libs/{file.name}", io.BytesIO(file.read_bytes()))
    task = script(workspace, "shared.py", b"import harnesstest_shared\nprint(harnesstest_shared.NAME)")
    job = {
        "name": "of a job cluster",
        "job_clusters": [{"job_cluster_key": key, "new_cluster": {"num_workers": 0}} for key in ("one", "two")],
        "tasks": [
            {
                "task_key": "first",
                "job_cluster_key": "one",
                "libraries": [{"whl": f"dbfs:/libs/{file.name}"}],
                **task,
            },
            {"task_key": "same", "job_cluster_key": "one", "depends_on": [{"task_key": "first"}], **task},
            {"task_key": "other", "job_cluster_key": "two", "depends_on": [{"task_key": "first"}], **task},
        ],
    }
    job_id = workspace.api_client.do("POST", "/api/2.2/jobs/create", body=job)["job_id"]
    ran = ended(workspace.jobs.run_now(job_id).run_id)
    assert ran.states == {"first": "SUCCESS", "same": "SUCCESS", "other": "FAILED"}
