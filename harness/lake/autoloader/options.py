"""The options of Auto Loader (docs.databricks.com, ingestion/cloud-object-storage/auto-loader/options)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.lake.sql.failures import SqlError
from harness.lake.sql.statement import unsupported

PREFIX = "cloudfiles."
FORMATS = ("csv", "json", "parquet", "text", "orc", "binaryfile")
# Those whose records are read here by the names in them, so that what a schema does not know can be told.
NAMED = ("csv", "json")
RESCUED = "_rescued_data"

Mode = Literal["addNewColumns", "rescue", "failOnNewColumns", "none"]
MODES: tuple[Mode, ...] = ("addNewColumns", "rescue", "failOnNewColumns", "none")

# What a cloud or a large folder needs: nothing follows from it here.
WITHOUT_MEANING = (
    *("backfillinterval", "listing.parallelism", "maxfileage", "uselistingparallelism", "useincrementallisting"),
    *("validateoptions", "resourcetag", "fetchparallelism", "schemainference.samplesize.numbytes"),
    *("schemainference.samplesize.numfiles",),
)
REFUSED = {
    "usenotifications": "it has no queues; files are found by listing the folder.",
    "usemanagedfileevents": "it has no file events; files are found by listing the folder.",
    "allowoverwrites": "Spark's file source reads each path once.",
    "cleansource": "files are left where they are.",
    "partitioncolumns": "partition columns are those of the folders' names.",
}
OURS = (
    *("format", "schemalocation", "schemahints", "schemaevolutionmode", "infercolumntypes", "includeexistingfiles"),
    *("maxfilespertrigger", "maxbytespertrigger"),
)


def refused(condition: str, message: str) -> SqlError:
    """An error of Auto Loader's. Databricks gives nearly all of them the SQLSTATE 42000."""
    return SqlError(condition, message, "42000")


@dataclass(frozen=True)
class Options:
    """What a stream asks for. ``reader``: the options of the format; ``rescued``: the column for rescued data."""

    format: str
    mode: Mode
    schema: str | None = None
    schema_location: str | None = None
    hints: str | None = None
    infers: bool = False
    existing: bool = True
    source: dict[str, str] = field(default_factory=dict)
    reader: dict[str, str] = field(default_factory=dict)
    rescued: str | None = None


def parsed(given: Mapping[str, str], schema: str | None) -> Options:
    """The options of a stream.

    Parameters: ``given``, as they were set; ``schema``, the one the user names, as DDL.
    Raises: ``SqlError`` for unknown ones, wrong values and what is not supported.
    """
    cloud = {k.lower().removeprefix(PREFIX): v for k, v in given.items() if k.lower().startswith(PREFIX)}
    reader = {k: v for k, v in given.items() if not k.lower().startswith(PREFIX)}
    unknown = sorted(set(cloud) - {*OURS, *WITHOUT_MEANING, *REFUSED})
    if unknown:
        names = ", ".join(f"cloudFiles.{name}" for name in unknown)
        raise refused(
            "CF_UNKNOWN_OPTION_KEYS_ERROR",
            f"Found unknown option keys: {names}. Please make sure that all provided option keys are correct.",
        )
    for name, reason in REFUSED.items():
        if cloud.get(name, "false").lower() not in ("false", "off", ""):
            raise unsupported(f"cloudFiles.{name}", reason)
    form = cloud.get("format", "").lower()
    if not form:
        raise refused("CF_MISSING_FORMAT", "Please name the format of the files by the option cloudFiles.format.")
    if form not in FORMATS:
        raise unsupported(f"cloudFiles.format {form}", f"it reads {', '.join(FORMATS)}.")
    mode = _mode(cloud.get("schemaevolutionmode"), schema)
    fixed = form in ("text", "binaryfile")
    location = cloud.get("schemalocation")
    if schema is None and location is None and not fixed:
        raise refused(
            "CF_MISSING_SCHEMA_LOCATION",
            "Please provide a schema, or a location for the inferred one by the option cloudFiles.schemaLocation.",
        )
    existing = _flag(cloud, "includeexistingfiles", True)
    if not existing and location is None:
        raise unsupported(
            "cloudFiles.includeExistingFiles false without cloudFiles.schemaLocation",
            "the time of the first start is kept there.",
        )
    rescued = next((reader.pop(k) for k in list(reader) if k.lower() == "rescueddatacolumn"), None)
    if rescued is None and schema is None and mode != "none" and not fixed:
        rescued = RESCUED
    limits = {"maxfilespertrigger": "maxFilesPerTrigger", "maxbytespertrigger": "maxBytesPerTrigger"}
    source = {spark: cloud[name] for name, spark in limits.items() if name in cloud}
    return Options(
        *(form, mode, schema, location, cloud.get("schemahints"), _flag(cloud, "infercolumntypes", False)),
        *(existing, source or {"maxFilesPerTrigger": "1000"}, reader, rescued),
    )


def _mode(given: str | None, schema: str | None) -> Mode:
    if given is None:
        return "none" if schema is not None else "addNewColumns"
    for mode in MODES:
        if given.lower() == mode.lower():
            break
    else:
        raise refused(
            "CF_INVALID_SCHEMA_EVOLUTION_MODE",
            f"cloudFiles.schemaEvolutionMode must be one of {', '.join(MODES)}. {given} is not.",
        )
    if mode == "addNewColumns" and schema is not None:
        raise SqlError(
            "CF_ADD_NEW_NOT_SUPPORTED",
            "Schema evolution mode addNewColumns is not supported when the schema is specified. To use this mode, you "
            "can provide the schema through cloudFiles.schemaHints instead.",
            "0A000",
        )
    return mode


def _flag(cloud: Mapping[str, str], name: str, default: bool) -> bool:
    text = cloud.get(name, str(default)).lower()
    if text not in ("true", "false"):
        raise refused("CF_INVALID_OPTION_VALUE", f"cloudFiles.{name} must be true or false, not {cloud[name]}.")
    return text == "true"
