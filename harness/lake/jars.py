"""The jars Spark needs beside its own: named in ``jars.lock``, fetched once, verified, then never asked for again.

They are fetched by Ivy, which lies among pyspark's jars and knows the public Maven repository; we name none.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import select
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.sax.saxutils import quoteattr

from harness.lake.java import Java
from harness.lake.truststore import network_flags

LOCK = Path(__file__).with_name("jars.lock")
CONNECT_SECONDS = 5
STALL_SECONDS = 30.0

Progress = Callable[[str, int, int], None]


class JarsUnavailable(RuntimeError):
    """Jars are missing and could not be fetched, or are not what the lock file says. The message says what to do."""


@dataclass(frozen=True)
class Jar:
    """One line of the lock file. ``role``: ``engine`` (class path of Spark) or ``compiler``; ``size`` in bytes."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int
    role: str

    @property
    def file(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def read_lock(path: Path = LOCK) -> list[Jar]:
    """The jars a lock file names, in its order."""
    jars = []
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            coordinate, sha256, size, role = line.split()
            group, artifact, version = coordinate.split(":")
            jars.append(Jar(group, artifact, version, sha256, int(size), role))
    return jars


def pyspark_home() -> Path:
    """The folder of the pyspark package, found without importing it."""
    spec = importlib.util.find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise JarsUnavailable(
            "The pyspark package is not installed: pip install 'airflow-databricks-harness[workspace]'."
        )
    return Path(spec.origin).parent


class Jars:
    """The jars of the lock file, in ``<cache>/jars``.

    Parameters: ``cache`` (the user's cache folder), ``mirror`` (base URL of a Maven repository to use instead of the
    public one), ``lock``.
    """

    def __init__(self, cache: Path, mirror: str | None = None, lock: Path = LOCK) -> None:
        self.directory = cache / "jars"
        self.mirror = mirror
        self.jars = read_lock(lock)

    @property
    def compiler(self) -> Path:
        """The Eclipse compiler for Java: runs on a JRE, which has no ``javac``."""
        return self._paths("compiler")[0]

    def missing(self) -> list[Jar]:
        """What is not in the cache, or not whole."""
        return [jar for jar in self.jars if _size(self.directory / jar.file) != jar.size]

    def ensure(self, java: Java, progress: Progress | None = None) -> list[Path]:
        """The engine's jars, fetched if they are missing. Starts no JVM and asks nobody when they are all there.

        Parameters: ``java`` (runs Ivy), ``progress`` (called with the name of the jar that arrived, the bytes that are
        there and the bytes of all that were missing).
        Raises: ``JarsUnavailable``.
        """
        if self.missing():
            self.directory.mkdir(parents=True, exist_ok=True)
            with _locked(self.directory / ".lock"):
                missing = self.missing()  # another process may have fetched them while we waited
                if missing:
                    self._fetch(java, missing, progress or _silent)
        return self._paths("engine")

    def _paths(self, role: str) -> list[Path]:
        return [self.directory / jar.file for jar in self.jars if jar.role == role]

    def _fetch(self, java: Java, missing: list[Jar], progress: Progress) -> None:
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=self.directory) as scratch:
            folder = Path(scratch)
            transcript = _run_ivy(java, folder, missing, self.mirror, progress)
            absent = [jar for jar in missing if not (folder / jar.file).exists()]
            altered = [jar for jar in missing if jar not in absent and _sha256(folder / jar.file) != jar.sha256]
            for jar in missing:
                if jar not in absent and jar not in altered:
                    (folder / jar.file).replace(self.directory / jar.file)
        source = self.mirror or "the public Maven repository"
        if altered:
            raise JarsUnavailable(
                f"{_list(altered)}\nfetched from {source}: the bytes are not those of harness/lake/jars.lock (sha256), "
                "so they were thrown away. A proxy or mirror altered them, or serves an error page; fetch again with "
                "`harness fetch`, or choose another one with HARNESS_MIRROR."
            )
        if absent:
            raise JarsUnavailable(
                f"{len(absent)} of the {len(self.jars)} jars that Spark needs are missing and could not be fetched "
                f"from {source} ({_cause(transcript)}):\n{_list(absent)}\n"
                "With a network, run `harness fetch` once; afterwards everything works offline. Behind a firewall, set "
                "HARNESS_MIRROR to a Maven repository you can reach; HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE are "
                f"respected. Or copy the files into {self.directory}."
            )


def _run_ivy(java: Java, folder: Path, jars: list[Jar], mirror: str | None, progress: Progress) -> str:
    (folder / "ivysettings.xml").write_text(_settings(folder, mirror))
    (folder / "ivy.xml").write_text(_ivy_file(jars))
    ivy = next((pyspark_home() / "jars").glob("ivy-*.jar"))
    process = subprocess.Popen(
        [
            *(str(java.executable), *network_flags(folder)),
            *("-cp", str(ivy), "org.apache.ivy.Main"),
            *("-settings", str(folder / "ivysettings.xml"), "-ivy", str(folder / "ivy.xml")),
            *("-retrieve", str(folder / "[artifact]-[revision].[ext]")),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    total = sum(jar.size for jar in jars)
    done = 0
    transcript = ""
    assert process.stdout is not None
    try:
        for line in _lines(process.stdout):
            transcript += line + "\n"
            arrived = re.search(r"\[SUCCESSFUL \] .*#(.+);", line)
            jar = next((j for j in jars if arrived and j.artifact == arrived[1]), None)
            if jar:
                done += jar.size
                progress(jar.file, done, total)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    return transcript


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """Ivy's output by lines. It prints dots while bytes arrive; so silence means that nobody answers."""
    rest = b""
    while True:
        if not select.select([stream], [], [], STALL_SECONDS)[0]:
            yield f"Server access error: no answer for {STALL_SECONDS:g} s"
            return
        chunk = os.read(stream.fileno(), 65536)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace") for line in lines)


def _settings(folder: Path, mirror: str | None) -> str:
    # usepoms=false: the lock file is the closure, so the jars' descriptions need not be fetched. Checksums are ours.
    milliseconds = f'connectionTimeout="{CONNECT_SECONDS * 1000}" readTimeout="{STALL_SECONDS * 1000:.0f}"'
    root = f" root={quoteattr(mirror)}" if mirror else ""
    return f"""<ivysettings>
  <settings defaultResolver="jars"/>
  <property name="ivy.checksums" value=""/>
  <caches defaultCacheDir={quoteattr(str(folder / "cache"))}/>
  <timeout-constraints>
    <timeout-constraint name="jars" {milliseconds}/>
  </timeout-constraints>
  <resolvers>
    <ibiblio name="jars" m2compatible="true" usepoms="false" useMavenMetadata="false" timeoutConstraint="jars"{root}/>
  </resolvers>
</ivysettings>
"""


def _ivy_file(jars: list[Jar]) -> str:
    wanted = "\n".join(
        f'    <dependency org="{j.group}" name="{j.artifact}" rev="{j.version}" transitive="false" conf="default"/>'
        for j in jars
    )
    return f"""<ivy-module version="2.0">
  <info organisation="harness" module="lake"/>
  <dependencies>
{wanted}
  </dependencies>
</ivy-module>
"""


def _cause(transcript: str) -> str:
    for pattern in (r"Server access error.*?\((.+)\)", r"(Server access error: .+)", r"(module not found: .+)"):
        found = re.search(pattern, transcript)
        if found:
            return found[1]
    return transcript.strip()[-300:] or "Ivy said nothing"


def _list(jars: list[Jar]) -> str:
    shown = [f"  {jar.group}:{jar.artifact}:{jar.version}" for jar in jars]
    return "\n".join(shown[:8] + ([f"  … and {len(shown) - 8} more"] if len(shown) > 8 else []))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _silent(name: str, done: int, total: int) -> None:
    pass


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
