"""A terminal's use of a stack: an Airflow home beside it, runs shown as they happen, a summary at the end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from harness import summary
from harness.control import control
from harness.dagrun import DagRunResult
from harness.dagrun.connections import Endpoints, declared, environment
from harness.dagrun.home import AirflowHome
from harness.debugging import Debugger
from harness.ide import attachable
from harness.lake.s3 import S3Endpoint
from harness.lake.tables import LakeReader
from harness.progress import Progress
from harness.scratch import scratch
from harness.serve import Running
from harness.settings import Settings
from harness.stack import Stack


@dataclass
class Session:
    """Runs DAGs against ``endpoints`` and prints to ``console``."""

    console: Console
    endpoints: Endpoints
    home: AirflowHome
    network: Sequence[str] = ()
    stack: Stack | None = None

    @classmethod
    @contextlib.contextmanager
    def ephemeral(cls, settings: Settings, console: Console, directory: Path | None = None) -> Iterator[Session]:
        """On a stack of its own. Parameters: ``directory``: kept afterwards; by default nothing is."""
        with Stack(settings, directory) as stack, cls._on(settings, console, stack.endpoints, directory) as session:
            session.stack = stack
            yield session

    @classmethod
    @contextlib.contextmanager
    def attached(cls, settings: Settings, console: Console, found: Running) -> Iterator[Session]:
        """On the stack that is up. Its logs are kept in the project's state."""
        with cls._on(settings, console, found.endpoints, settings.path(settings.state)) as session:
            yield session

    @classmethod
    @contextlib.contextmanager
    def _on(
        cls, settings: Settings, console: Console, endpoints: Endpoints, directory: Path | None
    ) -> Iterator[Session]:
        with contextlib.ExitStack() as around:
            if directory is None:
                directory = around.enter_context(scratch("harness-home"))
            # A home per process: two terminals may run DAGs on one stack at the same time.
            home = AirflowHome(
                directory / "airflow" / str(os.getpid()), settings.path(settings.dags), settings.path(settings.cache)
            )
            around.callback(home.database.unlink, missing_ok=True)
            around.enter_context(home)
            known = environment(endpoints)
            os.environ.update({**known, **declared(settings.connections, settings.variables, known)})
            yield cls(console, endpoints, home, [*Stack(settings).network, *endpoints.hosts])

    def run(
        self,
        dag: str,
        *,
        follow_assets: bool,
        logical_date: str | None = None,
        conf: dict[str, Any] | None = None,
        debug: bool = False,
        port: int = 0,
        partition_key: str | None = None,
    ) -> DagRunResult:
        """Run a DAG, by id or by file, showing it as it happens.

        Parameters, beside those of :func:`harness.dagrun.run_dag`: ``debug``: breakpoints of its notebooks stop on this
        terminal; ``port``: they wait there for a debugger.
        """
        from harness.dagrun.run import run_dag

        target: str | Path = Path(dag) if dag.endswith(".py") else dag
        with contextlib.ExitStack() as around:
            progress = around.enter_context(Progress(self.console))
            if debug or port:
                around.enter_context(Debugger(self.endpoints, alone=progress.suspended))
            if port:
                around.enter_context(attachable(self.endpoints, port))
            result = run_dag(
                target,
                home=self.home,
                follow_assets=follow_assets,
                logical_date=logical_date,
                conf=conf,
                partition_key=partition_key,
                network=self.network,
                on_event=progress,
            )
        self.console.print(f"\n{result}" if not result.success else "", markup=False, soft_wrap=True)
        if not result.success and self.stack is not None and (full := self.stack.full_disk()):
            self.console.print(full, style="red", markup=False, soft_wrap=True)
        for line in result.waiting:
            self.console.print(f"  {line}", markup=False, soft_wrap=True)
        return result

    def summary(self) -> None:
        """Print the tables and objects there are."""
        s3 = S3Endpoint(self.endpoints.s3_url, self.endpoints.s3_access_key, self.endpoints.s3_secret_key)
        summary.show(self.console, LakeReader(self.endpoints.workspace_url, self.endpoints.token, s3), s3)

    def notebooks(self) -> None:
        """Print where the executed notebooks of the last run are, as HTML."""
        runs = control(self.endpoints, "GET", "runs")["runs"]
        self.console.print("Executed notebooks:")
        for task in runs[-1]["tasks"] if runs else []:
            page = Path(task["directory"]) / "executed.html"
            name = task.get("notebook_task", {}).get("notebook_path", task["task_key"])
            if page.exists():
                self.console.print(f"  {name}\n    {page}", markup=False, soft_wrap=True)
