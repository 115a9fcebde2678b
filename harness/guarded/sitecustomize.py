"""First on ``PYTHONPATH`` by ``harness env``: guards the processes that run DAGs (harness/netguard.py), and no others.

A process that does not import Airflow, such as pip, reaches the network as ever. The harness need not be installed.
"""

import importlib.machinery
import importlib.util
import os
import sys
from types import ModuleType

HERE = os.path.dirname(os.path.abspath(__file__))


def _load(name: str, path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _runs_dags() -> bool:
    return "airflow.sdk" in sys.modules or "airflow.models" in sys.modules


if os.environ.get("HARNESS_GUARD") is not None:
    guard = _load("harness_netguard", os.path.join(os.path.dirname(HERE), "netguard.py"))
    guard.guard_process(when=_runs_dags)

# Python takes the first of this name: the one that would have been it comes next.
_found = importlib.machinery.PathFinder.find_spec("sitecustomize", [p for p in sys.path if os.path.abspath(p) != HERE])
if _found is not None and _found.origin:
    _load("_next_sitecustomize", _found.origin)
