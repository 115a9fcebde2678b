"""Running a function of an installed package, as ``python_wheel_task`` does."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from importlib import metadata
from typing import Any

from harness.kernel.failures import Sources, describe
from harness.kernel.overlays import PackageNotInstalled
from harness.kernel.shell import Shell
from harness.kernel.spec import KernelResult


class EntryPointNotFound(Exception):
    """A package has neither an entry point nor a function of the name that a task gives."""


def run_wheel(
    shell: Shell, names: dict[str, Any], package: str, entry_point: str, arguments: list[str]
) -> KernelResult:
    """Call an entry point without arguments, with ``sys.argv`` set.

    As with Python files (script.py), any ``SystemExit`` fails the task.

    Parameters: ``names``: the predefined variables; ``arguments``: ``sys.argv[1:]``.
    """
    sys.argv = [package, *arguments]
    shell.namespace.update(names)
    values = names["dbutils"].jobs.taskValues.own
    try:
        function(package, entry_point)()
    except BaseException as failure:
        return KernelResult(False, error=describe(failure, Sources()), task_values=values)
    return KernelResult(True, task_values=values)


def function(package: str, entry_point: str) -> Callable[[], object]:
    """What an entry point calls: the metadata's entry point of that name, else the package's function.

    Source: databricks-sdk, ``PythonWheelTask``: "if it does not exist in the metadata of the package it executes the
    function from the package directly using `$packageName.$entryPoint()`".
    Raises: ``PackageNotInstalled``; ``EntryPointNotFound``.
    """
    found: Callable[[], object] | None = None
    try:
        for each in metadata.distribution(package).entry_points:
            if each.name == entry_point:
                found = each.load()
    except metadata.PackageNotFoundError:
        raise PackageNotInstalled(
            f"Package '{package}' is not installed: neither a library of the task nor the notebooks' Python "
            f"({sys.executable}) has it."
        ) from None
    if found is None:
        module = re.sub(r"[-.]+", "_", package)
        try:
            found = getattr(importlib.import_module(module), entry_point, None)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
    if found is None:
        raise EntryPointNotFound(f"Package '{package}' has no entry point and no function '{entry_point}'.")
    return found
