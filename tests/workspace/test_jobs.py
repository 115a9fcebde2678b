"""Jobs: their settings come back as they were sent, through the SDK, the provider's hook and raw requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound
from databricks.sdk.service import jobs as sdk
from databricks.sdk.service.compute import AwsAttributes, ClusterSpec

if TYPE_CHECKING:
    from airflow.providers.databricks.hooks.databricks import DatabricksHook

# Airflow deprecates a part that its own Task SDK still calls when a hook is made outside of a task.
pytestmark = pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")

JOBS = "/api/2.2/jobs"
NOTEBOOK = {"notebook_path": "/Shared/pipelines/load"}


def spec(name: str = "daily", **fields: Any) -> dict[str, Any]:
    return {"name": name, "tasks": [{"task_key": "load", "notebook_task": NOTEBOOK}], **fields}


def create(http: httpx2.Client, settings: dict[str, Any]) -> int:
    answer = http.post(f"{JOBS}/create", json=settings)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["job_id"])


def settings_of(http: httpx2.Client, job_id: int) -> dict[str, Any]:
    settings: dict[str, Any] = http.get(f"{JOBS}/get", params={"job_id": job_id}).json()["settings"]
    return settings


def test_a_production_specification_comes_back_through_the_sdk_as_it_was(w: WorkspaceClient) -> None:
    cluster = ClusterSpec(
        spark_version="16.4.x-scala2.12",
        node_type_id="i3.xlarge",
        num_workers=2,
        aws_attributes=AwsAttributes(zone_id="auto", first_on_demand=1),
        custom_tags={"team": "energy"},
    )
    tasks = [
        sdk.Task("a", notebook_task=sdk.NotebookTask("/Shared/pipelines/load"), job_cluster_key="shared"),
        sdk.Task(
            "b",
            notebook_task=sdk.NotebookTask("/Users/me@example.com/x", base_parameters={"day": "{{job.start_time}}"}),
            depends_on=[sdk.TaskDependency("a")],
            run_if=sdk.RunIf.ALL_DONE,
            max_retries=2,
            timeout_seconds=600,
        ),
    ]
    made = w.jobs.create(
        name="production",
        tasks=tasks,
        job_clusters=[sdk.JobCluster("shared", cluster)],
        tags={"env": "prod"},
        max_concurrent_runs=3,
        schedule=sdk.CronSchedule("0 0 1 * * ?", "UTC"),
        parameters=[sdk.JobParameterDefinition(name="day", default="today")],
    )
    assert made.job_id is not None
    job = w.jobs.get(made.job_id)
    assert job.settings is not None
    assert [task.as_dict() for task in job.settings.tasks or []] == [task.as_dict() for task in tasks]
    assert [c.as_dict() for c in job.settings.job_clusters or []] == [sdk.JobCluster("shared", cluster).as_dict()]
    assert (job.settings.tags, job.settings.max_concurrent_runs) == ({"env": "prod"}, 3)


def test_numbers_sent_as_strings_are_numbers_and_unknown_keys_are_kept(http: httpx2.Client) -> None:
    sent = spec(
        timeout_seconds="3600",
        max_concurrent_runs="2",
        something_new={"deep": ["1"]},
        job_clusters=[
            {
                "job_cluster_key": "c",
                "new_cluster": {"num_workers": "2", "spark_version": "16.4", "autoscale": {"max_workers": "8"}},
            }
        ],
    )
    kept = settings_of(http, create(http, sent))
    assert (kept["timeout_seconds"], kept["max_concurrent_runs"]) == (3600, 2)
    cluster = kept["job_clusters"][0]["new_cluster"]
    assert cluster == {"num_workers": 2, "spark_version": "16.4", "autoscale": {"max_workers": 8}}
    assert kept["something_new"] == {"deep": ["1"]}


def test_numbers_and_booleans_are_read_as_strings_where_strings_belong(http: httpx2.Client) -> None:
    task = {"task_key": "t", "notebook_task": {**NOTEBOOK, "base_parameters": {"n": 5, "on": True}}}
    kept = settings_of(http, create(http, {"name": "n", "tasks": [task]}))
    assert kept["tasks"][0]["notebook_task"]["base_parameters"] == {"n": "5", "on": "true"}


def test_null_fields_are_absent_and_no_answer_has_any(http: httpx2.Client) -> None:
    job_id = create(http, spec(schedule=None, tags={"a": None, "b": "c"}))
    assert "null" not in http.get(f"{JOBS}/get", params={"job_id": job_id}).text
    assert settings_of(http, job_id)["tags"] == {"b": "c"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tasks": {}}, ["tasks", "list"]),
        ({"tasks": ["x"]}, ["tasks[0]", "object"]),
        ({"tasks": [{"notebook_task": NOTEBOOK}]}, ["task_key"]),
        ({"timeout_seconds": "soon"}, ["timeout_seconds", "integer"]),
        ({"name": ["x"]}, ["name", "string"]),
        ({"tasks": [{"task_key": "a", "dbt_task": {"commands": []}}]}, ["dbt_task"]),
        ({"tasks": [{"task_key": "a", "notebook_task": NOTEBOOK, "job_cluster_key": "nope"}]}, ["nope"]),
        (
            {"tasks": [{"task_key": "a", "notebook_task": NOTEBOOK, "depends_on": [{"task_key": "z"}]}]},
            ["'a'", "'z'", "does not exist"],
        ),
        ({"tasks": [{"task_key": "a", "notebook_task": NOTEBOOK}] * 2}, ["Duplicate", "'a'"]),
        (
            {"tasks": [{"task_key": "a", "notebook_task": NOTEBOOK}], "max_concurrent_runs": 1001},
            ["max_concurrent_runs"],
        ),
        ({"git_source": {"git_provider": "gitHub", "git_branch": "main"}}, ["git_source.git_url"]),
        ({"git_source": {"git_url": "file:///x", "git_provider": "gitHub"}}, ["git_source", "git_branch"]),
        ({"git_source": {"git_url": "file:///x", "git_provider": "svn", "git_tag": "v1"}}, ["svn"]),
        (
            {"git_source": {"git_url": "https://github.com/a/b", "git_provider": "gitHub", "git_tag": "v1"}},
            ["git_source.git_url", "https://github.com", "git_remotes"],
        ),
        (
            {"git_source": {"git_url": "file:///x", "git_provider": "gitHub", "git_tag": "v1", "git_branch": "main"}},
            ["exactly one of"],
        ),
        ({"git_source": {"git_url": "file:///x", "git_provider": "gitHub", "git_commit": "-x"}}, ["git_commit"]),
        (
            {
                "git_source": {"git_url": "file:///x", "git_provider": "gitHub", "git_tag": "v1"},
                "tasks": [{"task_key": "a", "notebook_task": {"notebook_path": "../x"}}],
            },
            ["notebook_path", "../x", "relative"],
        ),
        ({"tasks": [{"task_key": "a", "notebook_task": {"source": "WORKSPACE"}}]}, ["tasks[0]", "notebook_path"]),
        (
            {"tasks": [{"task_key": "a", "notebook_task": NOTEBOOK, "depends_on": [{}]}]},
            ["tasks[0].depends_on[0].task_key"],
        ),
        ({"schedule": {"timezone_id": "UTC"}}, ["schedule.quartz_cron_expression"]),
        ({"parameters": [{"name": "a"}]}, ["parameters[0].default"]),
        ({"parameters": [{"name": "a b", "default": ""}]}, ["'a b'"]),
        ({"parameters": [{"name": "a", "default": ""}] * 2}, ["Duplicate", "'a'", "parameters"]),
        ({"job_clusters": [{"job_cluster_key": "a", "new_cluster": {}}] * 2}, ["Duplicate", "job_clusters"]),
        ({"environments": [{"environment_key": "a"}] * 2}, ["Duplicate", "environments"]),
        ({"tasks": [{"task_key": "a", "notebook_task": NOTEBOOK, "environment_key": "e"}]}, ["Environment 'e'", "'a'"]),
        ({"tasks": [{"task_key": "a", "notebook_task": NOTEBOOK}], "notebook_task": NOTEBOOK}, ["notebook_task"]),
        ({"timeout_seconds": -1}, ["timeout_seconds", "at least 0"]),
        ({"timeout_seconds": 2**63}, ["timeout_seconds", "integer"]),
        ({"tasks": [{"task_key": "a", "notebook_task": NOTEBOOK, "max_retries": -2}]}, ["max_retries", "-1"]),
    ],
)
def test_what_is_invalid_or_not_honoured_is_refused_by_name_when_the_job_is_made(
    http: httpx2.Client, settings: dict[str, Any], words: list[str]
) -> None:
    answer = http.post(f"{JOBS}/create", json=settings)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    for word in words:
        assert word in answer.json()["message"]


def test_reset_replaces_everything_but_an_omitted_run_as(http: httpx2.Client) -> None:
    job_id = create(http, spec(tags={"a": "b"}, run_as={"user_name": "somebody"}))
    assert http.post(f"{JOBS}/reset", json={"job_id": str(job_id), "new_settings": spec("renamed")}).json() == {}
    kept = settings_of(http, job_id)
    assert (kept["name"], kept["run_as"]) == ("renamed", {"user_name": "somebody"})
    assert "tags" not in kept


def test_update_merges_tasks_by_key_and_replaces_other_fields(http: httpx2.Client) -> None:
    job_id = create(http, spec(tags={"a": "b"}, timeout_seconds=5))
    new = {
        "tags": {"c": "d"},
        "tasks": [
            {"task_key": "load", "notebook_task": NOTEBOOK, "max_retries": "1"},
            {"task_key": "more", "notebook_task": NOTEBOOK},
        ],
    }
    http.post(f"{JOBS}/update", json={"job_id": job_id, "new_settings": new, "fields_to_remove": ["timeout_seconds"]})
    kept = settings_of(http, job_id)
    assert kept["tags"] == {"c": "d"}
    assert [(t["task_key"], t.get("max_retries")) for t in kept["tasks"]] == [("load", 1), ("more", None)]
    assert "timeout_seconds" not in kept
    http.post(f"{JOBS}/update", json={"job_id": job_id, "fields_to_remove": ["tasks/load"]})
    assert [t["task_key"] for t in settings_of(http, job_id)["tasks"]] == ["more"]


def test_jobs_are_listed_by_name_whole_and_without_case_and_by_pages(w: WorkspaceClient, http: httpx2.Client) -> None:
    http.post("/_harness/reset")
    made = [create(http, spec(name)) for name in ("One", "one", "one more", "two", "three")]
    assert {job.job_id for job in w.jobs.list(name="ONE")} == set(made[:2])
    assert [job.job_id for job in w.jobs.list(limit=2)] == made[::-1]
    listed = http.get(f"{JOBS}/list").json()["jobs"][0]["settings"]
    assert "tasks" not in listed
    expanded = http.get(f"{JOBS}/list", params={"expand_tasks": "True"}).json()["jobs"][0]["settings"]
    assert [task["task_key"] for task in expanded["tasks"]] == ["load"]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "page_token=%21", "offset=-1"])
def test_a_page_that_cannot_be_is_refused(http: httpx2.Client, query: str) -> None:
    answer = http.get(f"{JOBS}/list?{query}")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_the_providers_hook_makes_finds_resets_and_updates_a_job(
    hook_of: Callable[[str], DatabricksHook], http: httpx2.Client
) -> None:
    hook = hook_of("DatabricksCreateJobsOperator")
    job_id = hook.create_job(spec("by hook", timeout_seconds="60"))
    assert hook.find_job_id_by_name("by hook") == job_id
    entry = {"user_name": "reader@example.com", "permission_level": "CAN_VIEW"}
    hook.reset_job(str(job_id), {**spec("by hook"), "access_control_list": [entry]})
    assert "access_control_list" not in settings_of(http, job_id)
    hook.update_job(str(job_id), {"timeout_seconds": "90"})
    assert settings_of(http, job_id)["timeout_seconds"] == 90
    granted = http.get(f"/api/2.0/permissions/jobs/{job_id}").json()
    assert [e["all_permissions"][0]["permission_level"] for e in granted["access_control_list"]] == [
        "IS_OWNER",
        "CAN_VIEW",
    ]


def test_a_schedule_notifications_and_health_rules_are_kept_and_start_nothing(
    http: httpx2.Client, w: WorkspaceClient
) -> None:
    recorded = {
        "schedule": {"quartz_cron_expression": "* * * * * ?", "timezone_id": "UTC", "pause_status": "UNPAUSED"},
        "trigger": {"file_arrival": {"url": "s3://bucket/in/"}},
        "continuous": {"pause_status": "UNPAUSED"},
        "email_notifications": {"on_failure": ["me@example.com"]},
        "webhook_notifications": {"on_start": [{"id": "hook"}]},
        "health": {"rules": [{"metric": "RUN_DURATION_SECONDS", "op": "GREATER_THAN", "value": 10}]},
        "timeout_seconds": 60,
    }
    job_id = create(http, spec("scheduled", **recorded))
    kept = settings_of(http, job_id)
    assert {name: kept[name] for name in recorded} == recorded
    assert list(w.jobs.list_runs(job_id=job_id)) == []


def test_version_2_0_lists_all_jobs_at_once(http: httpx2.Client) -> None:
    http.post("/_harness/reset")
    for number in range(25):
        create(http, spec(f"job {number}"))
    assert len(http.get("/api/2.0/jobs/list").json()["jobs"]) == 25
    assert len(http.get("/api/2.1/jobs/list").json()["jobs"]) == 20
    assert len(http.get("/api/2.0/jobs/list", params={"limit": 7}).json()["jobs"]) == 7


def test_queueing_is_on_for_jobs_of_version_2_2_alone(http: httpx2.Client) -> None:
    assert settings_of(http, create(http, spec()))["queue"] == {"enabled": True}
    assert settings_of(http, create(http, spec(queue={"enabled": False})))["queue"] == {"enabled": False}
    earlier = http.post("/api/2.1/jobs/create", json=spec()).json()["job_id"]
    assert "queue" not in settings_of(http, earlier)


def test_a_deleted_job_is_gone(w: WorkspaceClient, http: httpx2.Client) -> None:
    job_id = create(http, spec())
    w.jobs.delete(job_id)
    with pytest.raises(NotFound, match=f"Job {job_id} does not exist"):
        w.jobs.get(job_id)
    with pytest.raises(NotFound):
        w.jobs.delete(job_id)


def test_an_unknown_permission_level_is_refused(http: httpx2.Client) -> None:
    job_id = create(http, spec())
    entry = {"user_name": "x", "permission_level": "CAN_FLY"}
    answer = http.patch(f"/api/2.0/permissions/jobs/{job_id}", json={"access_control_list": [entry]})
    assert answer.status_code == 400
    assert "permission_level" in answer.json()["message"]


def test_a_task_kind_that_is_not_served_raises_the_sdks_invalid_parameter_value(w: WorkspaceClient) -> None:
    with pytest.raises(InvalidParameterValue, match="dashboard_task"):
        w.jobs.create(name="p", tasks=[sdk.Task("p", dashboard_task=sdk.DashboardTask(dashboard_id="id"))])
