"""Running a program for the JVM, as ``spark_jar_task`` and ``spark_submit_task`` do: spark-submit in a JVM of its own.

The JVM belongs to the task's process group and is killed with it. What it prints goes to the task's log.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.kernel.spec import KernelError, KernelResult, KernelSpec
from harness.kernel.submitarguments import localised
from harness.lake.paths import PathNotFound, WorkspacePaths

# SparkSubmit.CLASS_NOT_FOUND_EXIT_STATUS
CLASS_NOT_FOUND = "User application exited with 101"


class JarNotFound(Exception):
    """A jar that a task names is not there, or cannot be read."""


def run_jvm(
    spec: KernelSpec, conf: Mapping[str, str], paths: WorkspacePaths, fetch: Callable[[str], Path]
) -> KernelResult:
    """Run a task's program and wait for its end.

    Parameters: ``conf``: Spark's, of the task's cluster; ``fetch``: the local file behind a path of a library.
    """
    arguments = localised(spec.arguments, _finder(paths)) if spec.kind == "submit" else _of_jars(spec, fetch)
    result = Path(spec.directory) / "jvm" / "result.json"
    settings = {**spec.jvm["settings"], "arguments": arguments, "result": str(result)}
    settings["conf"] = {**settings["conf"], **conf}
    # Its Python workers, and the Python program that it may run, are ours.
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    process = subprocess.Popen(spec.jvm["command"], stdin=subprocess.PIPE, cwd=spec.directory, env=environment)
    process.communicate(json.dumps(settings).encode() + b"\n")
    found = json.loads(result.read_text()) if result.is_file() else None
    error = _ended(process.returncode, spec) if found is None else _failed(found, spec)
    return KernelResult(error is None, error=error)


def _of_jars(spec: KernelSpec, fetch: Callable[[str], Path]) -> list[str]:
    jars = []
    for name in spec.jars:
        file = fetch(name)
        if not file.is_file():
            raise JarNotFound(f"{name} does not exist, in the workspace or on this machine.")
        jars.append(str(file))
    more = ["--jars", ",".join(jars)] if jars else []
    # spark-submit wants a program; the class may as well be in another jar, or in a package of Maven.
    return ["--class", spec.entry_point, *more, *spec.options, *(jars[:1] or ["spark-internal"]), *spec.arguments]


def _finder(paths: WorkspacePaths) -> Callable[[str], str]:
    def find(name: str) -> str:
        plain = name.removeprefix("file:")
        plain = "/dbfs" + plain.removeprefix("dbfs:") if plain.startswith("dbfs:/") else plain
        try:
            local = paths.mounted(plain)
        except (PathNotFound, ValueError):
            return name
        return name if local is None else str(local)

    return find


def _failed(found: Mapping[str, Any], spec: KernelSpec) -> KernelError | None:
    if not found:
        return None
    name, value, trace = (str(found[part]) for part in ("name", "value", "trace"))
    if name.endswith(".SparkUserAppException") and value == CLASS_NOT_FOUND:
        name, value = "java.lang.ClassNotFoundException", spec.entry_point or "the main class of the jar"
        trace = f"{name}: {value}"
    return KernelError(name, value, trace)


def _ended(code: int, spec: KernelSpec) -> KernelError | None:
    if code == 0 and spec.kind == "submit":
        return None  # the program has called System.exit(0)
    # A jar task's driver is the cluster's own: docs, "JAR task for jobs", tells not to call System.exit.
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code} before main returned"
    value = f"The task's JVM {how}: see the run's logs."
    return KernelError("DriverEnded", value, value)
