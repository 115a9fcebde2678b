"""What code on a cluster of the standard access mode (formerly shared) cannot do, refused as it is there.

Source: docs.databricks.com, "Standard compute requirements and limitations": no SparkContext, no sqlContext, no RDDs.
There Spark is reached through Spark Connect, whose error class is used. pyspark itself, which needs the driver's JVM
here, goes on using it: what counts is who asks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

STANDARD = ("USER_ISOLATION", "DATA_SECURITY_MODE_STANDARD")
MACHINERY = frozenset({"pyspark", "py4j", "delta", "harness", "pandas", "IPython"})


class NotThere:
    """Stands for ``sc`` and ``sqlContext``: any use of it says that it does not exist."""

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def __getattribute__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            return object.__getattribute__(self, attribute)
        raise _refusal(object.__getattribute__(self, "_name"))


def restrict(names: dict[str, Any]) -> None:
    """Take from code what the standard access mode has not. Changes ``names``, and classes of pyspark's.

    Only in a process of one task: the classes are everybody's there.
    """
    from pyspark.sql.classic.dataframe import DataFrame
    from pyspark.sql.session import SparkSession

    _guard(SparkSession, "sparkContext")
    for attribute in ("_jvm", "_jsparkSession", "_sc"):
        _guard(SparkSession, attribute)
    _guard(DataFrame, "rdd")
    _guard(DataFrame, "_jdf")
    by_column: Any = DataFrame.__getattr__

    def column(self: Any, name: str) -> Any:
        # Python asks here after a property has raised an AttributeError, as the guards do.
        if name in ("rdd", "_jdf"):
            raise _refusal(name)
        return by_column(self, name)

    DataFrame.__getattr__ = column
    for name in ("sc", "sqlContext"):
        names[name] = NotThere(name)


def _guard(kind: type, attribute: str) -> None:
    """Let only pyspark's own code, and ours, read an attribute of a class."""
    plain: Any = kind.__dict__.get(attribute)

    def of_class(self: Any) -> Any:
        return plain.__get__(self, kind)

    def of_instance(self: Any) -> Any:
        try:
            return self.__dict__[attribute]
        except KeyError:
            raise AttributeError(attribute) from None

    found: Callable[[Any], Any] = of_instance if plain is None else of_class

    def read(self: Any) -> Any:
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if caller.partition(".")[0] not in MACHINERY:
            raise _refusal(attribute)
        return found(self)

    def write(self: Any, value: Any) -> None:
        self.__dict__[attribute] = value

    setattr(kind, attribute, property(read, write))


def _refusal(attribute: str) -> Exception:
    from pyspark.errors import PySparkAttributeError

    error: Exception = PySparkAttributeError(
        errorClass="JVM_ATTRIBUTE_NOT_SUPPORTED", messageParameters={"attr_name": attribute}
    )
    return error
