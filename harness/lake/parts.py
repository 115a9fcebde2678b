"""What an engine is made of: its settings, and the files it needs on disk before a JVM can start."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.lake import confs
from harness.lake.archive import Archive
from harness.lake.jars import Jars, Progress, pyspark_home
from harness.lake.java import Java, find_java
from harness.lake.s3 import S3Endpoint
from harness.lake.shim import catalog_jar


@dataclass(frozen=True)
class EngineConfig:
    """What an engine needs to know.

    ``directory``: its own files, deleted and made anew at each start. ``cache``: jars, the compiled shim, class
    archives. ``catalog_url``, ``token``: the workspace whose Unity Catalog REST API is the truth about tables.
    ``catalogs``: names to configure from the start. ``conf``: Spark settings that go before ours. ``progress``: told
    of jars that arrive. ``folders``: what a cluster mounts (``/dbfs``, ``/Volumes``, …), and where it rests here.
    ``user``: whom ``current_user()`` names.
    """

    directory: Path
    cache: Path
    catalog_url: str
    token: str
    s3: S3Endpoint | None = None
    java_home: Path | None = None
    mirror: str | None = None
    cores: int = field(default_factory=lambda: max(2, os.cpu_count() or 2))
    memory: str = "2g"
    class_archive: bool = True
    catalogs: Sequence[str] = ("main", "hive_metastore")
    default_catalog: str = "main"
    conf: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, str | Path] = field(default_factory=dict)
    progress: Progress | None = None
    user: str = ""


@dataclass(frozen=True)
class Parts:
    """What a JVM is started with: on disk once gathered."""

    java: Java
    flags: list[str]
    classpath: list[Path]
    archive: Archive


def gather(config: EngineConfig) -> Parts:
    """Find Java, fetch the jars that are missing, compile the shim if it is new. Afterwards all works offline.

    What `harness fetch` does, which may then build the class archive too: ``gather(config).archive.build()``.
    Raises: ``JavaNotFound``, ``JarsUnavailable``, ``ShimFailed``.
    """
    java = find_java(config.java_home)
    jars = Jars(config.cache, config.mirror)
    fetched = jars.ensure(java, config.progress)
    # In this order at each start: the class archive depends on it.
    classpath = [*sorted((pyspark_home() / "jars").glob("*.jar")), *fetched, catalog_jar(java, jars, config.cache)]
    flags = confs.jvm_flags(config.memory)
    return Parts(java, flags, classpath, Archive(config.cache, java, flags, classpath))
