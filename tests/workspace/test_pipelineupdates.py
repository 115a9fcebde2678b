"""Updates of pipelines on the wire; the runner's stand-in moves them. What they do is in tests/pipelines."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, ResourceConflict
from databricks.sdk.service import jobs
from databricks.sdk.service.pipelines import PipelineState, StartUpdateCause

from harness.runner.run import Result, Run
from tests.workspace.conftest import Service, WatchedSignal
from tests.workspace.test_errors import assert_refused
from tests.workspace.test_pipelines import PATH, made

NOWHERE = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(autouse=True)
def clean(http: httpx2.Client) -> None:
    http.post("/_harness/reset")


def progress(run: Run, *states: str) -> None:
    """What a kernel would note."""
    path = Path(run.tasks[-1].directory) / "events.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as log:
        for state in states:
            event = {"event_type": "update_progress", "details": {"update_progress": {"state": state}}}
            more = {"id": state, "timestamp": "2026-01-01T00:00:00.000Z", "level": "INFO", "origin": {}}
            log.write(json.dumps({**event, **more, "message": f"Update is {state}."}) + "\n")


def test_an_update_is_started_followed_and_listed(w: WorkspaceClient, service: Service) -> None:
    id = made(w, "nightly", configuration={"a": "1", "b": "2"}, catalog="main", target="raw")
    update_id = w.pipelines.start_update(id, refresh_selection=["one"], cause=StartUpdateCause.USER_ACTION).update_id
    run = service.runner.next()
    asked = run.tasks[0].spec["pipeline_update"]
    assert (asked["catalog"], asked["schema"], asked["refresh_selection"]) == ("main", "raw", ["one"])
    read = w.pipelines.get_update(id, update_id).update
    assert (read.state.value, read.cause.value, read.pipeline_id) == ("WAITING_FOR_RESOURCES", "USER_ACTION", id)
    assert w.pipelines.get(id).state is PipelineState.STARTING
    service.runner.start(run)
    progress(run, "INITIALIZING", "SETTING_UP_TABLES", "RUNNING")
    assert w.pipelines.get_update(id, update_id).update.state.value == "RUNNING"
    with pytest.raises(ResourceConflict, match=f"An active update {update_id} already exists for pipeline '{id}'"):
        w.pipelines.start_update(id)
    # No list of runs shows it, and none of jobs.
    assert list(w.jobs.list_runs()) == []
    progress(run, "COMPLETED")
    service.runner.end(run)
    assert w.pipelines.wait_get_pipeline_idle(id).state is PipelineState.IDLE
    second = w.pipelines.start_update(id, full_refresh=True, parameters={"a": "3"}).update_id
    conf = service.runner.next().tasks[0].spec["new_cluster"]["spark_conf"]
    assert conf == {"a": "3", "b": "2"}
    service.runner.end(service.runner.submitted[-1], Result.FAILED, "no")
    updates = w.pipelines.list_updates(id)
    states = [(update.update_id, update.state.value, update.full_refresh) for update in updates.updates]
    assert states == [(second, "FAILED", True), (update_id, "COMPLETED", False)]
    page = w.pipelines.list_updates(id, max_results=1)
    assert [update.update_id for update in page.updates] == [second]
    page = w.pipelines.list_updates(id, max_results=1, page_token=page.next_page_token)
    assert [update.update_id for update in page.updates] == [update_id]
    latest = w.pipelines.get(id)
    assert latest.health.value == "UNHEALTHY"
    assert [each.update_id for each in latest.latest_updates] == [second, update_id]


def test_the_event_log_is_ordered_filtered_and_paged(w: WorkspaceClient, service: Service) -> None:
    id = made(w, "nightly")
    assert list(w.pipelines.list_pipeline_events(id)) == []
    update_id = w.pipelines.start_update(id).update_id
    run = service.runner.next()
    progress(run, "INITIALIZING")
    assert len(list(w.pipelines.list_pipeline_events(id))) == 3
    run.tasks[0].output.error = "ValueError: why"
    service.runner.end(run, Result.FAILED)
    events = list(w.pipelines.list_pipeline_events(id, max_results=2, order_by=["timestamp asc"]))
    assert [event.message for event in events] == [
        f"Update {update_id[:6]} started by API_CALL.",
        "Update is WAITING_FOR_RESOURCES.",
        "Update is INITIALIZING.",
        "Update is FAILED.",
    ]
    last = events[-1]
    assert (last.level.value, last.error.exceptions[0].message) == ("ERROR", "ValueError: why")
    assert (last.origin.pipeline_id, last.origin.update_id, last.origin.pipeline_name) == (id, update_id, "nightly")
    assert [event.id for event in w.pipelines.list_pipeline_events(id)] == [event.id for event in events][::-1]
    errors = list(w.pipelines.list_pipeline_events(id, filter="level in ('ERROR', 'WARN') AND timestamp > '2020'"))
    assert [event.id for event in errors] == [last.id]


def test_a_stopped_update_is_canceled_and_a_held_poll_answered(w: WorkspaceClient, service: Service) -> None:
    id = made(w, "nightly")
    assert w.pipelines.stop(id).result().state is PipelineState.IDLE
    update_id = w.pipelines.start_update(id).update_id
    run = service.runner.next()
    service.runner.start(run)
    assert w.pipelines.get_update(id, update_id).update.state.value == "WAITING_FOR_RESOURCES"
    signal: Any = service.workspace.signal
    assert isinstance(signal, WatchedSignal)
    read: list[str] = []
    poll = threading.Thread(target=lambda: read.append(w.pipelines.get_update(id, update_id).update.state.value))
    poll.start()
    signal.wait_held(("pipeline", id))
    w.pipelines.stop_and_wait(id)
    poll.join()
    assert read == ["CANCELED"]


def test_a_workspace_that_ends_fails_its_updates(w: WorkspaceClient, service: Service) -> None:
    from harness.workspace import pipelineupdates

    id = made(w, "nightly")
    update_id = w.pipelines.start_update(id).update_id
    service.workspace.updates.active.clear()  # as in a process that has just begun
    pipelineupdates.recover(service.workspace)
    assert w.pipelines.get_update(id, update_id).update.state.value == "FAILED"
    (last, *_) = w.pipelines.list_pipeline_events(id)
    assert last.error.exceptions[0].message == "The workspace stopped during this update."


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"libraries": []}, "libraries is empty"),
        ({"continuous": True}, "continuous"),
        ({"libraries": [{"jar": "/a.jar"}]}, "jar is not supported"),
        ({"libraries": [{"notebook": {}}]}, "an empty library is not supported"),
        ({"libraries": [{"glob": {"include": "/a/*/b.py"}}]}, "glob.include"),
        ({"ingestion_definition": {"connection_name": "c"}}, "ingestion_definition"),
    ],
)
def test_a_pipeline_that_cannot_run_here_is_refused_by_name(
    w: WorkspaceClient, http: httpx2.Client, spec: dict[str, Any], words: str
) -> None:
    body = {"name": "p", "libraries": [{"notebook": {"path": "/Shared/p"}}], **spec}
    id = http.post(PATH, json=body).json()["pipeline_id"]
    with pytest.raises(InvalidParameterValue, match=words):
        w.pipelines.start_update(id)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"full_refresh": "perhaps"}, "full_refresh"),
        ({"full_refresh": True, "refresh_selection": ["a"]}, "cannot be combined"),
        ({"refresh_selection": "a"}, "refresh_selection"),
        ({"full_refresh_selection": [1]}, "full_refresh_selection"),
        ({"parameters": {"a": 1}}, "parameters"),
        ({"rewind_spec": {}}, "rewind_spec is not supported"),
        ({"nosuch": 1}, "nosuch"),
    ],
)
def test_wrong_input_of_an_update_is_an_invalid_parameter_value(
    w: WorkspaceClient, http: httpx2.Client, body: dict[str, Any], words: str
) -> None:
    id = made(w, "nightly")
    assert_refused(http.post(f"{PATH}/{id}/updates", json=body), 400, "INVALID_PARAMETER_VALUE", words)
    for query in ({"filter": "nosuch = 'x'"}, {"order_by": "level"}, {"max_results": 251}):
        assert_refused(http.get(f"{PATH}/{id}/events", params=query), 400, "INVALID_PARAMETER_VALUE")


def test_what_is_not_there_is_not_found(w: WorkspaceClient) -> None:
    id = made(w, "nightly")
    for act in (w.pipelines.start_update, w.pipelines.list_updates, w.pipelines.stop):
        with pytest.raises(NotFound, match=f"The specified pipeline {NOWHERE} was not found"):
            act(NOWHERE)
    with pytest.raises(NotFound, match=f"update {NOWHERE} of pipeline {id}"):
        w.pipelines.get_update(id, NOWHERE)
    with pytest.raises(NotFound):
        list(w.pipelines.list_pipeline_events(NOWHERE))


def test_a_pipeline_task_names_its_pipeline(w: WorkspaceClient, service: Service) -> None:
    with pytest.raises(InvalidParameterValue, match=r"pipeline_task\.pipeline_id is required"):
        w.jobs.submit(tasks=[jobs.SubmitTask("p", pipeline_task=jobs.PipelineTask(""))])
    task = jobs.PipelineTask("id", refresh_flow_selection=["f"])
    with pytest.raises(InvalidParameterValue, match=r"pipeline_task\.refresh_flow_selection is not supported"):
        w.jobs.submit(tasks=[jobs.SubmitTask("p", pipeline_task=task)])
    job = w.jobs.create(name="p", tasks=[jobs.Task("p", pipeline_task=jobs.PipelineTask("id"))]).job_id
    with pytest.raises(InvalidParameterValue, match=r"pipeline_params\.reset_checkpoint_selection"):
        w.jobs.run_now(job, pipeline_params=jobs.PipelineParams(reset_checkpoint_selection=["f"]))
    w.jobs.run_now(job, pipeline_params=jobs.PipelineParams(full_refresh=True))
    assert service.runner.next().parameters == {"pipeline_params": {"full_refresh": True}}
