"""Databricks' own statements, through the SQL connector, against the workspace they change."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks import sql as connector
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import NotebookTask, RunResultState, SubmitTask
from databricks.sdk.service.workspace import ImportFormat, Language
from databricks.sql.exc import ServerOperationError

from harness.stack import Stack

pytestmark = pytest.mark.slow

Run = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def run(clean_stack: Stack) -> Iterator[Run]:
    """Runs a statement. Returns: its rows."""
    path = f"/sql/1.0/warehouses/{clean_stack.warehouse_id}"
    options = {"_connection_uri": clean_stack.workspace_url + path, "enable_telemetry": False}
    with (
        connector.connect("127.0.0.1", path, clean_stack.token, **options) as connection,
        connection.cursor() as cursor,
    ):

        def run(statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
            cursor.execute(statement, parameters)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

        yield run


def test_a_catalog_is_made_described_changed_and_dropped(run: Run, workspace: WorkspaceClient, tmp_path: Path) -> None:
    run(f"CREATE CATALOG IF NOT EXISTS made MANAGED LOCATION 'file:{tmp_path}/made' COMMENT 'it''s'")
    run("CREATE CATALOG IF NOT EXISTS made")
    with pytest.raises(ServerOperationError, match=r"\[CATALOG_ALREADY_EXISTS\].*42710"):
        run("CREATE CATALOG made")
    assert ("made",) in run("SHOW CATALOGS")
    run("CREATE TABLE made.default.t AS SELECT 1 AS id")
    assert list(tmp_path.glob("made/default/t-*/_delta_log"))
    run("ALTER CATALOG made OWNER TO `data team`")
    run("COMMENT ON CATALOG made IS 'new'")
    run("ALTER CATALOG made SET TAGS ('cost' = 'x', 'flag')")
    assert dict(run("DESCRIBE CATALOG EXTENDED made"))["Owner"] == "data team"
    assert run("DESC CATALOG made")[:2] == [("Catalog Name", "made"), ("Comment", "new")]
    assert [(t.tag_key, t.tag_value) for t in workspace.entity_tag_assignments.list("catalogs", "made")] == [
        ("cost", "x"),
        ("flag", ""),
    ]
    with pytest.raises(ServerOperationError, match="made' because it is not empty"):
        run("DROP CATALOG made")
    run("DROP CATALOG made CASCADE")
    run("DROP CATALOG IF EXISTS made")
    assert "made" not in [c.name for c in workspace.catalogs.list()]
    assert not list(tmp_path.glob("made/default/t-*"))
    with pytest.raises(ServerOperationError, match=r"\[NO_SUCH_CATALOG_EXCEPTION\]"):
        run("DROP CATALOG made")
    run("CREATE CATALOG made")
    run("CREATE TABLE made.default.t AS SELECT 2 AS id")
    assert run("SELECT * FROM made.default.t") == [(2,)]


def test_grants_are_recorded_shown_and_revoked(run: Run, workspace: WorkspaceClient) -> None:
    run("CREATE TABLE main.default.granted (id INT) USING DELTA")
    run("GRANT SELECT, MODIFY ON TABLE granted TO `a@b.c`")
    run("GRANT USE SCHEMA, SELECT ON SCHEMA main.default TO analysts")
    run("GRANT ALL PRIVILEGES ON CATALOG main TO admins;")
    assert run("SHOW GRANTS `a@b.c` ON main.default.granted") == [
        ("a@b.c", "SELECT", "TABLE", "main.default.granted"),
        ("a@b.c", "MODIFY", "TABLE", "main.default.granted"),
    ]
    assert ("analysts", "SELECT", "SCHEMA", "main.default") in run("SHOW GRANTS ON TABLE granted")
    run("REVOKE MODIFY ON TABLE granted FROM `a@b.c`")
    (left,) = workspace.grants.get("TABLE", "main.default.granted").privilege_assignments or []
    assert [p.value for p in left.privileges or []] == ["SELECT"]
    with pytest.raises(ServerOperationError, match="USE CATALOG is not applicable to this entity"):
        run("GRANT USE CATALOG ON TABLE granted TO x")
    with pytest.raises(ServerOperationError, match=r"\[TABLE_OR_VIEW_NOT_FOUND\]"):
        run("GRANT SELECT ON nowhere TO x")
    with pytest.raises(ServerOperationError, match=r"\[PARSE_SYNTAX_ERROR\]"):
        run("GRANT SELECT ON granted")
    with pytest.raises(ServerOperationError, match="GRANT ON SHARE is not supported by the local harness"):
        run("GRANT SELECT ON SHARE s TO RECIPIENT r")


def test_owners_tags_and_comments_are_kept_on_every_object(run: Run, workspace: WorkspaceClient) -> None:
    run("CREATE TABLE main.default.owned (id INT, name STRING) USING DELTA")
    run("CREATE VIEW main.default.seen AS SELECT 1 AS x")
    run("ALTER TABLE owned SET OWNER TO team")
    run("ALTER VIEW main.default.seen OWNER TO team")
    run("ALTER SCHEMA main.default OWNER TO team")
    assert workspace.tables.get("main.default.owned").owner == "team"
    assert workspace.tables.get("main.default.seen").owner == "team"
    assert workspace.schemas.get("main.default").owner == "team"
    assert ("Owner", "team") in [row[:2] for row in run("DESCRIBE TABLE EXTENDED owned")]
    run("ALTER TABLE owned SET TAGS ('pii' = 'no')")
    run("ALTER TABLE owned SET TAGS ('pii' = 'yes', 'domain' = 'sales')")
    run("ALTER TABLE owned ALTER COLUMN name SET TAGS ('pii')")
    run("SET TAG ON SCHEMA main.default cost = low")
    run("ALTER TABLE owned UNSET TAGS ('domain', 'absent')")

    def tags(kind: str, name: str) -> list[tuple[str, str | None]]:
        return [(tag.tag_key, tag.tag_value) for tag in workspace.entity_tag_assignments.list(kind, name)]

    assert tags("tables", "main.default.owned") == [("pii", "yes")]
    assert tags("columns", "main.default.owned.name") == [("pii", "")]
    assert tags("schemas", "main.default") == [("cost", "low")]
    run("COMMENT ON TABLE owned IS 'ours'")
    run(r"COMMENT ON COLUMN main.default.owned.name IS 'it\'s'")
    assert workspace.tables.get("main.default.owned").comment == "ours"
    assert ("name", "string", "it's") in run("DESCRIBE TABLE owned")
    run("ALTER TABLE owned ADD COLUMNS (x INT)")
    run("CREATE TABLE main.default.unguarded (mask STRING, row INT, s STRUCT<mask: INT>)")


def test_files_are_read_as_a_table(run: Run, tmp_path: Path) -> None:
    (tmp_path / "day=1").mkdir()
    (tmp_path / "day=1" / "a.csv").write_text("id;name\n1;x\n2;\n")
    (tmp_path / "b.json").write_text('{"id": 1, "tags": ["a"]}\n')
    (tmp_path / "c.txt").write_text("one\ntwo\n")
    csv = f"read_files('file:{tmp_path}/', format => 'csv', header => true, sep => ';', fileNamePattern => '*.csv')"
    assert run(f"SELECT * FROM {csv} ORDER BY id") == [(1, "x", 1, None), (2, None, 1, None)]
    assert run(f"SELECT id, _metadata.file_name FROM {csv} WHERE name = 'x'") == [(1, "a.csv")]
    typed = f"read_files('file:{tmp_path}/day=1', format => 'csv', header => true, sep => ';', schema => 'id STRING')"
    assert run(f"SELECT * FROM {typed} ORDER BY id") == [("1",), ("2",)]
    hinted = f"read_files('file:{tmp_path}/b.json', schemaHints => 'id DECIMAL(5,1)', schemaEvolutionMode => 'none')"
    assert [str(row[0]) for row in run(f"SELECT id FROM {hinted}")] == ["1.0"]
    assert run(f"SELECT * FROM read_files('file:{tmp_path}/c.txt')") == [("one",), ("two",)]
    run(f"CREATE TABLE main.default.ingested AS SELECT id, name FROM {csv}")
    assert run("SELECT count(*) FROM main.default.ingested") == [(2,)]
    assert run("SELECT count(*) FROM read_files(:p, format => 'text')", {"p": f"file:{tmp_path}/c.txt"}) == [(2,)]
    for call, says in (
        ("'/nowhere/x.csv'", "PATH_NOT_FOUND"),
        (f"'file:{tmp_path}', format => 'avro'", "read_files of format avro is not supported by the local harness"),
        (f"'file:{tmp_path}/b.json', schema => 'id INT', rescuedDataColumn => '_r'", "rescuedDataColumn"),
        ("format => 'csv'", "needs a path"),
    ):
        with pytest.raises(ServerOperationError, match=says):
            run(f"SELECT * FROM read_files({call})")


def test_a_folder_is_listed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.txt").write_text("abc")
    found = run(f"LIST 'file:{tmp_path}'")
    assert [row[:3] for row in found] == [(f"file:{tmp_path}/a.txt", "a.txt", 3), (f"file:{tmp_path}/sub/", "sub/", 0)]
    assert len(run(f"LIST 'file:{tmp_path}/' WITH (CREDENTIAL c) LIMIT 1")) == 1
    with pytest.raises(ServerOperationError, match="PATH_NOT_FOUND"):
        run(f"LIST 'file:{tmp_path}/nowhere'")


def test_a_catalog_has_an_information_schema(run: Run) -> None:
    run("CREATE SCHEMA main.listed")
    run("CREATE TABLE main.listed.t (id INT NOT NULL, d DECIMAL(5,2) COMMENT 'each') USING DELTA COMMENT 'all'")
    run("CREATE VIEW main.listed.v AS SELECT 1 AS x")
    assert run(
        "SELECT table_name, table_type, comment FROM main.information_schema.tables "
        "WHERE table_schema = 'listed' ORDER BY table_name"
    ) == [("t", "MANAGED", "all"), ("v", "VIEW", None)]
    assert run(
        "SELECT column_name, ordinal_position, is_nullable, data_type, full_data_type, numeric_scale, comment "
        "FROM information_schema.columns WHERE table_name = 't' ORDER BY 2"
    ) == [("id", 0, "NO", "INT", "int", None, None), ("d", 1, "YES", "DECIMAL", "decimal(5,2)", 2, "each")]
    assert run("SELECT view_definition FROM main.information_schema.views WHERE table_name = 'v'") == [
        ("SELECT 1 AS x",)
    ]
    assert ("listed",) in run("SELECT schema_name FROM main.information_schema.schemata")
    (created,) = run("SELECT created FROM main.information_schema.catalogs WHERE catalog_name = 'main'")
    assert created[0].year >= 2026
    with pytest.raises(ServerOperationError, match="TABLE_OR_VIEW_NOT_FOUND"):
        run("SELECT * FROM main.information_schema.nothing")


def test_what_the_lake_does_itself_is_done(run: Run) -> None:
    """Statements of Delta and Spark that production pipelines use, with Databricks' names in their results."""
    run("CREATE TABLE main.default.kept (id INT, day DATE) USING DELTA CLUSTER BY AUTO")
    run("INSERT INTO main.default.kept VALUES (1, DATE'2026-01-01'), (2, DATE'2026-01-02')")
    assert run("INSERT INTO main.default.kept REPLACE WHERE id = 2 VALUES (2, DATE'2026-01-03')") == [(1, 1)]
    assert run("OPTIMIZE main.default.kept")
    run("ANALYZE TABLE main.default.kept COMPUTE STATISTICS")
    operations = [row[4] for row in run("DESCRIBE HISTORY main.default.kept")]
    assert operations[-1] == "CREATE TABLE"
    assert run("DESCRIBE DETAIL main.default.kept")[0][2] == "main.default.kept"
    assert ("default", "kept", False) in run("SHOW TABLES IN main.default")
    assert run("SHOW COLUMNS IN main.default.kept") == [("id",), ("day",)]


def test_more_than_four_places_are_bound_in_their_order(run: Run) -> None:
    """Spark 4.2.0 shuffles them: ``SELECT ?, ?, ?, ?, ?, ?`` gave 6, 2, 5, 3, 4, 1."""
    assert run("SELECT ?, '?', ?, ?, ?, ?, ?", [1, 2, 3, 4, 5, 6]) == [(1, "?", 2, 3, 4, 5, 6)]
    run("CREATE TABLE main.default.placed (a STRING, b STRING, c INT) USING DELTA")
    run("INSERT INTO main.default.placed VALUES (?, ?, ?), (?, ?, ?)", ["f", "b", 1, "d", "e", 2])
    assert run("SELECT * FROM main.default.placed ORDER BY c") == [("f", "b", 1), ("d", "e", 2)]


def test_rows_are_deleted_and_changed_by_a_subquery(run: Run) -> None:
    run("CREATE TABLE main.default.rows (id INT, v STRING, a ARRAY<INT>) USING DELTA")
    run("INSERT INTO main.default.rows VALUES (1, 'a', NULL), (1, 'a', NULL), (2, NULL, array(1)), (3, 'c', array(2))")
    run("CREATE TABLE main.default.gone (id INT) USING DELTA")
    run("INSERT INTO main.default.gone VALUES (1), (1), (7)")
    assert run("DELETE FROM main.default.rows WHERE id IN (SELECT id FROM main.default.gone)") == [(2,)]
    assert run(
        "UPDATE main.default.rows AS r SET v = concat(:suffix, r.id) "
        "WHERE EXISTS (SELECT 1 FROM main.default.gone g WHERE g.id > r.id AND r.id = :id);",
        {"suffix": "x", "id": 2},
    ) == [(1,)]
    assert run("DELETE FROM rows WHERE main.default.rows.id NOT IN (SELECT 2)") == [(1,)]
    assert run("SELECT id, v FROM main.default.rows") == [(2, "x2")]
    assert run("UPDATE main.default.rows SET v = 'y' WHERE id = 2") == [(1,)]
    run("CREATE TABLE main.default.mapped (m MAP<STRING, INT>) USING DELTA")
    with pytest.raises(ServerOperationError, match="DELTA_UNSUPPORTED_SUBQUERY"):
        run("DELETE FROM main.default.mapped WHERE m['a'] IN (SELECT 1)")


def test_a_delta_table_shows_how_to_create_it(run: Run) -> None:
    definition = (
        "CREATE TABLE main.default.shown (\n"
        "  id BIGINT GENERATED ALWAYS AS IDENTITY (START WITH 1 INCREMENT BY 1),\n"
        "  moment TIMESTAMP NOT NULL COMMENT 'it\\'s',\n"
        "  day DATE GENERATED ALWAYS AS (CAST(moment AS DATE)))\n"
        "USING delta\nPARTITIONED BY (day)\nCOMMENT 'all'\nTBLPROPERTIES (\n  'delta.appendOnly' = 'true')\n"
    )
    run(definition)
    ((shown,),) = run("SHOW CREATE TABLE main.default.shown")
    assert shown == definition
    run("DROP TABLE main.default.shown")
    run(shown)
    run("CREATE VIEW main.default.seen AS SELECT 1 AS x")
    assert run("SHOW CREATE TABLE main.default.seen")[0][0].startswith("CREATE VIEW main.default.seen")


def test_a_clone_is_deep_unless_it_is_shallow(run: Run) -> None:
    run("CREATE TABLE main.default.original (id INT, k INT) USING DELTA PARTITIONED BY (k) TBLPROPERTIES ('a' = 'b')")
    run("INSERT INTO main.default.original VALUES (1, 1), (2, 2)")
    run("INSERT INTO main.default.original VALUES (3, 3)")
    assert len(run("CREATE TABLE main.default.copied DEEP CLONE main.default.original VERSION AS OF 1")[0]) == 6
    run("CREATE TABLE IF NOT EXISTS main.default.copied CLONE main.default.original")
    assert run("SELECT count(*) FROM main.default.copied") == [(2,)]
    assert run("SHOW PARTITIONS main.default.copied") in ([(1,), (2,)], [(2,), (1,)])
    assert ("a", "b") in run("SHOW TBLPROPERTIES main.default.copied")
    run("CREATE OR REPLACE TABLE main.default.copied CLONE main.default.original")
    run("DELETE FROM main.default.original")
    assert run("SELECT count(*) FROM main.default.copied") == [(3,)]


NOTEBOOK = """# Databricks notebook source
# MAGIC %sql CREATE CATALOG noted COMMENT 'by a notebook'

# COMMAND ----------
spark.sql("CREATE TABLE noted.default.t AS SELECT id FROM range(3)")
spark.sql("GRANT SELECT ON TABLE noted.default.t TO readers")
assert spark.sql("SHOW GRANTS ON TABLE noted.default.t").collect()[0]["Principal"] == "readers"
assert spark.sql("DELETE FROM noted.default.t WHERE id IN (SELECT 1)").collect()[0][0] == 1
assert spark.read.table("noted.default.t@v0").count() == 3
assert spark.table("noted.default.t").count() == 2
row = spark.sql("SELECT ?, ?, ?, ?, ?, ?", args=[1, 2, 3, 4, 5, 6]).collect()[0]
assert list(row) == [1, 2, 3, 4, 5, 6], row
assert spark.table("noted.information_schema.tables").count() == 1
dbutils.notebook.exit(spark.sql("SHOW CREATE TABLE noted.default.t").collect()[0][0])
"""


def test_a_notebook_says_the_same_statements(clean_stack: Stack, workspace: WorkspaceClient) -> None:
    path = "/Workspace/Users/someone/dialect"
    content = base64.b64encode(NOTEBOOK.encode()).decode()
    workspace.workspace.mkdirs("/Workspace/Users/someone")
    workspace.workspace.import_(path, content=content, format=ImportFormat.SOURCE, language=Language.PYTHON)
    task = SubmitTask(task_key="t", notebook_task=NotebookTask(notebook_path=path))
    run = workspace.jobs.submit(run_name="dialect", tasks=[task]).result()
    (task_run,) = run.tasks or []
    output = workspace.jobs.get_run_output(int(task_run.run_id or 0))
    assert run.state is not None
    assert run.state.result_state is RunResultState.SUCCESS, output.error_trace
    assert output.notebook_output is not None
    assert str(output.notebook_output.result).startswith("CREATE TABLE noted.default.t (\n  id BIGINT)")
    assert workspace.catalogs.get("noted").comment == "by a notebook"
