"""``sql_task``: the statements of a file or of a saved query, one after the other in a session of a SQL warehouse."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.lake.paths import PathNotFound, WorkspacePaths
from harness.lake.sql.parameters import Parameter
from harness.lake.sql.records import Operation
from harness.lake.sql.records import State as Stage
from harness.lake.sql.split import split
from harness.runner.references import as_text
from harness.runner.run import LifeCycle, Output, Result, State
from harness.runner.taskkinds import CannotRun

if TYPE_CHECKING:
    from harness.lake.sql.operations import SqlEngine

# docs.databricks.com, "What is a dynamic value reference?": what later tasks may read of a query's rows.
MOST_ROWS = 1000
MOST_BYTES = 48 * 1024
_MUSTACHE = re.compile(r"\{\{\s*([\w ]+?)\s*\}\}")
WHOLE = re.compile(r"[+-]?\d+")


@dataclass(frozen=True)
class Script:
    """What a task executes. ``catalog`` and ``schema``: where a saved query begins."""

    statements: list[str]
    parameters: list[Parameter]
    catalog: str | None = None
    schema: str | None = None


def of_file(path: str, given: Mapping[str, Any], paths: WorkspacePaths) -> Script:
    """The script of a SQL file. Parameters: ``given``: the task's parameters. Raises: ``CannotRun``."""
    try:
        text = paths.local(path).read_text()
    except (PathNotFound, OSError, ValueError) as error:
        raise CannotRun(f"Cannot read the SQL file {path}: it does not exist in the workspace.") from error
    return Script(_statements(text), [Parameter(name, text=as_text(value)) for name, value in given.items()])


def of_query(query: Mapping[str, Any], given: Mapping[str, Any]) -> Script:
    """The script of a saved query. Parameters: ``given``: values for its parameters. Raises: ``CannotRun``."""
    parameters = {str(each["name"]): _parameter(each, given) for each in query.get("parameters") or []}
    more = {name: Parameter(name, text=as_text(value)) for name, value in given.items() if name not in parameters}
    every = [*parameters.values(), *more.values()]
    return Script(_statements(query["query_text"]), every, query.get("catalog"), query.get("schema"))


def _statements(text: str) -> list[str]:
    if match := _MUSTACHE.search(text):
        raise CannotRun(f"Parameters in double braces ({match[0]}) are not supported here: use :{match[1]}.")
    try:
        statements = split(text)
    except ValueError as error:
        raise CannotRun(str(error)) from error
    if not statements:
        raise CannotRun("There is no SQL statement to execute.")
    return statements


def _parameter(definition: Mapping[str, Any], given: Mapping[str, Any]) -> Parameter:
    """A parameter as a saved query defines it (databricks-sdk, ``QueryParameter``)."""
    name = str(definition["name"])
    if "numeric_value" in definition:
        text = as_text(given.get(name, definition["numeric_value"].get("value"))).removesuffix(".0")
        return Parameter(name, "BIGINT" if WHOLE.fullmatch(text) else "DOUBLE", text)
    if "date_value" in definition:
        kind = "DATE" if definition["date_value"].get("precision", "DAY_PRECISION") == "DAY_PRECISION" else "TIMESTAMP"
        return Parameter(name, kind, as_text(given.get(name, definition["date_value"].get("date_value"))))
    if name in given:
        return Parameter(name, text=as_text(given[name]))
    if "text_value" in definition:
        return Parameter(name, text=as_text(definition["text_value"].get("value", "")))
    match definition.get("enum_value"):
        case {"values": [str(only)]}:
            return Parameter(name, text=only)
    raise CannotRun(f"The value of the query's parameter '{name}' is of a kind that is not supported here.")


@dataclass
class Statements:
    """The statements of a task under way: to its attempt what a process is to others."""

    sql: SqlEngine
    warehouse: str
    script: Script
    _operations: list[Operation] = field(default_factory=list)
    _rows: list[dict[str, Any]] | None = None
    _error: str = "The statement was cancelled."
    _called_off: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin; returns at once."""
        threading.Thread(target=self._run, name="sql-task", daemon=True).start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the last statement's end. Returns: False when ``timeout`` seconds passed first."""
        return self._ended.wait(timeout)

    def kill(self) -> None:
        """Cancel the statement that runs, and begin no other."""
        with self._lock:
            self._called_off = True
            running = self._operations[-1:]
        for operation in running:
            self.sql.cancel(operation)

    def outcome(self) -> tuple[State, Output]:
        """How the task ends: failed with the first statement that did not succeed."""
        made = Output(sql=self._output())
        last = self._operations[-1] if self._operations else None
        if last is not None and last.state is Stage.SUCCEEDED and len(self._operations) == len(self.script.statements):
            return State(LifeCycle.TERMINATED, Result.SUCCESS), made
        # What the statement itself says, else why there is none.
        made.error = last.failure.message if last is not None and last.failure else self._error
        return State(LifeCycle.TERMINATED, Result.FAILED, made.error.partition("\n")[0]), made

    def _run(self) -> None:
        session = self.sql.open(self.warehouse, self.script.catalog, self.script.schema, client="sql_task")
        try:
            for statement in self.script.statements:
                with self._lock:
                    if self._called_off:
                        return
                    operation = self.sql.submit(session, statement, parameters=self.script.parameters)
                    self._operations.append(operation)
                operation.wait()
                if operation.state is not Stage.SUCCEEDED:
                    return
            self._rows = _rows(operation)
        except Exception as error:
            self._error = f"{type(error).__name__}: {error}"
        finally:
            self._ended.set()
            self.sql.close(session.id)

    def _output(self) -> dict[str, Any]:
        output: dict[str, Any] = {
            "query_text": ";\n".join(self.script.statements),
            "warehouse_id": self.warehouse,
            "statements": [operation.id.hex() for operation in self._operations],
        }
        return output if self._rows is None else {**output, "rows": self._rows}


def _rows(operation: Operation) -> list[dict[str, Any]] | None:
    """The rows that later tasks may read, or None when they are too many."""
    if operation.result is None or operation.result.table.num_rows > MOST_ROWS:
        return None
    text = json.dumps(operation.result.table.to_pylist(), default=str)
    return json.loads(text) if len(text.encode()) <= MOST_BYTES else None
