"""The DAGs of a home: parsed like the DAG processor parses them, registered before anything runs.

All of a folder's DAGs are registered at once, since Airflow gives a consumer only the asset events that are younger
than its registration, and since ``dag.test()`` would else parse the folder again at every call (1 s for 60 files).
"""

from __future__ import annotations

import difflib
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.dagrun import isolation

if TYPE_CHECKING:
    from harness.dagrun.home import AirflowHome

BUNDLE = "dags-folder"
SEEN_BY_DAG_FILES = ("AIRFLOW_CONN_", "AIRFLOW_VAR_", "AWS_", "DATABRICKS_")


class DagImportFailed(RuntimeError):
    """DAG files do not import. The message holds each file and its traceback."""


class DagNotFound(LookupError):
    """No such DAG. The message names near ones, and the files that did not import."""


class Registry:
    """DAG objects by id, and their rows in the metadata database.

    Parameters: ``home``, whose database is clean.
    Attributes: ``dags`` (id to DAG), ``import_errors`` (file to traceback).
    """

    def __init__(self, home: AirflowHome) -> None:
        self.home = home
        self.import_errors: dict[Path, str] = {}
        self._guests: dict[str, Any] = {}
        self._residents: dict[str, Any] = {}
        self._parsed: dict[str, str] | None = None
        self._registered: dict[str, str] | None = None
        # Production puts the bundle's root there, and tasks import from it while they run.
        if str(home.dags_folder) not in sys.path:
            sys.path.append(str(home.dags_folder))
        self.refresh()
        self._kept = self._parsed
        home.keep()

    @property
    def dags(self) -> dict[str, Any]:
        return {**self._residents, **self._guests}

    def refresh(self) -> None:
        """Parse the folder again if connections or variables have changed since, and register what is not.

        DAG files read them as they are imported: ``ObjectStoragePath("s3://aws_default@lake")`` at the top of a file
        connects there and then, and never again (measured on 3.3.2); a worker imports the file for every try.
        """
        seen = {name: value for name, value in os.environ.items() if name.startswith(SEEN_BY_DAG_FILES)}
        if seen != self._parsed:
            isolation.forget_stores()
            self.import_errors.clear()
            self._residents = self._parse(self.home.dags_folder) if self.home.dags_folder.is_dir() else {}
            self._parsed = seen
        if self._registered != self._parsed:
            self._register(self._residents)
            self._registered = self._parsed

    def find(self, source: Any) -> Any:
        """The DAG meant by ``source``: a DAG object, a DAG id, or a file that defines one DAG.

        Raises: ``DagNotFound``; ``DagImportFailed`` when the file does not import.
        """
        self.refresh()
        if hasattr(source, "dag_id") and hasattr(source, "task_dict"):
            return self._welcome({source.dag_id: source})[source.dag_id]
        if callable(source):
            raise DagNotFound(f"{source!r} makes a DAG and is none: call it, and give what it returns")
        if isinstance(source, Path) or str(source).endswith(".py"):
            return self._find_in(Path(source))
        try:
            return self.dags[str(source)]
        except KeyError:
            raise DagNotFound(self._unknown(str(source))) from None

    def check(self) -> None:
        """Raise ``DagImportFailed`` if any file of the folder did not import: a DAG that is to follow may be in it."""
        if self.import_errors:
            raise DagImportFailed(self._errors(self.import_errors))

    def forget_guests(self) -> None:
        """DAGs from elsewhere than the folder go with the database that they were registered in."""
        self._guests.clear()
        self._registered = self._kept

    def _find_in(self, file: Path) -> Any:
        path = next((p.resolve() for p in (file, self.home.dags_folder / file) if p.is_file()), None)
        if path is None:
            raise DagNotFound(f"there is no file {file}, neither here nor in {self.home.dags_folder}")
        if path.is_relative_to(self.home.dags_folder):
            found = {dag_id: dag for dag_id, dag in self._residents.items() if Path(dag.fileloc).resolve() == path}
        else:
            if str(path.parent) not in sys.path:
                sys.path.append(str(path.parent))
            self.import_errors.pop(path, None)
            found = self._parse(path)
        if path in self.import_errors:
            raise DagImportFailed(self._errors({path: self.import_errors[path]}))
        if len(found) != 1:
            raise DagNotFound(f"{path} defines {len(found)} DAGs ({', '.join(found) or 'none'}): name one by its id")
        return next(iter(self._welcome(found).values()))

    def _welcome(self, dags: dict[str, Any]) -> dict[str, Any]:
        new = {dag_id: dag for dag_id, dag in dags.items() if self.dags.get(dag_id) is not dag}
        self._register(new)
        self._guests.update(new)
        return dags

    def _parse(self, path: Path) -> dict[str, Any]:
        from airflow.dag_processing.dagbag import DagBag

        folder = path if path.is_dir() else path.parent
        # What a file warns of is for its author to read, not for a test's warning filter to turn into an import error.
        with isolation.timers_kept(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            bag = DagBag(dag_folder=str(path), bundle_path=folder, bundle_name=BUNDLE)
        self.import_errors.update({(folder / file).resolve(): text for file, text in bag.import_errors.items()})
        return dict(sorted(bag.dags.items()))

    def _register(self, dags: dict[str, Any]) -> None:
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
        from airflow.models.dagbundle import DagBundleModel
        from airflow.utils.session import create_session

        with create_session(scoped=False) as session:
            if session.get(DagBundleModel, BUNDLE) is None:
                session.add(DagBundleModel(name=BUNDLE))
        bag = DagBag(dag_folder=os.devnull, collect_dags=False)
        for dag in dags.values():
            if dag.relative_fileloc is None:
                dag.relative_fileloc = Path(dag.fileloc).name
            bag.bag_dag(dag)
        sync_bag_to_db(bag, BUNDLE, None)
        if bag.import_errors:  # found by serialising
            raise DagImportFailed(self._errors({Path(file): text for file, text in bag.import_errors.items()}))

    def _unknown(self, dag_id: str) -> str:
        near = difflib.get_close_matches(dag_id, self.dags, n=3)
        lines = [f"there is no DAG {dag_id!r} in {self.home.dags_folder}."]
        if near:
            lines.append(f"Did you mean {' or '.join(map(repr, near))}?")
        elif self.dags:
            lines.append(f"It holds: {', '.join(self.dags)}.")
        if self.import_errors:
            lines.append(self._errors(self.import_errors))
        return "\n".join(lines)

    @staticmethod
    def _errors(errors: dict[Path, str]) -> str:
        return "\n".join(f"DAG file {file} does not import:\n{text.rstrip()}" for file, text in errors.items())
