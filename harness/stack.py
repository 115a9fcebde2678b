"""The only composition root: an S3 server and a Databricks workspace, started side by side, stopped for certain.

    with Stack() as stack:
        print(stack.workspace_url)

The library works without pytest; the plugin, the CLI and the image are thin users of this class.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import psutil

from harness import ide, netguard
from harness.certificates import Certificates, ensure
from harness.control import StackFailed, api, control
from harness.dagrun.connections import Endpoints, is_placeholder
from harness.disk import told_of_full_disk
from harness.lake.buckets import Plan, S3Unavailable, claimed, empty, held, plan
from harness.lake.s3 import S3Endpoint
from harness.lake.s3 import reset as reset_s3
from harness.process import STOP_SECONDS, Child, ProcessFailed, bind
from harness.scratch import scratch
from harness.settings import Settings

WAREHOUSE_ID = "local"
ORG_ID = "1"
USER = "harness@localhost"


class Stack:
    """S3 and a workspace, as a context manager.

    Parameters: ``settings``; ``directory``: where tables, objects and records rest (kept), by default a temporary one
    that goes with the stack.
    Raises, on entry: ``StackFailed`` with the end of the log of the process that did not start.
    """

    def __init__(self, settings: Settings | None = None, directory: Path | None = None) -> None:
        self.settings = settings or Settings()
        self._ephemeral = directory is None
        self.directory = directory or Path()  # the temporary one is made on entry
        self.warehouse_id = WAREHOUSE_ID
        self.token = ""
        self.client_id = self.settings.client_id
        self.client_secret = self.settings.client_secret
        self.workspace_url = ""
        self.workspace_tls_url = ""
        self.certificates: Certificates | None = None
        self.s3 = S3Endpoint("", self.settings.s3_access_key, self.settings.s3_secret_key)
        self._stop = contextlib.ExitStack()
        self._children: list[Child] = []
        self._kept_buckets: frozenset[str] = frozenset()

    def __enter__(self) -> Stack:
        with contextlib.ExitStack() as started:
            self._start(started)
            self._stop = started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.close()
        self._children.clear()

    def _start(self, started: contextlib.ExitStack) -> None:
        if self._ephemeral:
            self.directory = started.enter_context(scratch("harness-stack"))
        # Ours alone: in it are tables, and logs with what notebooks print.
        self.directory.mkdir(0o700, parents=True, exist_ok=True)
        self._check_exposure()
        if self.settings.debugpy:
            ide.require(self.settings)
        # The token is as good as a password for everything in the workspace: made per stack unless the state has one.
        self.token = self.settings.token or self._kept("token", "dapi")
        self.client_secret = self.settings.client_secret or self._kept("client_secret", "dose")
        try:
            host = self.settings.host
            servers = [started.enter_context(bind(self.settings.port, host))]
            if self.settings.tls:
                servers.append(started.enter_context(bind(self.settings.tls_port, host)))
                self.certificates = ensure(self.directory / "tls", hosts=self.settings.host_names)
                self.workspace_tls_url = self._tls_url(servers[1].getsockname()[1])
            buckets = plan(self.settings, self.directory)
            self.s3 = buckets.endpoint
            if not buckets.ours:
                started.enter_context(claimed(self.s3.url, self.settings.cache / "s3"))
            started.callback(buckets.sweep)
            self._buckets = self._child(started, buckets.name, buckets.module, buckets.config, buckets.sockets)
            self.workspace_url = f"http://{self.settings.client_host}:{servers[0].getsockname()[1]}"
            self._child(started, "the workspace", "harness.workspace", self._workspace_config(), servers)
            for child in self._children:
                child.wait_ready()
            if self.settings.debugpy:
                ide.listen(self.endpoints, self.settings.debugpy)
            self._keep_buckets(started, buckets)
        except (ProcessFailed, S3Unavailable) as error:
            raise StackFailed(str(error)) from error

    def _tls_url(self, port: int) -> str:
        # No address: HTTPS is for clients that look at the name on the certificate.
        host = "localhost" if self.settings.on_loopback else self.settings.client_host
        return f"https://{host}" if port == 443 else f"https://{host}:{port}"

    def _check_exposure(self) -> None:
        """Whoever has the token runs code as us: beyond this machine it is to be chosen, not found in a file."""
        settings = self.settings
        if settings.on_loopback:
            return
        if len(settings.token) < 16 or not settings.host_names:
            raise StackFailed(
                f"to listen on {settings.host}, where others may reach it, set HARNESS_TOKEN (16 characters or more) "
                'and HARNESS_HOST_NAMES (such as ["workspace"]: the names that clients use)'
            )
        if settings.s3 != "moto" and "://" not in settings.s3:
            raise StackFailed(
                f"the S3 server {settings.s3!r} listens on loopback only: give clients elsewhere one by URL"
            )

    def _keep_buckets(self, started: contextlib.ExitStack, buckets: Plan) -> None:
        """Remember what an S3 server that is not ours holds: no reset of ours may touch it."""
        if buckets.ours or self.settings.s3_reset != "new":
            return
        self._kept_buckets = held(self.s3)
        if self._ephemeral:
            started.callback(self._reset_s3)

    def _child(
        self, started: contextlib.ExitStack, name: str, module: str, config: dict[str, Any], socks: list[socket.socket]
    ) -> Child:
        log = self.directory / "logs" / f"{module.rpartition('.')[2]}.log"
        child = Child(name, module, config=config, sockets=socks, log=log, env=self._child_environment())
        started.callback(child.stop)
        self._children.append(child)
        # Were we to keep the sockets too, a killed child would leave ports that accept and never answer.
        for sock in socks:
            sock.close()
        return child

    def _child_environment(self) -> dict[str, str]:
        environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("AIRFLOW_", "AWS_", "DATABRICKS_", "SPARK_", "PYSPARK_", "HARNESS_"))
        }
        # Bytecode halves every start; some images and CI systems switch it off.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONUNBUFFERED"] = "1"
        environment[netguard.VARIABLE] = json.dumps(self.network)
        return environment

    def _kept(self, name: str, prefix: str) -> str:
        """A credential of this stack's state, made at its first start."""
        path = self.directory / name
        with contextlib.suppress(OSError):
            return path.read_text().strip()
        made = prefix + secrets.token_hex(16)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(made)
        return made

    def _workspace_config(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "token": self.token,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "secrets": {name: value for name, value in settings.secrets.items() if not is_placeholder(value)},
            "enforce_grants": settings.enforce_grants,
            "certificate": str(self.certificates.server) if self.certificates else "",
            "org_id": ORG_ID,
            "user": USER,
            "hosts": self.settings.host_names,
            "directory": str(self.directory),
            "ephemeral": self._ephemeral,
            "s3": asdict(self.s3),
            "roots": {prefix: str(settings.path(folder)) for prefix, folder in settings.mounts.items()},
            "warehouses": [{"id": WAREHOUSE_ID, "name": WAREHOUSE_ID}],
            "catalogs": ["main", "hive_metastore"],
            "default_catalog": settings.default_catalog,
            "git_remotes": settings.git_places,
            "standby": settings.standby,
            "kernel_memory": settings.kernel_memory,
            "init_scripts": settings.init_scripts,
            "kernel_python": str(settings.kernel_python) if settings.kernel_python else "",
            "engine": {
                "cache": str(settings.cache),
                "java_home": str(settings.java_home) if settings.java_home else "",
                "mirror": settings.mirror or "",
                "cores": settings.cores,
                "memory": settings.memory,
                "class_archive": settings.class_archive,
            },
        }

    @property
    def network(self) -> list[str]:
        """The hosts beyond this machine that DAGs and notebooks may reach: configured ones, another S3 server's, and
        the name under which others are told to find us."""
        external = urlsplit(self.settings.s3).hostname if self.settings.s3 != "moto" else None
        ours = [] if self.settings.on_loopback else [self.settings.client_host]
        return [*self.settings.network, *([external] if external else []), *ours]

    @property
    def endpoints(self) -> Endpoints:
        """What a client needs to reach this stack."""
        return Endpoints(
            workspace_url=self.workspace_url,
            token=self.token,
            warehouse_id=self.warehouse_id,
            s3_url=self.s3.url,
            s3_access_key=self.s3.access_key,
            s3_secret_key=self.s3.secret_key,
            s3_region=self.s3.region,
            sts_url=self.s3.sts_url,
            workspace_tls_url=self.workspace_tls_url,
            ca_bundle=str(self.certificates.bundle) if self.certificates else "",
        )

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call this stack's own ``/_harness/`` interface; see :func:`control`."""
        return control(self.endpoints, method, path, body)

    def get(self, path: str) -> dict[str, Any]:
        """The JSON answer of one of the workspace's REST paths. Raises: ``StackFailed``, as :func:`control`."""
        return api(self.endpoints, "GET", path.removeprefix("/"))

    def wait_engine(self, timeout: float = 300) -> dict[str, Any]:
        """Wait until Spark has answered its first query.

        Returns: the engine's status. Raises: ``StackFailed`` with the reason when it cannot start.
        """
        deadline = time.monotonic() + timeout
        while True:
            # The workspace holds this request until the engine's state changes.
            status = self.control("GET", f"engine?wait={min(30.0, max(0.0, deadline - time.monotonic())):g}")
            if status["state"] == "ready":
                return status
            if status["state"] == "failed" or time.monotonic() > deadline:
                raise StackFailed(f"Spark did not start: {status.get('reason', 'no answer in time')}")

    @contextlib.contextmanager
    def s3_outage(self) -> Iterator[None]:
        """Within it there is no S3 server, nor STS: it is killed, and afterwards started anew at the same address.

        Raises: ``ValueError`` where nothing would be left (moto), or where the server is not ours (a URL).
        """
        if self.settings.s3 == "moto" or "://" in self.settings.s3:
            raise ValueError(f"only an S3 server of ours that keeps its objects can come back: not {self.settings.s3}")
        program = psutil.Process(self._buckets.pid).children()
        if program:
            self._buckets.process.kill()
            psutil.wait_procs(program, STOP_SECONDS)  # the kernel ends it with its parent
        self._buckets.stop()
        self._children.remove(self._buckets)
        try:
            yield
        finally:
            port, sts_port = (urlsplit(url).port or 0 for url in (self.s3.url, self.s3.sts_url))
            again = plan(self.settings.model_copy(update={"s3_port": port, "sts_port": sts_port}), self.directory)
            self._buckets = self._child(self._stop, again.name, again.module, again.config, again.sockets)
            self._buckets.wait_ready()

    def full_disk(self) -> str:
        """That the S3 server ran out of room since the stack started, and where; empty while it did not.

        MinIO and SeaweedFS (measured) answer `InternalError`, and only their logs say why.
        """
        if not told_of_full_disk(self._buckets.log, self._buckets.log_start):
            return ""
        return f"The disk of {self.directory}, where the S3 server keeps its objects, is full: see {self._buckets.log}"

    def reset(self) -> None:
        """Forget every table, job, run, object and imported file. Milliseconds; Spark stays warm."""
        self.control("POST", "reset")
        self._reset_s3()

    def _reset_s3(self) -> None:
        if self.settings.s3 == "moto":
            reset_s3(self.s3)
        elif "://" not in self.settings.s3:
            empty(self.s3)
        elif self.settings.s3_reset != "none":
            empty(self.s3, keep=self._kept_buckets)
