"""``dbutils.fs`` and ``%fs``: files of S3, DBFS, volumes and this machine, through Spark's Hadoop file systems."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from harness.kernel.help import Helped
from harness.lake.paths import PathNotFound, WorkspacePaths

_SCHEME = re.compile(r"[A-Za-z][\w+.-]*:")
COPY_CHUNK = 65536


class FileInfo(NamedTuple):
    """One entry of :meth:`FileSystem.ls`. ``size`` in bytes, ``modificationTime`` in epoch milliseconds."""

    path: str
    name: str
    size: int
    modificationTime: int

    def isDir(self) -> bool:
        return self.name.endswith("/")

    def isFile(self) -> bool:
        return not self.isDir()


class MountInfo(NamedTuple):
    """An entry of :meth:`FileSystem.mounts`."""

    mountPoint: str
    source: str
    encryptionType: str


@dataclass(frozen=True)
class _Place:
    system: Any
    path: Any


class FileSystem(Helped):
    """The methods of ``dbutils.fs`` (docs.databricks.com, "File system utility").

    Paths without a scheme are DBFS paths, except ``/Workspace/…``, which are workspace files.
    """

    def __init__(self, spark: Any, paths: WorkspacePaths) -> None:
        self._spark = spark
        self._paths = paths

    def ls(self, dir: str) -> list[FileInfo]:
        """List a folder (or one file). Raises: ``FileNotFoundError``."""
        place = self._existing(dir)
        return sorted(_info(status) for status in place.system.listStatus(place.path))

    def head(self, file: str, maxBytes: int = 65536) -> str:
        """The first ``maxBytes`` bytes of a file as text. Raises: ``FileNotFoundError``."""
        place = self._existing(file)
        stream = place.system.open(place.path)
        try:
            data: bytes = stream.readNBytes(maxBytes)
        finally:
            stream.close()
        return bytes(data).decode("utf-8", "replace")

    def cp(self, source: str, dest: str, recurse: bool = False) -> bool:
        """Copy a file, or a folder with ``recurse``. Raises: ``FileNotFoundError``, ``IsADirectoryError``."""
        return self._transfer(source, dest, recurse, delete=False)

    def mv(self, source: str, dest: str, recurse: bool = False) -> bool:
        """Move a file, or a folder with ``recurse``. Raises: ``FileNotFoundError``, ``IsADirectoryError``."""
        return self._transfer(source, dest, recurse, delete=True)

    def rm(self, dir: str, recurse: bool = False) -> bool:
        """Remove a file, or a folder with ``recurse``. Returns: whether there was one."""
        place = self._place(dir)
        if not place.system.exists(place.path):
            return False
        if not recurse:
            folder = place.system.getFileStatus(place.path).isDirectory()
            if folder and len(place.system.listStatus(place.path)):
                raise IsADirectoryError(f"{dir} is a folder that is not empty: pass recurse=True to remove it")
        return bool(place.system.delete(place.path, recurse))

    def mkdirs(self, dir: str) -> bool:
        """Make a folder and those above it."""
        place = self._place(dir)
        return bool(place.system.mkdirs(place.path))

    def put(self, file: str, contents: str, overwrite: bool = False) -> bool:
        """Write text to a file. Raises: ``FileExistsError`` unless ``overwrite``."""
        place = self._place(file)
        if not overwrite and place.system.exists(place.path):
            raise FileExistsError(f"{file} exists: pass overwrite=True to replace it")
        data = contents.encode()
        stream = place.system.create(place.path, overwrite)
        try:
            stream.write(data)
        finally:
            stream.close()
        print(f"Wrote {len(data)} bytes.")
        return True

    def mount(self, source: str, mountPoint: str, *_: Any, **__: Any) -> bool:
        """Refused: a mount leads every process of a cluster elsewhere, which one machine cannot do by itself."""
        raise NotImplementedError(
            f"dbutils.fs.mount is not supported here ({source} at {mountPoint}): "
            "use s3:// paths, volumes or external locations, or put the files at dbfs:/mnt/…"
        )

    def updateMount(self, source: str, mountPoint: str, *_: Any, **__: Any) -> bool:
        """Refused, as ``mount``."""
        return self.mount(source, mountPoint)

    def mounts(self) -> list[MountInfo]:
        """What is mounted: DBFS itself."""
        return [MountInfo("/", "DatabricksRoot", "")]

    def refreshMounts(self) -> bool:
        """Take note of mounts that other clusters have made. There are none."""
        return True

    def unmount(self, mountPoint: str) -> bool:
        """Remove a mount. Raises: ``ValueError``, since there is none."""
        raise ValueError(f"Directory not mounted: {mountPoint}")

    def command(self, line: str) -> Any:
        """Run the text of an ``%fs`` cell: ``ls /x``, ``cp -r a b``, …

        Raises: ``ValueError`` for an unknown command.
        """
        name, *words = shlex.split(line) or ["help"]
        act = self._commands().get(name)
        if act is None:
            raise ValueError(f"%fs {name} is not supported; supported: {', '.join(sorted(self._commands()))}")
        recurse = {"-r", "--recurse", "recurse=true"} & {word.lower() for word in words}
        plain = [word for word in words if word.lower() not in ("-r", "--recurse", "recurse=true")]
        return act(*plain, **({"recurse": True} if recurse else {}))

    def _commands(self) -> dict[str, Callable[..., Any]]:
        return {
            name: getattr(self, name) for name in ("ls", "head", "cp", "mv", "rm", "mkdirs", "put", "mounts", "help")
        }

    def _transfer(self, source: str, dest: str, recurse: bool, *, delete: bool) -> bool:
        here, there = self._existing(source), self._place(dest)
        if here.system.getFileStatus(here.path).isDirectory() and not recurse:
            raise IsADirectoryError(f"{source} is a folder: pass recurse=True to copy or move it")
        java = self._spark.sparkContext._jvm
        conf = self._spark.sparkContext._jsc.hadoopConfiguration()
        util = java.org.apache.hadoop.fs.FileUtil
        # Nothing goes before all is there: Hadoop would delete each file once it is copied.
        done = bool(util.copy(here.system, here.path, there.system, there.path, False, True, conf))
        return done and (not delete or bool(here.system.delete(here.path, True)))

    def _existing(self, path: str) -> _Place:
        place = self._place(path)
        if not place.system.exists(place.path):
            # With the service's class, which notebooks look for in the text.
            raise FileNotFoundError(f"java.io.FileNotFoundException: No such file or directory: {path}")
        return place

    def _place(self, path: str) -> _Place:
        context = self._spark.sparkContext
        hadoop = context._jvm.org.apache.hadoop.fs.Path(self.url(path))
        return _Place(hadoop.getFileSystem(context._jsc.hadoopConfiguration()), hadoop)

    def url(self, path: str) -> str:
        """The URL behind a path as ``dbutils.fs`` takes it. Raises: ``ValueError`` for a relative path."""
        if _SCHEME.match(path):
            return path
        if not path.startswith("/"):
            raise ValueError(f"Path must be absolute: {path}")
        if path.startswith("/Workspace/"):
            try:
                return f"file:{self._paths.local(path)}"
            except PathNotFound as error:
                raise FileNotFoundError(f"java.io.FileNotFoundException: No such file or directory: {path}") from error
        return f"dbfs:{path}"


def _info(status: Any) -> FileInfo:
    folder = bool(status.isDirectory())
    name = status.getPath().getName() + ("/" if folder else "")
    path = status.getPath().toString() + ("/" if folder else "")
    return FileInfo(path, name, 0 if folder else int(status.getLen()), int(status.getModificationTime()))
