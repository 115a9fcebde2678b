"""What is kept of a test that failed: diagnoses, task logs, executed notebooks; and where CI systems show it."""

from __future__ import annotations

import os
import re
import shutil
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.dagrun import DagRunResult

if TYPE_CHECKING:
    from harness.stack import Stack

# Names of a report's properties: JUnit shows them, and a worker of pytest-xdist sends them to its controller.
RUN, PAGE, KEPT, ANNOTATION = "dag_run", "databricks_run", "artifacts", "harness_annotation"
OURS = (RUN, PAGE, KEPT, ANNOTATION)
NOTEBOOK_FILES = ("executed.html", "executed.ipynb", "log.txt")


def properties(results: Iterable[DagRunResult]) -> Iterator[tuple[str, object]]:
    """What a test's JUnit entry says of its DAG runs."""
    for result in results:
        for run in result.runs():
            outcome = "success" if run.success else "failed"
            yield RUN, f"{run.dag_id} {run.run_id}: {outcome}, {len(run.tasks)} tasks, {run.duration:.1f} s"
            for databricks in run.work.runs if run.work else ():
                yield PAGE, f"{databricks.name}: {databricks.state}, {databricks.duration:.1f} s, {databricks.page}"


def keep(folder: Path, results: Sequence[DagRunResult], stack: Stack | None) -> Path | None:
    """Keep the diagnoses, logs and notebooks of a test's runs in ``folder``, which is made anew.

    Returns: the folder, or ``None`` when there is nothing to keep. An error here must not hide the test's own.
    """
    shutil.rmtree(folder, ignore_errors=True)
    runs = [run for result in results for run in result.runs()]
    if not runs:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    for place, result in enumerate(results, start=1):
        (folder / f"{place}-{_name(result.dag_id)}.txt").write_text(f"{result!s}\n", encoding="utf-8")
    for run in runs:
        for task in run.tasks:
            if task.log is not None:
                for log in sorted(task.log.parent.glob("*.log")):
                    target = folder / "logs" / _name(run.dag_id) / _name(run.run_id) / _name(task.name) / log.name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(log, target)
    wanted = {databricks.run_id for run in runs for databricks in (run.work.runs if run.work else ())}
    for view in stack.control("GET", "runs")["runs"] if stack is not None and wanted else ():
        for task in view["tasks"] if view["run_id"] in wanted else ():
            for name in NOTEBOOK_FILES:
                source = Path(task["directory"]) / name
                if source.is_file():
                    target = folder / "notebooks" / f"{view['run_id']}-{_name(task['task_key'])}" / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(source, target)
    return folder


def folder_of(root: Path, nodeid: str) -> Path:
    """The folder of one test below ``root``: its own, so that workers and reruns do not meet."""
    return root / _name(nodeid.replace("::", "/").replace("/", "."))


def annotation(item: pytest.Item, results: Iterable[DagRunResult], text: str) -> str:
    """A GitHub workflow command that puts ``text`` beside the line that is to blame: the DAG's, else the test's.

    Source: docs.github.com, "Workflow commands for GitHub Actions".
    """
    root = item.config.rootpath
    file, line = item.location[0], (item.location[1] or 0) + 1
    for result in results:
        for run in result.runs():
            error = run.first_failure.error if run.first_failure is not None else None
            for frame in reversed(traceback.extract_tb(error.__traceback__) if error is not None else []):
                path = Path(frame.filename)
                if path.is_relative_to(root) and "site-packages" not in path.parts and not _ours(path):
                    file, line = path.relative_to(root).as_posix(), frame.lineno or 1
                    break
    title = item.nodeid.rpartition("::")[2]
    return f"::error file={_property(file)},line={line},title={_property(title)}::{_data(text)}"


def on_github() -> bool:
    """Whether this is a GitHub Actions job."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def property_of(report: Any, name: str) -> list[str]:
    """The values of one of a report's properties."""
    return [str(value) for key, value in report.user_properties if key == name]


def _ours(path: Path) -> bool:
    return path.is_relative_to(Path(__file__).resolve().parents[1])


def _name(text: str) -> str:
    # Square brackets and the like are refused by some archivers, and long names by file systems.
    return re.sub(r"[^\w.=+-]+", "_", text).strip("_.")[:150]


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
