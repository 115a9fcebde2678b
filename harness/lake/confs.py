"""What the JVM and Spark are told: flags, Spark's settings, where logs go. Data, and the reasons beside it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.lake.s3 import S3Endpoint

CATALOG = "io.unitycatalog.harness.HarnessCatalog"
# Azure's and Google's object stores: a container is the bucket of that name in the local S3 (ForeignFiles.java).
AZURE_SCHEMES = ("abfss", "abfs", "wasbs", "wasb")
FOREIGN_SCHEMES = (*AZURE_SCHEMES, "gs")
SYSTEM = "io.unitycatalog.harness.SystemCatalog"
UDF_DAEMON = "harness.lake.udf_daemon"
EXTENSIONS = (
    "io.unitycatalog.harness.EarlyExtension",
    "io.delta.sql.DeltaSparkSessionExtension",
    "io.unitycatalog.harness.HarnessExtension",
)

# Spark's own list (JavaModuleOptions), so that spark-submit, a second JVM that computes it, is not needed. Without the
# incubator's vector module, which JREs do not have. Later Java versions' options are ignored by the earlier ones.
_OPENED = (
    *("java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util"),
    *("java.util.concurrent", "java.util.concurrent.atomic", "jdk.internal.ref", "sun.nio.ch", "sun.nio.cs"),
    *("sun.security.action", "sun.util.calendar"),
)
_MODULES = (
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
    "--add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
    "-XX:+IgnoreUnrecognizedVMOptions",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
    "-Dio.netty.tryReflectionSetAccessible=true",  # Java 25: else Arrow fails, and its client hangs (measured)
)


def jvm_flags(memory: str) -> list[str]:
    """Flags of the JVM that are the same in every directory: together with the class path they key the class archive.

    Parameters: ``memory`` (heap, as ``-Xmx`` takes it).
    """
    return [
        # Small data on a few cores: one collector thread, and the quick compiler only. 9.0 s → 7.9 s to the first
        # result, 14.4 → 7.5 CPU seconds (measured).
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        # Room for the code of a long session: the quick compiler alone gets 48 MB, after some 1000 statements nothing
        # more is compiled, and "Out of space in CodeCache for adapters" ends statements (measured, Java 17).
        "-XX:ReservedCodeCacheSize=240m",
        f"-Xmx{memory}",
        "-XX:+DisplayVMOutputToStderr",  # standard output is for Main's one line
        "-XX:+ExitOnOutOfMemoryError",  # a JVM without memory answers nobody; a dead one is started again
        *_MODULES,
        "-Dfile.encoding=UTF-8",
        "-Duser.timezone=Etc/UTC",
        "-Djava.awt.headless=true",
        "-Djdk.httpclient.keepalive.timeout=4",  # uvicorn closes idle connections after 5 s
    ]


def directory_flags(directory: Path) -> list[str]:
    """Flags of the JVM that name its own directory."""
    return [
        f"-Dlog4j2.configurationFile={write_log_settings(directory)}",
        f"-Djava.io.tmpdir={directory / 'tmp'}",
        f"-XX:ErrorFile={directory / 'crash.log'}",
    ]


def write_log_settings(directory: Path) -> Path:
    """Write Spark's logging settings: warnings to ``spark.log``, nothing to the console. Returns: the file."""
    path = directory / "log4j2.properties"
    path.write_text(f"""\
status = error
appender.file.type = File
appender.file.name = file
appender.file.fileName = {directory / "spark.log"}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{yyyy-MM-dd HH:mm:ss}} %p %c: %m%n%ex
rootLogger.level = warn
rootLogger.appenderRef.file.ref = file
# Hadoop has no native library in pyspark's jars, and says so; nothing follows from it.
logger.native.name = org.apache.hadoop.util.NativeCodeLoader
logger.native.level = error
logger.metrics.name = org.apache.hadoop.metrics2
logger.metrics.level = error
""")
    return path


def spark_conf(
    directory: Path,
    *,
    cores: int,
    catalogs: Sequence[str],
    default_catalog: str,
    s3: S3Endpoint | None,
    folders: Mapping[str, str | Path] | None = None,
    user: str = "",
) -> dict[str, str]:
    """Spark's settings.

    Parameters: ``directory`` (for its files), ``cores`` (tasks at once), ``catalogs`` (names), ``default_catalog``,
    ``s3`` (where ``s3://``, ``s3a://`` and ``s3n://`` lead), ``folders`` (what a cluster mounts, and where it rests),
    ``user`` (whom ``current_user()`` names, unless a session is somebody else's).
    """
    return {
        "spark.master": f"local[{cores}]",
        "spark.app.name": "harness",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": str(directory / "local"),
        "spark.scheduler.mode": "FAIR",  # a pool a task: a long one does not keep a short one waiting
        "spark.ui.enabled": "false",  # 11 % of the CPU time to the first result (measured)
        "spark.ui.showConsoleProgress": "false",
        "spark.python.daemon.module": UDF_DAEMON,
        # What runs Python functions of the catalog, whoever calls them.
        "spark.harness.python": sys.executable,
        "spark.harness.pythonVersion": f"{sys.version_info.major}.{sys.version_info.minor}",
        "spark.sql.catalogImplementation": "in-memory",  # Hive's on Derby: 2.6 s on the first table write (measured)
        "spark.sql.warehouse.dir": f"file:{directory / 'warehouse'}",
        "spark.sql.session.timeZone": "Etc/UTC",  # a Databricks cluster's
        # Spark 4.2 binds parameter markers in its parser, by a method that Delta 4.4.0's parser does not pass on:
        # without this, spark.sql(args=...) ends with UNBOUND_SQL_PARAMETER (measured).
        "spark.sql.legacy.parameterSubstitution.constantsOnly": "true",
        "spark.sql.sources.default": "delta",
        # SHOW TABLES and SHOW SCHEMAS name their columns as Databricks documents them: database, databaseName.
        "spark.sql.legacy.keepCommandOutputSchema": "true",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.shuffle.partitions": str(max(2, cores)),
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",  # VACUUM: 108 s → 14 s (measured)
        # Else a file table that was altered, or dropped and made anew, keeps its old columns and files for the session.
        "spark.sql.filesourceTableRelationCacheSize": "0",
        "spark.databricks.delta.snapshotPartitions": "2",
        # Delta 4.4.0 could read wrong snapshots with it (release notes of 4.4.1).
        "spark.hadoop.delta.enableFastS3AListFrom": "false",
        # The extension named first has the first rules, the one named last the outermost parser.
        "spark.sql.extensions": ",".join(EXTENSIONS),
        "spark.extraListeners": "io.unitycatalog.harness.Lineage",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        **{f"spark.sql.catalog.{name}": CATALOG for name in catalogs},
        "spark.sql.catalog.system": SYSTEM,
        "spark.sql.defaultCatalog": default_catalog,
        **({"spark.harness.user": user} if user else {}),
        **(s3a_conf(s3) if s3 else {}),
        **mount_conf(folders or {}),
    }


def mount_conf(folders: Mapping[str, str | Path]) -> dict[str, str]:
    """Settings by which Spark finds DBFS, volumes and workspace files, under ``file:/`` and ``dbfs:/``.

    With DBFS, a path without a scheme is one of DBFS, as on a cluster (docs: "Work with files on Databricks").
    """
    package = CATALOG.rpartition(".")[0]
    return {
        **({"spark.hadoop.fs.defaultFS": "dbfs:///"} if "/dbfs" in folders else {}),
        "spark.hadoop.harness.folders": json.dumps({prefix: str(folder) for prefix, folder in folders.items()}),
        "spark.hadoop.fs.file.impl": f"{package}.LocalFiles",
        "spark.hadoop.fs.dbfs.impl": f"{package}.DbfsFiles",
        "spark.hadoop.fs.AbstractFileSystem.file.impl": f"{package}.FileContexts$Local",
        "spark.hadoop.fs.AbstractFileSystem.dbfs.impl": f"{package}.FileContexts$Dbfs",
    }


def s3a_conf(s3: S3Endpoint) -> dict[str, str]:
    """Settings of Hadoop's S3A, for ``s3://``, ``s3a://`` and ``s3n://`` alike; the foreign schemes lead there too."""
    s3a = {
        "endpoint": s3.url,
        "endpoint.region": s3.region,
        "path.style.access": "true",
        "connection.ssl.enabled": str(s3.url.startswith("https:")).lower(),
        "aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
        "access.key": s3.access_key,
        "secret.key": s3.secret_key,
        "input.stream.type": "classic",  # 3.5's new default keeps an entry per object for ever (HADOOP-20058)
        "checksum.generation": "false",
        "attempts.maximum": "2",
        "retry.limit": "2",
        "connection.establish.timeout": "5s",
        "performance.flags": "create,mkdir",
    }
    implementations = {
        **{f"fs.{scheme}.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem" for scheme in ("s3", "s3n")},
        **{f"fs.AbstractFileSystem.{scheme}.impl": "org.apache.hadoop.fs.s3a.S3A" for scheme in ("s3", "s3a", "s3n")},
    }
    settings = {**{f"fs.s3a.{key}": value for key, value in s3a.items()}, **implementations}
    return {f"spark.hadoop.{key}": value for key, value in settings.items()} | _foreign_conf()


def _foreign_conf() -> dict[str, str]:
    package = CATALOG.rpartition(".")[0]
    settings = {}
    for scheme in FOREIGN_SCHEMES:
        settings[f"spark.hadoop.fs.{scheme}.impl"] = f"{package}.ForeignFiles"
        settings[f"spark.hadoop.fs.AbstractFileSystem.{scheme}.impl"] = f"{package}.FileContexts$Foreign"
        # Hadoop's own choice for them asks for a job id that Spark gives no committer.
        factory = "org.apache.hadoop.mapreduce.lib.output.FileOutputCommitterFactory"
        settings[f"spark.hadoop.mapreduce.outputcommitter.factory.scheme.{scheme}"] = factory
        # Delta's own choice relies on a rename that fails when the target is there, which S3 has not; the one for S3
        # drops the container from the path. This one looks first, under a lock.
        settings[f"spark.delta.logStore.{scheme}.impl"] = "io.delta.storage.LocalLogStore"
    return settings
