"""One file, seen alike by REST, Spark, dbutils and Python's own functions: in volumes, DBFS and the workspace."""

from __future__ import annotations

import base64
import io

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs as sdk
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.sql import StatementState
from databricks.sdk.service.workspace import ImportFormat, Language

from harness.lake.tables import LakeReader
from harness.stack import Stack

pytestmark = pytest.mark.slow

HOME = "/Users/harness@localhost"
VOLUME = "/Volumes/main/default/raw"
CELL = "\n# COMMAND ----------\n"


@pytest.fixture
def w(clean_stack: Stack) -> WorkspaceClient:
    w = WorkspaceClient(host=clean_stack.workspace_url, token=clean_stack.token)
    w.volumes.create("main", "default", "raw", VolumeType.MANAGED)
    return w


def run_cells(w: WorkspaceClient, *cells: str) -> None:
    """Run a notebook of Python cells to its end."""
    source = base64.b64encode(("# Databricks notebook source\n" + CELL.join(cells)).encode()).decode()
    w.workspace.import_(f"{HOME}/nb", content=source, language=Language.PYTHON, overwrite=True)
    task = sdk.SubmitTask(task_key="only", notebook_task=sdk.NotebookTask(f"{HOME}/nb"))
    run = w.jobs.submit(tasks=[task]).result()
    assert run.state is not None
    assert run.state.result_state is sdk.RunResultState.SUCCESS, run.state.state_message


FILES = f"""
import glob, os, pathlib, shutil
import pandas as pd

for root in ("{VOLUME}", "/dbfs/in"):
    assert os.listdir(root) == ["a.csv"], os.listdir(root)
    assert open(f"{{root}}/a.csv").read() == "id,name\\n1,x\\n"
    assert pd.read_csv(f"{{root}}/a.csv").name.tolist() == ["x"]
    pd.DataFrame({{"id": [7]}}).to_parquet(f"{{root}}/p.parquet")
    assert pd.read_parquet(f"{{root}}/p.parquet").id.tolist() == [7]
    folder = pathlib.Path(root) / "made" / "deep"
    folder.mkdir(parents=True)
    (folder / "f.txt").write_text("f")
    shutil.copyfile(src=f"{{root}}/a.csv", dst=f"{{root}}/made/b.csv")
    os.rename(f"{{root}}/made/b.csv", f"{{root}}/made/c.csv")
    assert sorted(glob.glob(f"{{root}}/made/*")) == [f"{{root}}/made/c.csv", f"{{root}}/made/deep"]
    shutil.rmtree(f"{{root}}/made/deep")
    assert not folder.exists()
try:
    os.makedirs("/Volumes/main/default/nowhere/x")
except OSError:
    pass
else:
    raise AssertionError("a folder was made in a volume that is not there")
assert open("/Workspace{HOME}/conf.json").read() == "{{}}"
import sys
sys.path.append("/Workspace{HOME}/lib")
import helpers
assert helpers.X == 1
"""

DBUTILS = f"""
listed = [f.path for f in dbutils.fs.ls("{VOLUME}")]
assert listed == ["dbfs:{VOLUME}/a.csv", "dbfs:{VOLUME}/made/", "dbfs:{VOLUME}/p.parquet"], listed
assert dbutils.fs.head("dbfs:/in/a.csv") == "id,name\\n1,x\\n"
dbutils.fs.cp("dbfs:/in", "{VOLUME}/copied", True)
assert dbutils.fs.head("/Volumes/Main/Default/RAW/copied/a.csv").startswith("id")
dbutils.fs.put("/out/x.txt", "from dbutils")
assert open("/dbfs/out/x.txt").read() == "from dbutils"
for volume in ("{VOLUME}", "dbfs:/Volumes/main"):
    try:
        dbutils.fs.rm(volume, True)
    except Exception as error:
        assert "Unity Catalog" in str(error), error
    else:
        raise AssertionError("a volume was removed as a file")
"""

SPARK = f"""
for root in ("{VOLUME}", "dbfs:{VOLUME}", "file:{VOLUME}", "dbfs:/in", "/in", "file:/dbfs/in"):
    frame = spark.read.csv(f"{{root}}/a.csv", header=True)
    assert [tuple(row) for row in frame.collect()] == [("1", "x")], root
name = spark.read.csv("{VOLUME}/a.csv").selectExpr("_metadata.file_path").first()[0]
assert name == "dbfs:{VOLUME}/a.csv", name
assert spark.read.text("/Workspace{HOME}/conf.json").first().value == "{{}}"
spark.range(3).write.parquet("{VOLUME}/out")
assert spark.read.parquet("dbfs:{VOLUME}/out").count() == 3
spark.range(4).write.format("delta").save("dbfs:/tables/t")
spark.range(2).write.format("delta").mode("append").save("dbfs:/tables/t")
assert spark.read.format("delta").load("/tables/t").count() == 6
stream = (spark.readStream.format("delta").load("dbfs:/tables/t").writeStream
    .option("checkpointLocation", "{VOLUME}/checkpoint").trigger(availableNow=True).toTable("main.default.streamed"))
stream.awaitTermination()
assert spark.table("main.default.streamed").count() == 6
spark.sql("CREATE TABLE main.default.placed LOCATION 'dbfs:/tables/t'")
assert spark.table("main.default.placed").count() == 6
spark.range(1).selectExpr("CAST(id AS STRING)").write.text("/out/text")
assert [f.name for f in dbutils.fs.ls("/out/text") if f.name.endswith(".txt")]
try:
    spark.read.csv("/dbfs/in")
except Exception as error:
    assert "PATH_NOT_FOUND" in str(error), error
else:
    raise AssertionError("dbfs:/dbfs/in was read")
try:
    spark.range(1).write.parquet("/Volumes/main/default/nowhere/out")
except Exception as error:
    assert "/Volumes/main/default/nowhere" in str(error), error
else:
    raise AssertionError("Spark wrote to a volume that is not there")
"""


def test_a_file_is_the_same_for_rest_python_dbutils_and_spark(w: WorkspaceClient, lake: LakeReader) -> None:
    w.files.upload(f"{VOLUME}/a.csv", io.BytesIO(b"id,name\n1,x\n"))
    w.dbfs.upload("/in/a.csv", io.BytesIO(b"id,name\n1,x\n"))
    w.workspace.upload(f"{HOME}/conf.json", io.BytesIO(b"{}"), format=ImportFormat.RAW)
    w.workspace.mkdirs(f"{HOME}/lib")
    w.workspace.upload(f"{HOME}/lib/helpers.py", io.BytesIO(b"X = 1\n"), format=ImportFormat.RAW)
    run_cells(w, FILES, DBUTILS, SPARK)
    assert lake.table("main.default.placed").count() == 6
    assert w.dbfs.download("/out/x.txt").read() == b"from dbutils"
    found = {entry.name for entry in w.files.list_directory_contents(VOLUME)}
    assert {"a.csv", "p.parquet", "made", "copied", "out", "checkpoint"} <= found


def test_sql_reads_volumes_and_keeps_them_from_a_careless_drop(w: WorkspaceClient) -> None:
    w.files.upload(f"{VOLUME}/a.csv", io.BytesIO(b"id,name\n1,x\n"))

    def execute(statement: str) -> tuple[StatementState | None, str]:
        warehouse = next(iter(w.warehouses.list())).id or ""
        answer = w.statement_execution.execute_statement(statement, warehouse, wait_timeout="50s")
        assert answer.status is not None
        rows = answer.result.data_array if answer.result else None
        return answer.status.state, str(rows or (answer.status.error and answer.status.error.message))

    state, rows = execute(f"SELECT _c1 FROM csv.`{VOLUME}/a.csv` WHERE _c0 = '1'")
    assert (state, rows) == (StatementState.SUCCEEDED, "[['x']]")
    execute("CREATE TABLE main.default.t (id STRING, name STRING)")
    copy = f"COPY INTO main.default.t FROM '{VOLUME}' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')"
    assert execute(copy)[0] is StatementState.SUCCEEDED
    assert execute("SELECT name FROM main.default.t")[1] == "[['x']]"
    w.schemas.create("s", "main")
    w.volumes.create("main", "s", "v", VolumeType.MANAGED)
    w.files.upload("/Volumes/main/s/v/x", io.BytesIO(b"x"))
    state, message = execute("DROP SCHEMA main.s")
    assert (state, "SCHEMA_NOT_EMPTY" in message) == (StatementState.FAILED, True), message
    assert w.files.get_metadata("/Volumes/main/s/v/x").content_length == 1
    assert execute("DROP SCHEMA main.s CASCADE")[0] is StatementState.SUCCEEDED
    assert list(w.volumes.list("main", "default")) != []
