"""The command line as its user meets it: real processes, their words and their exit codes."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from harness.dagrun.connections import Endpoints
from harness.disk import disk_is_full
from harness.process import bind
from harness.serve import locked, write_private
from tests.dap import Ide
from tests.terminal import CTRL_C, CTRL_D, ENTER, Terminal

ROOT = Path(__file__).parents[1]
SECRET = "from-the-environment"


def harness(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A project state of its own, with a stack up."""
    environment = {
        "HARNESS_STATE": str(tmp_path_factory.mktemp("state")),
        "HARNESS_TLS": "true",
        "HARNESS_SECRETS": json.dumps({"cli/password": SECRET}),
        "HARNESS_MOUNTS": json.dumps(
            {"/Workspace/Shared": "notebooks", "/Workspace/Elsewhere": str(tmp_path_factory.mktemp("elsewhere"))}
        ),
    }
    started = harness("up", **environment)
    assert started.returncode == 0, started.stderr
    yield environment
    assert harness("down", **environment).returncode == 0
    assert harness("status", **environment).returncode == 1


def test_doctor_is_content_with_this_machine_and_says_so_line_by_line():
    assert harness("fetch").returncode == 0
    answer = harness("doctor", COLUMNS="60")
    assert answer.returncode == 0, answer.stdout
    lines = dict(re.findall(r"^ok  (.+?): (.+)$", answer.stdout, re.MULTILINE))
    assert len(lines) == len(answer.stdout.splitlines())
    assert re.match(r"\d+[.]\d+.* at /", lines["Java"]), "the path is there whole, though the terminal is narrow"
    assert re.search(r"/dags: \d+ files$", lines["DAGs"])


def test_doctor_counts_the_files_of_the_project_without_its_hidden_folders(tmp_path):
    for name in ("dag.py", "jobs/other.py", ".venv/package.py", "__pycache__/dag.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    answer = harness("doctor", HARNESS_DAGS=str(tmp_path))
    assert f"ok  DAGs: {tmp_path}: 2 files" in answer.stdout.splitlines()


def test_capabilities_lists_what_is_served_and_what_is_not():
    text = harness("capabilities").stdout
    assert "served  POST /api/2.2/jobs/run-now" in text
    assert re.search(r"^ +\d+ of +\d+  jobs$", text, re.MULTILINE)
    assert "lakeview" in text.splitlines()[-1]
    rows = json.loads(harness("capabilities", "--json").stdout)
    assert {row["served"] for row in rows} == {True, False}


def test_doctor_names_what_is_missing_and_how_to_mend_it(tmp_path):
    answer = harness("doctor", HARNESS_JAVA_HOME=str(tmp_path), HARNESS_DAGS="nowhere")
    assert answer.returncode == 1
    assert re.search(r"^NO  Java: .+\n    to mend it: .*(HARNESS_JAVA_HOME|java_home)", answer.stdout, re.MULTILINE)
    assert re.search(r"^NO  DAGs: .*nowhere: 0 files\n    to mend it: .*`dags`", answer.stdout, re.MULTILINE)


def test_without_a_stack_the_commands_that_need_one_say_how_to_start_it(tmp_path):
    for command in ("env", "status", "down"):
        answer = harness(command, HARNESS_STATE=str(tmp_path))
        assert (answer.returncode, "harness up" in answer.stderr) == (1, True)


@pytest.mark.slow
def test_the_record_of_a_stack_that_was_killed_is_not_taken_for_the_next_ones(tmp_path):
    write_private(tmp_path / "stack.json", json.dumps({"pid": os.getpid(), "endpoints": {}}))
    with bind() as taken:
        port = str(taken.getsockname()[1])
        answer = harness("up", HARNESS_STATE=str(tmp_path), HARNESS_PORT=port)
    assert (answer.returncode, f"127.0.0.1:{port}" in answer.stderr) == (1, True), answer.stderr
    assert not (tmp_path / "stack.json").exists()


def test_a_wrong_setting_is_named():
    answer = harness("status", HARNESS_PORT="many")
    assert answer.returncode == 2
    assert "port" in answer.stderr


@pytest.mark.slow
def test_env_points_unmodified_clients_at_the_stack_that_is_up(state):
    lines = harness("env", **state).stdout
    client = (
        "import boto3; from databricks.sdk import WorkspaceClient; "
        "print(WorkspaceClient().current_user.me().user_name, len(boto3.client('s3').list_buckets()['Buckets']))"
    )
    answer = subprocess.run(
        ["bash", "-c", f'set -e; eval "$LINES"; {sys.executable} -W ignore -c "{client}"'],
        env={**os.environ, "LINES": lines},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.stdout.split() == ["harness@localhost", "0"], answer.stderr


@pytest.mark.slow
def test_env_tls_points_them_at_it_over_https_and_secrets_stand_in_no_command_line(state):
    client = (
        "from databricks.sdk import WorkspaceClient; w = WorkspaceClient(); "
        "print(w.config.host, w.dbutils.secrets.get('cli', 'password'))"
    )
    answer = subprocess.run(
        ["bash", "-c", f'set -e; eval "$LINES"; {sys.executable} -W ignore -c "{client}"'],
        env={**os.environ, "LINES": harness("env", "--tls", **state).stdout},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    status = json.loads(harness("status", "--json", **state).stdout)
    assert answer.stdout.split() == [status["https"], SECRET], answer.stderr
    owner = psutil.Process(status["pid"])
    assert SECRET not in str([process.cmdline() for process in (owner, *owner.children(recursive=True))])


def test_env_tls_says_how_to_start_a_stack_that_serves_https(tmp_path):
    endpoints = asdict(Endpoints("http://127.0.0.1:1", "t", "local", "http://127.0.0.1:2", "k", "s"))
    with locked(tmp_path):
        write_private(tmp_path / "stack.json", json.dumps({"pid": 1, "endpoints": endpoints}))
        answer = harness("env", "--tls", HARNESS_STATE=str(tmp_path))
    assert (answer.returncode, "HARNESS_TLS=true" in answer.stderr) == (1, True)


@pytest.mark.parametrize("given", [f'{{"no-key": "{SECRET}"}}', f'{{"a/b": ["{SECRET}"]}}', f"{SECRET}"])
def test_a_wrong_secret_is_named_without_its_value(given):
    answer = harness("status", HARNESS_SECRETS=given)
    assert (answer.returncode, "secrets" in answer.stderr) == (2, True), answer.stderr
    assert SECRET not in answer.stdout + answer.stderr


@pytest.mark.slow
def test_a_second_up_is_refused_and_status_tells_of_the_first(state):
    again = harness("up", **state)
    assert again.returncode == 1
    assert "already up" in again.stderr
    status = json.loads(harness("status", "--json", **state).stdout)
    assert status["workspace"].startswith("http://127.0.0.1:")
    assert status["engine"]["state"] in ("starting", "ready")


@pytest.mark.s3("requests")
@pytest.mark.slow
def test_run_shows_each_task_and_ends_with_the_tables_and_tells_lineage(state, tmp_path):
    file = tmp_path / "new" / "lineage.ndjson"
    answer = harness("run", "green_energy_extract", "--openlineage", str(file), COLUMNS="160", **state)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "green_energy_transform: ✓ success" in answer.stdout
    assert "load_file.copy[0]" in answer.stdout
    assert "main.green_energy.facility_efficiency" in answer.stdout
    ends = [event for event in map(json.loads, file.read_text().splitlines()) if event["eventType"] == "COMPLETE"]
    jobs = {event["job"]["name"]: event for event in ends}
    (landed,) = [event for event in ends if event["job"]["name"] == "green_energy_extract.upload"][:1]
    assert [each["namespace"] for each in landed["outputs"]] == ["s3://green-energy-landing"]
    written = {each["name"] for event in ends for each in event["outputs"]}
    assert {"main.green_energy.energy", "main.green_energy.facility_efficiency"} <= written
    assert "harness_unseen" not in jobs["green_energy_extract.announce"]["run"]["facets"]


@pytest.mark.slow
def test_run_of_a_failing_dag_ends_with_its_cause_and_exit_code_1(state, tmp_path):
    dag = tmp_path / "fails.py"
    dag.write_text(
        "from airflow.sdk import dag, task\n\n@dag(schedule=None)\ndef fails():\n    @task\n    def divide():\n"
        "        return 1 / 0\n    divide()\n\nfails()\n"
    )
    answer = harness("run", str(dag), **state)
    assert answer.returncode == 1
    assert "ZeroDivisionError: division by zero" in answer.stdout


@pytest.mark.slow
def test_run_of_an_unknown_dag_names_near_ones(state):
    answer = harness("run", "green_energy_extrct", **state)
    assert answer.returncode == 1
    assert "green_energy_extract" in answer.stderr


@pytest.mark.slow
def test_ctrl_c_ends_a_run_with_code_130_and_nothing_stays(tmp_path):
    dag = tmp_path / "waits.py"
    dag.write_text(
        "import threading\nfrom airflow.sdk import dag, task\n\n@dag(schedule=None)\ndef waits():\n    @task\n"
        "    def wait():\n        threading.Event().wait(600)\n    wait()\n\nwaits()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.cli", "run", str(dag)],
        cwd=ROOT,
        env={**os.environ, "HARNESS_STATE": str(tmp_path / "state"), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "waits"  # the run has started
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []


def test_a_full_disk_is_said_so_whoever_found_it_full():
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError, match="No space") as by_the_system:
        full.write(b"x")
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA max_page_count = 1")
    with pytest.raises(sqlite3.OperationalError) as by_sqlite:
        database.execute("CREATE TABLE t (a)")
    database.close()
    for error in (by_the_system.value, by_sqlite.value):
        wrapped = RuntimeError("while committing")
        wrapped.__cause__ = error
        assert disk_is_full(wrapped)
    assert not disk_is_full(ValueError("disk is full of other things"))


@pytest.mark.slow
def test_one_notebook_is_run_by_itself_and_shows_its_outputs_and_its_failure(state):
    folder = Path(json.loads(state["HARNESS_MOUNTS"])["/Workspace/Elsewhere"])
    code = "# Databricks notebook source\nprint('day', dbutils.widgets.get('day'))\ndisplay(spark.range(1))\n"
    end = "\n# COMMAND ----------\n# DBTITLE 1,The end\n{}\n"
    (folder / "good.py").write_text(code + end.format("dbutils.notebook.exit('done')"))
    (folder / "bad.py").write_text(code + end.format("1 / 0"))
    green = harness("notebook", "run", str(folder / "good.py"), "-p", "day=monday=1", **state)
    assert green.returncode == 0, green.stderr
    assert re.search(r"── cell 1 · \d+\.\d s\nday monday=1\nid\n0\n── cell 2 · The end", green.stdout), green.stdout
    assert green.stdout.endswith("/Workspace/Elsewhere/good ended SUCCESS with the value 'done'\n")
    red = harness("notebook", "run", "/Workspace/Elsewhere/bad", "-p", "day=", **state)
    assert red.returncode == 1
    assert "Notebook /Workspace/Elsewhere/bad, cell 2, line 7:\n    1 / 0\n" in red.stdout
    missing = harness("notebook", "run", "/Workspace/Shared/nowhere", **state)
    assert missing.returncode == 1
    assert 'Unable to access the notebook "/Workspace/Shared/nowhere"' in missing.stdout
    for arguments, words in (
        (["nowhere.py"], "There is no file"),
        ([str(ROOT / "conftest.py")], "is in no folder of the workspace"),
        (["/Workspace/Shared/x", "-p", "day"], "'day' is not of the form name=value"),
    ):
        wrong = harness("notebook", "run", *arguments, **state)
        assert (wrong.returncode, words in wrong.stderr) == (1, True), wrong.stderr


@pytest.mark.slow
def test_a_breakpoint_in_a_notebook_stops_on_the_terminal_that_started_it(state):
    folder = Path(json.loads(state["HARNESS_MOUNTS"])["/Workspace/Elsewhere"])
    (folder / "lib.py").write_text("def double(n):\n    breakpoint()\n    return 2 * n\n")
    (folder / "stops.py").write_text(
        "# Databricks notebook source\nx = 20\nbreakpoint()\nx += 1\n"
        "\n# COMMAND ----------\n\nimport lib\nprint('then', lib.double(x))\n"
    )
    command = [sys.executable, "-m", "harness.cli", "notebook", "run", str(folder / "stops.py")]
    environment = {**os.environ, **state}
    typed = "p 'x is', x\nn\np 'before', x\nn\nx = 50\nc\nargs\nc\n"
    options = {"cwd": ROOT, "env": environment, "capture_output": True, "text": True, "timeout": 300, "check": False}
    debugged = subprocess.run([*command, "--debug"], input=typed, **options)
    assert debugged.returncode == 0, debugged.stderr
    talk = [line.removeprefix("(Pdb) ") for line in debugged.stdout.splitlines()]
    assert "/Workspace/Elsewhere/stops stands at a breakpoint:" in talk
    assert "('x is', 20)" in talk
    assert f"> {folder / 'stops.py'}(4)<module>()->None" in talk
    assert "('before', 20)" in talk
    assert f"> {folder / 'stops.py'}(8)<module>()->None" in talk  # the next cell
    assert f"> {folder / 'lib.py'}(3)double()" in talk
    assert "n = 50" in talk
    assert "then 100" in talk
    # Nobody is at the terminal any more: the notebook fails, as Python does.
    left = subprocess.run([*command, "--debug"], stdin=subprocess.DEVNULL, **options)
    assert (left.returncode, "BdbQuit" in left.stdout) == (1, True)
    passed = subprocess.run(command, stdin=subprocess.DEVNULL, **options)
    assert (passed.returncode, "breakpoint() was passed over" in passed.stdout) == (0, True)


@pytest.mark.slow
def test_a_notebook_waits_for_a_debugger_where_it_is_told_to(state, tmp_path):
    folder = Path(json.loads(state["HARNESS_MOUNTS"])["/Workspace/Elsewhere"])
    (folder / "waits.py").write_text("# Databricks notebook source\nx = 1\nprint('x is', x)\n")
    command = [sys.executable, "-m", "harness.cli", "notebook", "run", str(folder / "waits.py"), "--debugpy"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, **state, "PYTHONUNBUFFERED": "1"}
    options = {"cwd": ROOT, "env": environment, "stdin": subprocess.DEVNULL, "text": True}
    with subprocess.Popen([*command, str(port)], stdout=subprocess.PIPE, **options) as process:
        assert process.stdout.readline() == "\n"
        assert process.stdout.readline() == f"/Workspace/Elsewhere/waits waits for a debugger at 127.0.0.1:{port}\n"
        with Ide(port) as debugger:
            debugger.attach({str(folder / "waits.py"): [3]})
            thread, _, line = debugger.stopped()
            assert (line, debugger.evaluate(thread, "x")) == (3, "1")
            debugger.go_on(thread)
            assert "x is 1\n" in process.stdout.read()
    assert process.returncode == 0
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    for refused in (["notebook", "run", "/Workspace/Elsewhere/waits"], ["run", "some_dag"], ["up"]):
        answer = harness(*refused, "--debugpy", "5678", **{**state, "HARNESS_KERNEL_PYTHON": str(python)})
        words = "already up" if refused == ["up"] else "has no debugpy"
        assert (answer.returncode, words in answer.stderr) == (1, True), answer.stderr


@pytest.mark.slow
def test_a_shell_has_what_a_notebook_has(state):
    folder = Path(json.loads(state["HARNESS_MOUNTS"])["/Workspace/Elsewhere"])
    (folder / "helpers.py").write_text("def double(n):\n    return 2 * n\n")
    (folder / "included.py").write_text(
        "# Databricks notebook source\ncolour = dbutils.widgets.get('colour')\n\n# COMMAND ----------\n\n"
        "# MAGIC %sql CREATE OR REPLACE TEMP VIEW ones AS SELECT 1 AS one\n"
    )
    (folder / "in").mkdir()
    (folder / "in" / "a.json").write_text('{"id": 7}\n')
    typed = [
        "import helpers, os; helpers.double(21)",
        "os.getcwd()",
        "display(spark.range(2))",
        f"display(spark.readStream.schema('id int').json('file:{folder / 'in'}'))",
        "%sql select one, ",
        "%run ./included",
        "%sql SELECT one + 1 AS two, :colour AS colour FROM ones",
        "_sqldf.first().two, colour",
        "dbutils.jobs.taskValues.get('t', 'k', debugValue='debugged')",
        "[spark is __import__('pyspark').sql.SparkSession.getActiveSession(), sc is spark.sparkContext]",
        "table('ones').count(), sql('select 5 as five').first().five",
        "%%sh",
        "echo from $((1 + 1)) shells",
        "",
        "",
        "%fs ls /no/such/folder",
        "dbutils.notebook.exit('done'); never = 1",
        "1 / 0",
        "'never' in globals(), dbutils.notebook.entry_point.getDbutils().notebook().getContext().jobId().isDefined()",
        "dbutils.library.restartPython()",
        "'helpers' in globals(), 'spark' in globals()",
    ]
    command = [
        sys.executable,
        "-m",
        "harness.cli",
        "notebook",
        "shell",
        str(folder / "included.py"),
        "-p",
        "colour=red",
    ]
    options = {"cwd": ROOT, "env": {**os.environ, **state}, "capture_output": True, "text": True, "timeout": 300}
    shell = subprocess.run(command, input="\n".join(typed) + "\n", check=False, **options)
    assert shell.returncode == 0, shell.stderr
    text = re.sub(r"In \[\d+\]: |Out\[\d+\]: ", "", shell.stdout)
    for shown in (
        "You are in /Workspace/Elsewhere/included;",
        f"42\n\n'{folder}'\n\nid\n0\n1\n\nid\n7\n",
        "two  colour\n2    red\n",
        "(2, 'red')\n",
        "'debugged'\n",
        "[True, True]\n",
        "(1, 5)\n",
        "from 2 shells\n",
        "Notebook exited: done\n",
        "(False, False)\n",
        "(False, True)\n",
    ):
        assert shown in text, text
    assert "ZeroDivisionError" in text
    assert "PARSE_SYNTAX_ERROR" in shell.stderr
    assert "/no/such/folder" in shell.stderr
    missing = harness("notebook", "shell", "/Nowhere/at/all", **state)
    assert (missing.returncode, "There is no folder of the workspace for /Nowhere" in missing.stderr) == (1, True)


@pytest.mark.slow
def test_a_shell_at_a_terminal_is_interrupted_and_left_as_ipython_is(state, tmp_path):
    began, never = tmp_path / "began", tmp_path / "never"
    os.mkfifo(began)
    os.mkfifo(never)
    job = os.open(began, os.O_RDONLY | os.O_NONBLOCK)
    command = [sys.executable, "-m", "harness.cli", "notebook", "shell"]
    with Terminal(command, ROOT, {**os.environ, **state}) as terminal:
        terminal.see(r"Ctrl-D leaves\.[\s\S]*In \[1\]:")
        terminal.type("spark.range(6).count() * 7" + ENTER)
        terminal.see(r"Out\[1\]: 42[\s\S]*In \[2\]:")
        waits = f"lambda _: (open({str(began)!r}, 'w', 1).write('!\\n'), open({str(never)!r}).read())"
        terminal.type(f"sc.parallelize([1], 1).foreach({waits})" + ENTER)
        assert select.select([job], [], [], 60)[0]  # it runs
        terminal.type(CTRL_C)
        terminal.see(r"KeyboardInterrupt[\s\S]*In \[3\]:")
        terminal.type("sum(1 for _ in iter(lambda: len(sc.statusTracker().getActiveJobsIds()), 0)) * 0" + ENTER)
        terminal.see(r"Out\[3\]: 0[\s\S]*In \[4\]:")
        terminal.type("spark.range(6).count() * 8" + ENTER)
        terminal.see(r"Out\[4\]: 48[\s\S]*In \[5\]:")
        started = psutil.Process(terminal.process.pid).children(recursive=True)
        assert started
        terminal.type(CTRL_D)
        assert terminal.process.wait(60) == 0
        gone, alive = psutil.wait_procs(started, 60)
        assert (len(gone), alive) == (len(started), [])
    os.close(job)


@pytest.mark.s3("snapshots")
@pytest.mark.slow
def test_the_state_of_the_stack_that_is_up_is_saved_loaded_and_seeded(state, tmp_path):
    seed = tmp_path / "seed" / "objects" / "from-the-cli" / "a.txt"
    seed.parent.mkdir(parents=True)
    seed.write_text("a")
    kept = str(tmp_path / "kept")
    assert harness("snapshot", "save", kept, **state).returncode == 0
    seeded = harness("snapshot", "seed", str(tmp_path / "seed"), **state)
    assert (seeded.returncode, seeded.stdout.strip()) == (0, "s3://from-the-cli/a.txt"), seeded.stderr
    loaded = harness("snapshot", "load", kept, **state)
    assert loaded.returncode == 0, loaded.stderr
    again = harness("snapshot", "save", kept, **state)
    assert (again.returncode, "something at" in again.stderr) == (1, True)
    lines = harness("env", **state).stdout
    (guard,) = re.findall(r"export HARNESS_GUARD='(.*)'", lines)
    assert set(json.loads(guard)) == {"127.0.0.1", "localhost"}  # where the stack is, and nowhere else
    client = "import boto3; print([b['Name'] for b in boto3.client('s3').list_buckets()['Buckets']])"
    answer = subprocess.run(
        ["bash", "-c", f'set -e; eval "$LINES"; {sys.executable} -W ignore -c "{client}"'],
        env={**os.environ, "LINES": lines},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "from-the-cli" not in answer.stdout, answer.stderr
    assert answer.returncode == 0
