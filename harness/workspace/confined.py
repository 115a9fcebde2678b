"""Paths that clients name, kept inside the folder they are about."""

from __future__ import annotations

from pathlib import Path

from harness.workspace.errors import InvalidParameter, PermissionDenied

# What Linux and macOS take: bytes of one name.
NAME_LIMIT = 255
PATH_LIMIT = 3000


def checked(path: str) -> str:
    """The path as it is. Raises: ``InvalidParameter`` when it climbs, holds control characters or is too long."""
    names = path.split("/")
    if ".." in names or any(ord(c) < 32 or ord(c) == 127 for c in path):
        raise InvalidParameter(f"Path ({path!r}) must not contain '..' or control characters.")
    if any(len(name.encode(errors="replace")) > NAME_LIMIT for name in names) or len(path) > PATH_LIMIT:
        raise InvalidParameter(f"Path ({path[:200]}…) is too long.")
    return path


def inside(root: Path, relative: str) -> Path:
    """The file or folder of that name below a folder. It need not exist.

    Raises: ``InvalidParameter`` as :func:`checked`; ``PermissionDenied`` when a link on the way leads out.
    """
    local = root / checked(relative).lstrip("/")
    if not leads_inside(root, local):
        raise PermissionDenied(f"Path ({relative}) is, or is below, a link that leads out of its folder.")
    return local


def leads_inside(root: Path, local: Path) -> bool:
    """Whether a path is in a folder after links are followed."""
    try:
        return local.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # links in a circle
        return False


def entries(root: Path, folder: Path) -> list[Path]:
    """What a folder holds, by name, without links that lead out of ``root``."""
    return [local for local in sorted(folder.iterdir()) if not local.is_symlink() or leads_inside(root, local)]
