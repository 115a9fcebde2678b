"""Pipelines as records, through the SDK and Airflow's hook; their updates are in test_pipelineupdates.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, ResourceConflict
from databricks.sdk.service.pipelines import (
    NotebookLibrary,
    PipelineLibrary,
    PipelinePermissionLevel,
    PipelineState,
    RunAs,
)
from databricks.sdk.service.pipelines import PipelineAccessControlRequest as Entry

from tests.workspace.test_errors import assert_refused

if TYPE_CHECKING:
    from airflow.providers.databricks.hooks.databricks import DatabricksHook

PATH = "/api/2.0/pipelines"
pytestmark = pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")


@pytest.fixture(autouse=True)
def clean(http: httpx2.Client) -> None:
    http.post("/_harness/reset")


def made(w: WorkspaceClient, name: str, **fields: Any) -> str:
    library = PipelineLibrary(notebook=NotebookLibrary(f"/Shared/{name}"))
    return w.pipelines.create(name=name, libraries=[library], **fields).pipeline_id or ""


def test_a_pipeline_is_made_read_changed_and_deleted(w: WorkspaceClient) -> None:
    id = made(w, "nightly", catalog="main", target="raw", continuous=False, configuration={"a": "b"})
    read = w.pipelines.get(id)
    assert (read.pipeline_id, read.name, read.state) == (id, "nightly", PipelineState.IDLE)
    assert read.creator_user_name == read.run_as_user_name == "me@example.com"
    assert read.spec is not None
    assert (read.spec.id, read.spec.catalog, read.spec.configuration) == (id, "main", {"a": "b"})
    w.pipelines.update(id, name="daily", run_as=RunAs(user_name="robot"), expected_last_modified=read.last_modified)
    changed = w.pipelines.get(id)
    assert changed.spec is not None
    assert (changed.name, changed.run_as_user_name, changed.spec.catalog) == ("daily", "robot", None)
    with pytest.raises(ResourceConflict, match="expected_last_modified"):
        w.pipelines.update(id, name="x", expected_last_modified=read.last_modified)
    w.pipelines.delete(id)
    for act in (w.pipelines.get, w.pipelines.delete, w.pipelines.stop, w.pipelines.list_updates):
        with pytest.raises(NotFound, match=f"pipeline {id} was not found"):
            act(id)


def test_names_are_of_one_pipeline_unless_that_is_waived(w: WorkspaceClient) -> None:
    first = made(w, "nightly")
    with pytest.raises(ResourceConflict, match="'nightly' is already used by another pipeline"):
        made(w, "nightly")
    other = made(w, "other")
    with pytest.raises(ResourceConflict):
        w.pipelines.update(other, name="nightly")
    w.pipelines.update(first, name="nightly", continuous=True)
    made(w, "nightly", allow_duplicate_names=True)
    assert len(list(w.pipelines.list_pipelines(filter="name LIKE 'nightly'"))) == 2


def test_a_dry_run_makes_nothing(w: WorkspaceClient) -> None:
    answer = w.pipelines.create(name="nightly", dry_run=True)
    assert answer.effective_settings is not None
    assert (answer.effective_settings.name, answer.pipeline_id) == ("nightly", None)
    assert list(w.pipelines.list_pipelines()) == []


def test_pipelines_are_listed_by_name_by_notebook_and_page_by_page(w: WorkspaceClient) -> None:
    for number in range(5):
        made(w, f"p_{number}")
    made(w, "another.one")

    def listed(text: str | None = None) -> list[str | None]:
        return [pipeline.name for pipeline in w.pipelines.list_pipelines(filter=text, max_results=2)]

    assert listed() == ["p_0", "p_1", "p_2", "p_3", "p_4", "another.one"]
    assert listed("name LIKE '%other.o_e'") == ["another.one"]
    assert listed("name like 'p%'") == ["p_0", "p_1", "p_2", "p_3", "p_4"]
    assert listed("name LIKE 'another?one'") == listed("name LIKE 'p'") == []
    assert listed("notebook='/Shared/p_3'") == ["p_3"]


def test_the_providers_hook_finds_a_pipeline_by_its_name(
    w: WorkspaceClient, hook_of: Callable[[str], DatabricksHook]
) -> None:
    from airflow.sdk.exceptions import AirflowException

    hook = hook_of("DatabricksSubmitRunOperator")
    assert hook.find_pipeline_id_by_name("nightly") is None
    id = made(w, "nightly")
    assert hook.find_pipeline_id_by_name("nightly") == id
    assert [pipeline["pipeline_id"] for pipeline in hook.list_pipelines(notebook_path="/Shared/nightly")] == [id]
    for number in range(30):
        made(w, f"p{number}")
    assert len(hook.list_pipelines()) == 31
    made(w, "nightly", allow_duplicate_names=True)
    with pytest.raises(AirflowException, match="more than one pipelines with name nightly"):
        hook.find_pipeline_id_by_name("nightly")


def test_who_may_run_a_pipeline_is_recorded(w: WorkspaceClient) -> None:
    id = made(w, "nightly")
    w.pipelines.update_permissions(
        id, access_control_list=[Entry(group_name="users", permission_level=PipelinePermissionLevel.CAN_RUN)]
    )

    def names() -> list[str | None]:
        return [entry.group_name for entry in w.pipelines.get_permissions(id).access_control_list or []]

    assert "users" in names()
    w.pipelines.set_permissions(id, access_control_list=[])
    assert "users" not in names()
    levels = w.pipelines.get_permission_levels(id).permission_levels or []
    assert PipelinePermissionLevel.CAN_RUN in [level.permission_level for level in levels]
    w.pipelines.delete(id)
    with pytest.raises(NotFound):
        w.pipelines.get_permissions(id)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "name"),
        ({"name": []}, "name"),
        ({"name": "p", "libraries": "x"}, "libraries"),
        ({"name": "p", "continuous": "perhaps"}, "continuous"),
        ({"name": "p", "run_as": []}, "run_as"),
        ({"name": "p", "dry_run": 3}, "dry_run"),
    ],
)
def test_wrong_input_is_an_invalid_parameter_value(http: httpx2.Client, body: dict[str, Any], words: str) -> None:
    assert_refused(http.post(PATH, json=body), 400, "INVALID_PARAMETER_VALUE", words)


@pytest.mark.parametrize(
    "query",
    [{"max_results": 0}, {"max_results": 101}, {"filter": "id = 3"}, {"page_token": "x"}, {"filter": "name LIKE"}],
)
def test_wrong_questions_are_refused(http: httpx2.Client, query: dict[str, Any]) -> None:
    assert_refused(http.get(PATH, params=query), 400, "INVALID_PARAMETER_VALUE")
    assert_refused(http.get(f"{PATH}/..%2F..%2Fetc"), 501, "NOT_IMPLEMENTED")
