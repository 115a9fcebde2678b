"""What is kept and shown of failing tests: in a project of their own, without a stack (a stand-in resets nothing)."""

from __future__ import annotations

import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

from harness.dagrun import DagRunResult, TaskResult
from harness.settings import Settings
from harness.testing import artefacts

pytest_plugins = ["pytester"]
CACHE = str(Settings().cache)

DAG = """
import datetime
from airflow.sdk import DAG, task

with DAG("fail_it", schedule=None, start_date=datetime.datetime(2024, 1, 1)):
    @task
    def fail():
        print("about to fail")
        raise ValueError("on purpose")
    fail()

with DAG("pass_it", schedule=None, start_date=datetime.datetime(2024, 1, 1)):
    @task
    def greet():
        return "hello"
    greet()
"""

CONFTEST = """
import pytest

class NoStack:
    network, endpoints = [], None
    def reset(self): pass
    def full_disk(self): return ""

@pytest.fixture(scope="session")
def stack():
    return NoStack()

@pytest.fixture(scope="session")
def connected(stack): pass

@pytest.fixture(autouse=True)
def no_witness(monkeypatch):
    monkeypatch.setattr("harness.plugin.witnessed", lambda result, endpoints, objects: result)
    monkeypatch.setattr("harness.testing.reporting.unserved", lambda item: "")

def pytest_collection_modifyitems(items):
    items.reverse()
"""

TESTS = """
import pathlib, pytest

def test_passes(run_dag):
    run_dag("pass_it", expect="success")

@pytest.mark.parametrize("n", [1, 2])
def test_fails(run_dag, n):
    run_dag("fail_it", expect="success")

def test_fails_once(run_dag):
    mark = pathlib.Path("tried")
    tried = mark.exists()
    mark.touch()
    run_dag("pass_it" if tried else "fail_it", expect="success")

@pytest.fixture
def loaded(run_dag):
    run_dag("fail_it", expect="success")

def test_never_begins(loaded): ...
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("HARNESS_CACHE", CACHE)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\naddopts = ["-p", "harness.plugin"]\n')
    pytester.mkdir("dags").joinpath("dags.py").write_text(DAG)
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_it=TESTS)
    return pytester


@pytest.mark.slow
def test_workers_order_and_reruns_keep_each_test_its_own(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("-n", "2", "--junitxml=junit.xml", timeout=240)
    result.assert_outcomes(passed=1, failed=3, errors=1)
    root = next((project.path / ".harness" / "failures").iterdir())
    assert sorted(folder.name for folder in root.parent.iterdir()) == sorted(
        artefacts.folder_of(Path(), f"test_it.py::{name}").name
        for name in ("test_fails[1]", "test_fails[2]", "test_fails_once", "test_never_begins")
    )
    (diagnosis,) = root.glob("*.txt")
    assert "ValueError: on purpose" in diagnosis.read_text()
    (log,) = root.glob("logs/fail_it/*/fail/1.log")
    assert "about to fail" in log.read_text()
    annotations = [line for line in result.outlines if line.startswith("::error ")]
    assert len(annotations) == 4
    titles = {line.partition("::error file=dags/dags.py,line=9,title=")[2].partition("::")[0] for line in annotations}
    assert titles == {"test_fails[1]", "test_fails[2]", "test_fails_once", "test_never_begins"}
    assert all("%0A" in line and "ValueError: on purpose" in line for line in annotations)
    cases = {case.get("name"): case for case in xml.parse(project.path / "junit.xml").iter("testcase")}
    for name in ("test_fails[1]", "test_never_begins"):
        properties = {p.get("name"): p.get("value") or "" for p in cases[name].iter("property")}
        assert properties["dag_run"].startswith("fail_it manual__")
        assert properties["artifacts"].endswith(artefacts.folder_of(Path(), f"test_it.py::{name}").name)
    assert "pass_it" in next(p.get("value") or "" for p in cases["test_passes"].iter("property"))
    # The one that failed by chance passes when it is run again, and nothing of it stays behind.
    again = project.runpytest_subprocess("--lf", "--harness-artifacts=kept", timeout=240)
    again.assert_outcomes(passed=1, failed=2, errors=1)
    assert len(list((project.path / "kept").iterdir())) == 3


def test_a_test_without_runs_keeps_nothing(tmp_path: Path) -> None:
    assert artefacts.keep(tmp_path / "t", [], None) is None
    assert not (tmp_path / "t").exists()


def test_what_was_kept_before_is_gone(tmp_path: Path) -> None:
    result = DagRunResult("a/b", "manual__2024-01-01T00:00:00+00:00", "failed", [TaskResult("x", state="failed")])
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "old").touch()
    assert artefacts.keep(tmp_path / "t", [result], None) == tmp_path / "t"
    assert [path.name for path in (tmp_path / "t").iterdir()] == ["1-a_b.txt"]


def test_folders_are_named_after_tests_without_strange_signs() -> None:
    name = artefacts.folder_of(Path("r"), "tests/dags/test_x.py::TestIt::test_a[main/x y:z]").name
    assert name == "tests.dags.test_x.py.TestIt.test_a_main.x_y_z"
