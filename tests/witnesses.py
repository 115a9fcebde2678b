"""Which test proves which served operation: gathered from the request logs with ``--update-witnesses``.

A witness is a test in which a client got an answer other than an error. The best one counts: that of the client which
comes first in :data:`CLIENTS`, and among those the test that asks for the fewest operations. A run of some of the tests
adds what they show and leaves the rest.
"""

from __future__ import annotations

import ast
import fcntl
import functools
import json
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docs.generate import WITNESSES
from harness.capabilities import listed
from harness.stack import Stack

ROOT = Path(__file__).parents[1]
COMMAND = "pytest --update-witnesses tests/workspace  # or the tests of what you added"
# What each writes into its User-Agent. Our own kernels, engine and readers are no witnesses.
CLIENTS = {
    # With the interpreter's whole version: what our own tests write there is no witness.
    "provider": (f" python/{platform.python_version()} os/",),
    "sdk": ("databricks-sdk-py/",),
    "connector": ("PyDatabricksSqlConnector/",),
    "http": ("python-httpx", "python-requests", "aiohttp/"),
}
STARTED = pytest.StashKey[float]()

Witness = dict[str, str]


@functools.cache
def rows() -> dict[tuple[str, str], str]:
    """The key of each served operation, by method and route."""
    return {(row.method, path): row.key for row in listed() if row.served for path in (row.path, *row.others)}


def exists(test: str) -> bool:
    """Whether a test is still there, by its file and name."""
    file, _, name = test.partition("::")
    return name in _functions(ROOT / file)


@functools.cache
def _functions(file: Path) -> frozenset[str]:
    if not file.is_file():
        return frozenset()
    return frozenset(node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef))


class Gatherer:
    """The plugin of a session with ``--update-witnesses``."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[int, int, Witness]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        item.stash[STARTED] = time.time()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[None]:
        report = yield
        if report.when == "call" and report.passed:  # type: ignore[attr-defined]
            self._gather(item)
        return report

    def _gather(self, item: pytest.Item) -> None:
        function = getattr(item, "function", None)
        asked = {
            (rows()[route], client)
            for entry in _entries(item)
            if (route := (entry["method"].replace("HEAD", "GET"), entry["route"])) in rows()
            and entry["status"] < 400
            and (client := _client(entry["user_agent"]))
        }
        for key, client in asked if function else ():
            witness = {"client": client, "test": f"{item.path.relative_to(ROOT).as_posix()}::{function.__name__}"}
            found = (list(CLIENTS).index(client), len(asked), witness)
            self.seen[key] = min(self.seen.get(key, found), found, key=lambda one: (one[:2], one[2]["test"]))

    def pytest_sessionfinish(self) -> None:
        WITNESSES.touch()
        with WITNESSES.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # pytest-xdist's workers end at the same time
            kept: dict[str, Witness] = json.loads(file.read() or "{}")
            kept = {key: one for key, one in kept.items() if key in rows().values() and exists(one["test"])}
            for key, (rank, _, witness) in self.seen.items():
                if key not in kept or rank < list(CLIENTS).index(kept[key]["client"]):
                    kept[key] = witness
            file.seek(0)
            file.truncate()
            file.write(json.dumps(kept, indent=2, sort_keys=True) + "\n")


def _entries(item: pytest.Item) -> Iterator[dict[str, Any]]:
    """What was asked of the workspaces of a test while it ran."""
    for value in getattr(item, "funcargs", {}).values():
        if isinstance(value, Stack):
            entries = value.control("GET", "requests")["requests"]
        elif hasattr(getattr(value, "workspace", None), "requests"):
            entries = value.workspace.requests.entries()
        else:
            continue
        yield from (entry for entry in entries if entry["time"] >= item.stash[STARTED])


def _client(user_agent: str) -> str:
    if "databricks-airflow/" not in user_agent and "databricks-sdk-py/" in user_agent:
        return "sdk"
    return next((client for client, marks in CLIENTS.items() if any(mark in user_agent for mark in marks)), "")
