"""Functions whose body is Python (``LANGUAGE PYTHON``), as Spark's Python workers call them.

Source: docs.databricks.com/sql/language-manual/sql-ref-syntax-ddl-create-sql-function: the body is that of a function
whose parameters are the SQL function's.
"""

from __future__ import annotations

import linecache
import textwrap
from collections.abc import Callable
from typing import Any


def function(name: str, body: str, parameters: str) -> Callable[..., Any]:
    """The Python function of a body. Named in what the JVM pickles (harness/lake/catalog/PythonFunctions.java).

    Parameters: ``name``, for tracebacks; ``parameters``, one name a line. Raises: ``SyntaxError``.
    """
    code = textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
    source = f"def handler({', '.join(parameters.splitlines())}):\n{code}\n"
    file = f"<function {name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, Any] = {"__name__": name}
    exec(compile(source, file, "exec"), names)
    made: Callable[..., Any] = names["handler"]
    return made
