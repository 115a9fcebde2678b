"""One task in its own process: attach to Spark, execute, write the result."""

from __future__ import annotations

import resource
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import netguard
from harness.kernel import cluster
from harness.kernel.coverage import Measured
from harness.kernel.debugger import Breakpoints
from harness.kernel.failures import Sources, describe
from harness.kernel.ide import wait_for_debugger
from harness.kernel.jvm import run_jvm
from harness.kernel.notebook import NotebookRun
from harness.kernel.outputs import Log, Stream
from harness.kernel.redaction import Redaction
from harness.kernel.script import run_script
from harness.kernel.session import Session
from harness.kernel.shell import Shell
from harness.kernel.spec import KernelResult, KernelSpec
from harness.kernel.wheel import run_wheel
from harness.lake.attach import attach


def stand_by(port: int, secret: str, tag: str) -> Any:
    """Attach to Spark ahead of a task. Asks the workspace for nothing: tests count what it is asked for."""
    return attach(port, secret, tag)


def run_task(shell: Shell, spec_path: Path, spark: Any = None) -> None:
    """Execute what a ``spec.json`` says and leave ``result.json`` beside it; without one the process has died.

    Parameters: ``spark``: of :func:`stand_by`.
    """
    spec = KernelSpec.read(spec_path)
    guard = netguard.guard_process()
    redaction = shell.outputs.redaction
    log = Log(redaction=redaction)
    sys.stdout = Stream("stdout", shell.outputs, log)
    sys.stderr = Stream("stderr", shell.outputs, log)
    measured = Measured(spec.coverage)
    try:
        _limit(spec)
        result = _execute(shell, spec, measured, spark)
        if result.succeeded and guard is not None and guard.attempts:
            # What the notebook caught, and went on without.
            raise netguard.NetworkBlocked(f"blocked: {'; '.join(map(str, guard.attempts))}")
    except BaseException as failure:
        result = KernelResult(False, error=describe(failure, Sources()))
    result = _explained(result, spec)
    measured.end()
    sys.stdout.flush()
    sys.stderr.flush()
    redaction.file(Path(spec.directory) / "log.txt")
    redacted(result, redaction).write(Path(spec.directory) / "result.json")


def _limit(spec: KernelSpec) -> None:
    """Let the process have no more memory than it may; a JVM of its own reserves far more than it uses."""
    if spec.memory and spec.kind not in ("jar", "submit"):
        resource.setrlimit(resource.RLIMIT_DATA, (spec.memory, spec.memory))


def _explained(result: KernelResult, spec: KernelSpec) -> KernelResult:
    """A result whose error says why there was no more memory."""
    error = result.error
    if error is None or not spec.memory or not error.name.endswith("MemoryError"):
        return result
    limit = f"the process of a task may have {spec.memory >> 20} MB: the setting kernel_memory"
    return replace(result, error=replace(error, value=f"{error.value} ({limit})".strip()))


def redacted(result: KernelResult, redaction: Redaction) -> KernelResult:
    """A result that shows no secret. Task values are handed on as they are."""
    error = result.error
    if error is not None:
        value, trace, source = (redaction(text) for text in (error.value, error.trace, error.source))
        error = replace(error, value=value, trace=trace, source=source)
    exit_value = None if result.exit_value is None else redaction(result.exit_value)
    return replace(result, error=error, exit_value=exit_value)


def _execute(shell: Shell, spec: KernelSpec, measured: Measured, spark: Any) -> KernelResult:
    # pdb would read standard input, which a task has none of, and end the notebook with BdbQuit.
    sys.breakpointhook = Breakpoints(spec)
    session = Session(shell, spec, spark)
    if spec.kind in ("jar", "submit"):
        return run_jvm(spec, cluster.of_jvm(session.conf), session.paths, session.fetch)
    names = session.equip(shell)
    if spec.debugpy:
        wait_for_debugger(spec)
    directory = Path(spec.directory)
    if spec.kind == "pipeline":
        from harness.kernel.pipelines.update import run_update

        return run_update(shell, session.spark, names["dbutils"], names["display"], session.paths, spec)
    if spec.kind == "wheel":
        return run_wheel(shell, names, spec.package, spec.entry_point, spec.arguments)
    if spec.kind == "python":
        return run_script(shell, names, Path(spec.path), spec.workspace_path, spec.arguments)
    notebook = NotebookRun(shell, names, session.paths, measured)
    return notebook.run(Path(spec.path), spec.workspace_path, directory / "executed.ipynb")
