"""What happened, as it happens: every try of every task, with the exception itself and a log file of its own."""

from __future__ import annotations

import bdb
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.dagrun import isolation
from harness.dagrun.logs import Router, printed_to

TaskKey = tuple[str, str, str, int]  # dag_id, run_id, task_id, map_index


@dataclass(frozen=True)
class RunEvent:
    """A change worth showing: a run that starts or ends, a task instance in a new state.

    ``duration`` is in seconds; ``map_index`` is -1 for a task that is not mapped.
    """

    kind: Literal["run_started", "task", "run_ended"]
    dag_id: str
    run_id: str
    state: str
    task_id: str = ""
    map_index: int = -1
    try_number: int = 0
    duration: float = 0.0


@dataclass
class Try:
    """One try of a task instance; a deferral or a reschedule goes on within the same try.

    ``spans``: from when to when its parts ran, in epoch seconds.
    """

    number: int
    log: Path
    state: str = "running"
    error: BaseException | None = None
    duration: float = 0.0
    spans: list[tuple[float, float]] = field(default_factory=list)


@dataclass
class Recorder:
    """Keeps the tries of all runs of one call of ``run_dag``.

    Parameters: ``directory``: holds ``<dag>/<task>[map_index]/<try>.log``; ``router``: what Airflow logs to;
    ``on_event``: told of every change.
    """

    directory: Path
    router: Router
    on_event: Callable[[RunEvent], object] | None = None
    tries: dict[TaskKey, list[Try]] = field(default_factory=dict)

    def emit(self, event: RunEvent) -> None:
        """Tell whoever listens."""
        if self.on_event is not None:
            self.on_event(event)

    @contextlib.contextmanager
    def trying(self, ti: Any) -> Iterator[Try]:
        """Run (a part of) a try of ``ti`` in a task process's surroundings; the caller sets state and error."""
        attempt = self._try(ti)
        self._tell(ti, attempt)
        started, began = time.monotonic(), time.time()
        try:
            with self.router.to(attempt.log), printed_to(self.router), isolation.task_process():
                yield attempt
        except BaseException as error:
            attempt.state, attempt.error = "failed", error
            raise
        finally:
            passed = time.monotonic() - started
            attempt.duration += passed
            attempt.spans.append((began, began + passed))
            self._tell(ti, attempt)

    def first_failure(self, dag_id: str, run_id: str, failed: set[tuple[str, int]]) -> TaskKey | None:
        """The task instance among ``failed`` (task id, map index) that was tried first."""
        for key in self.tries:
            if key[:2] == (dag_id, run_id) and key[2:] in failed:
                return key
        return None

    def _try(self, ti: Any) -> Try:
        tries = self.tries.setdefault((ti.dag_id, ti.run_id, ti.task_id, ti.map_index), [])
        if not tries or tries[-1].number != ti.try_number:
            tries.append(Try(ti.try_number, self._log(ti)))
            tries[-1].log.unlink(missing_ok=True)  # of an earlier run with the same id
        tries[-1].state = "running"
        return tries[-1]

    def _log(self, ti: Any) -> Path:
        name = ti.task_id if ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]"
        # A run id holds colons and plus signs, which Windows shares and some archivers refuse.
        run = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in ti.run_id)
        return self.directory.joinpath(ti.dag_id, run, name, f"{ti.try_number}.log")

    def _tell(self, ti: Any, attempt: Try) -> None:
        self.emit(
            RunEvent(
                "task",
                ti.dag_id,
                ti.run_id,
                attempt.state,
                ti.task_id,
                ti.map_index,
                attempt.number,
                attempt.duration,
            )
        )


def interrupts(error: BaseException | None) -> bool:
    """Whether ``error`` means that the developer wants to stop, which Airflow would take for a failed task."""
    if isinstance(error, (KeyboardInterrupt, bdb.BdbQuit)):
        return True
    return type(error).__module__ == "_pytest.outcomes" and type(error).__name__ == "Exit"
