"""Auto Loader (``cloudFiles``) in directory listing mode, on the lake's own engine."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.readwriter import DataStreamReader

from harness.lake.autoloader import stream
from harness.lake.engine import Engine
from harness.lake.sql.failures import SqlError

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    plain = {name: getattr(DataStreamReader, name) for name in ("option", "options", "format", "schema", "load")}
    stream.install()
    yield
    for name, method in plain.items():
        setattr(DataStreamReader, name, method)


class Landing:
    """A folder that files land in, and a stream of it into a folder of Delta files."""

    def __init__(self, spark: SparkSession, folder: Path, **options: Any) -> None:
        self.spark, self.folder, self.options = spark, folder, options
        self.files = folder / "in"
        self.files.mkdir()
        self.batches = 0

    def put(self, name: str, text: str) -> None:
        (self.files / name).parent.mkdir(parents=True, exist_ok=True)
        (self.files / name).write_text(text)

    def frame(self, **more: Any) -> DataFrame:
        options = {"cloudFiles.schemaLocation": f"{self.folder}/schema", **self.options, **more}
        return self.spark.readStream.format("cloudFiles").options(**options).load(str(self.files))

    def run(self, *columns: str, **more: Any) -> list[tuple[Any, ...]]:
        """Load what is new. Returns: all that has been loaded."""
        frame = self.frame(**more)
        writer = (frame.selectExpr(*columns) if columns else frame).writeStream.option("mergeSchema", True)
        writer = writer.option("checkpointLocation", f"{self.folder}/checkpoint").trigger(availableNow=True)
        query = writer.start(f"{self.folder}/out")
        query.awaitTermination()
        self.batches = len([p for p in query.recentProgress if p.numInputRows])
        return sorted(map(tuple, self.spark.read.load(f"{self.folder}/out").collect()), key=str)


@pytest.fixture
def spark(engine: Engine) -> SparkSession:
    return engine.session()


def test_files_are_loaded_once_and_columns_are_found_by_name(spark: SparkSession, tmp_path: Path) -> None:
    landing = Landing(spark, tmp_path, **{"cloudFiles.format": "csv", "header": True})
    landing.put("a.csv", 'id,name\n1,"x, y"\n2,\n')
    assert landing.run() == [("1", "x, y", None), ("2", None, None)]
    landing.put("deep/b.csv", "name,id\nz,3\n")
    assert landing.run() == [("1", "x, y", None), ("2", None, None), ("3", "z", None)]
    assert landing.run() == [("1", "x, y", None), ("2", None, None), ("3", "z", None)]
    assert (tmp_path / "schema" / "_schemas" / "0").read_text().startswith("v1\n")


def test_a_new_column_fails_the_stream_and_the_next_start_has_it(spark: SparkSession, tmp_path: Path) -> None:
    landing = Landing(spark, tmp_path, **{"cloudFiles.format": "json", "cloudFiles.inferColumnTypes": True})
    landing.put("a.json", '{"id": 1}\n')
    assert landing.run() == [(1, None)]
    landing.put("b.json", '{"id": 2, "more": {"deep": [true]}}\n')
    with pytest.raises(StreamingQueryException, match="UNKNOWN_FIELD_EXCEPTION"):
        landing.run()
    landing.run("id", "more.deep AS deep")
    loaded = spark.read.load(f"{tmp_path}/out").select("id", "deep").orderBy("id")
    assert [tuple(row) for row in loaded.collect()] == [(1, None), (2, [True])]


def test_what_does_not_fit_is_rescued(spark: SparkSession, tmp_path: Path) -> None:
    hints = "id INT, at DATE"
    options = {"cloudFiles.format": "json", "cloudFiles.schemaEvolutionMode": "rescue", "cloudFiles.schemaHints": hints}
    landing = Landing(spark, tmp_path, **options)
    landing.put("a.json", '{"id": 1}\n')
    landing.run()
    landing.put("b.json", '{"id": "x", "new": {"n": 5}}\n')
    (_, _, fits), (_, _, rescued) = sorted(landing.run("id", "at", "_rescued_data"), key=lambda row: row[2] or "")
    assert fits is None
    found = json.loads(rescued)
    assert found.pop("_file_path").endswith(f"{landing.files}/b.json")
    assert found == {"id": "x", "new": {"n": 5}}


@pytest.mark.parametrize(("mode", "more"), [("failOnNewColumns", None), ("none", [("1",), ("2",)])])
def test_new_columns_fail_or_are_left_out(spark: SparkSession, tmp_path: Path, mode: str, more: Any) -> None:
    options = {"cloudFiles.format": "csv", "header": "true", "cloudFiles.schemaEvolutionMode": mode}
    landing = Landing(spark, tmp_path, **options)
    landing.put("a.csv", "id\n1\n")
    landing.run("id")
    landing.put("b.csv", "id,new\n2,x\n")
    if more is None:
        for _ in range(2):
            with pytest.raises(StreamingQueryException, match="UNKNOWN_FIELD_EXCEPTION"):
                landing.run("id")
    else:
        assert landing.run() == more


def test_parquet_files_evolve_too_and_tell_their_metadata(spark: SparkSession, tmp_path: Path) -> None:
    landing = Landing(spark, tmp_path, **{"cloudFiles.format": "parquet"})
    spark.range(1).write.parquet(f"{landing.files}/a")
    rows = landing.run("id", "_metadata.file_path LIKE '%.parquet' AS told")
    assert rows == [(0, True)]
    spark.range(1).selectExpr("id", "'x' AS new").write.parquet(f"{landing.files}/b")
    with pytest.raises(StreamingQueryException, match="UNKNOWN_FIELD_EXCEPTION"):
        landing.run("id")
    landing.run("id", "new")
    assert spark.read.load(f"{tmp_path}/out").where("new = 'x'").count() == 1


def test_batches_are_as_small_as_asked_and_folders_are_columns(spark: SparkSession, tmp_path: Path) -> None:
    options = {"cloudFiles.format": "text", "cloudFiles.maxFilesPerTrigger": 1}
    landing = Landing(spark, tmp_path, **options)
    for name in "ab":
        landing.put(f"day=2026-01-0{ord(name) - 96}/{name}.txt", name)
    landing.run()
    assert landing.batches == 2
    assert {str(row.day) for row in spark.read.load(f"{tmp_path}/out").collect()} == {"2026-01-01", "2026-01-02"}


def test_files_that_were_there_before_the_first_start_can_be_left_out(spark: SparkSession, tmp_path: Path) -> None:
    landing = Landing(spark, tmp_path, **{"cloudFiles.format": "json", "cloudFiles.includeExistingFiles": False})
    landing.put("old.json", '{"a": 1}\n')
    os.utime(landing.files / "old.json", (time.time() - 60, time.time() - 60))
    assert landing.run() == []
    landing.put("new.json", '{"a": 2}\n')
    os.utime(landing.files / "new.json", (time.time() + 60, time.time() + 60))
    landing.run()
    assert [row.a for row in spark.read.load(f"{tmp_path}/out").collect()] == ["2"]


@pytest.mark.parametrize(
    ("options", "condition"),
    [
        ({"cloudFiles.format": "csv", "cloudFiles.nope": "1"}, "CF_UNKNOWN_OPTION_KEYS_ERROR"),
        ({"cloudFiles.format": "csv", "cloudFiles.schemaEvolutionMode": "x"}, "CF_INVALID_SCHEMA_EVOLUTION_MODE"),
        ({"cloudFiles.format": "csv"}, "CF_EMPTY_DIR_FOR_SCHEMA_INFERENCE"),
        ({"cloudFiles.format": "csv", "cloudFiles.useNotifications": "true"}, "UNSUPPORTED_FEATURE.LOCAL_HARNESS"),
        ({"cloudFiles.format": "avro"}, "UNSUPPORTED_FEATURE.LOCAL_HARNESS"),
        ({"cloudFiles.format": "json", "badRecordsPath": "/x"}, "UNSUPPORTED_FEATURE.LOCAL_HARNESS"),
    ],
)
def test_what_auto_loader_does_not_take_is_refused(
    spark: SparkSession, tmp_path: Path, options: dict[str, str], condition: str
) -> None:
    with pytest.raises(SqlError) as raised:
        Landing(spark, tmp_path, **options).frame()
    assert raised.value.getCondition() == condition
