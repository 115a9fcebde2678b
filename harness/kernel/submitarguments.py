"""The command line of spark-submit, as ``spark_submit_task`` gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

# Options without a value (org.apache.spark.launcher.SparkSubmitOptionParser, `switches`).
SWITCHES = frozenset({"--help", "-h", "--supervise", "--usage-error", "--verbose", "-v", "--version"})
# Their values are files, several of them with commas between.
FILES = frozenset({"--archives", "--files", "--jars", "--properties-file", "--py-files"})
# docs.databricks.com, "Spark Submit task for jobs": Databricks sets them, and they cannot be given.
TAKEN = frozenset({"--master", "--deploy-mode", "--executor-cores"})
# They end spark-submit, or speak to another cluster: the task would succeed without having run.
REFUSED = frozenset({"--help", "-h", "--version", "--usage-error", "--kill", "--status"})


def refused(arguments: Iterable[str]) -> str | None:
    """Say why arguments cannot be served, or None."""
    options, program = _parted(arguments)
    for name, _ in options:
        if name in TAKEN:
            return f"{name} is set by Databricks and cannot be given."
        if name in REFUSED:
            return f"{name} is not supported here."
    return None if program else "names no jar or Python file to run."


def localised(arguments: Iterable[str], local: Callable[[str], str]) -> list[str]:
    """The arguments with files found on this machine. Those of the program are left as they are.

    Parameters: ``local``: the file of this machine for a path or URI, if it has one.
    """
    options, program = _parted(arguments)
    found: list[str] = []
    for name, value in options:
        found.append(name)
        if value is not None:
            found.append(",".join(map(local, value.split(","))) if name in FILES else value)
    return [*found, *map(local, program[:1]), *program[1:]]


def _parted(arguments: Iterable[str]) -> tuple[list[tuple[str, str | None]], list[str]]:
    """The options with their values, and the program with its arguments."""
    rest, options = list(arguments), list[tuple[str, str | None]]()
    while rest and rest[0].startswith("-"):
        name, equals, value = rest.pop(0).partition("=")
        if equals:
            options.append((name, value))
        else:
            options.append((name, None if name in SWITCHES or not rest else rest.pop(0)))
    return options, rest
