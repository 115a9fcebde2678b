"""Random order and reruns, by pytest-randomly and pytest-rerunfailures, in a project of its own (`tox -e order`)."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as xml

import pytest

from harness.settings import Settings
from harness.testing import artefacts

pytest_plugins = ["pytester"]
CACHE = str(Settings().cache)
MISSING = [name for name in ("pytest_randomly", "pytest_rerunfailures") if importlib.util.find_spec(name) is None]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}; `tox -e order` has them"),
]

DAGS = """
import datetime
from airflow.sdk import DAG, Asset, ObjectStoragePath, task

LANDED = Asset("s3://lake/one.txt")

with DAG("write_one", schedule=None, start_date=datetime.datetime(2024, 1, 1)):
    @task(outlets=[LANDED])
    def write():
        bucket = ObjectStoragePath("s3://aws_default@lake")
        bucket.mkdir()
        (bucket / "one.txt").write_text("one")
    write()

with DAG("count_landed", schedule=[LANDED], start_date=datetime.datetime(2024, 1, 1)):
    @task
    def count(triggering_asset_events=None):
        return sum(len(events) for events in triggering_asset_events.values())
    count()

with DAG("fail_it", schedule=None, start_date=datetime.datetime(2024, 1, 1)):
    @task
    def fail():
        raise ValueError("on purpose")
    fail()
"""

TESTS = """
import pathlib, pytest, requests

def first_time(name):
    mark = pathlib.Path(f"{name}.tried")
    tried = mark.exists()
    mark.touch()
    return not tried

@pytest.fixture(autouse=True)
def nothing_is_left(s3, workspace):
    assert s3.list_buckets()["Buckets"] == []
    assert list(workspace.jobs.list()) == list(workspace.jobs.list_runs()) == []
    assert [scope.name for scope in workspace.secrets.list_scopes()] == []

@pytest.mark.parametrize("n", [1, 2])
def test_writes(run_dag, s3, make_bucket, make_job, make_secret, n):
    assert run_dag("write_one", expect="success")
    assert s3.get_object(Bucket="lake", Key="one.txt")["Body"].read() == b"one"
    assert make_bucket() != make_bucket()
    make_job("/Shared/none")
    make_secret("scope/key", "value")

@pytest.mark.parametrize("n", [1, 2])
def test_runs_the_chain(run_assets, n):
    run = run_assets("write_one", expect="success")
    assert run.run("count_landed").task("count").xcom == 1

def test_dag_fails_at_first(run_dag, run_assets, make_bucket, make_job):
    if first_time("dag"):
        make_bucket("left")
        make_job("/Shared/none", name="left")
        run_assets("write_one", expect="success")
        run_dag("fail_it", expect="success")
    run = run_dag("write_one")
    assert (len(run.tasks), run.task("write").tries) == (1, 1)

@pytest.fixture
def loaded(run_dag):
    return run_dag("fail_it" if first_time("fixture") else "write_one", expect="success")

def test_fixture_fails_at_first(loaded):
    assert loaded.dag_id == "write_one"

@pytest.fixture
def before():
    assert not first_time("asked")

@pytest.mark.harness(faults={"request": {"operation": "jobs.list_jobs", "status": 503, "expected": False}})
def test_marked_fault_is_there_in_each_attempt(before, faults):
    assert len(faults.all()) == 1

def test_fault_is_missed_at_first(faults):
    if first_time("fault"):
        faults.request("jobs.list_jobs", status=503)

def test_asks_at_first_for_what_is_not_served(stack, clean_stack):
    if first_time("unserved"):
        headers = {"Authorization": f"Bearer {stack.token}"}
        requests.get(f"{stack.workspace_url}/api/2.0/quantum/list", headers=headers)

def test_always_fails(run_dag):
    run_dag("fail_it", expect="success")

@pytest.fixture
def only_once():
    assert first_time("once"), "only once"

def test_second_attempt_fails_for_another_reason(only_once, run_dag):
    run_dag("fail_it", expect="success")
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("HARNESS_CACHE", CACHE)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\naddopts = ["-p", "harness.plugin"]\n')
    pytester.mkdir("dags").joinpath("dags.py").write_text(DAGS)
    pytester.makepyfile(test_it=TESTS)
    return pytester


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_order_and_each_rerun_begin_clean(project: pytest.Pytester, seed: int) -> None:
    options = ("-p", "randomly", f"--randomly-seed={seed}", "--reruns=1", "-rR", "-v", "--junitxml=junit.xml")
    result = project.runpytest_subprocess(*options, timeout=300)
    result.assert_outcomes(passed=9, failed=1, errors=1)
    assert len([line for line in result.outlines if line.startswith("RERUN ")]) == 7, result.outlines
    # Of what passed the second time the first is kept, as are both kinds of failures.
    kept = {folder.name: folder for folder in (project.path / ".harness" / "failures").iterdir()}
    names = ("dag_fails_at_first", "fixture_fails_at_first", "always_fails")
    assert kept.keys() >= {artefacts.folder_of(project.path, f"test_it.py::test_{name}").name for name in names}
    for folder in kept.values():
        assert [log for log in folder.rglob("*.log") if "on purpose" in log.read_text()], folder
    # What is annotated is what failed in the end, and its DAG run is that of the last attempt.
    annotations = [line for line in result.outlines if line.startswith("::error ")]
    assert [line.partition("title=")[2].partition("::")[0] for line in annotations] == ["test_always_fails"]
    cases: dict[str, list[list[str]]] = {}
    for case in xml.parse(project.path / "junit.xml").iter("testcase"):
        runs = [p.get("value") or "" for p in case.iter("property") if p.get("name") == "dag_run"]
        cases.setdefault(case.get("name") or "", []).append(runs)
    first, second = cases["test_fixture_fails_at_first"]
    assert ("fail_it" in first[0], "write_one" in second[0]) == (True, True)
    assert cases["test_second_attempt_fails_for_another_reason"][1] == []
    assert "only once" in result.stdout.str()


def test_workers_and_last_failures_go_with_them(project: pytest.Pytester) -> None:
    options = ("-p", "randomly", "--randomly-seed=4", "-n", "2")
    project.runpytest_subprocess(*options, timeout=300).assert_outcomes(passed=4, failed=5, errors=2)
    again = project.runpytest_subprocess("-p", "randomly", "--randomly-seed=5", "--lf", timeout=300)
    again.assert_outcomes(passed=5, failed=1, errors=1)
