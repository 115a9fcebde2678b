"""The environment variables and the Spark conf that a task's cluster is given, with the secrets they name."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from harness.kernel.secretscopes import Secrets

# docs.databricks.com, "Use a secret in a Spark configuration property or environment variable".
_SECRET = re.compile(r"\{\{\s*secrets/([^/{}]+)/([^/{}]+?)\s*\}\}")
INITIAL_CATALOG = "spark.databricks.sql.initial.catalog.name"
# What makes the engine the local one: its catalogs and its way to files. Kept out, whatever a cluster says.
OURS = re.compile(r"spark\.sql\.(catalog\.|(extensions|warehouse\.dir|catalogImplementation|defaultCatalog)$)|fs\.")


# The service chooses the number of partitions itself; adaptive execution does so here.
AUTO = ("spark.sql.shuffle.partitions", "auto")


class InvalidSparkConf(Exception):
    """Spark does not take a value of ``spark_conf``. The message names the property."""


def revealed(values: Mapping[str, str], secrets: Secrets) -> dict[str, str]:
    """Values with ``{{secrets/scope/key}}`` replaced. Raises: ``IllegalArgumentException`` for an unknown secret."""
    return {name: _SECRET.sub(lambda match: secrets.get(match[1], match[2]), value) for name, value in values.items()}


def set_variables(values: Mapping[str, str], spark: Any) -> None:
    """Set environment variables here and for the workers that run Python functions."""
    os.environ.update(values)
    spark.sparkContext.environment.update(values)


def of_jvm(conf: Mapping[str, str]) -> dict[str, str]:
    """What of a cluster's conf a JVM of a task's own is given: all but what makes it a local one."""
    ours = ("spark.master", "spark.submit.deployMode")
    return {
        name: value
        for name, value in conf.items()
        if name.startswith("spark.")
        and name not in ours
        and not OURS.match(name.removeprefix("spark.hadoop."))
        and (name, value) != AUTO
    }


def configure(spark: Any, conf: Mapping[str, str]) -> None:
    """Give a session the conf of its cluster.

    What Spark reads only when it starts is kept and read back, as it would have been set then. Raises:
    ``InvalidSparkConf``.
    """
    from pyspark.errors import PySparkException

    given: dict[str, str] = {}
    for name, value in conf.items():
        if not OURS.match(name) and (name, value) != AUTO:
            given[name] = value
            plain = name.removeprefix("spark.hadoop.")
            if not OURS.match(plain):
                given[plain] = value
    sessions = getattr(spark._jvm, "io.unitycatalog.harness.Sessions")
    try:
        # In one call: each takes a third of a millisecond.
        sessions.configure(spark._jsparkSession, json.dumps(given))
    except PySparkException:
        for name, value in given.items():
            try:
                sessions.configure(spark._jsparkSession, json.dumps({name: value}))
            except PySparkException as error:
                raise InvalidSparkConf(f"spark_conf {name}={value}: {error}") from error
    _take_auto(type(spark.conf), spark.sparkContext._conf.get(AUTO[0], "200"))
    if INITIAL_CATALOG in conf:
        spark.catalog.setCurrentCatalog(conf[INITIAL_CATALOG])


def _take_auto(kind: Any, number: str) -> None:
    """``spark.conf.set("spark.sql.shuffle.partitions", "auto")``, which Spark does not take: the engine's."""
    set_plainly = kind.set

    def set_or_leave(self: Any, key: str, value: str | int | bool) -> None:
        set_plainly(self, key, number if (key, value) == AUTO else value)

    kind.set = set_or_leave
