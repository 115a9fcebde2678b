"""The guard: this machine and what is listed; every other attempt is refused, and named with its line."""

from __future__ import annotations

import datetime
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from harness.dagrun import AirflowHome, DagRunResult, run_dag
from harness.netguard import Guard, NetworkBlocked, environment, guarded, unguarded

ELSEWHERE = "192.0.2.1"  # TEST-NET-1 (RFC 5737): nobody is there
NAME = "warehouse.example.invalid"


@pytest.fixture
def guard() -> Iterator[Guard]:
    with guarded(Guard()) as guard:
        yield guard


def test_names_and_addresses_elsewhere_are_refused_with_the_line(guard: Guard) -> None:
    with pytest.raises(NetworkBlocked, match=rf"{NAME}:443, from .*test_netguard\.py:\d+, in test_names"):
        requests.get(f"https://{NAME}/", timeout=5)
    with socket.socket() as sock, pytest.raises(NetworkBlocked, match=ELSEWHERE):
        sock.connect((ELSEWHERE, 443))
    with socket.socket() as sock, pytest.raises(NetworkBlocked):
        sock.connect_ex((ELSEWHERE, 443))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(NetworkBlocked):
        sock.sendto(b"", (ELSEWHERE, 53))
    with pytest.raises(NetworkBlocked):
        socket.gethostbyname(NAME)
    assert [(each.host, each.port) for each in guard.attempts] == [
        (NAME, 443),
        (ELSEWHERE, 443),
        (ELSEWHERE, 443),
        (ELSEWHERE, 53),
        (NAME, None),
    ]


def test_other_threads_are_guarded_too(guard: Guard) -> None:
    errors: list[BaseException] = []

    def leave() -> None:
        try:
            socket.getaddrinfo(NAME, 443)
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=leave)
    thread.start()
    thread.join()
    assert [type(error) for error in errors] == [NetworkBlocked]


def test_this_machine_is_reached(guard: Guard, tmp_path: Path) -> None:
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as server, socket.socket(family) as client:
            server.bind((host, 0))
            server.listen()
            client.connect((host, server.getsockname()[1]))
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))
    for host in ("localhost", None, "127.8.9.10", "api.localhost"):
        assert guard.allows(host)
    assert guard.attempts == []


def test_a_list_of_hosts_and_networks_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = Guard(["minio.example.invalid", "10.1.0.0/16", "*.corp.example.invalid"])
    monkeypatch.setattr(socket, "getaddrinfo", lambda name, port: [(0, 0, 0, "", ("198.51.100.7", 0))])
    allowed = ("minio.example.invalid", "MINIO.example.invalid.", "10.1.2.3", "git.corp.example.invalid")
    assert all(map(guard.allows, allowed))
    assert guard.allows("198.51.100.7")  # where a name of the list leads
    assert not any(map(guard.allows, ("10.2.0.1", "example.invalid", ELSEWHERE, "2001:db8::1")))
    assert Guard(["*"]).allows(ELSEWHERE)


def test_it_ends_with_its_block_and_the_harness_may_step_out(guard: Guard) -> None:
    with unguarded(), pytest.raises(OSError, match=r".*"):
        socket.getaddrinfo(NAME, 443)
    assert guard.attempts == []
    with guarded(Guard(["*"])), pytest.raises(NetworkBlocked):
        socket.getaddrinfo(NAME, 443)  # the outer one still holds


def test_a_task_that_leaves_fails_the_run_even_if_it_hides_it(run: Callable[..., DagRunResult]) -> None:
    from airflow.sdk import DAG, task

    with DAG("leaves", schedule=None, start_date=datetime.datetime(2024, 1, 1)) as dag:

        @task
        def ask() -> str:
            try:
                requests.get(f"https://{NAME}/", timeout=5)
            except Exception:
                return "went on without"
            return "reached"

        ask()
    result = run(dag, network=[])
    assert result.task("ask").xcom == "went on without"
    assert not result.success
    assert f"blocked          {NAME}:443, from {__file__}" in str(result)
    with pytest.raises(AssertionError):
        result.raise_for_failure()


@pytest.fixture
def run(airflow_home: AirflowHome) -> Callable[..., DagRunResult]:
    airflow_home.clean()
    return lambda dag, **options: run_dag(dag, home=airflow_home, **options)


def python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment([]), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


ASK = f"import socket; socket.getaddrinfo('{NAME}', 443)"


def test_a_script_of_ones_own_is_guarded_once_it_imports_airflow() -> None:
    # A stand-in for the import of Airflow itself, which takes seconds.
    answer = python(f"import sys; sys.modules['airflow.sdk'] = sys; {ASK}")
    assert f"NetworkBlocked: blocked: {NAME}:443, from <string>:1" in answer.stderr
    assert "gaierror" in python(ASK).stderr  # pip and others reach the network as ever


def test_the_sitecustomize_that_was_there_still_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('mine')")
    variables = environment([], str(tmp_path))
    assert python("pass", PYTHONPATH=variables["PYTHONPATH"]).stdout == "mine\n"


def test_profiles_of_the_clouds_are_hidden(tmp_path: Path) -> None:
    home = tmp_path / ".aws"
    home.mkdir()
    (home / "credentials").write_text("[prod]\naws_access_key_id = AKIA\naws_secret_access_key = s\n")
    code = (
        "import boto3; print(boto3.session.Session().available_profiles); "
        "import configparser, os; c = configparser.ConfigParser(); "
        "print(c.read(os.environ['DATABRICKS_CONFIG_FILE']), os.path.exists(os.environ['CLOUDSDK_CONFIG']))"
    )
    lines = python(code, HOME=str(tmp_path)).stdout.splitlines()
    assert lines == ["[]", "[] False"]


@pytest.mark.slow
def test_a_notebook_that_leaves_fails_even_if_it_hides_it(make_notebook: Any, run_dag: Any) -> None:
    from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator
    from airflow.sdk import DAG

    source = f"import socket\n# COMMAND ----------\nx = 1\nsocket.getaddrinfo('{NAME}', 443)"
    hidden = f"import socket\ntry:\n    socket.getaddrinfo('{NAME}', 443)\nexcept Exception:\n    pass"
    with DAG("notebooks_leave", schedule=None, start_date=datetime.datetime(2024, 1, 1)) as dag:
        for name, text in (("open", source), ("hidden", hidden)):
            DatabricksSubmitRunOperator(task_id=name, notebook_task={"notebook_path": make_notebook(text)})
    result = run_dag(dag, expect="failed")
    assert [task.state for task in result.tasks] == ["failed", "failed"]
    for run in result.databricks_runs:
        assert f"blocked: {NAME}:443" in run.tasks[0].error
    assert "cell 2, line 5" in result.databricks_runs[0].tasks[0].error
