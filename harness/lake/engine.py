"""Spark: one warm JVM with Delta and the catalog shim, shared by SQL sessions and notebook tasks.

It boots in the background, is watched, and is started again when it dies.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from harness.lake import attach, confs, warmup
from harness.lake.archive import Use
from harness.lake.boot import Boot, Clock
from harness.lake.gateway import Jvm, end, launch
from harness.lake.parts import EngineConfig, gather

__all__ = ["Engine", "EngineConfig", "EngineFailed", "Gateway", "gather"]

STOP_SECONDS = 5.0

log = logging.getLogger(__name__)


class EngineFailed(RuntimeError):
    """Spark is not up and will not come up by itself. The message says why and what to do."""


@dataclass(frozen=True)
class Gateway:
    """A slot: a py4j server in the JVM with a session of its own. The shape of ``kernel.spec.Gateway``."""

    port: int
    secret: str
    tag: str


class Engine:
    """The warm JVM. All methods may be called from any thread.

    Parameters: ``config``. ``catalogs_changed``: how often there were others; a session lists them as they were when it
    was made.
    """

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self.generation = 0
        self._lock = threading.Lock()
        self._boot = Boot(error="the engine was not started")
        self._boot.done.set()
        self._stopping = False
        self._callbacks: list[Callable[[str], None]] = []
        self._added: set[str] = set()
        self.catalogs_changed = 0

    # ---- life --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to boot, and return. :meth:`wait` waits for it."""
        self._stopping = False
        self._begin()

    def wait(self, timeout: float | None = None) -> None:
        """Block until Spark answers.

        Raises: ``EngineFailed`` when it cannot come up, or is not up after ``timeout`` seconds.
        """
        self._ready(timeout)

    def stop(self) -> None:
        """End the JVM and everything in it."""
        with self._lock:
            self._stopping = True
            boot = self._boot
        if boot.jvm is not None:
            boot.jvm.stop(STOP_SECONDS)
        elif boot.process is not None:  # it has only begun: after a crash, for one
            end(boot.process)
        boot.done.wait(STOP_SECONDS)
        if boot.root is not None:
            attach.forget(boot.root)

    def on_crash(self, callback: Callable[[str], None]) -> None:
        """Have ``callback(reason)`` called when the JVM dies by itself, before it is started again."""
        self._callbacks.append(callback)

    def wait_warm(self, timeout: float | None = None) -> bool:
        """Block until the warm-up in the background is over. Returns: whether it has succeeded in time."""
        boot = self._ready(timeout)
        return boot.tried.wait(timeout) and boot.warm.is_set()

    # ---- sessions ----------------------------------------------------------------------------------

    @property
    def root(self) -> SparkSession:
        """The session that all others are made from. To look at, not to work in."""
        root: SparkSession = self._ready(None).root
        return root

    def session(self) -> SparkSession:
        """A new session in this process, with its own settings, temporary views and current catalog."""
        boot = self._ready(None)
        attach.activate(boot.root)  # another engine of this process may have come and gone
        return SparkSession(boot.root.sparkContext, self._sessions(boot).create(boot.root._jsparkSession))

    def open_slot(self, tag: str, user: str = "") -> Gateway:
        """A session for another process, which joins it with :func:`harness.lake.attach.attach`.

        Parameters: ``tag`` (unique; its jobs carry it, and run in a scheduling pool of that name); ``user``, whose
        statements it runs, if not the workspace's own user's.
        """
        boot = self._ready(None)
        secret = secrets.token_hex(32)
        slot = self._sessions(boot).open(boot.root._jsparkSession, tag, secret, user)
        boot.slots[tag] = slot
        return Gateway(slot.port(), secret, tag)

    def has_lost(self, tag: str) -> bool:
        """Whether the JVM that a slot was opened in has died; those of :meth:`on_crash` are told a moment later."""
        boot = self._boot
        return tag not in boot.slots or boot.jvm is None or boot.jvm.dead()

    def close_slot(self, tag: str) -> None:
        """End what the slot's process has left: streams, jobs, connections. Nothing to do if the JVM died since."""
        slot = self._boot.slots.pop(tag, None)
        if slot is not None:
            with contextlib.suppress(Py4JError, OSError):  # the JVM is dying: the watcher will say so
                slot.close()

    # ---- catalogs and caches -----------------------------------------------------------------------

    def add_catalog(self, name: str) -> None:
        """Make a catalog of the workspace known to every session, now and after a restart. Waits for nothing."""
        with self._lock:
            if name not in self.config.catalogs:
                self._added.add(name)
                if self._boot.root is not None:
                    self._sessions(self._boot).addCatalog(name)
                self.catalogs_changed += 1

    def remove_catalog(self, name: str) -> None:
        """Undo :meth:`add_catalog`."""
        with self._lock:
            self._added.discard(name)
            if self._boot.root is not None:
                self._sessions(self._boot).removeCatalog(name)
            self.catalogs_changed += 1

    def clear_caches(self) -> None:
        """Forget cached tables, what was read of Delta logs, and lineage: the files may have been replaced."""
        jvm = self._ready(None).root._jvm
        getattr(jvm, "org.apache.spark.sql.delta.DeltaLog").clearCache()
        getattr(jvm, "io.unitycatalog.harness.Lineage").forget()
        self.root.catalog.clearCache()
        getattr(jvm, "io.unitycatalog.harness.Guards").changed()

    def status(self) -> dict[str, Any]:
        """Facts for people: ``state``, ``generation``, ``pid``, ``java``, ``archive``, ``timings`` in seconds."""
        boot = self._boot
        facts: dict[str, Any] = {"state": self._state(boot), "generation": self.generation}
        if boot.jvm is not None and boot.java is not None:
            facts |= {"pid": boot.jvm.pid, "java": boot.java.version, "java_home": str(boot.java.home)}
        if boot.error:
            facts["error"] = boot.error
        return facts | {"archive": self._archive_use(boot).value, "timings": dict(boot.timings)}

    def _state(self, boot: Boot) -> str:
        if self._stopping:
            return "stopped"
        if not boot.done.is_set():
            return "starting"
        if boot.error:
            return "failed"
        return "warm" if boot.warm.is_set() else "ready"

    def _archive_use(self, boot: Boot) -> Use:
        if not self.config.class_archive:
            return Use.OFF
        if boot.archive_used:
            return Use.USED
        return Use.BUILDING if boot.archive and boot.archive.being_built() else Use.ABSENT

    # ---- booting -----------------------------------------------------------------------------------

    def _ready(self, timeout: float | None) -> Boot:
        boot = self._boot
        if not boot.done.wait(timeout):
            raise EngineFailed(f"Spark was not up after {timeout:g} s; its log is {self.config.directory / 'jvm.log'}")
        if boot.error:
            raise EngineFailed(boot.error)
        return boot

    def _begin(self) -> None:
        with self._lock:
            if self._stopping:
                return
            boot = self._boot = Boot()
        threading.Thread(target=self._run, args=(boot,), name="engine", daemon=True).start()

    def _run(self, boot: Boot) -> None:
        """Boot, then watch: the thread of one JVM."""
        try:
            jvm = self._start_jvm(boot)
        except Exception as error:
            boot.error = f"Spark did not start: {error}"
            boot.done.set()
            return
        self.generation += 1
        boot.done.set()
        threading.Thread(target=self._warm, args=(boot,), name="engine-warm-up", daemon=True).start()
        jvm.process.wait()
        if not self._stopping:
            self._crashed(jvm)

    def _start_jvm(self, boot: Boot) -> Jvm:
        config = self.config
        clock = Clock(boot.timings)
        parts = gather(config)
        clock.lap("parts")
        boot.java, boot.archive = parts.java, parts.archive
        shutil.rmtree(config.directory, ignore_errors=True)
        (config.directory / "tmp").mkdir(parents=True)
        archived = parts.archive.use_flags(config.directory) if config.class_archive else []
        settings = {"conf": self.conf(), "catalog_url": config.catalog_url, "catalog_token": config.token}
        flags = [*archived, *parts.flags, *confs.directory_flags(config.directory)]
        begun = partial(self._begun, boot)
        boot.jvm = jvm = launch(parts.java, flags, parts.classpath, settings, config.directory, begun)
        clock.lap("jvm")
        root = attach.adopt(jvm.gateway, jvm.session())
        with self._lock:
            boot.root = root
            for name in self._added:
                self._sessions(boot).addCatalog(name)
        clock.lap("context")
        boot.root.sql("SELECT 1").collect()
        clock.lap("first query")
        boot.archive_used = parts.archive.in_use(config.directory)
        return jvm

    def _begun(self, boot: Boot, process: subprocess.Popen[bytes]) -> None:
        # Who stops says so, then looks for the process; here it is the other way round: one of the two ends it.
        boot.process = process
        if self._stopping:
            end(process)

    def conf(self) -> dict[str, str]:
        """Spark's settings, with the catalogs that there are now. They hold secrets."""
        config = self.config
        conf = confs.spark_conf(
            config.directory,
            cores=config.cores,
            catalogs=[*config.catalogs, *sorted(self._added)],
            default_catalog=config.default_catalog,
            s3=config.s3,
            folders=config.folders,
            user=config.user,
        )
        return {**conf, **config.conf}

    def _warm(self, boot: Boot) -> None:
        began = time.monotonic()
        try:
            warmup.warm_up(self.session(), self.config.directory / "warm-up")
            boot.timings["warm-up"] = round(time.monotonic() - began, 3)
            boot.warm.set()
        except Exception as error:
            if boot.jvm is not None and boot.jvm.process.poll() is None and not self._stopping:
                log.warning("Spark is up, but its warm-up failed: %s", error)
        boot.tried.set()
        if self.config.class_archive and boot.archive and not boot.archive.path.exists() and not self._stopping:
            boot.archive.begin()

    def _crashed(self, jvm: Jvm) -> None:
        reason = jvm.obituary()
        self._begin()
        for callback in self._callbacks:
            callback(reason)

    def _sessions(self, boot: Boot) -> Any:
        return getattr(boot.root._jvm, "io.unitycatalog.harness.Sessions")
