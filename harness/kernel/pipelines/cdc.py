"""How flows of changes are asked for: the arguments of ``create_auto_cdc_flow``, the clauses of ``AUTO CDC INTO``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column

from harness.kernel.pipelines.changes import Changes
from harness.kernel.pipelines.definitions import NotSupported, PipelineError
from harness.lake.sql.reader import Reader

# Where an expression ends, in SQL.
CLAUSES = (
    ("IGNORE", "NULL", "UPDATES"),
    ("APPLY", "AS"),
    ("SEQUENCE", "BY"),
    ("COLUMNS",),
    ("STORED", "AS"),
    ("TRACK", "HISTORY"),
    ("SYSTEM", "SEQUENCE"),
    ("WHERE",),
)


def given(what: str, keys: Any, sequence_by: Any, options: Mapping[str, Any]) -> tuple[Changes, dict[str, Any]]:
    """What a call asks for. Returns: that, and the arguments that are not about changes. Raises: ``TypeError`` and
    ``PipelineError`` for what they cannot be."""
    rest = dict(options)
    lists = {
        name: _names(what, name, rest.pop(name, None))
        for name in (
            *("column_list", "except_column_list"),
            *("track_history_column_list", "track_history_except_column_list"),
        )
    }
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str | Column) for key in keys):
        raise TypeError(f"{what}(keys=…) takes a list of columns")
    if not isinstance(sequence_by, str | Column):
        raise TypeError(f"{what}(sequence_by=…) takes a column")
    deletes, truncates = rest.pop("apply_as_deletes", None), rest.pop("apply_as_truncates", None)
    scd = str(rest.pop("stored_as_scd_type", None) or 1)
    if scd not in ("1", "2"):
        raise NotSupported(f"{what}(stored_as_scd_type={scd!r})")
    changes = Changes(
        keys=keys,
        sequence=sequence_by,
        deletes=deletes,
        truncates=truncates,
        keeps_on_null=bool(rest.pop("ignore_null_updates", False)),
        columns=lists["column_list"],
        without=lists["except_column_list"],
        scd=int(scd),
        tracked=lists["track_history_column_list"],
        untracked=lists["track_history_except_column_list"],
    )
    return checked(changes), rest


def checked(changes: Changes) -> Changes:
    """Changes as they may be asked for. Raises: ``PipelineError``."""
    for one, two, words in (
        (changes.columns, changes.without, "column_list and except_column_list"),
        (changes.tracked, changes.untracked, "track_history_column_list and track_history_except_column_list"),
    ):
        if one and two:
            raise PipelineError("AUTO_CDC_INVALID", f"Only one of {words} can be given.")
    if changes.scd == 1 and (changes.tracked or changes.untracked):
        raise PipelineError("AUTO_CDC_INVALID", "TRACK HISTORY is for SCD type 2 only.")
    if changes.scd == 2 and changes.truncates is not None:
        raise PipelineError("AUTO_CDC_INVALID", "APPLY AS TRUNCATE is for SCD type 1 only.")
    return changes


def clauses(read: Reader) -> tuple[str, Changes]:
    """``FROM source KEYS (…) …``. Returns: the source, as SQL, and the changes. Raises: ``SqlError``,
    ``PipelineError``."""
    read.expect("FROM")
    source = _until(read, ("KEYS",))
    read.expect("KEYS")
    found: dict[str, Any] = {"keys": read.list(lambda: ".".join(read.name("a column")))}
    while read.peek() is not None and not read.is_mark(";"):
        if read.take("IGNORE", "NULL", "UPDATES"):
            found["keeps_on_null"] = True
        elif read.take("APPLY", "AS", "DELETE", "WHEN"):
            found["deletes"] = _until(read, *CLAUSES)
        elif read.take("APPLY", "AS", "TRUNCATE", "WHEN"):
            found["truncates"] = _until(read, *CLAUSES)
        elif read.take("SEQUENCE", "BY"):
            found["sequence"] = _until(read, *CLAUSES)
        elif read.take("COLUMNS"):
            found["columns"], found["without"] = _columns(read)
        elif read.take("STORED", "AS", "SCD", "TYPE"):
            number = read.next("1 or 2").text
            if number not in ("1", "2"):
                raise NotSupported(f"STORED AS SCD TYPE {number}")
            found["scd"] = int(number)
        elif read.take("TRACK", "HISTORY", "ON"):
            found["tracked"], found["untracked"] = _columns(read)
        else:
            raise NotSupported(f"The clause {read.next('a clause').text.upper()} of AUTO CDC")
    if "sequence" not in found:
        raise read.wrong("AUTO CDC needs SEQUENCE BY.")
    return source, checked(Changes(**found))


def _columns(read: Reader) -> tuple[list[str], list[str]]:
    if read.is_mark("*"):
        read.mark("*")
        read.expect("EXCEPT")
        return [], read.list(lambda: read.identifier("a column"))
    if read.is_mark("("):
        return read.list(lambda: read.identifier("a column")), []
    names = [read.identifier("a column")]
    while read.is_mark(","):
        read.mark(",")
        names.append(read.identifier("a column"))
    return names, []


def _until(read: Reader, *ends: tuple[str, ...]) -> str:
    first = end = read.next("an expression")
    depth = end.is_mark("(") - end.is_mark(")")
    while read.peek() is not None and (depth or not (read.is_mark(";") or any(read.ahead(*words) for words in ends))):
        end = read.next("an expression")
        depth += end.is_mark("(") - end.is_mark(")")
    return read.text[first.start : end.end]


def _names(what: str, name: str, value: Any) -> list[str]:
    if value is not None and not (isinstance(value, list) and all(isinstance(each, str | Column) for each in value)):
        raise TypeError(f"{what}({name}=…) takes a list of columns")
    return [each if isinstance(each, str) else str(each._jc.toString()) for each in value or ()]
