"""SQL over Thrift, through databricks-sql-connector and Airflow's hook and operators, all unmodified."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import boto3
import pendulum
import pytest
from databricks import sql as connector
from databricks.sdk import WorkspaceClient
from databricks.sql.exc import DatabaseError, RequestError, ServerOperationError

from harness.stack import Stack

pytestmark = pytest.mark.slow

# Minutes; not to be folded away.
LONG = "SELECT sum(hash(id)) FROM range(1000000000000)"
Connect = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def connect(clean_stack: Stack) -> Connect:
    """Makes a connection to the warehouse."""

    def connect(warehouse: str = clean_stack.warehouse_id, token: str = clean_stack.token, **options: Any) -> Any:
        path = f"/sql/1.0/warehouses/{warehouse}"
        options = {"_connection_uri": clean_stack.workspace_url + path, "enable_telemetry": False, **options}
        return connector.connect(server_hostname="127.0.0.1", http_path=path, access_token=token, **options)

    return connect


@pytest.fixture
def cursor(connect: Connect) -> Iterator[Any]:
    with connect() as connection, connection.cursor() as cursor:
        yield cursor


def run(cursor: Any, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    cursor.execute(statement, parameters)
    return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def test_types_arrive_as_from_a_warehouse(cursor: Any) -> None:
    utc = dt.UTC
    for expression, name, value in [
        ("CAST(1 AS TINYINT)", "tinyint", 1),
        ("CAST(1 AS SMALLINT)", "smallint", 1),
        ("1", "int", 1),
        ("1L", "bigint", 1),
        ("CAST(1.5 AS FLOAT)", "float", 1.5),
        ("1.5D", "double", 1.5),
        ("CAST(1.5 AS DECIMAL(10,2))", "decimal", decimal.Decimal("1.50")),
        ("'a'", "string", "a"),
        ("X'00FF'", "binary", b"\x00\xff"),
        ("DATE'2026-01-02'", "date", dt.date(2026, 1, 2)),
        ("TIMESTAMP'2026-01-02 03:04:05.678'", "timestamp", dt.datetime(2026, 1, 2, 3, 4, 5, 678000, utc)),
        ("TIMESTAMP_NTZ'2026-01-02 03:04:05'", "timestamp", dt.datetime(2026, 1, 2, 3, 4, 5)),
        ("true", "boolean", True),
        ("NULL", "string", None),
        ("INTERVAL '1-2' YEAR TO MONTH", "interval_year_month", "1-2"),
        ("INTERVAL '-1 02:03:04.5' DAY TO SECOND", "interval_day_time", "-1 02:03:04.500000000"),
        ("map('k', 1)", "map", [("k", 1)]),
        ("named_struct('a', 1, 'b', NULL)", "struct", {"a": 1, "b": None}),
        ("parse_json('{\"a\":1}')", "variant", '{"a":1}'),
    ]:
        assert run(cursor, f"SELECT {expression} AS c") == [(value,)], expression
        assert cursor.description[0][:2] == ("c", name), expression
    cursor.execute("SELECT CAST(NULL AS DECIMAL(7,3)) AS d, array(1, 2) AS a")
    assert cursor.description[0][4:6] == (7, 3)
    assert list(cursor.fetchone()[1]) == [1, 2]


def test_statements_that_change_rows_say_how_many(cursor: Any) -> None:
    assert run(cursor, "CREATE TABLE main.default.counted (id INT, name STRING) USING DELTA") == []
    assert run(cursor, "INSERT INTO main.default.counted VALUES (1, 'a'), (2, 'b')") == [(2, 2)]
    assert [c[0] for c in cursor.description] == ["num_affected_rows", "num_inserted_rows"]
    assert cursor.rowcount == 2
    assert run(cursor, "UPDATE main.default.counted SET name = 'c' WHERE id = 1") == [(1,)]
    assert cursor.rowcount == 1
    assert run(cursor, "DELETE FROM main.default.counted") == [(2,)]
    assert cursor.rowcount == 2


@pytest.mark.parametrize(
    ("statement", "says", "state"),
    [
        ("SELECT * FROM main.default.nowhere", "[TABLE_OR_VIEW_NOT_FOUND] The table or view `main`.`default`", "42P01"),
        ("SELEC 1", "[PARSE_SYNTAX_ERROR] Syntax error at or near 'SELEC'. SQLSTATE: 42601; line 1 pos 0", "42601"),
        ("SELECT CAST('x' AS INT)", "[CAST_INVALID_INPUT] The value 'x' of the type \"STRING\"", "22018"),
        ("SELECT 1; SELECT 2", "[PARSE_SYNTAX_ERROR]", "42601"),
        ("USE CATALOG nowhere", "[NO_SUCH_CATALOG_EXCEPTION] Catalog 'nowhere' was not found", "42704"),
        ("DENY SELECT ON TABLE t TO bob", "DENY is not supported by the local harness yet", "0A000"),
        ("REMOVE '/Volumes/a/b/c'", "[INVALID_STAGING_PATH_IN_STAGING_ACCESS_QUERY] Invalid staging path", "42604"),
    ],
)
def test_a_failed_statement_says_why_and_the_session_goes_on(
    cursor: Any, statement: str, says: str, state: str
) -> None:
    with pytest.raises(ServerOperationError) as failed:
        cursor.execute(statement)
    assert says in str(failed.value)
    assert "JVM stacktrace" not in str(failed.value)
    assert f"SQLSTATE: {state}" in str(failed.value)
    assert run(cursor, "SELECT 1") == [(1,)]


def test_a_session_keeps_its_place_its_settings_and_its_views_to_itself(connect: Connect) -> None:
    with connect() as one, connect() as other, one.cursor() as mine, other.cursor() as theirs:
        run(mine, "CREATE SCHEMA main.apart")
        run(mine, "USE CATALOG main;")
        run(mine, "USE SCHEMA apart")
        run(mine, "CREATE TEMPORARY VIEW mine AS SELECT 7 AS x")
        run(mine, "SET timezone = Asia/Tokyo")
        assert run(mine, "SELECT current_schema(), x, current_timezone() FROM mine") == [("apart", 7, "Asia/Tokyo")]
        assert run(theirs, "SELECT current_schema(), current_timezone()") == [("default", "Etc/UTC")]
        with pytest.raises(ServerOperationError, match="TABLE_OR_VIEW_NOT_FOUND"):
            run(theirs, "SELECT * FROM mine")


def test_a_connection_names_catalog_schema_and_settings(connect: Connect) -> None:
    with connect(session_configuration={"ansi_mode": "false"}, catalog="main", schema="soon") as connection:
        cursor = connection.cursor()
        # A warehouse runs what needs none of a schema that is not there yet.
        assert run(cursor, "SELECT current_catalog(), current_schema(), CAST('x' AS INT)") == [("main", "soon", None)]
        with pytest.raises(ServerOperationError, match="TABLE_OR_VIEW_NOT_FOUND"):
            run(cursor, "SELECT * FROM first")
        with pytest.raises(ServerOperationError, match="SCHEMA_NOT_FOUND"):
            run(cursor, "CREATE TABLE first AS SELECT 1 AS x")
        run(cursor, "CREATE SCHEMA main.soon")
        run(cursor, "CREATE TABLE first AS SELECT 1 AS x")
        assert run(cursor, "SELECT x FROM main.soon.first") == [(1,)]
        assert run(cursor, "SET ansi_mode") == [("ansi_mode", "false")]
    with pytest.raises(DatabaseError, match="NO_SUCH_CATALOG"):
        connect(catalog="nowhere")


def test_parameters_are_bound_by_name_and_by_place(cursor: Any) -> None:
    day, moment = dt.date(2026, 1, 2), dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC)
    values = {"i": 2**40, "s": "it's", "f": 1.5, "b": False, "d": day, "n": None, "x": decimal.Decimal("1.20")}
    marks = ", ".join(f":{name}" for name in values)
    assert run(cursor, f"SELECT {marks}", values) == [tuple(values.values())]
    assert run(cursor, "SELECT ?, ?", [1, moment]) == [(1, moment)]
    assert run(cursor, "SELECT map_keys(:m), size(:a)", {"m": {"k": 1}, "a": [1, 2, 3]})[0][1] == 3
    run(cursor, "CREATE TABLE main.default.bound (id INT, name STRING) USING DELTA")
    run(cursor, "INSERT INTO IDENTIFIER(:t) VALUES (:i, :s)", {"t": "main.default.bound", "i": 1, "s": "a;b"})
    assert run(cursor, "SELECT name FROM main.default.bound WHERE id = :i LIMIT :n", {"i": 1, "n": 5}) == [("a;b",)]


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("rows", [0, 1, 250_000, 2_000_000])
def test_results_of_any_size_arrive_whole(connect: Connect, rows: int, compressed: bool) -> None:
    """None, one batch, several pages (0.25 million), links (2 million rows are 16 MiB)."""
    options = {"enable_query_result_lz4_compression": compressed}
    with connect(**options) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM range({rows})")
        table = cursor.fetchall_arrow()
    assert table.num_rows == rows
    assert sum(table.column("id").to_numpy().tolist()) == rows * (rows - 1) // 2


def test_a_running_statement_can_be_cancelled(cursor: Any, clean_stack: Stack) -> None:
    cursor.execute_async(LONG)
    assert cursor.is_query_pending()
    cursor.cancel()
    assert not cursor.is_query_pending()
    with pytest.raises(DatabaseError):
        cursor.get_async_execution_result()
    assert clean_stack.control("GET", "status")["sql"]["running"] == 0
    assert run(cursor, "SELECT 1") == [(1,)]


def test_an_asynchronous_statement_is_fetched_when_done(cursor: Any) -> None:
    cursor.execute_async("SELECT sum(id) FROM range(10)")
    cursor.get_async_execution_result()
    assert [tuple(row) for row in cursor.fetchall()] == [(45,)]


def test_a_statement_ends_at_its_timeout(cursor: Any) -> None:
    run(cursor, "SET statement_timeout = 1")
    with pytest.raises(ServerOperationError, match=r"STATEMENT_TIMEOUT.*over 1 seconds"):
        run(cursor, LONG)


def test_metadata_calls_list_what_there_is(cursor: Any) -> None:
    run(cursor, "CREATE SCHEMA main.listed")
    run(cursor, "CREATE TABLE main.listed.some_table (id INT NOT NULL, price DECIMAL(5,2) COMMENT 'each') USING DELTA")
    run(cursor, "CREATE VIEW main.listed.some_view AS SELECT 1 AS x")
    names = {row.TABLE_CAT for row in cursor.catalogs().fetchall()}
    assert {"main", "hive_metastore"} <= names
    assert [tuple(row) for row in cursor.schemas("main", "list%").fetchall()] == [("listed", "main")]
    tables = cursor.tables("main", "listed").fetchall()
    assert [(row.TABLE_NAME, row.TABLE_TYPE) for row in tables] == [("some_table", "TABLE"), ("some_view", "VIEW")]
    assert [row.TABLE_NAME for row in cursor.tables("main", "listed", table_types=["VIEW"]).fetchall()] == ["some_view"]
    columns = cursor.columns("main", "listed", "some\\_table", "%").fetchall()
    found = [(c.COLUMN_NAME, c.TYPE_NAME, c.DATA_TYPE, c.DECIMAL_DIGITS, c.IS_NULLABLE, c.REMARKS) for c in columns]
    assert found == [("id", "INT", 4, None, "NO", ""), ("price", "DECIMAL(5,2)", 3, 2, "YES", "each")]


def test_strangers_and_unknown_warehouses_are_told_at_once(connect: Connect) -> None:
    """The connector retries 5xx and 429 after 60 s each; what it cannot mend it must be told by 4xx."""
    with pytest.raises(RequestError, match="SQL warehouse elsewhere does not exist"):
        connect(warehouse="elsewhere")
    with pytest.raises(RequestError, match="Invalid access token"):
        connect(token="dapi-wrong")


def test_clusters_and_the_older_path_serve_too(clean_stack: Stack) -> None:
    for path in ("/sql/1.0/endpoints/local", "/sql/protocolv1/o/1/0123-456789-abc"):
        uri = clean_stack.workspace_url + path
        options = {"_connection_uri": uri, "enable_telemetry": False, "access_token": clean_stack.token}
        with connector.connect(server_hostname="127.0.0.1", http_path=path, **options) as connection:
            assert run(connection.cursor(), "SELECT 1") == [(1,)]


def test_a_query_starts_a_stopped_warehouse(connect: Connect, workspace: WorkspaceClient) -> None:
    workspace.warehouses.stop_and_wait("local")
    with connect() as connection:
        assert run(connection.cursor(), "SELECT 1") == [(1,)]
        assert workspace.warehouses.get("local").state.value == "RUNNING"  # type: ignore[union-attr]
        workspace.warehouses.stop_and_wait("local")
    # The goodbye of the connection starts nothing.
    assert workspace.warehouses.get("local").state.value == "STOPPED"  # type: ignore[union-attr]


def test_a_deleted_warehouse_takes_no_queries(connect: Connect, workspace: WorkspaceClient) -> None:
    made = workspace.warehouses.create(name="Short-lived", cluster_size="Small").id
    with connect(warehouse=made) as connection:
        cursor = connection.cursor()
        assert run(cursor, "SELECT 1") == [(1,)]
        workspace.warehouses.delete(made)
        with pytest.raises(RequestError, match=f"SQL warehouse {made} does not exist"):
            run(cursor, "SELECT 1")


def test_a_body_that_is_no_thrift_is_a_bad_request(clean_stack: Stack) -> None:
    import httpx2

    url = f"{clean_stack.workspace_url}/sql/1.0/warehouses/local"
    answer = httpx2.post(url, content=b"hello", headers={"Authorization": f"Bearer {clean_stack.token}"})
    assert answer.status_code == 400
    assert "Not a Thrift call" in answer.headers["x-databricks-reason-phrase"]


def test_airflow_copies_s3_files_into_a_table_once(run_dag: Any, s3: Any, lake: Any) -> None:
    from airflow.providers.databricks.operators.databricks_sql import DatabricksCopyIntoOperator, DatabricksSqlOperator
    from airflow.sdk import DAG

    s3.create_bucket(Bucket="landing")
    s3.put_object(Bucket="landing", Key="raw/a.csv", Body=b"id,name\n1,x\n2,y\n")
    given = boto3.Session().client("sts").get_session_token()["Credentials"]
    names = {"AWS_ACCESS_KEY": "AccessKeyId", "AWS_SECRET_KEY": "SecretAccessKey", "AWS_SESSION_TOKEN": "SessionToken"}
    temporary = {name: given[key] for name, key in names.items()}
    with DAG("copy_once", schedule=None, start_date=pendulum.datetime(2026, 1, 1)) as dag:
        create = DatabricksSqlOperator(
            task_id="create",
            sql=["CREATE SCHEMA main.bronze", "CREATE TABLE main.bronze.copied (id INT, name STRING) USING DELTA"],
        )
        loads = [
            DatabricksCopyIntoOperator(
                task_id=f"copy_{n}",
                table_name="main.bronze.copied",
                file_location="s3://landing/raw",
                file_format="CSV",
                files=["a.csv"],
                format_options={"header": "true"},
                credential=temporary,
            )
            for n in (1, 2)
        ]
        create >> loads[0] >> loads[1]
    result = run_dag(dag)
    assert result.success, result
    assert sorted(lake.table("main.bronze.copied").to_pandas()["id"]) == [1, 2]


def test_airflow_shows_the_engines_words_for_bad_sql(run_dag: Any) -> None:
    from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
    from airflow.sdk import DAG

    with DAG("bad_sql", schedule=None, start_date=pendulum.datetime(2026, 1, 1)) as dag:
        DatabricksSqlOperator(task_id="bad", sql="SELECT nope FROM range(1)")
    result = run_dag(dag)
    assert not result.success
    assert "UNRESOLVED_COLUMN" in str(result)
