"""What the paths of the Files API name: places in volumes and among workspace files, and the API's own errors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.lake.paths import normal, under
from harness.workspace import confined, files, volumes
from harness.workspace.errors import ApiError, InvalidParameter, NotFound, NotServed

if TYPE_CHECKING:
    from harness.workspace.state import Workspace


class StorageError(ApiError):
    """An error of the Files API; clients tell some of them apart by ``reason`` (Databricks CLI, files_client.go)."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason

    def document(self) -> dict[str, object]:
        if not self.reason:
            return super().document()
        kind = "type.googleapis.com/google.rpc.ErrorInfo"
        info = {"@type": kind, "reason": self.reason, "domain": "filesystem.databricks.com"}
        return {**super().document(), "details": [info]}


class Missing(StorageError):
    status = 404
    error_code = "NOT_FOUND"


class Present(StorageError):
    status = 409
    error_code = "ALREADY_EXISTS"


class Unfit(StorageError):
    status = 400
    error_code = "INVALID_PARAMETER_VALUE"


class Modified(StorageError):
    status = 412
    error_code = "FAILED_PRECONDITION"


@dataclass(frozen=True)
class Place:
    """A path, the file or folder behind it, which need not exist, and the volume's own folder."""

    path: str
    local: Path
    root: Path

    def file(self) -> Path:
        """The file. Raises: ``Missing``."""
        if not self.local.is_file():
            raise Missing(f"The file being accessed is not found: {self.path}")
        return self.local

    def folder(self) -> Path:
        """The folder. Raises: ``Missing``."""
        if not self.local.is_dir():
            message = f"The directory being accessed is not found: {self.path}"
            raise Missing(message, "FILES_API_DIRECTORY_IS_NOT_FOUND")
        return self.local

    def free(self, *, overwrite: bool) -> Path:
        """Where a new file goes. Raises: ``Present``."""
        if self.local.is_dir():
            raise Present(f"A directory exists at {self.path}.")
        if self.local.exists() and not overwrite:
            raise Present(f"The file being created already exists: {self.path}")
        return self.local


def place(workspace: Workspace, path: str, *, write: bool = False) -> Place:
    """What a path of the Files API names.

    Parameters: ``path`` with or without its leading slash; ``write``: whether it is to be changed.
    Raises: ``InvalidParameter``; ``Missing`` for a volume; ``PermissionDenied`` for a link that leads out, or a mounted
    folder; ``NotServed`` for a volume without a local folder.
    """
    path = confined.checked("/" + path.strip("/"))
    if under(path, "/Workspace"):
        local = files.writable(workspace.paths, path) if write else workspace.paths.local(path)
        root = next(root for root in sorted(workspace.paths.roots.values(), key=_depth) if local.is_relative_to(root))
        return Place(path, confined.inside(root, str(local.relative_to(root))), root)
    if not path.startswith("/Volumes/"):
        raise InvalidParameter(f"Path ({path}) must begin with /Volumes/ or /Workspace/.")
    _, _, *names = normal(path).split("/", 5)
    if len(names) < 3:
        raise InvalidParameter(f"Path ({path}) must name a volume: /Volumes/<catalog>/<schema>/<volume>.")
    try:
        document = volumes.get(workspace, ".".join(names[:3]))
    except NotFound as error:
        raise Missing(error.message) from None
    root_folder = volumes.folder(workspace, document)
    if root_folder is None:
        raise NotServed(
            f"Volume {document['full_name']} rests at {document['storage_location']}: the local workspace serves the "
            "files of volumes with a local folder only."
        )
    return Place(path, confined.inside(root_folder, "/".join(names[3:])), root_folder)


def _depth(root: Path) -> int:
    return -len(root.parts)
