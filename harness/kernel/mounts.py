"""What a cluster mounts, in this process: ``open("/Volumes/…")``, ``os.listdir("/dbfs/…")``, ``sys.path`` entries.

A process of this machine mounts nothing, so Python's own file functions are led to the local folders. What opens files
by itself, a C library or a command of ``%sh``, is not.
"""

from __future__ import annotations

import _io
import builtins
import copyreg
import functools
import io
import os
import sys
import types
from collections.abc import Callable
from typing import Any

from IPython.core import interactiveshell  # its cells have an `open` of their own

from harness.lake.paths import WorkspacePaths

PREFIXES = ("/dbfs", "/Volumes", "/Workspace")
ONE_PATH = (
    *("access", "chmod", "listdir", "lstat", "mkdir", "open", "readlink", "remove", "rmdir", "scandir", "stat"),
    *("statvfs", "truncate", "unlink", "utime"),
)
TWO_PATHS = ("link", "rename", "replace")
# How paths are named when they are given by name.
NAMES = ("path", "file", "src", "dst")
# Who asks these sets what a function can do must find the new ones as able as the old.
ABLE = (os.supports_dir_fd, os.supports_effective_ids, os.supports_fd, os.supports_follow_symlinks)


def install(paths: WorkspacePaths) -> None:
    """Lead the process's file functions to the folders behind a cluster's paths. For good: it runs one task."""
    if not any(prefix in paths.roots for prefix in PREFIXES):
        return

    def local(path: Any) -> Any:
        text = path if isinstance(path, str) else os.fspath(path) if isinstance(path, os.PathLike) else None
        if not isinstance(text, str) or not text.startswith(PREFIXES):
            return path
        found = paths.mounted(text)
        return path if found is None else str(found)

    builtins.open = io.open = interactiveshell.io_open = opened = _led(open, local, 1)
    # A function of the notebook takes it along to Spark's workers, by value: there, open is Python's own.
    opened.__module__ = "__main__"
    copyreg.pickle(types.BuiltinFunctionType, _reduced)
    for count, names in ((1, ONE_PATH), (2, TWO_PATHS)):
        for name in names:
            function = getattr(os, name)
            led = _led(function, local, count)
            setattr(os, name, led)
            for able in ABLE:
                if function in able:
                    able.add(led)
    sys.path_hooks.insert(0, _importer(local, list(sys.path_hooks)))


def _reduced(function: Any) -> Any:
    """How pickle finds a function of C again: Python's own ``open`` not under its name, which is now another's."""
    return (getattr, (_io, "open")) if function is _io.open else function.__reduce__()


def _led(function: Callable[..., Any], local: Callable[[Any], Any], count: int) -> Callable[..., Any]:
    @functools.wraps(function)
    def led(*arguments: Any, **options: Any) -> Any:
        options |= {name: local(options[name]) for name in NAMES if name in options}
        return function(*map(local, arguments[:count]), *arguments[count:], **options)

    return led


def _importer(local: Callable[[Any], Any], hooks: list[Callable[[str], Any]]) -> Callable[[str], Any]:
    def find(path: str) -> Any:
        found = local(path)
        if found == path:
            raise ImportError(path)
        for hook in hooks:
            try:
                return hook(found)
            except ImportError:
                continue
        raise ImportError(path)

    return find
