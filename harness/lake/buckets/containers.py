"""MinIO in a container, by testcontainers."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import Any

import psutil

OWNER = "airflow-databricks-harness.owner"
FOLDER = "airflow-databricks-harness.folder"


class Container:
    """A MinIO container that was started; it ends with us, and what a killed one of us left is removed first.

    Parameters: ``image``; ``command``; ``environment``; ``port`` (on loopback); ``folder`` (where its objects rest);
    ``user`` (``uid:gid``, who owns them).
    Raises: ``SystemExit`` with what is missing: testcontainers, an engine that answers, the image.
    """

    def __init__(
        self, image: str, command: str, environment: dict[str, str], port: int, folder: str, user: str
    ) -> None:
        try:
            from docker.errors import APIError, DockerException, ImageNotFound
            from testcontainers.core.config import testcontainers_config
            from testcontainers.core.container import DockerContainer
        except ImportError:
            raise SystemExit(
                "the package testcontainers is not installed: pip install 'airflow-databricks-harness[containers]'"
            ) from None
        # It would be one more image to have; our own parent's pipe says when to stop.
        testcontainers_config.ryuk_disabled = True
        try:
            self._container = DockerContainer(image)
            engine = self._container.get_docker_client().client
            engine.ping()
        except DockerException as error:
            raise SystemExit(
                "no Docker engine answers. Start one, or choose an S3 server that needs none (docs/s3.md). "
                f"It was asked by DOCKER_HOST={os.environ.get('DOCKER_HOST', '(not set)')}: {error}"
            ) from None
        _sweep(engine)
        self._container.with_command(command).with_envs(**environment)
        self._container.with_volume_mapping(folder, "/data", "rw")
        # with_bind_ports knows no addresses, and would open the port to the whole network.
        self._container.ports["9000/tcp"] = ("127.0.0.1", port)
        self._container.with_kwargs(user=user, labels={OWNER: _owner(os.getppid()), FOLDER: folder})
        try:
            self._container.start()
        except ImageNotFound as error:
            self.stop()
            raise SystemExit(_no_image(image, error)) from None
        except APIError as error:
            self.stop()
            if "pull" in str(error) or "manifest" in str(error) or "registry" in str(error):
                raise SystemExit(_no_image(image, error)) from None
            raise SystemExit(f"the container of {image} cannot be started: {error.explanation or error}") from None
        threading.Thread(target=self._pass_on, name="log", daemon=True).start()

    def _pass_on(self) -> None:
        """Its log is ours, as that of a program is."""
        with contextlib.suppress(Exception):
            for part in self._container.get_wrapped_container().logs(stream=True, follow=True):
                os.write(1, part)

    def ended(self) -> str | None:
        container = self._container.get_wrapped_container()
        with contextlib.suppress(Exception):
            container.reload()
            if container.status in ("exited", "dead"):
                return f"the container ended. {container.logs(tail=20).decode(errors='replace')}"
        return None

    def stop(self) -> None:
        with contextlib.suppress(Exception):
            self._container.stop()


def remove_container(folder: str) -> None:
    """Remove the container whose objects rest in ``folder``, if the process that should have done so was killed."""
    # No engine, no container; and who closes a stack can do nothing about an engine that fails.
    with contextlib.suppress(Exception):
        from testcontainers.core.docker_client import DockerClient

        for container in DockerClient().client.containers.list(all=True, filters={"label": f"{FOLDER}={folder}"}):
            container.remove(force=True, v=True)


def _no_image(image: str, error: Exception) -> str:
    return (
        f"the image {image} is not here and cannot be pulled: {error}. Upstream publishes none any more; build it by "
        "`python -m containers.minio`, or let HARNESS_S3_IMAGE name a mirror's or a fork's."
    )


def _owner(pid: int) -> str:
    """A process for ever: its number alone is used again."""
    return f"{socket.gethostname()}/{pid}/{psutil.Process(pid).create_time():.2f}"


def _sweep(engine: Any) -> None:
    """Remove containers whose owner was killed together with the process that should have stopped them."""
    for container in engine.containers.list(all=True, filters={"label": OWNER}):
        host, pid, _ = str(container.labels[OWNER]).rsplit("/", 2)
        if host != socket.gethostname():
            continue
        with contextlib.suppress(Exception):
            alive = psutil.pid_exists(int(pid)) and _owner(int(pid)) == container.labels[OWNER]
            if not alive:
                container.remove(force=True, v=True)
