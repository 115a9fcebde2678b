"""What a task or a shell has before its first line runs: Spark, ``dbutils`` and the other predefined variables."""

from __future__ import annotations

import os
import random
import shlex
import sys
from pathlib import Path
from typing import Any

from harness.kernel import accessmode, cluster, initscripts, mounts
from harness.kernel.context import install_modules
from harness.kernel.dbutils import DBUtils
from harness.kernel.display import Display
from harness.kernel.filesystem import FileSystem
from harness.kernel.modules import import_from
from harness.kernel.notebook import predefined
from harness.kernel.packages import Packages, fetcher, provide_of_cluster
from harness.kernel.secretscopes import Secrets
from harness.kernel.shell import Shell
from harness.kernel.spec import KernelSpec
from harness.kernel.subruns import SubRuns
from harness.lake.attach import attach
from harness.lake.autoloader import stream
from harness.lake.paths import WorkspacePaths
from harness.lake.sql import frontend


class Session:
    """This process attached to Spark as a specification says. ``conf``: of its cluster; ``fetch``: the local file
    behind a path of a library. Parameters: ``spark``: attached already."""

    def __init__(self, shell: Shell, spec: KernelSpec, spark: Any = None) -> None:
        random.seed()
        os.environ.update(spec.environment)
        self._spec = spec
        self.paths = WorkspacePaths(spec.roots)
        import_from(Path(spec.path), self.paths.roots.values())
        mounts.install(self.paths)
        self.spark: Any = spark or attach(spec.gateway.port, spec.gateway.secret, spec.gateway.tag)
        frontend.install(self.spark, paths=self.paths, revealed=shell.outputs.redaction.add)
        stream.install()
        self._secrets = Secrets(spec, shell.outputs.redaction)
        cluster.set_variables(cluster.revealed(spec.variables, self._secrets), self.spark)
        self.conf = cluster.revealed(spec.conf, self._secrets)
        cluster.configure(self.spark, self.conf)
        self._files = FileSystem(self.spark, self.paths)
        self.fetch = fetcher(self.paths.local, self._files.cp)
        self._installed = self._init_scripts()

    def equip(self, shell: Shell) -> dict[str, Any]:
        """Provide libraries and make what code finds defined. Returns: its names (:func:`predefined`)."""
        spec = self._spec
        packages = Packages(Path(spec.cache), self.spark.sparkContext.environment, self.fetch)
        provide_of_cluster(packages, spec.cluster_libraries)
        for words in self._installed:
            packages.pip(shlex.join(words))
        packages.provide(spec.libraries)
        dbutils = DBUtils(spec, self._files, SubRuns(spec), self._secrets, packages)
        names = predefined(self.spark, dbutils, Display(shell.outputs, waits=spec.interactive))
        if spec.access_mode in accessmode.STANDARD:
            accessmode.restrict(names)
        install_modules(names)
        return names

    def _init_scripts(self) -> list[list[str]]:
        """Run the cluster's init scripts where they are to run. Returns: what they have installed by pip."""
        spec = self._spec
        if not spec.init_scripts:
            return []
        if not spec.cluster:
            said = f"The cluster's init scripts are not run: {', '.join(spec.init_scripts)}."
            print(f"{said} The setting init_scripts has them run.", file=sys.stderr)
            return []
        return initscripts.prepare(
            spec.init_scripts, Path(spec.cluster), spec.cluster_variables, spec.cache, spec.roots, self.fetch
        )
