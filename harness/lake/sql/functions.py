"""``CREATE``, ``DROP`` and ``DESCRIBE FUNCTION``: SQL and Python functions of Unity Catalog.

Spark checks a function as a temporary one; then it is recorded, and Spark's catalog finds it by its name of three
parts. Temporary functions are Spark's own.
Source: docs.databricks.com/sql/language-manual, "CREATE FUNCTION (SQL and Python)", "DROP FUNCTION"
and "DESCRIBE FUNCTION".
"""

from __future__ import annotations

import json
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from harness.lake.sql.failures import SqlError, failure
from harness.lake.sql.functioncalls import STAND_IN, stand_ins
from harness.lake.sql.moments import moment
from harness.lake.sql.reader import Reader
from harness.lake.sql.statement import Statement
from harness.lake.sql.tokens import Kind
from harness.lake.sql.unity import Refused, quoted

_UNSERVED = ("HANDLER", "ENVIRONMENT", "PARAMETER")


def create(statement: Statement) -> DataFrame:
    """``CREATE [OR REPLACE] [TEMPORARY] FUNCTION [IF NOT EXISTS] name (…) … {RETURN … | AS $$…$$}``."""
    read, unity = statement.reader(), statement.unity
    read.expect("CREATE")
    replaces = read.take("OR", "REPLACE")
    temporary = read.take("TEMPORARY") or read.take("TEMP")
    read.expect("FUNCTION")
    lenient = read.take("IF", "NOT", "EXISTS")
    parts = read.name("a function")
    if not read.is_mark("("):
        raise statement.refused("CREATE FUNCTION … AS 'class'", "it runs no Hive functions.")
    start = read.tokens[read.at].start
    python, signature = _python(statement, read, start)
    if temporary and python is None:
        return statement.verbatim()
    if temporary:
        raise statement.refused("CREATE TEMPORARY FUNCTION … LANGUAGE PYTHON", "use spark.udf.register.")
    name = unity.full_name(parts, 3)
    if lenient and replaces:
        raise read.wrong("CREATE OR REPLACE FUNCTION takes no IF NOT EXISTS.")
    if lenient and _exists(statement, name):
        return statement.nothing()
    info = _checked(statement, parts[-1], signature)
    if python is not None:
        info |= {"routine_body": "EXTERNAL", "external_language": "Python", "routine_definition": python}
        info["sql_data_access"] = "NO_SQL"
    catalog, schema, own = name.split(".")
    info |= {"name": own, "catalog_name": catalog, "schema_name": schema, "specific_name": own}
    try:
        unity.post("functions", function_info=info, or_replace=replaces or None)
    except Refused as refused:
        if refused.code == "FUNCTION_ALREADY_EXISTS":
            message = (
                f"Cannot create the routine {quoted(name.split('.'))} because a routine of that name already exists. "
                "Choose a different name, drop or replace the existing routine, or add the IF NOT EXISTS clause to "
                "tolerate a pre-existing routine."
            )
            raise SqlError("ROUTINE_ALREADY_EXISTS", message, "42723") from None
        raise
    return statement.nothing()


def drop(statement: Statement) -> DataFrame:
    """``DROP [TEMPORARY] FUNCTION [IF EXISTS] name``."""
    read = statement.reader()
    read.expect("DROP")
    if read.ahead("TEMPORARY") or read.ahead("TEMP"):
        return statement.verbatim()
    read.expect("FUNCTION")
    lenient = read.take("IF", "EXISTS")
    name = statement.unity.full_name(read.name("a function"), 3)
    read.end()
    try:
        statement.unity.delete("functions", name)
    except Refused as refused:
        if not refused.missing:
            raise
        if not lenient:
            message = (
                f"The routine {quoted(name.split('.'))} cannot be found. Verify the spelling and correctness of the "
                "schema and catalog. To tolerate the error on drop use DROP … IF EXISTS."
            )
            raise SqlError("ROUTINE_NOT_FOUND", message, "42883") from None
    return statement.nothing()


def _exists(statement: Statement, name: str) -> bool:
    try:
        statement.unity.get("functions", name)
    except Refused as refused:
        if refused.code == "FUNCTION_DOES_NOT_EXIST":
            return False
        raise
    return True


def _python(statement: Statement, read: Reader, start: int) -> tuple[str | None, str]:
    """The Python body, if there is one, and the rest from ``start`` on as that of a SQL function."""
    language: tuple[int, int] | None = None
    depth, table = 0, False
    while (token := read.peek()) is not None:
        read.at += 1
        depth += token.is_mark("(") - token.is_mark(")")
        if depth:
            continue
        if token.is_word("RETURN"):
            break
        if token.is_word("LANGUAGE"):
            word = read.next("a language")
            if not word.is_word("SQL", "PYTHON"):
                raise statement.refused(f"CREATE FUNCTION … LANGUAGE {word.text.upper()}", "SQL and Python are.")
            language = (token.start, word.end) if word.is_word("PYTHON") else None
        elif language is not None and token.is_word(*_UNSERVED):
            raise statement.refused(f"CREATE FUNCTION … {token.text.upper()}", "Python functions have a body only.")
        elif token.is_word("TABLE"):
            table = True
        elif language is not None and table:
            raise statement.refused("CREATE FUNCTION … RETURNS TABLE LANGUAGE PYTHON", "SQL functions return tables.")
        elif language is not None and token.is_word("AS"):
            body = read.next("the body")
            if body.kind is not Kind.STRING:
                raise read.wrong(f"Expected the body between $$ and $$, found {read.quote(body)}.")
            read.end()
            text = statement.text
            return body.value, f"{text[start : language[0]]}{text[language[1] : token.start]} RETURN NULL"
    if language is not None:
        raise read.wrong("A Python function needs AS $$…$$.")
    return None, statement.text[start:].rstrip().rstrip(";")


def _checked(statement: Statement, name: str, signature: str) -> dict[str, Any]:
    """What the REST API is told of a function. Raises: PySpark's exceptions for one that is wrong."""
    if _is_sparks(statement, name):
        name += "__"  # no temporary function can take a name of Spark's own; one of the catalog can
    calls = stand_ins(signature, statement.unity, lambda word: _is_sparks(statement, word))
    text = f"CREATE OR REPLACE TEMPORARY FUNCTION {quoted([name])}{calls.text}"
    jvm: Any = statement.spark._jvm
    functions = getattr(jvm, "io.unitycatalog.harness.Functions")
    try:
        described = functions.described(statement.spark._jsparkSession, name, json.dumps([*calls.made, text]))
    except (PySparkException, Py4JJavaError) as error:
        why = failure(error)
        if STAND_IN not in why.message or not why.condition:
            raise
        said = why.message.removeprefix(f"[{why.condition}] ").partition(" SQLSTATE: ")[0]
        raise SqlError(why.condition, calls.restored(said), why.state) from None
    info: dict[str, Any] = calls.restored(json.loads(described))
    if temporary := info.pop("temporary_objects"):
        message = (
            f"Cannot create the persistent function because it references the temporary object {temporary[0]}. Please "
            "make the temporary object persistent, or make the function temporary."
        )
        raise SqlError("INVALID_TEMP_OBJ_REFERENCE", message, "42K0F")
    return info


def describe(statement: Statement) -> DataFrame:
    """``{DESC | DESCRIBE} FUNCTION [EXTENDED] name``: rows of ``function_desc``; of Spark's own functions by Spark."""
    read = statement.reader()
    read.next("DESCRIBE")
    read.expect("FUNCTION")
    extended = read.take("EXTENDED")
    token = read.peek()
    if token is not None and token.kind is not Kind.WORD and token.kind is not Kind.NAME:
        return statement.verbatim()  # an operator, such as <=>
    parts = read.name("a function")
    read.end()
    if len(parts) == 1 and _is_sparks(statement, parts[0]):
        return statement.verbatim()
    name = statement.unity.full_name(parts, 3)
    found = statement.unity.get("functions", name)
    table = found["data_type"] == "TABLE_TYPE"
    lines = [("Function", found["full_name"]), ("Type", "TABLE" if table else "SCALAR")]
    lines += _listed("Input", found["input_params"]["parameters"], extended) or [("Input", "()")]
    returned = found.get("return_params", {}).get("parameters", []) if table else []
    lines += _listed("Returns", returned, extended) or [("Returns", found["full_data_type"])]
    if extended:
        python = found["routine_body"] == "EXTERNAL"
        lines += [("Comment", found["comment"])] if found.get("comment") else []
        lines += [("Deterministic", str(found.get("is_deterministic", True)).lower())]
        lines += [("Data Access", found.get("sql_data_access", "CONTAINS_SQL").replace("_", " "))]
        lines += [("Owner", found["owner"]), ("Create Time", moment(found["created_at"]))]
        lines += [("Language", "PYTHON")] if python else []
        lines += [("Body", found["routine_definition"])]
    return statement.rows(("function_desc",), [(f"{label + ':' if label else '':<15}{text}",) for label, text in lines])


def _is_sparks(statement: Statement, name: str) -> bool:
    jvm: Any = statement.spark._jsparkSession
    catalog = jvm.sessionState().catalog()
    return bool(
        catalog.lookupBuiltinOrTempFunction(name).isDefined()
        or catalog.lookupBuiltinOrTempTableFunction(name).isDefined()
    )


def _listed(label: str, parameters: list[dict[str, Any]], extended: bool) -> list[tuple[str, str]]:
    """Parameters or columns, one a line below the first, with default and comment if ``extended``."""
    lines: list[tuple[str, str]] = []
    for parameter in parameters:
        text = f"{parameter['name']} {parameter['type_text'].upper()}"
        if extended and "parameter_default" in parameter:
            text += f" DEFAULT {parameter['parameter_default']}"
        if extended and parameter.get("comment"):
            text += f" '{parameter['comment']}'"
        lines.append(("" if lines else label, text))
    return lines
