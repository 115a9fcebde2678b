"""Libraries of clusters: INSTALLED is what tasks on them are given, and nothing else is."""

from __future__ import annotations

import dataclasses
import venv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.compute import CloneCluster, Library, MavenLibrary, PythonPyPiLibrary

from tests.wheels import wheel
from tests.workspace.conftest import IdleEngine, Service

if TYPE_CHECKING:
    from airflow.providers.databricks.hooks.databricks import DatabricksHook

PATH = "/api/2.0/libraries"
HTTPX = Library(pypi=PythonPyPiLibrary("httpx2"))
# From an index that has nothing, so that nobody asks the internet.
EMPTY = "file:///no/such/index"
ABSENT = Library(pypi=PythonPyPiLibrary("no-such-package-anywhere==1.0", EMPTY))
# Airflow deprecates a part that its own Task SDK still calls when a hook is made outside of a task.
pytestmark = pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")


@pytest.fixture
def cluster_id(w: WorkspaceClient, http: httpx2.Client) -> str:
    http.post("/_harness/reset")
    return str(w.clusters.create("16.4.x-scala2.12", node_type_id="m5.large", num_workers=1).cluster_id)


def statuses(w: WorkspaceClient, cluster_id: str) -> list[tuple[str, str]]:
    """What each library is called and its status."""
    return [
        (str(next(iter((s.library or Library()).as_dict().values()))), s.status.value if s.status else "")
        for s in w.libraries.cluster_status(cluster_id)
    ]


def package(library: Library) -> str:
    return str(library.as_dict()["pypi"])


def test_a_library_is_installed_only_if_tasks_are_given_it(w: WorkspaceClient, cluster_id: str) -> None:
    newer = Library(pypi=PythonPyPiLibrary("httpx2>=9999", EMPTY))
    jar = Library(maven=MavenLibrary("org.jsoup:jsoup:1.7.2"))
    w.libraries.install(cluster_id, [HTTPX, ABSENT, newer, jar, HTTPX])
    w.libraries.install(cluster_id, [HTTPX])
    found = list(w.libraries.cluster_status(cluster_id))
    assert [s.library for s in found] == [HTTPX, ABSENT, newer, jar]
    assert [s.status.value for s in found if s.status] == ["INSTALLED", "FAILED", "FAILED", "INSTALLED"]
    messages = [s.messages for s in found]
    assert messages[0] is None
    assert "Installing no-such-package-anywhere==1.0 failed" in str(messages[1])
    assert "Installing httpx2>=9999 failed" in str(messages[2])
    assert messages[3] == [
        "Given to JAR tasks on this cluster. Notebooks share one Spark, which takes no jars of clusters."
    ]
    (every,) = w.libraries.all_cluster_statuses()
    assert (every.cluster_id, len(every.library_statuses or [])) == (cluster_id, 4)


def test_a_wheel_is_installed_once_and_a_missing_one_is_not(
    w: WorkspaceClient, service: Service, cluster_id: str, tmp_path: Path
) -> None:
    path = wheel(service.workspace.config.files / "Shared", "harnesstest_w", "1.0", "X = 1")
    missing, other = Library(whl="/Workspace/Shared/missing.whl"), Library(egg="dbfs:/x.egg")
    w.libraries.install(cluster_id, [Library(whl=f"/Workspace/Shared/{path.name}"), missing, other])
    assert [status for _, status in statuses(w, cluster_id)] == ["INSTALLED", "FAILED", "FAILED"]
    cache = service.workspace.config.directory / "packages"
    assert [folder.name for folder in cache.glob("*/harnesstest_w.py")] == ["harnesstest_w.py"]
    path.unlink()
    found = list(w.libraries.cluster_status(cluster_id))  # not tried again
    assert [s.status.value for s in found if s.status] == ["INSTALLED", "FAILED", "FAILED"]
    assert "/Workspace/Shared/missing.whl does not exist" in str(found[1].messages)
    assert found[2].messages == ["egg libraries are not supported here."]
    w.clusters.restart(cluster_id)
    assert [status for _, status in statuses(w, cluster_id)] == ["FAILED", "FAILED", "FAILED"]


def test_an_uninstalled_library_goes_with_the_restart(w: WorkspaceClient, cluster_id: str) -> None:
    w.libraries.install(cluster_id, [HTTPX, ABSENT])
    w.libraries.uninstall(cluster_id, [HTTPX, Library(whl="/Workspace/never.whl")])
    assert statuses(w, cluster_id) == [(package(ABSENT), "FAILED"), (package(HTTPX), "UNINSTALL_ON_RESTART")]
    w.clusters.restart(cluster_id)
    assert statuses(w, cluster_id) == [(package(ABSENT), "FAILED")]
    w.libraries.uninstall(cluster_id, [ABSENT])
    w.libraries.install(cluster_id, [ABSENT])
    w.clusters.delete(cluster_id)
    assert statuses(w, cluster_id) == [(package(ABSENT), "PENDING")]
    w.clusters.start(cluster_id)
    assert statuses(w, cluster_id) == [(package(ABSENT), "FAILED")]


def test_a_library_is_pending_until_its_cluster_runs(w: WorkspaceClient, cluster_id: str, engine: IdleEngine) -> None:
    engine.state = "starting"
    w.libraries.install(cluster_id, [HTTPX])
    assert statuses(w, cluster_id) == [(package(HTTPX), "PENDING")]
    engine.state = "ready"
    assert statuses(w, cluster_id) == [(package(HTTPX), "INSTALLED")]


def test_the_notebooks_own_interpreter_is_asked(
    service: Service, w: WorkspaceClient, cluster_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.create(tmp_path / "bare", symlinks=True)
    w.libraries.install(cluster_id, [HTTPX, Library(pypi=PythonPyPiLibrary("./not a name"))])
    for python, words in ((tmp_path / "bare/bin/python", "No module named"), (tmp_path / "none", "does not answer")):
        config = dataclasses.replace(service.workspace.config, kernel_python=str(python))
        monkeypatch.setattr(service.workspace, "config", config)
        first, _ = w.libraries.cluster_status(cluster_id)
        assert first.status is not None
        assert first.status.value == "FAILED"
        assert words in str(first.messages)
        w.clusters.restart(cluster_id)


def test_a_clone_has_the_libraries_of_its_source(http: httpx2.Client, w: WorkspaceClient, cluster_id: str) -> None:
    w.libraries.install(cluster_id, [HTTPX])
    made = w.clusters.create(
        "16.4.x-scala2.12", node_type_id="m5.large", num_workers=1, clone_from=CloneCluster(cluster_id)
    )
    assert statuses(w, str(made.cluster_id)) == [(package(HTTPX), "INSTALLED")]
    body = {"spark_version": "x", "node_type_id": "x", "num_workers": 1, "clone_from": {"source_cluster_id": "nope"}}
    answer = http.post("/api/2.1/clusters/create", json=body)
    assert (answer.status_code, answer.json()["message"]) == (400, "Cluster nope does not exist")


def test_the_providers_hook_installs_and_uninstalls(
    w: WorkspaceClient, cluster_id: str, hook_of: Callable[[str], DatabricksHook]
) -> None:
    request = {"cluster_id": cluster_id, "libraries": [{"pypi": {"package": "httpx2"}}]}
    hook_of("DatabricksHook").install(request)
    assert statuses(w, cluster_id) == [(package(HTTPX), "INSTALLED")]
    hook_of("DatabricksHook").uninstall(request)
    assert statuses(w, cluster_id) == [(package(HTTPX), "UNINSTALL_ON_RESTART")]


@pytest.mark.parametrize("act", ["install", "uninstall"])
@pytest.mark.parametrize(
    ("libraries", "words"),
    [
        (None, "Missing required field: libraries"),
        ("httpx2", "Expected libraries to be a list"),
        (["httpx2"], "Expected libraries to be a list"),
        ([{}], "exactly one of"),
        ([{"pypi": {"package": "a"}, "jar": "b"}], "exactly one of"),
        ([{"gem": "rails"}], "exactly one of"),
        ([{"pypi": {}}], "Missing required field: pypi.package"),
        ([{"pypi": "httpx2"}], "Expected pypi to be an object"),
    ],
)
def test_what_is_no_library_is_refused(
    act: str, libraries: Any, words: str, http: httpx2.Client, cluster_id: str
) -> None:
    answer = http.post(f"{PATH}/{act}", json={"cluster_id": cluster_id, "libraries": libraries})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert words in answer.json()["message"]
    assert http.get(f"{PATH}/cluster-status", params={"cluster_id": cluster_id}).json()["library_statuses"] == []


def test_unknown_clusters_have_no_libraries(http: httpx2.Client) -> None:
    body = {"cluster_id": "nope", "libraries": [{"jar": "x"}]}
    for answer in (
        http.post(f"{PATH}/install", json=body),
        http.post(f"{PATH}/uninstall", json=body),
        http.get(f"{PATH}/cluster-status", params={"cluster_id": "nope"}),
    ):
        assert (answer.status_code, answer.json()["message"]) == (400, "Cluster nope does not exist")
