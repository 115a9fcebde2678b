"""The three doors of the corpus: the SQL connector, Statement Execution by the SDK, and a run of a notebook."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from databricks import sql as connector
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.sql import StatementState
from databricks.sdk.service.workspace import Language

from harness.stack import Stack
from tests.sql import rendering
from tests.sql.entries import Family, Outcome

CATALOG = "main"
Execute = Callable[[str], Outcome]
NOTEBOOK = "/Users/harness@localhost/corpus"


class Door:
    """A way to have statements executed. Each door has a schema of its own for each family."""

    name = ""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.workspace = WorkspaceClient(host=stack.workspace_url, token=stack.token)

    def prepare(self, family: Family) -> None:
        """Make the family's schema, and its files in a volume."""
        schema = self.schema(family)
        self.workspace.schemas.create(schema, CATALOG)
        self.workspace.volumes.create(CATALOG, schema, "files", VolumeType.MANAGED)
        for name, text in family.files.items():
            self.workspace.files.upload(f"{self.folder(family)}/{name}", BytesIO(text.encode()), overwrite=True)

    def schema(self, family: Family) -> str:
        """The name of the family's schema."""
        return f"{self.name}_{family.name}"

    def folder(self, family: Family) -> str:
        """Where the family's files are."""
        return f"/Volumes/{CATALOG}/{self.schema(family)}/files"

    def filled_in(self, family: Family, text: str) -> str:
        """A text of the corpus with its placeholders replaced."""
        return text.replace("{schema}", self.schema(family)).replace("{files}", self.folder(family))

    def run(self, families: Iterable[Family]) -> dict[str, list[Outcome]]:
        """Execute every statement. Returns: what came of them, by family."""
        return {family.name: self.family(family) for family in families}

    def family(self, family: Family) -> list[Outcome]:
        """Execute the statements of a family."""
        self.prepare(family)
        with self.session(family) as execute:
            return [timed(execute, self.filled_in(family, entry.sql)) for entry in family.entries]

    def session(self, family: Family) -> AbstractContextManager[Execute]:
        """What executes one statement, in a session in the family's schema."""
        raise NotImplementedError


class Thrift(Door):
    """databricks-sql-connector."""

    name = "thrift"

    @contextmanager
    def session(self, family: Family) -> Iterator[Execute]:
        path = f"/sql/1.0/warehouses/{self.stack.warehouse_id}"
        with connector.connect(
            server_hostname="127.0.0.1",
            http_path=path,
            access_token=self.stack.token,
            _connection_uri=self.stack.workspace_url + path,
            enable_telemetry=False,
            catalog=CATALOG,
            schema=self.schema(family),
        ) as connection:

            def execute(statement: str) -> Outcome:
                try:
                    with connection.cursor() as cursor:
                        cursor.execute(statement)
                        rows = list(cursor.fetchall()) if cursor.description else []
                        return shown([list(row) for row in rows], [])
                except connector.Error as error:
                    return Outcome(rendering.error_text(str(error)), str(error))

            yield execute


class Statements(Door):
    """Statement Execution; each statement is a session of its own."""

    name = "statements"

    @contextmanager
    def session(self, family: Family) -> Iterator[Execute]:
        def execute(statement: str) -> Outcome:
            answer = self.workspace.statement_execution.execute_statement(
                statement, self.stack.warehouse_id, catalog=CATALOG, schema=self.schema(family), wait_timeout="50s"
            )
            assert answer.status is not None
            if answer.status.state is not StatementState.SUCCEEDED:
                message = answer.status.error.message if answer.status.error else None
                return Outcome(rendering.error_text(message or ""), message or f"{answer.status.state}")
            columns = (answer.manifest.schema.columns if answer.manifest and answer.manifest.schema else None) or []
            kinds = [column.type_text or "" for column in columns]
            rows = (answer.result.data_array if answer.result else None) or []
            values = [[rendering.of_text(v, k) for v, k in zip(row, kinds, strict=True)] for row in rows]
            return shown(values, [f"{column.name} {column.type_text}" for column in columns])

        yield execute


class Notebook(Door):
    """``spark.sql`` in a notebook: one run, a task for each group of families, a session for each family."""

    name = "notebook"
    GROUPS = 3
    CELL = """
import json, time
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

def family(work):
    session = spark.newSession()
    session.sql(f"USE main.{work['schema']}")
    return [statement(session, sql) for sql in work["statements"]]

def statement(session, sql):
    began = time.monotonic()
    answer = {}
    try:
        frame = session.sql(sql)
        answer["rows"] = [row_text(list(row)) for row in frame.collect()]
        answer["columns"] = [f"{f.name} {f.dataType.simpleString()}" for f in frame.schema.fields]
    except Exception as error:
        answer["error"], answer["message"] = condition(error) or error_text(str(error)), str(error)
    return {**answer, "seconds": time.monotonic() - began}

def condition(error):
    told = error if isinstance(error, PySparkException) else getattr(error, "java_exception", None)
    try:  # Delta's own errors come as plain Java exceptions; others of Java's have no condition at all
        named, state = told.getCondition(), told.getSqlState()
    except (AttributeError, Py4JError):
        return ""
    return f"{named} {state}" if named and state else ""

work = dbutils.widgets.get("work")
with open(work) as file:
    done = {one["family"]: family(one) for one in json.load(file)}
with open(work.replace("work", "done"), "w") as file:
    json.dump(done, file)
"""

    def run(self, families: Iterable[Family]) -> dict[str, list[Outcome]]:
        families = list(families)
        for family in families:
            self.prepare(family)
        groups = [group for number in range(self.GROUPS) if (group := families[number :: self.GROUPS])]
        folder = self.folder(families[0])
        for number, group in enumerate(groups):
            work = [
                {
                    "family": family.name,
                    "schema": self.schema(family),
                    "statements": [self.filled_in(family, entry.sql) for entry in family.entries],
                }
                for family in group
            ]
            self.workspace.files.upload(f"{folder}/work{number}.json", BytesIO(json.dumps(work).encode()))
        cells = [Path(rendering.__file__).read_text(), self.CELL]
        source = "# Databricks notebook source\n" + "\n# COMMAND ----------\n".join(cells)
        content = base64.b64encode(source.encode()).decode()
        self.workspace.workspace.import_(NOTEBOOK, content=content, language=Language.PYTHON, overwrite=True)
        tasks = [
            jobs.SubmitTask(
                task_key=f"corpus{number}",
                notebook_task=jobs.NotebookTask(NOTEBOOK, base_parameters={"work": f"{folder}/work{number}.json"}),
            )
            for number in range(len(groups))
        ]
        started = self.workspace.jobs.submit(run_name="corpus", tasks=tasks)
        assert started.run_id is not None
        self.ended(started.run_id)
        done: dict[str, Any] = {}
        for number in range(len(groups)):
            answer = self.workspace.files.download(f"{folder}/done{number}.json")
            assert answer.contents is not None
            done.update(json.loads(answer.contents.read()))
        return {name: [outcome(**one) for one in answers] for name, answers in done.items()}

    def ended(self, run_id: int) -> None:
        """Wait for the run's end, with held polls. Raises: ``AssertionError`` with what its tasks say, if they fail."""
        headers = {"User-Agent": "tests operator/corpus"}
        while True:
            run: Any = self.workspace.api_client.do(
                "GET", "/api/2.1/jobs/runs/get", query={"run_id": run_id}, headers=headers
            )
            if run["state"]["life_cycle_state"] in ("TERMINATED", "INTERNAL_ERROR", "SKIPPED"):
                break
        failed = [task["run_id"] for task in run["tasks"] if task["state"].get("result_state") != "SUCCESS"]
        assert not failed, [self.workspace.jobs.get_run_output(task).error_trace for task in failed]


def outcome(
    rows: Iterable[str] = (), columns: Iterable[str] = (), error: str = "", message: str = "", seconds: float = 0
) -> Outcome:
    """An outcome from what the notebook says of it."""
    return Outcome(error, message, tuple(rows), ", ".join(columns), seconds)


def shown(rows: list[list[Any]], columns: list[str]) -> Outcome:
    """The outcome that is a result."""
    return Outcome(rows=tuple(rendering.row_text(row) for row in rows), columns=", ".join(columns))


def timed(execute: Callable[[str], Outcome], statement: str) -> Outcome:
    """Execute a statement and note how long it takes."""
    began = time.monotonic()
    came = execute(statement)
    return Outcome(came.error, came.message, came.rows, came.columns, time.monotonic() - began)
