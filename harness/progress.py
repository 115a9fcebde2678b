"""A run as it happens: a tree of its tasks on a terminal, plain lines anywhere else."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text
from rich.tree import Tree

from harness.dagrun.record import RunEvent

MARKS = {"success": "✓", "failed": "✗", "skipped": "-", "upstream_failed": "✗", "running": "…", "up_for_retry": "↻"}
STYLES = {"success": "green", "failed": "red", "upstream_failed": "red", "skipped": "yellow", "up_for_retry": "yellow"}


@dataclass
class _Task:
    label: str
    state: str
    try_number: int
    duration: float
    since: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return self.duration if self.state != "running" else self.duration + time.monotonic() - self.since


@dataclass
class _Run:
    dag_id: str
    state: str = "running"
    duration: float = 0.0
    tasks: dict[tuple[str, int], _Task] = field(default_factory=dict)


class Progress:
    """Shows the events it is called with, as a context manager. Parameters: ``console``."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._runs: dict[tuple[str, str], _Run] = {}
        self._live = (
            Live(get_renderable=self._tree, console=console, refresh_per_second=8) if console.is_terminal else None
        )

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        """Leave the terminal to somebody else."""
        if self._live:
            self._live.stop()
        try:
            yield
        finally:
            if self._live:
                self._live.start()

    def __call__(self, event: RunEvent) -> None:
        run = self._runs.setdefault((event.dag_id, event.run_id), _Run(event.dag_id))
        if event.kind == "task":
            label = event.task_id if event.map_index < 0 else f"{event.task_id}[{event.map_index}]"
            run.tasks[event.task_id, event.map_index] = _Task(label, event.state, event.try_number, event.duration)
        else:
            run.state, run.duration = event.state, event.duration
        if not self._live:
            self._print(event, run)

    def _print(self, event: RunEvent, run: _Run) -> None:
        if event.kind == "run_started":
            line = Text(event.dag_id)
        elif event.kind == "run_ended":
            line = Text.assemble(f"{event.dag_id}: ", _state(event.state), f"  {event.duration:.1f} s")
        elif event.state != "running":
            line = _line(run.tasks[event.task_id, event.map_index])
            line = Text.assemble("  ", line)
        else:
            return
        self._console.print(line, soft_wrap=True)

    def _tree(self) -> RenderableType:
        root = Tree("", hide_root=True)
        for run in self._runs.values():
            seconds = f"  {run.duration:.1f} s" if run.state != "running" else ""
            branch = root.add(Text.assemble((run.dag_id, "bold"), "  ", _state(run.state), seconds))
            for task in run.tasks.values():
                branch.add(_line(task))
        return root


def _state(state: str) -> Text:
    return Text(f"{MARKS.get(state, '·')} {state}", STYLES.get(state, ""))


def _line(task: _Task) -> Text:
    again = f"  try {task.try_number}" if task.try_number > 1 else ""
    return Text.assemble(_state(task.state), f"  {task.label}  {task.seconds:.2f} s{again}")
