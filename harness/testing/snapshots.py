"""Snapshots of a whole stack, its records, its tables' files and its objects, for given-when-then tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from harness.control import StackFailed, control
from harness.dagrun.connections import Endpoints
from harness.lake import s3
from harness.lake.s3snapshot import BadSnapshot

T = TypeVar("T")
OBJECTS, WORKSPACE = "objects.bin", "workspace"


class SnapshotFailed(RuntimeError):
    """A snapshot cannot be made or brought back. The message says why."""


def save(endpoints: Endpoints, folder: Path) -> None:
    """Write what the stack holds into ``folder``, which is made: tables, volumes, files, jobs, runs, secrets, objects.

    Raises: ``SnapshotFailed`` when it is there already, when runs are under way, when the S3 server is not ours.
    """
    folder = folder.resolve()
    if folder.exists():
        raise SnapshotFailed(f"there is something at {folder} already")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".snapshot-"))
    try:
        _control(endpoints, "snapshot", part / WORKSPACE)
        (part / OBJECTS).write_bytes(s3.dump(_s3(endpoints)))
        part.rename(folder)
    except OSError as error:
        raise SnapshotFailed(f"the objects could not be saved: {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def load(endpoints: Endpoints, folder: Path) -> None:
    """Replace what the stack holds by what :func:`save` has written; the snapshot stays as it is.

    Raises: ``SnapshotFailed`` for a folder that holds none. The stack need not be the one that it is of.
    """
    folder = folder.resolve()
    try:
        objects = (folder / OBJECTS).read_bytes()
    except OSError as error:
        raise SnapshotFailed(f"{folder} holds no snapshot: {error}") from None
    _control(endpoints, "restore", folder / WORKSPACE)
    try:
        s3.restore(_s3(endpoints), objects)
    except (OSError, BadSnapshot) as error:
        raise SnapshotFailed(f"the objects of {folder} could not be brought back: {error}") from error


class Snapshots:
    """Snapshots of one session's stack, by name. Parameters: ``folder``: where they rest."""

    def __init__(self, endpoints: Endpoints, folder: Path) -> None:
        self._endpoints = endpoints
        self._folder = folder

    def save(self, name: str) -> Path:
        """Take a snapshot; one of that name is replaced. Returns: its folder."""
        place = self._place(name)
        shutil.rmtree(place, ignore_errors=True)
        save(self._endpoints, place)
        return place

    def restore(self, name: str | Path) -> None:
        """Go back to a snapshot, by its name or its folder. Raises: ``SnapshotFailed`` when there is none."""
        load(self._endpoints, name if isinstance(name, Path) else self._place(name))

    def once(self, name: str, build: Callable[[], object]) -> bool:
        """Bring the stack into the state that ``build`` makes: by calling it the first time, later by its snapshot.

        Returns: whether ``build`` was called. What it raises leaves no snapshot.
        """
        if self._place(name).exists():
            self.restore(name)
            return False
        build()
        self.save(name)
        return True

    def _place(self, name: str) -> Path:
        if not name or Path(name).name != name:
            raise ValueError(f"{name!r} is no name for a snapshot")
        return self._folder / name


def _control(endpoints: Endpoints, path: str, folder: Path) -> None:
    try:
        control(endpoints, "POST", path, {"path": str(folder)})
    except StackFailed as error:
        raise SnapshotFailed(str(error)) from None


def _s3(endpoints: Endpoints) -> s3.S3Endpoint:
    return s3.S3Endpoint(endpoints.s3_url, endpoints.s3_access_key, endpoints.s3_secret_key)
