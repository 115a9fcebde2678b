"""The files a ``COPY INTO`` names, and how Spark reads them."""

from __future__ import annotations

import datetime as dt
import json
import posixpath
import re
import uuid
import zoneinfo
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from harness.lake.confs import FOREIGN_SCHEMES
from harness.lake.paths import PathNotFound, WorkspacePaths, normal
from harness.lake.sql.copy_credentials import S3_SCHEMES, own_settings
from harness.lake.sql.copy_grammar import CopyInto
from harness.lake.sql.failures import SqlError

SOURCE_FILES = "io.unitycatalog.harness.SourceFiles"
LOCAL_SCHEMES = ("", "file", "dbfs")
WORKSPACE_FOLDERS = ("/Volumes/", "/Workspace/", "/Users/", "/Shared/", "/Repos/")
# Options that choose files: they are applied here, for only the files chosen may be recorded as loaded.
CHOOSING = (
    "pathglobfilter",
    "recursivefilelookup",
    "modifiedafter",
    "modifiedbefore",
    "ignoremissingfiles",
    "ignorecorruptfiles",
)


@dataclass(frozen=True)
class Listed:
    """A file or folder found: ``path`` (URI), ``name``, ``modified`` (epoch milliseconds), ``size`` (bytes)."""

    path: str
    name: str
    modified: int
    is_file: bool
    size: int

    @property
    def hidden(self) -> bool:
        """Whether Spark would leave it out."""
        underscored = self.name.startswith("_") and "=" not in self.name
        return self.name.startswith(".") or underscored or self.name.endswith("._COPYING_")


class Source:
    """Where a ``COPY INTO`` reads. ``location``: the URI as Spark is given it."""

    def __init__(self, spark: SparkSession, copy: CopyInto, paths: WorkspacePaths | None) -> None:
        self._spark = spark
        self._copy = copy
        self._jvm: Any = spark._jvm
        self._files: Any = getattr(self._jvm, "io.unitycatalog.harness.CopyFiles")
        self._sizes: dict[str, int] = {}
        self._loan = str(uuid.uuid4())
        self._configuration = spark._jsparkSession.sessionState().newHadoopConf()
        self.scheme, self.location = self._resolve(copy.source, paths)
        self._store = self._store_options()
        for key, value in self._store.items():
            self._configuration.set(key, value)

    def _resolve(self, source: str, paths: WorkspacePaths | None) -> tuple[str, str]:
        """The scheme, and the URI behind a location as written. Raises: ``SqlError``."""
        if not self._configuration.get("fs.defaultFS").startswith("dbfs:"):
            return _resolve(source, paths, "file")
        try:
            # A volume may rest in S3.
            return _resolve(self._jvm.io.unitycatalog.harness.Unity.located(source), paths, "dbfs")
        except Py4JJavaError as error:
            if "PATH_NOT_FOUND" not in _reason(error):
                raise
            raise _not_found(source) from None

    def _store_options(self) -> dict[str, str]:
        settings = own_settings(self.scheme, self._copy)
        implementation = self._configuration.get(f"fs.{self.scheme}.impl")
        if self.scheme == "file" or implementation is None:
            return settings
        disabled = f"fs.{self.scheme}.impl.disable.cache"
        # Hadoop's cache would hand out the client that it made with the session's own keys.
        own = bool(settings) or self._configuration.get(disabled) == "true"
        return settings | {
            "fs.harness.loan": self._loan,
            "fs.harness.loan.own": str(own).lower(),
            "fs.harness.loan.impl": implementation,
            f"fs.{self.scheme}.impl": SOURCE_FILES,
            disabled: "true",
        }

    def close(self) -> None:
        """Give back the credentials, forget the listing. What was read before must have been computed."""
        self._jvm.io.unitycatalog.harness.SourceFiles.end(self._loan)

    # -- listing --------------------------------------------------------------------------------

    def files(self) -> list[str]:
        """The files to consider, sorted.

        ``FILES`` are looked up by name; ``PATTERN`` is a glob below the location; a folder gives the files in it, not
        those of its folders ("COPY INTO does not recurse", seen on Databricks), but for partitions (``key=value``), or
        with ``recursiveFileLookup``. Names that begin with ``_`` or ``.`` are hidden.

        Raises: ``SqlError``: ``PATH_NOT_FOUND``, or ``COPY_INTO_SOURCE_SCHEMA_INFERENCE_FAILED`` when there is none.
        """
        root = self._path(self.location)
        try:
            system = root.getFileSystem(self._configuration)
            chosen = [file for file in self._list(system, root) if self._chosen(file)]
        except Py4JJavaError as error:
            raise SqlError("COPY_INTO_SOURCE_UNREADABLE", f"{self._copy.source}: {_reason(error)}", "58030") from error
        found = sorted(file.path for file in chosen)
        self._sizes = {file.path: file.size for file in chosen}
        if not found and self._checks_emptiness():
            raise SqlError(
                "COPY_INTO_SOURCE_SCHEMA_INFERENCE_FAILED",
                f"The source directory did not contain any parsable files of type {self._copy.format}. Please check "
                f"the contents of '{self._copy.source}'.\n\nThe error can be silenced by setting "
                "'spark.databricks.delta.copyInto.emptySourceCheck.enabled' to 'false'.",
                "42KD9",
            )
        return found

    def _list(self, system: Any, root: Any) -> Iterator[Listed]:
        if self._copy.files:
            for name in self._copy.files:
                status = self._status(system, self._path(posixpath.join(self.location, name)))
                if status is not None:
                    yield from self._described(status)
            return
        if self._copy.pattern is not None:
            statuses = system.globStatus(self._path(posixpath.join(self.location, self._copy.pattern)))
            yield from (each for each in self._described(statuses) if each.is_file and not each.hidden)
            return
        statuses = system.globStatus(root)
        if statuses is None or not len(statuses):
            raise _not_found(self._copy.source)
        for each in self._described(statuses):
            if each.is_file:
                yield each
            else:
                yield from self._folder(system, each.path)

    def _folder(self, system: Any, folder: str) -> Iterator[Listed]:
        deep = self._flag("recursivefilelookup")
        for each in self._described(system.listStatus(self._path(folder))):
            if each.hidden:
                continue
            if each.is_file:
                yield each
            elif deep or "=" in each.name:
                yield from self._folder(system, each.path)

    def _described(self, statuses: Any) -> list[Listed]:
        """Hadoop's statuses, in one call for all of them: a call for each field took longer than the load."""
        return [Listed(*each) for each in json.loads(self._files.described(statuses))] if statuses else []

    def _status(self, system: Any, path: Any) -> Any:
        if system.exists(path):
            return system.getFileStatus(path)
        if self._flag("ignoremissingfiles"):
            return None
        raise _not_found(path.toString())

    def _chosen(self, file: Listed) -> bool:
        options = self._copy.format_options
        if glob := options.get("pathglobfilter"):
            pattern = self._jvm.org.apache.hadoop.fs.GlobPattern(glob)
            if not pattern.matches(posixpath.basename(file.path)):
                return False
        after, before = options.get("modifiedafter"), options.get("modifiedbefore")
        return not (after and file.modified <= self._millis(after)) and not (
            before and file.modified >= self._millis(before)
        )

    def _millis(self, text: str) -> float:
        moment = dt.datetime.fromisoformat(text)
        zone = self._copy.format_options.get("timezone") or self._spark.conf.get("spark.sql.session.timeZone")
        return float(moment.replace(tzinfo=moment.tzinfo or zoneinfo.ZoneInfo(str(zone))).timestamp() * 1000)

    def _checks_emptiness(self) -> bool:
        return str(self._spark.conf.get("spark.databricks.delta.copyInto.emptySourceCheck.enabled", "true")) != "false"

    # -- reading --------------------------------------------------------------------------------

    def read(self, files: list[str]) -> list[DataFrame]:
        """Files as Spark reads them: one frame for each set of columns that a CSV header names, else one for all.

        Spark takes the header of the first CSV file for every file; a file with its columns in another order would
        be misread without a word.
        """
        options = {k: v for k, v in self._copy.format_options.items() if k not in CHOOSING} | self._store
        if self._copy.format in ("PARQUET", "ORC"):
            # Else Spark takes one file's columns and drops what others have besides.
            options["mergeSchema"] = "true"
        if any("=" in part for part in files[0][len(self.location) :].split("/")[:-1]):
            options["basePath"] = self.location
        groups = [files]
        if self._copy.format == "CSV" and self._flag("header") and len(files) > 1:
            groups = self._by_header(files)
        reader = self._spark.read.format(self._copy.format.lower()).options(**options).option("globPaths", "false")
        return [reader.load(group) for group in groups]

    def readable(self, files: list[str]) -> list[str]:
        """Those files that can be read to the end, for ``ignoreCorruptFiles``."""
        if self._reads(files):
            return files
        return [file for file in files if self._reads([file])]

    def _reads(self, files: list[str]) -> bool:
        if not files:
            return True
        try:
            for frame in self.read(files):
                frame.write.format("noop").mode("overwrite").save()
        except (PySparkException, Py4JJavaError):
            return False
        return True

    def _by_header(self, files: list[str]) -> list[list[str]]:
        groups: dict[str, list[str]] = defaultdict(list)
        asked = json.dumps([[file, self._sizes[file]] for file in files])
        comment = self._copy.format_options.get("comment", "")
        lines = json.loads(self._files.firstLines(self._configuration, asked, comment))
        for file, line in zip(files, lines, strict=True):
            groups[line].append(file)
        if len(groups) > 1:
            groups.pop("", None)  # a file without a header has no rows either, nor columns that a SELECT could name
        return list(groups.values())

    def _flag(self, name: str) -> bool:
        return self._copy.format_options.get(name, "false").lower() == "true"

    def _path(self, text: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(text)


def _resolve(source: str, paths: WorkspacePaths | None, default: str) -> tuple[str, str]:
    """The scheme, and the URI behind a location as written; ``default`` is the scheme of those without.

    Raises: ``SqlError``.
    """
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", source)
    scheme = match[1].lower() if match else ""
    if scheme in S3_SCHEMES or scheme in FOREIGN_SCHEMES:
        return scheme, source
    if scheme not in LOCAL_SCHEMES:
        served = "s3://, abfss://, gs:// and /Volumes"
        message = f"{scheme}:// is not served by the local harness; {served} are."
        raise SqlError("COPY_INTO_SOURCE_NOT_SERVED", message, "0A000")
    path = source[len(scheme) + 1 :] if scheme else source
    path = "/" + path.lstrip("/") if scheme else path
    if not path.startswith("/"):
        raise SqlError(
            "COPY_INTO_SOURCE_NOT_ABSOLUTE", f"The source must be an absolute location: '{source}'.", "42K03"
        )
    if scheme != "file" and default == "dbfs" and path.startswith("/Volumes/"):
        return "dbfs", f"dbfs:{normal(path)}"  # one spelling: each file is loaded once
    if scheme != "file" and path.startswith(WORKSPACE_FOLDERS):
        if paths is None:
            raise _not_found(source)
        try:
            return "file", f"file:{paths.local(path)}"  # not as_uri(): Hadoop paths are not escaped
        except PathNotFound:
            raise _not_found(source) from None
    return scheme or default, f"{scheme or default}:{path}"


def _not_found(path: str) -> SqlError:
    return SqlError("PATH_NOT_FOUND", f"Path does not exist: {path}.", "42K03")


def _reason(error: Py4JJavaError) -> str:
    return str(error.java_exception.toString()).splitlines()[0]
