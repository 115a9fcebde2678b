"""What may be said of any object of Unity Catalog: its owner, its tags, a comment.

``ALTER … [SET] OWNER TO``, ``SET | UNSET TAGS``, ``SET TAG ON``, ``COMMENT ON``; what Spark knows goes to Spark.
Source: docs.databricks.com/sql/language-manual, the ALTER pages, "COMMENT ON" and "SET TAG".
"""

from __future__ import annotations

import re

from pyspark.sql import DataFrame

from harness.lake.sql import guards, not_null
from harness.lake.sql.reader import Reader
from harness.lake.sql.statement import Statement
from harness.lake.sql.unity import Refused, quoted

ALTERATIONS = "[SET] OWNER TO principal, SET TAGS (…) or UNSET TAGS (…)"
# The word of SQL, the type of Unity Catalog.
TYPES = {"CATALOG": "CATALOG", "SCHEMA": "SCHEMA", "DATABASE": "SCHEMA", "TABLE": "TABLE", "VIEW": "TABLE"}
TYPES |= {"MATERIALIZED VIEW": "TABLE", "STREAMING TABLE": "TABLE", "VOLUME": "VOLUME"}
PARTS = {"CATALOG": 1, "SCHEMA": 2, "TABLE": 3, "VOLUME": 3}
COLLECTIONS = {"CATALOG": "catalogs", "SCHEMA": "schemas", "TABLE": "tables", "VOLUME": "volumes"}
_OURS = re.compile(r"\b(OWNER\s+TO|(UN)?SET\s+TAGS|ROW\s+FILTER|MASK)\b", re.IGNORECASE)
_NARROWS = re.compile(r"\bSET\s+NOT\s+NULL\b", re.IGNORECASE)
_AUTO = re.compile(r"\bCLUSTER\s+BY\s+AUTO\b", re.IGNORECASE)


def alter(statement: Statement) -> DataFrame:
    """``ALTER {TABLE | VIEW | SCHEMA} name …``: owner and tags, row filter and masks; the rest is Spark's."""
    if _NARROWS.search(statement.text) and (done := not_null.alter(statement)) is not None:
        return done
    if _AUTO.search(statement.text):
        return _cluster_by_auto(statement)
    if not _OURS.search(statement.text):
        return statement.verbatim()
    read = statement.reader()
    read.expect("ALTER")
    kind = TYPES[read.next("what to alter").text.upper()]
    name = statement.unity.full_name(read.name("a name"), PARTS[kind])
    if read.take("ALTER", "COLUMN") or read.take("CHANGE", "COLUMN"):
        column = read.identifier("a column")
        done = guards.alter_mask(statement, read, name, column)
        done = done or _tags(statement, read, "columns", f"{name}.{column}")
    else:
        done = guards.alter_filter(statement, read, name) or apply(statement, read, kind, name)
    return statement.nothing() if done else statement.verbatim()


def _cluster_by_auto(statement: Statement) -> DataFrame:
    """``ALTER TABLE … CLUSTER BY AUTO``: Databricks chooses columns in time; there is nothing to choose by here."""
    read = statement.reader()
    read.expect("ALTER", "TABLE")
    name = quoted(read.name("a table"))
    if not read.take("CLUSTER", "BY", "AUTO"):
        return statement.verbatim()
    read.end()
    statement.run(f"DESCRIBE TABLE {name}")
    return statement.nothing()


def apply(statement: Statement, read: Reader, kind: str, name: str) -> bool:
    """Read and carry out a change of an object's owner or tags. Returns: whether it was one."""
    if read.take("SET", "OWNER", "TO") or read.take("OWNER", "TO"):
        owner = read.identifier("a principal")
        read.end()
        statement.unity.patch(COLLECTIONS[kind], name, owner=owner)
        return True
    return _tags(statement, read, COLLECTIONS[kind], name)


def _tags(statement: Statement, read: Reader, entity_type: str, name: str) -> bool:
    if read.take("SET", "TAGS"):
        tags = read.list(lambda: _tag(read))
        read.end()
        for key, value in tags:
            set_tag(statement, entity_type, name, key, value)
        return True
    if read.take("UNSET", "TAGS"):
        keys = read.list(lambda: read.string("a tag"))
        read.end()
        for key in keys:
            unset_tag(statement, entity_type, name, key)
        return True
    return False


def _tag(read: Reader) -> tuple[str, str]:
    key = read.string("a tag")
    if not read.is_mark("="):
        return key, ""
    read.mark("=")
    return key, read.string(f"the value of {key}")


def set_tag(statement: Statement, entity_type: str, name: str, key: str, value: str) -> None:
    """Give a tag a value, whether or not it is there."""
    unity = statement.unity
    try:
        fields = {"entity_type": entity_type, "entity_name": name, "tag_key": key, "tag_value": value}
        unity.post("entity-tag-assignments", **fields)
    except Refused as refused:
        if refused.code != "RESOURCE_ALREADY_EXISTS":
            raise
        unity.patch("entity-tag-assignments", entity_type, name, "tags", key, tag_value=value)


def unset_tag(statement: Statement, entity_type: str, name: str, key: str) -> None:
    """Take a tag away, if it is there."""
    try:
        statement.unity.delete("entity-tag-assignments", entity_type, name, "tags", key)
    except Refused as refused:
        if refused.code != "RESOURCE_DOES_NOT_EXIST":
            raise


def tag(statement: Statement) -> DataFrame:
    """``{SET | UNSET} TAG ON type name key [= value]``."""
    read = statement.reader()
    sets = read.next("SET").is_word("SET")
    read.expect("TAG", "ON")
    word = read.next("the type of an object").text.upper()
    if word == "COLUMN":
        parts = read.name("a column")
        entity, name = "columns", f"{statement.unity.full_name(parts[:-1], 3)}.{parts[-1]}"
    elif word in TYPES:
        entity = COLLECTIONS[TYPES[word]]
        name = statement.unity.full_name(read.name("a name"), PARTS[TYPES[word]])
    else:
        raise read.wrong(f"Tags are on catalogs, schemas, tables, views, columns and volumes, not on {word}.")
    key = read.next("a tag").value
    if not sets:
        read.end()
        unset_tag(statement, entity, name, key)
        return statement.nothing()
    value = ""
    if read.is_mark("="):
        read.mark("=")
        value = read.next("a value").value
    read.end()
    set_tag(statement, entity, name, key, value)
    return statement.nothing()


def comment(statement: Statement) -> DataFrame:
    """``COMMENT ON {CATALOG | VOLUME | COLUMN} name IS {'text' | NULL}``; on other objects it is Spark's."""
    read = statement.reader()
    read.expect("COMMENT", "ON")
    word = read.next("the type of an object").text.upper()
    if word not in ("CATALOG", "VOLUME", "COLUMN"):
        return statement.verbatim()
    parts = read.name("a name")
    read.expect("IS")
    text = "" if read.take("NULL") else read.string("the comment")
    read.end()
    if word == "COLUMN":
        escaped = text.replace("\\", "\\\\").replace("'", "\\'")
        return statement.run(f"ALTER TABLE {quoted(parts[:-1])} ALTER COLUMN {quoted(parts[-1:])} COMMENT '{escaped}'")
    statement.unity.patch(COLLECTIONS[word], statement.unity.full_name(parts, PARTS[word]), comment=text)
    return statement.nothing()
