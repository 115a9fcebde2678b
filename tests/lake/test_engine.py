from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.lake.engine import Engine, EngineConfig, EngineFailed, Gateway
from harness.lake.scratch import ScratchCatalog

PRELUDE = """
import json, os, sys
from harness.lake.attach import attach
spark = attach(int(sys.argv[1]), sys.argv[2], sys.argv[3])
def tell(**facts):
    print(json.dumps(facts), flush=True)
"""


def start_kernel(slot: Gateway, code: str) -> subprocess.Popen[str]:
    """Another process that joins a slot and runs ``code``; what it tells comes back as lines of JSON."""
    program = PRELUDE + textwrap.dedent(code)
    command = [sys.executable, "-c", program, str(slot.port), slot.secret, slot.tag]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run_kernel(engine: Engine, tag: str, code: str) -> dict[str, Any]:
    slot = engine.open_slot(tag)
    process = start_kernel(slot, code)
    out, err = process.communicate(timeout=120)
    engine.close_slot(tag)
    assert process.returncode == 0, err
    told: dict[str, Any] = json.loads(out)
    return told


@pytest.fixture
def own_engine(engine_config: EngineConfig, tmp_path: Path) -> Iterator[Engine]:
    """An engine that a test may break."""
    engine = Engine(dataclasses.replace(engine_config, directory=tmp_path / "spark"))
    yield engine
    engine.stop()


def test_sessions_of_one_jvm_do_not_see_each_others_views_settings_or_current_schema(engine: Engine) -> None:
    one, other = engine.session(), engine.session()
    one.range(3).createOrReplaceTempView("mine")
    one.conf.set("spark.sql.shuffle.partitions", "7")
    one.sql("USE hive_metastore.default")
    assert not other.catalog.tableExists("mine")
    assert other.conf.get("spark.sql.shuffle.partitions") != "7"
    assert other.catalog.currentCatalog() == "main"


def test_spark_is_set_up_as_on_a_databricks_cluster(engine: Engine) -> None:
    spark = engine.session()
    spark.sql("CREATE OR REPLACE TABLE main.default.plain AS SELECT TIMESTAMP'2026-01-01 12:00:00' AS t")
    (detail,) = spark.sql("DESCRIBE DETAIL main.default.plain").collect()
    assert detail.format == "delta"
    assert spark.conf.get("spark.sql.session.timeZone") == "Etc/UTC"
    assert spark.conf.get("spark.sql.ansi.enabled") == "true"


def test_a_process_in_a_slot_has_a_whole_spark_of_its_own(engine: Engine) -> None:
    told = run_kernel(
        engine,
        "whole",
        """
        import pandas as pd
        from pyspark.sql import SparkSession, functions as F
        seen = []
        stream = (
            spark.readStream.format("rate-micro-batch").option("rowsPerBatch", 5).load()
            .writeStream.foreachBatch(lambda frame, number: seen.append(frame.count()))
            .trigger(availableNow=True)
        )
        total = spark.sparkContext.accumulator(0)
        spark.sparkContext.parallelize([1, 2]).foreach(lambda value: total.add(value))
        tell(
            same=SparkSession.builder.getOrCreate() is spark,
            udf=[row[0] for row in spark.range(2).select(F.udf(lambda v: v + 1, "long")("id")).collect()],
            pandas=spark.createDataFrame(pd.DataFrame({"a": [1]})).toPandas().a.tolist(),
            tags=sorted(spark.sparkContext.getJobTags()),
            sum=total.value,
            stopped=[spark.stop(), spark.sparkContext.stop()] and spark.range(5).count(),
        )
        """,
    )
    assert told == {"same": True, "udf": [1, 2], "pandas": [1], "tags": ["whole"], "sum": 3, "stopped": 5}
    assert engine.session().range(2).count() == 2  # its stop() stopped nothing


def test_python_callbacks_of_two_processes_run_each_in_its_own(engine: Engine) -> None:
    code = """
    from pyspark.sql.streaming.listener import StreamingQueryListener
    started, batches = [], []
    class Listener(StreamingQueryListener):
        def onQueryStarted(self, event): started.append(sorted(event.jobTags))
        def onQueryProgress(self, event): pass
        def onQueryTerminated(self, event): pass
    spark.streams.addListener(Listener())
    spark.range(3).write.format("delta").mode("overwrite").save(f"/tmp/{sys.argv[3]}-{os.getpid()}")
    stream = spark.readStream.format("delta").load(f"/tmp/{sys.argv[3]}-{os.getpid()}").writeStream
    query = stream.foreachBatch(lambda frame, n: batches.append(frame.count())).trigger(availableNow=True).start()
    query.awaitTermination()
    import shutil; shutil.rmtree(f"/tmp/{sys.argv[3]}-{os.getpid()}")
    tell(started=started, batches=batches)
    """
    slots = [engine.open_slot(tag) for tag in ("left", "right")]
    processes = [start_kernel(slot, code) for slot in slots]
    for slot, process in zip(slots, processes, strict=True):
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert json.loads(out) == {"started": [[slot.tag]], "batches": [3]}
        engine.close_slot(slot.tag)


def test_closing_a_slot_cancels_the_jobs_of_a_killed_process_and_no_others(engine: Engine) -> None:
    endless = """
    import threading
    def work():
        spark.sparkContext.setJobGroup("endless-" + sys.argv[3], "to find it by")
        spark.range(1000000000, numPartitions=20).rdd.map(hash).count()
    threading.Thread(target=work, daemon=True).start()
    while not (jobs := spark.sparkContext.statusTracker().getJobIdsForGroup("endless-" + sys.argv[3])):
        pass
    tell(job=jobs[0])
    """
    tracker = engine.root.sparkContext.statusTracker()
    slots = [engine.open_slot(tag) for tag in ("killed", "spared")]
    processes = [start_kernel(slot, endless) for slot in slots]
    try:
        killed, spared = (json.loads(process.stdout.readline())["job"] for process in processes if process.stdout)
        assert {killed, spared} <= set(tracker.getActiveJobsIds())
        processes[0].kill()
        engine.close_slot("killed")
        wait_until(lambda: killed not in tracker.getActiveJobsIds())
        assert spared in tracker.getActiveJobsIds()
        processes[1].kill()
        engine.close_slot("spared")
        wait_until(lambda: spared not in tracker.getActiveJobsIds())
    finally:  # a job left behind would slow down all other tests
        for slot, process in zip(slots, processes, strict=True):
            process.kill()
            process.communicate()
            engine.close_slot(slot.tag)


def wait_until(condition: Any, seconds: float = 20) -> None:
    """Poll what has no event to wait on."""
    done = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        done.wait(0.05)
    raise AssertionError(f"not within {seconds} s")


def test_a_catalog_made_at_run_time_is_known_to_sessions_old_and_new(engine: Engine) -> None:
    old = engine.session()
    engine.add_catalog("dev")
    for session in (old, engine.session()):
        assert "dev" in [row.catalog for row in session.sql("SHOW CATALOGS").collect()]
        assert session.sql("SHOW SCHEMAS IN dev").collect()[0].databaseName == "default"
    engine.remove_catalog("dev")


def test_secrets_are_not_among_the_jvms_arguments(engine: Engine) -> None:
    arguments = " ".join(psutil.Process(engine.status()["pid"]).cmdline())
    assert "test-token" not in arguments
    assert "test-secret" not in arguments


def test_what_was_read_of_a_table_is_forgotten_on_demand(engine: Engine, tmp_path: Path) -> None:
    spark = engine.session()
    spark.range(3).write.format("delta").save(f"{tmp_path}/table")
    assert spark.read.format("delta").load(f"{tmp_path}/table").count() == 3
    (tmp_path / "table").rename(tmp_path / "other")
    spark.range(4).write.format("delta").save(f"{tmp_path}/table")
    engine.clear_caches()
    assert spark.read.format("delta").load(f"{tmp_path}/table").count() == 4


def test_a_dead_jvm_is_announced_with_its_cause_and_replaced(own_engine: Engine) -> None:
    reasons: list[str] = []
    announced = threading.Event()
    own_engine.on_crash(lambda reason: (reasons.append(reason), announced.set()))
    own_engine.start()
    own_engine.wait(120)
    own_engine.add_catalog("dev")
    slot = own_engine.open_slot("lost")
    os.kill(own_engine.status()["pid"], signal.SIGKILL)
    assert announced.wait(30)
    assert "killed by SIGKILL" in reasons[0]
    own_engine.wait(120)
    own_engine.close_slot(slot.tag)
    assert own_engine.generation == 2
    assert own_engine.session().sql("SHOW SCHEMAS IN dev").count() == 1
    assert run_kernel(own_engine, "after", "tell(n=spark.range(3).count())") == {"n": 3}


def test_an_engine_that_is_stopped_while_it_starts_leaves_no_process(own_engine: Engine) -> None:
    def jvms() -> Iterator[psutil.Process]:
        for each in psutil.Process().children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if "io.unitycatalog.harness.Main" in each.cmdline():
                    yield each

    before = list(jvms())
    own_engine.start()
    while not (new := [each for each in jvms() if each not in before]):
        pass
    (jvm,) = new
    jvm.suspend()  # as slow as can be: it will not notice by itself
    own_engine.stop()
    assert not jvm.is_running()


def test_an_engine_that_cannot_start_says_why(engine_config: EngineConfig, tmp_path: Path) -> None:
    for change, message in (
        ({"java_home": tmp_path / "nowhere"}, "java_home names"),
        ({"memory": "1k"}, "Too small maximum heap"),
        ({"conf": {"spark.master": "spark:/nonsense"}}, "spark:/nonsense"),
    ):
        engine = Engine(dataclasses.replace(engine_config, directory=tmp_path / "spark", **change))
        engine.start()
        with pytest.raises(EngineFailed, match=message):
            engine.wait(60)
        assert engine.status()["state"] == "failed"
        engine.stop()


def test_an_engine_that_was_not_started_says_so(engine_config: EngineConfig) -> None:
    with pytest.raises(EngineFailed, match="not started"):
        Engine(engine_config).session()


def test_the_jvm_does_not_outlive_its_owner(unity: ScratchCatalog, cache: Path, tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from harness.lake.engine import Engine, EngineConfig
engine = Engine(EngineConfig(Path({str(tmp_path / "spark")!r}), Path({str(cache)!r}), {unity.url!r}, "t"))
engine.start(); engine.wait(); print(engine.status()["pid"], flush=True); engine._boot.jvm.process.wait()
"""
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    jvm = psutil.Process(int(owner.stdout.readline()))
    owner.kill()
    owner.communicate()
    jvm.wait(timeout=20)
