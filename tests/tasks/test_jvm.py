"""Tasks whose program runs in the JVM: ``spark_jar_task`` and ``spark_submit_task``."""

from __future__ import annotations

import io
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service.compute import Library
from databricks.sdk.service.jobs import SparkSubmitTask, SubmitTask
from databricks.sdk.service.workspace import ImportFormat

from harness.lake.jars import Jars, pyspark_home
from harness.lake.java import find_java
from harness.stack import Stack

APP = """
package demo;
import java.util.Arrays;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.*;

public class App {
  public static void main(String[] arguments) throws Exception {
    System.out.println("arguments " + Arrays.toString(arguments));
    if (arguments[0].equals("exit")) System.exit(0);
    if (arguments[0].equals("wait")) while (true) Thread.sleep(1000);
    if (arguments[0].equals("fail")) fail(7);
    SparkSession spark = SparkSession.builder().getOrCreate();
    Dataset<Long> rows = spark.table("main.default.numbers").as(Encoders.LONG());
    Dataset<Long> doubled = rows.map((MapFunction<Long, Long>) App::twice, Encoders.LONG());
    doubled.toDF("n").write().saveAsTable("main.default.doubled");
    System.out.println("conf " + spark.conf().get("spark.demo"));
  }

  static void fail(int facility) {
    throw new IllegalStateException("no such facility: " + facility);
  }

  static Long twice(Long n) {
    return 2 * n;
  }
}
"""
SCRIPT = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print("sum", spark.table("main.default.numbers").groupBy().sum().first()[0], sys.argv[1:], spark.conf.get("spark.demo"))
"""


@pytest.fixture(scope="module")
def jar(tmp_path_factory: pytest.TempPathFactory, stack: Stack) -> bytes:
    """A jar as a team's build makes it."""
    folder, settings = tmp_path_factory.mktemp("jar"), stack.settings
    (folder / "App.java").write_text(APP)
    jars = [
        path for path in (pyspark_home() / "jars").glob("*.jar") if path.name.startswith(("spark-", "scala-library"))
    ]
    compiler = Jars(settings.cache).compiler
    command = [find_java(settings.java_home).executable, "-jar", compiler, "-17", "-nowarn", "-d", folder / "classes"]
    classpath = ["-classpath", os.pathsep.join(map(str, jars))]
    subprocess.run([*map(str, command), *classpath, str(folder / "App.java")], check=True)
    with zipfile.ZipFile(folder / "app.jar", "w") as archive:
        for path in (folder / "classes").rglob("*.class"):
            archive.write(path, path.relative_to(folder / "classes"))
    return Path(folder / "app.jar").read_bytes()


def jar_task(key: str, *parameters: str, main: str = "demo.App", **fields: Any) -> dict[str, Any]:
    body = {"main_class_name": main, "parameters": list(parameters)}
    return {"task_key": key, "spark_jar_task": body, "libraries": [{"jar": "dbfs:/libs/app.jar"}], **fields}


@pytest.mark.slow
def test_programs_for_the_jvm_work_on_the_same_tables(
    workspace: WorkspaceClient, sql: Callable[..., Any], submitted: Callable[..., Any], jar: bytes
) -> None:
    sql("CREATE TABLE main.default.numbers AS SELECT id AS n FROM range(4)")
    workspace.dbfs.upload("/libs/app.jar", io.BytesIO(jar))
    script = "/Users/harness@localhost/sum.py"
    workspace.workspace.upload(script, io.BytesIO(SCRIPT.encode()), format=ImportFormat.RAW)
    cluster = {"node_type_id": "i3.xlarge", "num_workers": 0, "spark_conf": {"spark.demo": "shown"}}
    cluster_id = workspace.clusters.create("17.3.x-scala2.13", **cluster).cluster_id
    workspace.libraries.install(cluster_id, [Library(jar="dbfs:/libs/app.jar")])
    submit = {"parameters": ["--conf", "spark.demo=given", f"/Workspace{script}", "{{task.name}}"]}
    ran = submitted(
        {**jar_task("jar", "{{job.run_id}}"), "libraries": None, "existing_cluster_id": cluster_id},
        {"task_key": "submit", "spark_submit_task": submit},
    )
    assert ran.states == {"jar": "SUCCESS", "submit": "SUCCESS"}, [o.error for o in ran.outputs.values()]
    assert ran.outputs["jar"].logs == f"arguments [{ran.run.run_id}]\nconf shown\n"
    assert ran.outputs["submit"].logs == "sum 6 ['submit'] given\n"
    assert sorted(row.n for row in sql("SELECT n FROM main.default.doubled")) == [0, 2, 4, 6]


def test_failures_in_the_jvm_are_told_by_their_class_message_and_trace(
    workspace: WorkspaceClient, submitted: Callable[..., Any], jar: bytes
) -> None:
    workspace.dbfs.upload("/libs/app.jar", io.BytesIO(jar))
    ran = submitted(
        jar_task("raises", "fail"),
        jar_task("exits", "exit"),
        jar_task("unknown", main="demo.Nowhere"),
        {**jar_task("missing", "a"), "libraries": [{"jar": "dbfs:/libs/none.jar"}]},
        jar_task("hangs", "wait", timeout_seconds=5),
    )
    errors = {key: output.error for key, output in ran.outputs.items()}
    assert set(ran.states.values()) == {"FAILED", "TIMEDOUT"}
    assert errors["raises"] == "java.lang.IllegalStateException: no such facility: 7"
    first, *_, last = ran.outputs["raises"].error_trace.splitlines()
    assert (first, last.strip()) == (errors["raises"], "at demo.App.main(App.java:12)")
    assert errors["exits"] == "DriverEnded: The task's JVM ended with code 0 before main returned: see the run's logs."
    assert errors["unknown"] == "java.lang.ClassNotFoundException: demo.Nowhere"
    assert errors["missing"].startswith("JarNotFound: dbfs:/libs/none.jar does not exist")
    assert ran.states["hangs"] == "TIMEDOUT"


def test_options_that_databricks_sets_itself_are_refused(workspace: WorkspaceClient) -> None:
    task = SubmitTask(task_key="t", spark_submit_task=SparkSubmitTask(["--master", "local[1]", "dbfs:/x.jar"]))
    with pytest.raises(InvalidParameterValue, match="--master is set by Databricks"):
        workspace.jobs.submit(run_name="r", tasks=[task])
