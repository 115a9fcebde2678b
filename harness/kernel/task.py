"""One task in its own process: attach to Spark, execute, write the result."""

from __future__ import annotations

import os
import random
import sys
from dataclasses import replace
from pathlib import Path

from harness import netguard
from harness.kernel import cluster, mounts
from harness.kernel.context import install_modules
from harness.kernel.dbutils import DBUtils
from harness.kernel.debugger import Breakpoints
from harness.kernel.display import Display
from harness.kernel.failures import Sources, describe
from harness.kernel.filesystem import FileSystem
from harness.kernel.jvm import run_jvm
from harness.kernel.modules import import_from
from harness.kernel.notebook import NotebookRun, predefined
from harness.kernel.outputs import Log, Stream
from harness.kernel.packages import Packages, fetcher, provide_of_cluster
from harness.kernel.redaction import Redaction
from harness.kernel.script import run_script
from harness.kernel.secretscopes import Secrets
from harness.kernel.shell import Shell
from harness.kernel.spec import KernelResult, KernelSpec
from harness.kernel.subruns import SubRuns
from harness.kernel.wheel import run_wheel
from harness.lake.attach import attach
from harness.lake.autoloader import stream
from harness.lake.paths import WorkspacePaths
from harness.lake.sql import frontend


def run_task(shell: Shell, spec_path: Path) -> None:
    """Execute what a ``spec.json`` says and leave ``result.json`` beside it; without one the process has died."""
    spec = KernelSpec.read(spec_path)
    guard = netguard.guard_process()
    redaction = shell.outputs.redaction
    log = Log(redaction=redaction)
    sys.stdout = Stream("stdout", shell.outputs, log)
    sys.stderr = Stream("stderr", shell.outputs, log)
    try:
        result = _execute(shell, spec)
        if result.succeeded and guard is not None and guard.attempts:
            # What the notebook caught, and went on without.
            raise netguard.NetworkBlocked(f"blocked: {'; '.join(map(str, guard.attempts))}")
    except BaseException as failure:
        result = KernelResult(False, error=describe(failure, Sources()))
    sys.stdout.flush()
    sys.stderr.flush()
    redaction.file(Path(spec.directory) / "log.txt")
    redacted(result, redaction).write(Path(spec.directory) / "result.json")


def redacted(result: KernelResult, redaction: Redaction) -> KernelResult:
    """A result that shows no secret. Task values are handed on as they are."""
    error = result.error
    if error is not None:
        value, trace, source = (redaction(text) for text in (error.value, error.trace, error.source))
        error = replace(error, value=value, trace=trace, source=source)
    exit_value = None if result.exit_value is None else redaction(result.exit_value)
    return replace(result, error=error, exit_value=exit_value)


def _execute(shell: Shell, spec: KernelSpec) -> KernelResult:
    random.seed()
    # pdb would read standard input, which a task has none of, and end the notebook with BdbQuit.
    sys.breakpointhook = Breakpoints(spec)
    os.environ.update(spec.environment)
    paths = WorkspacePaths(spec.roots)
    import_from(Path(spec.path), paths.roots.values())
    mounts.install(paths)
    spark = attach(spec.gateway.port, spec.gateway.secret, spec.gateway.tag)
    frontend.install(spark, paths=paths, revealed=shell.outputs.redaction.add)
    stream.install()
    secrets = Secrets(spec, shell.outputs.redaction)
    cluster.set_variables(cluster.revealed(spec.variables, secrets), spark)
    conf = cluster.revealed(spec.conf, secrets)
    cluster.configure(spark, conf)
    files = FileSystem(spark, paths)
    fetch = fetcher(paths.local, files.cp)
    if spec.kind in ("jar", "submit"):
        return run_jvm(spec, cluster.of_jvm(conf), paths, fetch)
    packages = Packages(Path(spec.cache), spark.sparkContext.environment, fetch)
    provide_of_cluster(packages, spec.cluster_libraries)
    packages.provide(spec.libraries)
    dbutils = DBUtils(spec, files, SubRuns(spec), secrets, packages)
    display = Display(shell.outputs)
    names = predefined(spark, dbutils, display)
    install_modules(names)
    directory = Path(spec.directory)
    if spec.kind == "pipeline":
        from harness.kernel.pipelines.update import run_update

        return run_update(shell, spark, dbutils, display, paths, spec)
    if spec.kind == "wheel":
        return run_wheel(shell, names, spec.package, spec.entry_point, spec.arguments)
    if spec.kind == "python":
        return run_script(shell, names, Path(spec.path), spec.workspace_path, spec.arguments)
    notebook = NotebookRun(shell, spark, dbutils, display, paths)
    return notebook.run(Path(spec.path), spec.workspace_path, directory / "executed.ipynb")
