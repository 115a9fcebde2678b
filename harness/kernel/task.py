"""One task in its own process: attach to Spark, execute, write the result."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

from harness.kernel import packages
from harness.kernel.context import install_modules
from harness.kernel.dbutils import DBUtils
from harness.kernel.display import Display
from harness.kernel.failures import Sources, describe
from harness.kernel.filesystem import FileSystem
from harness.kernel.modules import import_from
from harness.kernel.notebook import NotebookRun, predefined
from harness.kernel.outputs import Log, Stream
from harness.kernel.script import run_script
from harness.kernel.shell import Shell
from harness.kernel.spec import KernelResult, KernelSpec
from harness.kernel.subruns import SubRuns
from harness.lake.attach import attach
from harness.lake.paths import WorkspacePaths
from harness.lake.sql import frontend


def run_task(shell: Shell, spec_path: Path) -> None:
    """Execute what a ``spec.json`` says and leave ``result.json`` beside it; without one the process has died."""
    spec = KernelSpec.read(spec_path)
    log = Log()
    sys.stdout = Stream("stdout", shell.outputs, log)
    sys.stderr = Stream("stderr", shell.outputs, log)
    try:
        result = _execute(shell, spec)
    except BaseException as failure:
        result = KernelResult(False, error=describe(failure, Sources()))
    sys.stdout.flush()
    sys.stderr.flush()
    result.write(Path(spec.directory) / "result.json")


def _execute(shell: Shell, spec: KernelSpec) -> KernelResult:
    random.seed()
    os.environ.update(spec.environment)
    packages.require(spec.libraries)
    paths = WorkspacePaths(spec.roots)
    import_from(Path(spec.path), paths.roots.values())
    spark = attach(spec.gateway.port, spec.gateway.secret, spec.gateway.tag)
    frontend.install(spark, paths=paths)
    dbutils = DBUtils(spec, FileSystem(spark, paths), SubRuns(spec))
    display = Display(shell.outputs)
    names = predefined(spark, dbutils, display)
    install_modules(names)
    directory = Path(spec.directory)
    if spec.kind == "python":
        return run_script(shell, names, Path(spec.path), spec.workspace_path, spec.arguments)
    notebook = NotebookRun(shell, spark, dbutils, display, paths)
    return notebook.run(Path(spec.path), spec.workspace_path, directory / "executed.ipynb")
