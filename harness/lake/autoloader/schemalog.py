"""The schema location: the schemas a stream has had, one file each, newest last, as Databricks keeps them."""

from __future__ import annotations

import json
import time
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

HEAD = "v1"


class SchemaLog:
    """The files ``_schemas/0``, ``_schemas/1`` … below a location, which may be anywhere Spark can write."""

    def __init__(self, spark: SparkSession, location: str) -> None:
        jvm: Any = spark._jvm
        self._path = jvm.org.apache.hadoop.fs.Path
        self._folder = self._path(self._path(location), "_schemas")
        self._system = self._folder.getFileSystem(spark._jsparkSession.sessionState().newHadoopConf())
        self._io = jvm.org.apache.commons.io.IOUtils
        self._text = jvm.java.lang.String

    def newest(self) -> tuple[int, StructType] | None:
        """The number and the schema written last."""
        numbers = [int(name) for name in self._names() if name.isdigit()]
        if not numbers:
            return None
        head, _, body = self._read(str(max(numbers))).partition("\n")
        if head != HEAD:
            raise ValueError(f"{self._folder} holds a schema of version {head}; {HEAD} is known")
        return max(numbers), StructType.fromJson(json.loads(json.loads(body)["dataSchemaJson"]))

    def add(self, number: int, schema: StructType) -> None:
        """Write a schema."""
        body = {"dataSchemaJson": schema.json(), "partitionSchemaJson": StructType().json()}
        self._write(str(number), f"{HEAD}\n{json.dumps(body)}")

    def first_start(self) -> int:
        """When the stream was first started (epoch milliseconds): noted at the first call."""
        if ".first_start" not in self._names():
            self._write(".first_start", str(int(time.time() * 1000)))
        return int(self._read(".first_start"))

    def _names(self) -> list[str]:
        if not self._system.exists(self._folder):
            return []
        return [status.getPath().getName() for status in self._system.listStatus(self._folder)]

    def _read(self, name: str) -> str:
        stream = self._system.open(self._path(self._folder, name))
        try:
            return str(self._io.toString(stream, "UTF-8"))
        finally:
            stream.close()

    def _write(self, name: str, text: str) -> None:
        stream = self._system.create(self._path(self._folder, name))
        try:
            stream.write(bytearray(text.encode()))
        finally:
            stream.close()
