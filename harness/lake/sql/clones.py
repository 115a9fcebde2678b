"""``CREATE TABLE … [DEEP] CLONE``: a copy of a table's rows and definition; ``SHALLOW CLONE`` is Delta's own.

Source: docs.databricks.com/sql/language-manual/delta-clone. The copy is of its own from its first version on.
"""

from __future__ import annotations

from pyspark.sql import DataFrame

from harness.lake.sql import guards
from harness.lake.sql.reader import Reader
from harness.lake.sql.statement import Statement
from harness.lake.sql.unity import quoted

COLUMNS = (
    *("source_table_size", "source_num_of_files", "num_removed_files", "num_copied_files"),
    *("removed_files_size", "copied_files_size"),
)
# What a new table has by itself.
_OWN = ("delta.minReaderVersion", "delta.minWriterVersion", "delta.feature.", "clusteringColumns")


def create(statement: Statement) -> DataFrame:
    """``{CREATE | CREATE OR REPLACE | REPLACE} TABLE [IF NOT EXISTS] name [DEEP] CLONE source …``."""
    read = statement.reader()
    if (guarded := guards.create(statement)) is not None:
        return guarded
    replaces = _begin(read)
    lenient = read.take("IF", "NOT", "EXISTS")
    start = read.at
    if read.peek() is None:
        return statement.verbatim()
    copy = read.name("a table")
    target = statement.text[read.tokens[start].start : read.tokens[read.at - 1].end]
    shallow = read.take("SHALLOW", "CLONE")
    if not (shallow or read.take("DEEP", "CLONE") or read.take("CLONE")):
        return statement.verbatim()
    parts = read.name("the source")
    mode = "Shallow" if shallow else "Deep"
    guards.refuse_clone(statement, parts, mode)
    if "REPLACE" in replaces:
        guards.refuse_clone(statement, copy, mode, target=True)
    if shallow:
        return statement.verbatim()
    source = quoted(parts)
    version = _version(read)
    properties = _clause(read, "TBLPROPERTIES")
    location = f" LOCATION {_literal(read.string('the location'))}" if read.take("LOCATION") else ""
    read.end()
    if lenient and statement.spark.catalog.tableExists(target):
        return statement.nothing()
    _copy(statement, replaces, target, f"{source}{version}", source, properties, location)
    detail = statement.run(f"DESCRIBE DETAIL {target}").collect()[0]
    size, files = detail["sizeInBytes"], detail["numFiles"]
    return statement.rows(COLUMNS, [(size, files, 0, files, 0, size)], ["BIGINT"] * len(COLUMNS))


def _begin(read: Reader) -> str:
    for words in (("CREATE", "OR", "REPLACE", "TABLE"), ("REPLACE", "TABLE"), ("CREATE", "TABLE")):
        if read.take(*words):
            return " ".join(words)
    raise read.wrong("Expected CREATE TABLE.")


def _version(read: Reader) -> str:
    """``VERSION AS OF n``, ``TIMESTAMP AS OF 't'`` or ``@…``, as Spark takes it too."""
    if read.is_mark("@"):
        read.at += 1
        return f"@{read.next('a version').text}"
    if read.take("VERSION", "AS", "OF"):
        return f" VERSION AS OF {read.next('a version').text}"
    if read.take("TIMESTAMP", "AS", "OF"):
        return f" TIMESTAMP AS OF {read.next('a timestamp').text}"
    return ""


def _clause(read: Reader, word: str) -> dict[str, str]:
    return read.options() if read.take(word) else {}


def _copy(
    statement: Statement,
    verb: str,
    target: str,
    rows: str,
    source: str,
    properties: dict[str, str],
    location: str,
) -> None:
    detail = statement.run(f"DESCRIBE DETAIL {source}").collect()[0].asDict()
    kept = {key: value for key, value in detail["properties"].items() if not key.startswith(_OWN)}
    parts = [f"{verb} {target} USING delta"]
    for clause, key in (("PARTITIONED BY", "partitionColumns"), ("CLUSTER BY", "clusteringColumns")):
        if detail.get(key):
            parts.append(f"{clause} ({', '.join(quoted([column]) for column in detail[key])})")
    if detail.get("description"):
        parts.append(f"COMMENT {_literal(detail['description'])}")
    parts.append(location)
    if pairs := {**kept, **properties}:
        parts.append(f"TBLPROPERTIES ({', '.join(f'{_literal(k)} = {_literal(v)}' for k, v in pairs.items())})")
    statement.run(f"{' '.join(filter(None, parts))} AS SELECT * FROM {rows}")


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
