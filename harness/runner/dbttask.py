"""``dbt_task``: dbt commands one after the other, on a copy of the project, against the workspace's SQL warehouse."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tarfile
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.kernel import dbtprofiles
from harness.process import kill_group
from harness.runner import outputs
from harness.runner.run import LifeCycle, Output, Result, State
from harness.runner.scheduler import WORKLOAD_FAILED
from harness.runner.taskkinds import CannotRun

# How dbt is started: its script names a Python that is elsewhere once an environment has been moved to its place.
# It ends with the process that starts it: else it asks a workspace that was killed for minutes (PR_SET_PDEATHSIG is 1).
DBT = """
import ctypes, os, signal, sys
parent = int(sys.argv.pop(1))
if sys.platform == 'linux':
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != parent:
    sys.exit('who started dbt is gone')
sys.argv[0] = 'dbt'
from dbt.cli.main import cli
cli()
"""
PROFILE = re.compile(r"^(profile|name):\s*['\"]?([^'\"\n#]+)", re.MULTILINE)
# What dbt writes into a project, and what is not the project's.
LEFT_OUT = shutil.ignore_patterns("target", "logs", ".git", ".venv", ".user.yml")
WORDS_OF_ERROR = 4000


@dataclass(frozen=True)
class Target:
    """Where dbt connects to. ``url``: the workspace's; ``warehouse``: empty where the project has its own profile."""

    url: str
    token: str
    warehouse: str
    catalog: str
    schema: str


@dataclass
class DbtCommands:
    """The commands of a task under way: to its attempt what a process is to others.

    Parameters: ``python``: of the environment that has dbt; ``project``: its folder; ``profiles``: of the project's own
    profile, relative to it; ``directory``: the attempt's; ``base``: the environment's variables.
    """

    commands: Sequence[str]
    python: Path
    project: Path
    profiles: str
    target: Target
    directory: Path
    base: Mapping[str, str]
    _error: str = ""
    _trace: str = ""
    _artifacts: str = ""
    _called_off: bool = False
    _process: subprocess.Popen[bytes] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin; returns at once."""
        threading.Thread(target=self._run, name="dbt-task", daemon=True).start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the last command's end. Returns: False when ``timeout`` seconds passed first."""
        return self._ended.wait(timeout)

    def kill(self) -> None:
        """Kill the command that runs, and begin no other."""
        with self._lock:
            self._called_off = True
            running = self._process
        if running is not None:
            kill_group(running.pid)

    def outcome(self) -> tuple[State, Output]:
        """How the task ends: failed with the first command that did not succeed."""
        made = outputs.output(self.directory, None)
        if self._artifacts:
            made.dbt = {"artifacts": self._artifacts, "secret": uuid.uuid4().hex}
        if not self._error:
            return State(LifeCycle.TERMINATED, Result.SUCCESS), made
        made.error, made.error_trace = self._error, self._trace or None
        return State(LifeCycle.TERMINATED, Result.FAILED, WORKLOAD_FAILED), made

    # -- in its thread --------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            copy = Path(shutil.copytree(self.project, self.directory / "project", ignore=LEFT_OUT))
            variables = {**self.base, **self._variables(copy)}
            for command in self.commands:
                if not self._command(command, copy, variables):
                    break
            self._keep(copy / "target")
        except Exception as error:
            self._error = str(error) if isinstance(error, CannotRun) else f"{type(error).__name__}: {error}"
        finally:
            self._ended.set()

    def _variables(self, project: Path) -> dict[str, str]:
        """What commands find in their environment: as on the service, the profile, ``DBT_HOST`` and the token."""
        file = project / "dbt_project.yml"
        if not file.is_file():
            raise CannotRun(f"There is no dbt_project.yml in {self.project}.")
        profiles = self.directory / "profiles"
        profiles.mkdir()
        if self.target.warehouse:
            named = dict(PROFILE.findall(file.read_text()))
            (profiles / "profiles.yml").write_text(json.dumps(self._profile(str(named.get("profile", "databricks")))))
        else:
            self._lead(project / self.profiles / "profiles.yml", profiles / "profiles.yml")
        return {
            "DBT_PROFILES_DIR": str(profiles),
            # With its scheme, unlike there: databricks-sdk asks a host without one over HTTPS, for minutes.
            "DBT_HOST": self.target.url,
            "DBT_ACCESS_TOKEN": self.target.token,
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DBT_USE_COLORS": "false",
        }

    def _profile(self, name: str) -> dict[str, Any]:
        path = f"/sql/1.0/warehouses/{self.target.warehouse}"
        output = {
            "type": "databricks",
            "host": "{{ env_var('DBT_HOST') }}",
            "http_path": path,
            "token": "{{ env_var('DBT_ACCESS_TOKEN') }}",
            "schema": self.target.schema,
            **({"catalog": self.target.catalog} if self.target.catalog else {}),
            "threads": 8,
            "connection_parameters": {"_connection_uri": self.target.url + path, "enable_telemetry": False},
        }
        return {name.strip(): {"target": "databricks", "outputs": {"databricks": output}}}

    def _lead(self, own: Path, target: Path) -> None:
        if not own.is_file():
            raise CannotRun(
                f"There is no profiles.yml in {self.project / self.profiles}, and no warehouse_id is given."
            )
        command = [str(self.python), dbtprofiles.__file__, str(own), str(target), self.target.url]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise CannotRun(f"{own.name} cannot be read: {done.stderr.strip()[-WORDS_OF_ERROR:]}")

    def _command(self, command: str, project: Path, variables: Mapping[str, str]) -> bool:
        """Run one command. Returns: whether the next one may begin."""
        log = self.directory / "log.txt"
        with log.open("ab") as file:
            file.write(f"+ {command}\n".encode())
            file.flush()
            begin = file.tell()
            with self._lock:
                if self._called_off:
                    return False
                process = self._process = subprocess.Popen(
                    [str(self.python), "-c", DBT, str(os.getpid()), *shlex.split(command)[1:]],
                    cwd=project,
                    env=dict(variables),
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            code = process.wait()
        if code:
            with log.open("rb") as file:
                file.seek(begin)
                self._trace = file.read().decode(errors="replace")[-WORDS_OF_ERROR:]
            self._error = f"The command `{command}` failed with exit code {code}.{_reason(self._trace)}"
        return not code

    def _keep(self, target: Path) -> None:
        if target.is_dir():
            file = self.directory / "artifacts.tar.gz"
            with tarfile.open(file, "w:gz") as archive:
                archive.add(target, "target")
            self._artifacts = str(file)


def _reason(printed: str) -> str:
    """What dbt says of the first thing that failed, without the times before its lines."""
    lines = [re.sub(r"^\d\d:\d\d:\d\d\s+", "", line) for line in printed.splitlines()]
    failures = [at for at, line in enumerate(lines) if re.match(r"(Failure|Error) in |Encountered an error", line)]
    if not failures:
        return ""
    told = [line.strip() for line in lines[failures[0] : failures[0] + 6] if line.strip()]
    return "\n" + "\n".join(told)
