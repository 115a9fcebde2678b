"""The catalog shim: Java sources in ``catalog/``, compiled on the user's machine, once.

Compiling here, and not when a wheel is built, keeps the wheel free of binaries and the shim true to the pyspark that is
installed. The Eclipse compiler is a jar, so a JRE is enough.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from harness.lake.jars import Jars, pyspark_home
from harness.lake.java import Java

SOURCES = Path(__file__).with_name("catalog")

# Of pyspark's 277 jars, those that the sources name: reading all of them takes the compiler twice as long.
NAMED = (
    *("spark-catalyst_", "spark-common-utils", "spark-core_", "spark-sql_", "spark-sql-api_", "spark-unsafe_"),
    *("spark-variant_", "scala-library-", "hadoop-client-api-", "py4j-"),
    *("slf4j-api-", "univocity-parsers-"),
    *("jackson-annotations-", "jackson-core-", "jackson-databind-"),
)


class ShimFailed(RuntimeError):
    """The shim does not compile against the pyspark that is installed."""


def catalog_jar(java: Java, jars: Jars, cache: Path) -> Path:
    """The compiled shim, from ``<cache>/catalog``; compiled first if its sources, Java or pyspark are new to the cache.

    Parameters: ``java`` (runs the compiler), ``jars`` (must be there: ``Jars.ensure``), ``cache``.
    Raises: ``ShimFailed`` with the compiler's messages.
    """
    sources = sorted(SOURCES.glob("*.java"))
    target = cache / "catalog" / f"harness-catalog-{_key(sources, java, jars)}.jar"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".compile-", dir=target.parent) as scratch:
        classes = Path(scratch) / "classes"
        _compile(java, jars, sources, classes)
        whole = Path(scratch) / target.name
        _pack(classes, whole)
        # Two processes may compile at once; either result will do, but the first one's times must stay (class archive).
        if not target.exists():
            whole.replace(target)
    return target


def _key(sources: Iterable[Path], java: Java, jars: Jars) -> str:
    content = [source.read_bytes() for source in sources]
    facts = [java.version, version("pyspark"), *(jar.sha256 for jar in jars.jars)]
    return hashlib.sha256(b"\0".join([*content, *(fact.encode() for fact in facts)])).hexdigest()[:16]


def _compile(java: Java, jars: Jars, sources: list[Path], classes: Path) -> None:
    spark = [path for path in sorted((pyspark_home() / "jars").glob("*.jar")) if path.name.startswith(NAMED)]
    delta = [path for path in sorted(jars.directory.glob("delta-*.jar"))]
    result = subprocess.run(
        [
            *(str(java.executable), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar", str(jars.compiler)),
            *("-17", "-encoding", "UTF-8", "-nowarn", "-proc:none", "-d", str(classes)),
            *("-classpath", os.pathsep.join(map(str, [*spark, *delta]))),
            *map(str, sources),
        ],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if result.returncode:
        raise ShimFailed(
            f"The catalog shim does not compile with Java {java.version} against pyspark {version('pyspark')}; the "
            f"harness is made for pyspark 4.2.0.\n{(result.stderr + result.stdout)[-3000:]}"
        )


def _pack(classes: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(classes.rglob("*.class")):
            archive.write(path, path.relative_to(classes))
