"""An Airflow of our own: its environment, and a metadata database that is fresh in a millisecond.

Airflow reads its settings once, when it is first imported; so a home is entered before that, and a process has one.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import zlib
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from harness.dagrun import isolation, logs
from harness.netguard import no_profiles

if TYPE_CHECKING:
    from harness.dagrun.registry import Registry

# What the developer's shell says about real clouds, real Airflows and their secrets is not for a local run.
SCRUBBED = (
    "AIRFLOW_CONN_",
    "AIRFLOW_VAR_",
    "AIRFLOW_CTX_",
    "AIRFLOW_CONFIG",
    "AIRFLOW__DATABASE__",
    "AIRFLOW__SECRETS__",
    "AIRFLOW__LOGGING__",
    "ARM_",
    "AWS_",
    "AZURE_",
    "CLOUDSDK_",
    "DATABRICKS_",
    "GCLOUD_",
    "GOOGLE_",
)


class HomeFailed(RuntimeError):
    """Airflow cannot be given this home: it was imported before, with other settings."""


class AirflowHome:
    """An isolated Airflow, as a context manager: environment on entry, restored on exit.

    Parameters: ``directory``: holds the metadata database and the logs; ``dags_folder``: the DAG bundle; ``cache``:
    where the migrated database is kept between processes.
    Raises, on entry: ``HomeFailed`` when Airflow was imported before with another home.
    """

    def __init__(self, directory: Path, dags_folder: Path, cache: Path) -> None:
        self.directory = directory.resolve()
        self.dags_folder = dags_folder.resolve()
        self.database = self.directory / "airflow.db"
        self.logs = self.directory / "logs"
        # Why runs are slower or otherwise than they should be; shown by `harness doctor`.
        self.notes: list[str] = []
        self._templates = cache / "airflow"
        self._image: Path | None = None
        self._replaced: dict[str, str | None] = {}

    def __enter__(self) -> AirflowHome:
        imported = sys.modules.get("airflow.configuration")
        if imported is not None and Path(imported.AIRFLOW_HOME) != self.directory:
            raise HomeFailed(
                f"Airflow was imported before its home was set: it uses {imported.AIRFLOW_HOME}, not {self.directory}. "
                "A process has one Airflow home. Enter it before the first `import airflow`: under pytest, load "
                "`harness.plugin` as an installed plugin or with `-p harness.plugin`."
            )
        self.directory.mkdir(parents=True, exist_ok=True)
        mine = self.environment()
        scrubbed = [name for name in os.environ if name.startswith(SCRUBBED)]
        self._replaced = {name: os.environ.pop(name, None) for name in {*scrubbed, *mine}}
        os.environ.update(mine)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "airflow.settings" in sys.modules:
            self._dispose()
        for name, value in self._replaced.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        self._replaced = {}
        # They go on using the connections that were in the environment.
        isolation.forget_stores()

    @property
    def outside(self) -> dict[str, str]:
        """What the environment said before the home was entered, of all that it replaces."""
        return {name: value for name, value in self._replaced.items() if value is not None}

    def environment(self) -> dict[str, str]:
        """What Airflow must see before its first import (measured in design/airflow.md 4.1)."""
        plugins = self.dags_folder.parent / "plugins"
        return {
            "AIRFLOW_HOME": str(self.directory),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags_folder),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins if plugins.is_dir() else self.directory / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            # A paused DAG is given no asset events.
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            # The default asks DNS at every task's start.
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
            # Safe mode silently drops DAG files that import Airflow only through helpers.
            "AIRFLOW__CORE__DAG_DISCOVERY_SAFE_MODE": "False",
            # Import errors are for reading: the default keeps two frames.
            "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH": "50",
            "AIRFLOW__CORE__FERNET_KEY": "",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__API_AUTH__JWT_SECRET": "local-and-not-secret-at-all-00000",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.database}",
            # The shipped databricks_default and aws_default point at the real clouds.
            "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.logs),
            "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
            # Profiles and instance roles of the real clouds: shadowed by files that do not exist.
            **no_profiles(str(self.directory / "no-cloud")),
        }

    @cached_property
    def router(self) -> logs.Router:
        """What Airflow and its tasks log to."""
        return logs.install(self.logs / "airflow.log")

    @cached_property
    def registry(self) -> Registry:
        """The DAGs of this home: parsed and registered once a process."""
        from harness.dagrun.registry import Registry

        self.clean()
        return Registry(self)

    def prepare(self) -> None:
        """Make the first run of this process possible: database, fast Execution API, logs to files. Once."""
        if self._image is not None:
            return
        from harness.dagrun import api

        logs.install(self.logs / "airflow.log")  # before Airflow says anything
        self._image = self._template()
        self._restore()
        if reason := api.make_fast():
            self.notes.append(reason)
        # What Airflow made so far stays: without it, looking for garbage after a run takes 1 ms instead of 150 ms.
        gc.freeze()

    def clean(self) -> None:
        """Forget every run, asset event and XCom: a fresh database with the DAGs registered, in about a millisecond."""
        self.prepare()
        self._dispose()
        self._restore()
        if "registry" in vars(self):
            self.registry.forget_guests()

    def keep(self) -> None:
        """Make the database as it is now the one that :meth:`clean` goes back to."""
        self._dispose()
        # One a DAG folder: two homes may share the directory, as two test folders of one session do.
        image = self.directory / f"registered-{zlib.crc32(str(self.dags_folder).encode()):08x}.db"
        shutil.copyfile(self.database, image)
        self._image = image

    def _restore(self) -> None:
        assert self._image is not None
        for suffix in ("", "-wal", "-shm"):
            self.database.with_name(self.database.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(self._image, self.database)

    def _template(self) -> Path:
        """The migrated database for this Airflow version, made when the cache has none."""
        import airflow
        from airflow.utils import db

        head = list(db._REVISION_HEADS_MAP.values())[-1]
        template = self._templates / f"{airflow.__version__}-{head}.db"
        if not template.exists():
            db.initdb()
            self._dispose()
            template.parent.mkdir(parents=True, exist_ok=True)
            # Test workers race here: each makes its own copy, and the last rename wins with the same content.
            mine = template.with_suffix(f".{os.getpid()}")
            shutil.copyfile(self.database, mine)
            os.replace(mine, template)
        return template

    @staticmethod
    def _dispose() -> None:
        from airflow import settings

        # Also moves SQLite's write-ahead log into the file: without it the file alone is empty.
        settings.Session.remove()
        settings.engine.dispose()
