"""The plugin in a project of its own, as a user has it."""

from __future__ import annotations

import inspect
import json

import pytest

from harness import plugin
from harness.settings import Settings

pytest_plugins = ["pytester"]

CACHE = str(Settings().cache)

DAG = """
import datetime
from airflow.sdk import DAG, ObjectStoragePath, task

with DAG("write_one", schedule=None, start_date=datetime.datetime(2024, 1, 1)):
    @task
    def write():
        bucket = ObjectStoragePath("s3://aws_default@lake")
        bucket.mkdir()
        (bucket / "one.txt").write_text("one")
    write()

with DAG("fail_it", schedule=None, start_date=datetime.datetime(2024, 1, 1)):
    @task
    def fail():
        print("about to fail")
        raise ValueError("on purpose")
    fail()
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    # Pytester gives the inner pytest a home directory of its own; the jars are where they were.
    monkeypatch.setenv("HARNESS_CACHE", CACHE)
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\naddopts = ["-p", "harness.plugin"]\n')
    pytester.mkdir("dags").joinpath("dags.py").write_text(DAG)
    return pytester


def test_airflow_imported_by_a_test_module_already_has_its_home(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import os
        from airflow.configuration import AIRFLOW_HOME, conf

        def test_home(airflow_home):
            assert AIRFLOW_HOME == str(airflow_home.directory)
            assert conf.get("core", "dags_folder") == os.path.abspath("dags")
            assert "AWS_PROFILE" not in os.environ
            assert set(airflow_home.registry.dags) == {"fail_it", "write_one"}
        """
    )
    result = project.runpytest_subprocess()
    result.assert_outcomes(passed=1)


def test_a_conftest_may_name_the_plugin_as_well(project: pytest.Pytester) -> None:
    project.makeconftest('pytest_plugins = ["harness.plugin"]')
    project.makepyfile("def test_home(airflow_home): assert airflow_home.dags_folder.name == 'dags'")
    project.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_conftest_alone_is_early_enough_for_test_modules(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml("")
    pytester.mkdir("dags")
    pytester.makeconftest('pytest_plugins = ["harness.plugin"]')
    pytester.makepyfile("import airflow.settings\ndef test_home(airflow_home): airflow_home.clean()")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_the_settings_are_redefined_in_a_conftest(project: pytest.Pytester) -> None:
    other = project.mkdir("pipelines")
    other.joinpath("renamed.py").write_text(DAG.replace("write_one", "renamed"))
    project.makeconftest(
        """
        import pathlib, pytest
        from harness.settings import Settings

        @pytest.fixture(scope="session")
        def harness_settings():
            return Settings(dags=pathlib.Path("pipelines"))
        """
    )
    project.makepyfile("def test_home(airflow_home): assert 'renamed' in airflow_home.registry.dags")
    project.runpytest_subprocess().assert_outcomes(passed=1)


def test_the_s3_server_is_chosen_on_the_command_line(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_server(harness_settings):
            assert harness_settings.s3 == "http://127.0.0.1:9"
        """
    )
    project.runpytest_subprocess("--harness-s3=http://127.0.0.1:9").assert_outcomes(passed=1)
    refused = project.runpytest_subprocess("--harness-s3=ceph")
    refused.stdout.fnmatch_lines(["*'ceph' is none of moto, minio, *"])


def test_a_project_without_dags_is_left_alone(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    pytester.makepyfile(
        """
        import os

        def test_environment():
            assert os.environ["AWS_PROFILE"] == "mine"

        def test_home(airflow_home): ...
        """
    )
    result = pytester.runpytest_subprocess("-p", "harness.plugin")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*there is no DAG folder at */dags*"])


def test_airflow_imported_too_early_is_said_so(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where the plugin is not installed but named by a conftest, that conftest comes first.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyprojecttoml("")
    pytester.mkdir("dags")
    pytester.makeconftest('import airflow.configuration\npytest_plugins = ["harness.plugin"]')
    pytester.makepyfile("def test_home(airflow_home): ...")
    result = pytester.runpytest_subprocess()
    assert result.ret != 0
    result.stderr.fnmatch_lines(["*Airflow was imported before its home was set*"])


def test_every_fixture_says_in_one_line_what_it_gives() -> None:
    fixtures = {
        name: value for name, value in vars(plugin).items() if type(value).__name__ == "FixtureFunctionDefinition"
    }
    assert {"stack", "airflow_home", "run_dag", "run_assets", "lake", "s3", "workspace", "sql"} <= fixtures.keys()
    for name, fixture in fixtures.items():
        doc = inspect.getdoc(fixture)
        assert doc is not None, name
        assert "\n" not in doc, name


@pytest.mark.slow
def test_tests_on_a_stack_start_clean_and_say_what_failed(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest, requests

        def test_writes(run_dag, s3):
            run = run_dag("write_one")
            assert run.success, run
            assert s3.get_object(Bucket="lake", Key="one.txt")["Body"].read() == b"one"

        def test_starts_without_what_another_wrote(run_dag, s3):
            assert s3.list_buckets()["Buckets"] == []
            assert run_dag("write_one").success

        def test_speaks_to_the_workspace(workspace):
            assert [warehouse.id for warehouse in workspace.warehouses.list()] == ["local"]

        def test_fails(run_dag):
            run = run_dag("fail_it")
            assert run.success, run

        def test_fails_elsewhere(run_dag):
            run_dag("fail_it")
            assert 1 == 2

        @pytest.mark.harness(mocks={"fail": "fine"})
        def test_is_marked(run_dag):
            assert run_dag("fail_it", expect="success").task("fail").xcom == "fine"

        def test_expects(run_dag):
            assert "on purpose" in str(run_dag("fail_it", expect="failed"))

        @pytest.mark.harness(faults={"request": {"operation": "jobs.list_jobs", "status": 503}})
        def test_is_marked_with_a_fault_that_never_fires(workspace):
            workspace.current_user.me()

        def test_asks_for_what_is_not_served(stack, clean_stack):
            headers = {"Authorization": f"Bearer {stack.token}"}
            assert requests.get(f"{stack.workspace_url}/api/2.0/quantum/list", headers=headers).status_code == 501

        def test_makes_a_fault_that_never_fires(faults, stack):
            faults.request("jobs.list_jobs", status=503)
            if stack.settings.s3 == "moto":
                faults.s3(expected=False)

        def test_is_hit_by_no_fault_of_another(faults, workspace, s3):
            assert list(workspace.jobs.list()) == []
            s3.list_buckets()
            assert faults.all() == []

        def test_is_not_blamed_for_it(workspace):
            workspace.current_user.me()
        """
    )
    result = project.runpytest_subprocess("-rA", timeout=240)
    result.assert_outcomes(passed=7, failed=5)
    text = result.stdout.str()
    # Two tests made one each. Where CI is set pytest prints each message whole a second time, in its summary.
    unfired = {line.strip() for line in text.splitlines() if "'operation': 'jobs.list_jobs'" in line}
    assert len(unfired) == 2, unfired
    assert "'service': 's3'" not in text
    for name in ("fails", "fails_elsewhere", "asks_for_what_is_not_served"):
        assert f"FAILED test_tests_on_a_stack_start_clean_and_say_what_failed.py::test_{name}" in text
    assert text.count("DAG run fail_it") == 2
    assert "First cause: task fail" in text
    assert "ValueError: on purpose" in text
    assert "GET /api/2.0/quantum/list (1 times)" in text


@pytest.mark.slow
def test_sql_and_tables_are_read_by_real_clients(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_rows(sql, lake):
            sql("CREATE TABLE main.default.numbers AS SELECT id, id * 2 AS twice FROM range(5)")
            assert [tuple(row) for row in sql("SELECT sum(twice) FROM main.default.numbers")] == [(20,)]
            assert lake.table("main.default.numbers").count() == 5
        """
    )
    project.runpytest_subprocess(timeout=240).assert_outcomes(passed=1)


@pytest.mark.slow
def test_coverage_counts_the_lines_of_notebooks_with_those_of_dags(project: pytest.Pytester) -> None:
    notebooks = project.mkdir("notebooks")
    notebooks.joinpath("helpers.py").write_text("def double(n):\n    return 2 * n\n\n\ndef unused():\n    return 1\n")
    notebooks.joinpath("load.py").write_text(
        "# Databricks notebook source\nimport helpers\nx = helpers.double(2)\nif x > 10:\n    print('never')\n"
        "\n# COMMAND ----------\n\n# MAGIC %run ./included\n\n# COMMAND ----------\n\nprint(\n    x\n)\n"
    )
    notebooks.joinpath("included.sql").write_text(
        "-- Databricks notebook source\n-- of two\nSELECT\n  1;\nSELECT 2\n\n-- COMMAND ----------\n\nSELECT 4\n"
        "\n-- COMMAND ----------\n\nSELECT 3\n"
    )
    code = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# A title"},
        {**code, "source": "%matplotlib inline\na = 1\nif a > 1:\n    b = 2\ntry:\n    !true\nfinally:\n    c = 3"},
        {**code, "source": "%sql\nselect 1;\nselect no_such_column"},
        {**code, "source": "\nprint(a)  # pragma: no cover"},
        {**code, "source": "\nprint(\n  a)"},
    ]
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    notebooks.joinpath("plot.ipynb").write_text(json.dumps(document))
    notebooks.joinpath("never.ipynb").write_text(json.dumps({**document, "cells": cells[-1:]}))
    notebooks.joinpath("tmp.ipynb").write_text("{}")
    project.makepyfile(
        """
        from databricks.sdk.service.jobs import NotebookTask, SubmitTask

        def test_notebooks(workspace):
            tasks = [SubmitTask(name, notebook_task=NotebookTask(f"/Shared/{name}")) for name in ("load", "plot")]
            run = workspace.jobs.submit(run_name="r", tasks=tasks).result
            try:
                run()
            except Exception:
                pass
            outputs = [workspace.jobs.get_run_output(task.run_id) for task in
                       workspace.jobs.get_run(next(iter(workspace.jobs.list_runs())).run_id).tasks]
            assert [output.error is None for output in outputs] == [True, False], outputs
            assert outputs[0].logs == "4\\n"

        def test_a_dag(run_dag):
            assert run_dag("write_one").success
        """
    )
    options = ("--cov=notebooks", "--cov=dags", "--cov-branch", "--cov-report=json", "--cov-report=term-missing", "-n1")
    result = project.runpytest_subprocess(*options, timeout=240)
    result.assert_outcomes(passed=2)
    files = json.loads((project.path / "coverage.json").read_text())["files"]
    lines = {name: (found["executed_lines"], found["missing_lines"]) for name, found in files.items()}
    assert lines["notebooks/load.py"] == ([2, 3, 4, 13], [5])
    assert lines["notebooks/helpers.py"] == ([1, 2, 5], [6])
    assert files["notebooks/load.py"]["missing_branches"] == [[4, 5]]
    assert lines["notebooks/included.sql"] == ([3, 5, 9, 13], [])
    # The text of an .ipynb is that of its cells, each headed by "# cell N".
    assert lines["notebooks/plot.ipynb"] == ([4, 5, 6, 8, 9, 11, 14, 15], [7, 21])
    assert lines["notebooks/never.ipynb"] == ([], [3])
    assert "notebooks/tmp.ipynb" not in lines
    assert lines["dags/dags.py"][0]
    result.stdout.re_match_lines([r"notebooks/plot.ipynb +10 +2 .* 7, 21"])
