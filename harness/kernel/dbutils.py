"""``dbutils``: what it offers in a task, and a refusal by name for the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.kernel.context import EntryPoint, NotebookContext
from harness.kernel.filesystem import FileSystem
from harness.kernel.help import Helped
from harness.kernel.packages import Packages
from harness.kernel.secretscopes import Secrets
from harness.kernel.spec import KernelSpec
from harness.kernel.subruns import SubRuns
from harness.kernel.widgets import Widgets

HELP = """This module provides various utilities for users to interact with the rest of Databricks. Served here:

fs: files of S3, DBFS and volumes (ls, head, cp, mv, rm, mkdirs, put, mounts)
jobs: task values (jobs.taskValues.get, jobs.taskValues.set)
library: restartPython
notebook: exit, run
secrets: get, getBytes, list, listScopes
widgets: text, dropdown, combobox, multiselect, get, getAll, remove, removeAll

Not served here: credentials, data, meta, preview."""
TASK_VALUE_LIMIT = 48 * 1024


class NotebookExit(BaseException):
    """``dbutils.notebook.exit``: not an ``Exception``, so that no notebook's ``except Exception`` swallows it."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


class PythonRestarted(BaseException):
    """``dbutils.library.restartPython``: ends the cell; the next begins with no variables."""


class Refused:
    """A module of dbutils that is not served: every use says so by name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        raise NotImplementedError(f"{self._name}.{attribute} is not supported here")


class NotebookUtilities(Helped):
    """``dbutils.notebook``."""

    def __init__(self, spec: KernelSpec, subruns: SubRuns) -> None:
        self._context = NotebookContext(spec)
        self._subruns = subruns
        self.entry_point = EntryPoint(self._context)

    def exit(self, value: Any = "") -> None:
        """End the notebook with a value. Later cells do not run."""
        raise NotebookExit(str(value))

    def run(self, path: str, timeout_seconds: int = 0, arguments: Mapping[str, Any] | None = None) -> str:
        """Run a notebook as a run of its own and wait for it.

        Parameters: ``path`` (absolute, or relative to this notebook), ``timeout_seconds`` (0: none), ``arguments``: its
        widgets. Returns: its exit value. Raises: ``WorkflowException`` when it failed.
        """
        return self._subruns.run(path, timeout_seconds, dict(arguments or {}))

    def getContext(self) -> NotebookContext:
        return self._context


class TaskValues(Helped):
    """``dbutils.jobs.taskValues``: small values that tasks of a run leave for later ones."""

    def __init__(self, upstream: Mapping[str, Mapping[str, Any]], in_job: bool = True) -> None:
        self._upstream = upstream
        self._in_job = in_job
        self.own: dict[str, Any] = {}

    def set(self, key: str, value: Any) -> None:
        """Leave a value under this task's key. Raises: ``ValueError`` when it is not JSON, or is over 48 KiB."""
        try:
            text = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"The value of task value '{key}' cannot be written as JSON: {error}") from error
        if len(text.encode()) > TASK_VALUE_LIMIT:
            raise ValueError(f"The value of task value '{key}' is larger than 48 KiB")
        self.own[key] = json.loads(text)

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:
        """Read a value that an earlier task of the run left. ``debugValue`` counts outside of jobs only.

        Raises: ``ValueError`` when there is none and no ``default``; outside of jobs ``TypeError`` without
        ``debugValue`` (docs.databricks.com, "taskValues subutility").
        """
        if not self._in_job:
            if debugValue is None:
                raise TypeError("Must pass debugValue when calling get outside of a job context.")
            return debugValue
        values = self._upstream.get(taskKey, {})
        if key in values:
            return values[key]
        if default is None:
            raise ValueError(f"No task value '{key}' of task '{taskKey}' in this run, and no default was given")
        return default


class Jobs(Helped):
    """``dbutils.jobs``."""

    def __init__(self, values: TaskValues) -> None:
        self.taskValues = values


class Library(Helped):
    """``dbutils.library``. ``packages``: what ``%pip`` works on."""

    def __init__(self, packages: Packages) -> None:
        self.packages = packages

    def restartPython(self) -> None:
        """Forget all variables and go on with the next cell."""
        raise PythonRestarted

    def __getattr__(self, attribute: str) -> Any:
        raise NotImplementedError(f"dbutils.library.{attribute} is not supported here")


class DBUtils:
    """The ``dbutils`` of a task."""

    def __init__(
        self, spec: KernelSpec, files: FileSystem, subruns: SubRuns, secrets: Secrets, packages: Packages
    ) -> None:
        self.widgets = Widgets(spec.parameters)
        self.fs = files
        self.notebook = NotebookUtilities(spec, subruns)
        self.jobs = Jobs(TaskValues(spec.task_values, in_job=not spec.interactive))
        self.library = Library(packages)
        self.entry_point = self.notebook.entry_point
        self.secrets = secrets
        self.credentials = Refused("dbutils.credentials")
        self.data = Refused("dbutils.data")
        self.meta = Refused("dbutils.meta")
        self.preview = Refused("dbutils.preview")

    def help(self, *_: str) -> None:
        """Print what is served."""
        print(HELP)
