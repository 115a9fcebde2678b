"""Statements that only Databricks has, where Spark runs them: in ``BEGIN … END`` and ``EXECUTE IMMEDIATE``.

Spark calls a procedure of the catalog (harness/lake/catalog/Frontend.java), which asks the workspace to have the front
end run the statement in the session that calls.
"""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession

from harness.lake.paths import WorkspacePaths
from harness.lake.sql import frontend
from harness.lake.sql.failures import failure


def run(root: SparkSession, call: str, statement: str, paths: WorkspacePaths | None) -> None:
    """Run the statement of a call, on a thread that is its own meanwhile. What comes of it is told to the JVM.

    Parameters: ``root``, any session of the JVM; ``call``, the id under which the JVM lends its session. Raises:
    Py4J's exceptions for a call that the JVM does not know.
    """
    jvm: Any = root._jvm
    lender = getattr(jvm, "io.unitycatalog.harness.Frontend")
    spark = SparkSession(root.sparkContext, lender.enter(call))
    try:
        frame = frontend.run(spark, statement, paths=paths)
        lender.succeed(call, frame._jdf)
    except Exception as error:
        why = failure(error)
        lender.fail(call, why.message, why.condition or "", why.state)
    finally:
        lender.leave(call)
