"""Folders copied as fast as the file system allows: what is never written again is linked, the rest is copied."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path


def never_written_again(path: Path) -> bool:
    """Whether a file of a Delta table is immutable: its data and its commits are, ``_last_checkpoint`` is not.

    Delta protocol: "Data files", "Delta log entries". Checksum files beside them are rewritten by some writers.
    """
    if path.suffix == ".parquet" or path.name.startswith("deletion_vector_"):
        return True
    return path.suffix == ".json" and path.parent.name == "_delta_log" and path.stem.isdigit()


def copy_tree(source: Path, target: Path, linked: Callable[[Path], bool] = lambda path: False) -> None:
    """Make ``target`` hold what ``source`` holds, if that is there. Parameters: ``linked``: files to link, not copy."""
    if not source.is_dir():
        return
    target.mkdir(parents=True, exist_ok=True)
    with os.scandir(source) as entries:
        for entry in entries:
            place = target / entry.name
            if entry.is_dir(follow_symlinks=False):
                copy_tree(Path(entry.path), place, linked)
            elif entry.is_symlink():
                place.unlink(missing_ok=True)  # of an earlier time, as files are
                place.symlink_to(os.readlink(entry.path))
            elif linked(Path(entry.path)):
                _link(entry.path, place)
            else:
                shutil.copy2(entry.path, place)


def _link(source: str, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
