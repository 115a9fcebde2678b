"""Volumes: ``CREATE``, ``ALTER``, ``DROP``, ``DESCRIBE``, ``SHOW VOLUMES``; and ``LIST 'path'``.

Source: docs.databricks.com/sql/language-manual, the pages of these statements. Their records and folders are those of
the Unity Catalog REST API (``/volumes``); files are listed by Hadoop, wherever they are.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame

from harness.lake.sql.failures import SqlError
from harness.lake.sql.moments import moment
from harness.lake.sql.ownership import apply
from harness.lake.sql.statement import Statement
from harness.lake.sql.tokens import Kind
from harness.lake.sql.unity import Refused


def create(statement: Statement) -> DataFrame:
    """``CREATE [EXTERNAL] VOLUME [IF NOT EXISTS] name [LOCATION 'uri'] [COMMENT 'text']``."""
    read = statement.reader()
    read.expect("CREATE")
    kind = "EXTERNAL" if read.take("EXTERNAL") else "MANAGED"
    read.expect("VOLUME")
    lenient = read.take("IF", "NOT", "EXISTS")
    catalog, schema, name = statement.unity.full_name(read.name("the name of a volume"), 3).split(".")
    location = read.string("the location") if read.take("LOCATION") else None
    comment = read.string("the comment") if read.take("COMMENT") else None
    read.end()
    if (location is None) == (kind == "EXTERNAL"):
        raise read.wrong("An EXTERNAL volume has a LOCATION, and no other has.")
    fields = {"volume_type": kind, "storage_location": location, "comment": comment}
    try:
        statement.unity.post("volumes", name=name, catalog_name=catalog, schema_name=schema, **fields)
    except Refused as refused:
        if not (lenient and refused.code.endswith("ALREADY_EXISTS")):
            raise
    return statement.nothing()


def drop(statement: Statement) -> DataFrame:
    """``DROP VOLUME [IF EXISTS] name``."""
    read = statement.reader()
    read.expect("DROP", "VOLUME")
    lenient = read.take("IF", "EXISTS")
    name = statement.unity.full_name(read.name("the name of a volume"), 3)
    read.end()
    try:
        statement.unity.delete("volumes", name)
    except Refused as refused:
        if not (lenient and refused.missing):
            raise
    return statement.nothing()


def alter(statement: Statement) -> DataFrame:
    """``ALTER VOLUME name {RENAME TO new | [SET] OWNER TO … | SET TAGS … | UNSET TAGS …}``."""
    read = statement.reader()
    read.expect("ALTER", "VOLUME")
    name = statement.unity.full_name(read.name("the name of a volume"), 3)
    if read.take("RENAME", "TO"):
        *place, new = read.name("the new name")
        read.end()
        if place and statement.unity.full_name([*place, new], 3).rpartition(".")[0] != name.rpartition(".")[0]:
            raise SqlError("INVALID_PARAMETER_VALUE", f"The volume {name} cannot be moved to another schema.", "22023")
        statement.unity.patch("volumes", name, new_name=new)
    elif not apply(statement, read, "VOLUME", name):
        raise read.wrong("ALTER VOLUME takes RENAME TO, [SET] OWNER TO, SET TAGS or UNSET TAGS.")
    return statement.nothing()


def describe(statement: Statement) -> DataFrame:
    """``{DESC | DESCRIBE} VOLUME name``: one row."""
    read = statement.reader()
    read.next("DESCRIBE")
    read.expect("VOLUME")
    volume = statement.unity.get("volumes", statement.unity.full_name(read.name("the name of a volume"), 3))
    read.end()
    fields = {"name": "name", "catalog": "catalog_name", "database": "schema_name", "owner": "owner"}
    fields |= {"storageLocation": "storage_location", "volumeType": "volume_type", "comment": "comment"}
    row = [volume.get(key, "") for key in fields.values()]
    times = [moment(volume[key]) if key in volume else "" for key in ("created_at", "updated_at")]
    return statement.rows((*fields, "createdAt", "updatedAt"), [(*row, *times)])


def show(statement: Statement) -> DataFrame:
    """``SHOW VOLUMES [{IN | FROM} schema] [[LIKE] 'pattern']``."""
    read = statement.reader()
    read.expect("SHOW", "VOLUMES")
    parts = read.name("a schema") if read.take("IN") or read.take("FROM") else []
    wanted = read.pattern()
    read.end()
    row = statement.run("SELECT current_schema()").collect()[0]
    catalog, schema = statement.unity.full_name(parts or [str(row[0])], 2).split(".")
    volumes = statement.unity.list("volumes", catalog_name=catalog, schema_name=schema)
    return statement.rows(("database", "volume_name"), [(schema, v["name"]) for v in volumes if wanted(v["name"])])


def list_files(statement: Statement) -> DataFrame:
    """``LIST 'path' [WITH (CREDENTIAL name)] [LIMIT n]``: path, name, size and time of each file and folder in it."""
    if len(statement.head) < 2 or statement.head[1].kind is not Kind.STRING:
        return statement.verbatim()  # LIST JAR, LIST FILE and LIST ARCHIVE are Spark's own
    read = statement.reader()
    read.expect("LIST")
    path = read.string("a path")
    if read.take("WITH"):
        # One S3 server, which needs no credential of the catalog's.
        read.mark("(")
        read.expect("CREDENTIAL")
        read.identifier("a credential")
        read.mark(")")
    limit = None
    if read.take("LIMIT"):
        number = read.next("a number").text
        if not number.isdigit():
            raise read.wrong("LIMIT takes a number.")
        limit = int(number)
    read.end()
    columns, types = ("path", "name", "size", "modification_time"), ("STRING", "STRING", "BIGINT", "TIMESTAMP")
    return statement.rows(columns, _files(statement, path)[:limit], types)


def _files(statement: Statement, path: str) -> list[tuple[str, str, int, dt.datetime]]:
    """What is in a folder, by name, spelled below the path that was asked for."""
    jvm: Any = statement.spark._jvm
    try:
        located = getattr(jvm, "io.unitycatalog.harness.Unity").located(path)
        root = jvm.org.apache.hadoop.fs.Path(located)
        system = root.getFileSystem(statement.spark._jsparkSession.sessionState().newHadoopConf())
        found = list(system.listStatus(root))
    except Py4JJavaError as error:
        if "FileNotFoundException" not in str(error.java_exception) and "PATH_NOT_FOUND" not in str(error):
            raise
        raise SqlError("PATH_NOT_FOUND", f"Path does not exist: {path}.", "42K03") from None
    rows = []
    for status in found:
        name = status.getPath().getName() + ("/" if status.isDirectory() else "")
        time = dt.datetime.fromtimestamp(status.getModificationTime() / 1000, dt.UTC)
        size = 0 if status.isDirectory() else int(status.getLen())
        rows.append((f"{path.rstrip('/')}/{name}", name, size, time))
    return sorted(rows)
