"""Parameters of a statement, as clients send them, into what ``spark.sql(args=…)`` takes."""

from __future__ import annotations

import decimal
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

from harness.lake.sql.failures import SqlError

# Spark takes literals only, no casts (INVALID_SQL_ARG), so a number carries its type as a suffix.
_SUFFIXES = {"TINYINT": "Y", "BYTE": "Y", "SMALLINT": "S", "SHORT": "S", "INT": "", "INTEGER": ""}
_SUFFIXES |= {"BIGINT": "L", "LONG": "L"}
_FLOATS = {"FLOAT": "F", "REAL": "F", "DOUBLE": "D"}
_MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ")
_DECIMAL = re.compile(r"(DECIMAL|DEC|NUMERIC)(\(\s*\d+\s*(,\s*\d+\s*)?\))?")
_TEXTS = re.compile(r"STRING|(VAR)?CHAR(\(\s*\d+\s*\))?")
_TRUTHS = {"true": True, "t": True, "yes": True, "y": True, "1": True}
_TRUTHS |= {"false": False, "f": False, "no": False, "n": False, "0": False}


@dataclass(frozen=True)
class Parameter:
    """One value for a marker: its SQL type, its text (``None`` = NULL), or its members for ARRAY and MAP."""

    name: str | None
    type: str = "STRING"
    text: str | None = None
    members: Sequence[Parameter] = ()


def arguments(parameters: Sequence[Parameter]) -> Mapping[str, Column] | list[Column] | None:
    """All parameters of a statement: by name when they have names, else in order; ``None`` when there are none.

    Raises: ``SqlError`` for a value that is not of its type, or names on some only.
    """
    if not parameters:
        return None
    named = {p.name: p for p in parameters if p.name}
    if named and len(named) != len(parameters):
        message = "Using name parameterized queries requires all parameters to be named."
        raise SqlError("ALL_PARAMETERS_MUST_BE_NAMED", message, "07001")
    return {str(name): literal(p) for name, p in named.items()} if named else [literal(p) for p in parameters]


def literal(parameter: Parameter) -> Column:
    """A parameter as a Spark literal. Raises: ``SqlError``."""
    kind, text = parameter.type.strip().upper(), parameter.text
    if not known(kind):
        raise SqlError("UNSUPPORTED_DATATYPE", f'Unsupported data type "{parameter.type}" of a parameter.', "0A000")
    if kind == "ARRAY":
        return F.array(*[literal(member) for member in parameter.members])
    if kind == "MAP":
        return F.create_map(*[literal(member) for member in parameter.members])
    if text is None or kind in ("VOID", "NULL"):
        return F.expr("NULL")
    try:
        return _scalar(kind, text)
    except (ValueError, ArithmeticError):
        name = f" `{parameter.name}`" if parameter.name else ""
        message = f"The value '{text}' of the parameter{name} cannot be cast to \"{kind}\"."
        raise SqlError("CAST_INVALID_INPUT", message, "22018") from None


def known(kind: str) -> bool:
    """Whether values of a type can be given as parameters."""
    names = (*_SUFFIXES, *_FLOATS, *_MOMENTS, "BOOLEAN", "ARRAY", "MAP", "VOID", "NULL")
    name = kind.strip().upper()
    return name in names or bool(_DECIMAL.fullmatch(name) or _TEXTS.fullmatch(name))


def _scalar(kind: str, text: str) -> Column:
    if kind in _SUFFIXES:
        return F.expr(f"{int(text)}{_SUFFIXES[kind]}")
    if kind in _FLOATS:
        value = float(text)
        # NaN and the infinities have no literal in SQL.
        return F.expr(f"{value!r}{_FLOATS[kind]}") if abs(value) < float("inf") else F.lit(value)
    if (sized := _DECIMAL.fullmatch(kind)) is not None:
        return F.expr(f"{_rounded(decimal.Decimal(text), sized[2]):f}BD")
    if kind == "BOOLEAN":
        if text.strip().lower() not in _TRUTHS:
            raise ValueError(text)
        return F.lit(_TRUTHS[text.strip().lower()])
    if kind in _MOMENTS:
        quoted = text.replace("\\", "\\\\").replace("'", "\\'")
        return F.expr(f"{kind}'{quoted}'")
    return F.lit(text)


def _rounded(value: decimal.Decimal, size: str | None) -> decimal.Decimal:
    """A number as a cast to a DECIMAL of this size makes it. Raises: ``ValueError`` when it does not fit."""
    if size is None:
        return value
    precision, scale = ([int(part) for part in size.strip("()").split(",")] + [0])[:2]
    fitted = value.quantize(decimal.Decimal(1).scaleb(-scale), decimal.ROUND_HALF_UP)
    if fitted and fitted.adjusted() >= precision - scale:
        raise ValueError(value)
    return fitted
