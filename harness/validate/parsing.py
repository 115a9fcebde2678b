"""DAG files imported as the DAG processor does it, in one process, with every task's place noted."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from harness.validate.config import Config
from harness.validate.frames import Recorder
from harness.validate.network import Attempt, watch
from harness.validate.sources import Sources

BUNDLE = "dags-folder"
# The harness's own connections for DAG files that read them while they are imported. Nothing listens there.
STAND_INS = {
    "databricks_default": {"conn_type": "databricks", "host": "127.0.0.1", "schema": "http", "password": "stand-in"},
    "aws_default": {"conn_type": "aws", "login": "x", "password": "x", "extra": {"endpoint_url": "http://127.0.0.1:9"}},
}


@dataclass(frozen=True)
class DagFile:
    """What importing one file gave. ``error``: Airflow's words, ``""`` without one; ``dags``: those Airflow took."""

    path: Path
    seconds: float
    error: str
    network: tuple[Attempt, ...]
    dags: tuple[Any, ...]


def parse(root: Path, folder: Path, config: Config, sources: Sources) -> tuple[list[DagFile], Recorder]:
    """Import every DAG file of a folder. Airflow's home has been entered (:class:`harness.dagrun.home.AirflowHome`).

    Returns: the files in their order, and the recorder that knows where their tasks were made.
    """
    from airflow.dag_processing.dagbag import DagBag
    from airflow.dag_processing.importers import get_importer_registry

    recorder = Recorder(root, sources)
    files: list[DagFile] = []
    if not folder.is_dir():
        return files, recorder
    bag = DagBag(dag_folder=str(folder), bundle_path=folder, bundle_name=BUNDLE, collect_dags=False)
    with _surroundings(folder, config), recorder.noting():
        for path in sorted(get_importer_registry().list_dag_files(str(folder), safe_mode=False)):
            with watch().watching(recorder.caller) as attempts:
                started = _clock()
                dags = bag.process_file(path, safe_mode=False)
                seconds = _clock() - started
            error = bag.import_errors.pop(str(Path(path).relative_to(folder)), "")
            files.append(DagFile(Path(path), seconds, error, tuple(attempts), tuple(dags)))
    return files, recorder


def _clock() -> float:
    """Seconds, without those in which a busy machine let this thread wait for a processor: they are not the file's."""
    try:
        waited = int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):  # not Linux
        waited = 0.0
    return time.perf_counter() - waited


@contextlib.contextmanager
def _surroundings(folder: Path, config: Config) -> Iterator[None]:
    """The import path and environment of a DAG processor, given back with every module that was imported from there."""
    before = set(sys.modules)
    with (
        patch.dict(os.environ, _declared(config)),
        _no_local_endpoint(),
        patch.object(sys, "path", [*sys.path, str(folder)]),
        patch.object(sys, "dont_write_bytecode", True),
        warnings.catch_warnings(),
        _quiet(),
    ):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            for name in set(sys.modules) - before:
                if str(getattr(sys.modules[name], "__file__", None) or "").startswith(f"{folder}{os.sep}"):
                    del sys.modules[name]


@contextlib.contextmanager
def _no_local_endpoint() -> Iterator[None]:
    """Let AWS be where it is in production: what a file asks of it on import would go to a stack that is up."""
    with patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL")]:
            del os.environ[name]
        yield


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what files print while they are imported, and Airflow's log of it, out of the report."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)


def _declared(config: Config) -> dict[str, str]:
    """Connections and variables that DAG files may read, but for those that the environment already has."""
    connections = dict.fromkeys(names(config.connections), json.dumps({"conn_type": "generic", "host": "127.0.0.1"}))
    connections |= {name: json.dumps(value) for name, value in STAND_INS.items()}
    connections |= config.connections if isinstance(config.connections, Mapping) else {}
    variables = config.variables if isinstance(config.variables, Mapping) else {}
    wanted = {
        **{f"AIRFLOW_CONN_{name.upper()}": value for name, value in connections.items()},
        **{f"AIRFLOW_VAR_{name.upper()}": value for name, value in variables.items()},
    }
    return {name: value for name, value in wanted.items() if name not in os.environ}


def names(declared: list[str] | dict[str, str]) -> list[str]:
    """The names in a list, or in a table of names to values."""
    return list(declared)
