"""Records of CSV and JSON files read by the names in them, as expressions over a stream of the files' text.

Spark's own readers drop what their schema does not know, and read CSV by position; Auto Loader goes by names, rescues
what does not fit, and fails on columns that are new.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DataType, StructField, StructType

from harness.lake.autoloader.options import Options
from harness.lake.sql.statement import unsupported
from harness.lake.sql.unity import quoted

# What the expressions here honour of the readers' options; the others are refused.
READER = {
    "csv": ("header", "sep", "delimiter", "quote", "escape", "dateformat", "timestampformat", "multiline", "nullvalue"),
    "json": ("multiline", "dateformat", "timestampformat", "timestampntzformat", "locale", "timezone"),
}
WITHOUT_MEANING = ("inferschema", "mergeschema", "readercasesensitive", "encoding", "charset", "mode", "enforceschema")
CSV_FUNCTION = "harness_csv"
UNKNOWN = "UNKNOWN_FIELD_EXCEPTION.NEW_FIELDS_IN_FILE"
# In the order in which they are tried.
INFERRED = ("INT", "BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP")


def reader_options(options: Options) -> dict[str, str]:
    """The reader's options by their names in lower case. Raises: ``SqlError`` naming one that is not honoured."""
    given = {name.lower(): value for name, value in options.reader.items()}
    for name in given:
        if name not in READER[options.format] and name not in WITHOUT_MEANING:
            raise unsupported(f"The option {name} of a cloudFiles stream of {options.format}", "it has no effect here.")
    return given


def lines(options: Options) -> bool:
    """Whether a record is a line, so that a file need not be read as a whole."""
    return options.format == "json" and reader_options(options).get("multiline", "false").lower() != "true"


def raw(files: DataFrame, options: Options) -> DataFrame:
    """Each record as a map from its names (``_raw``), beside its text (``value``) and the columns of the folders."""
    given = reader_options(options)
    others = [_name(column) for column in files.columns if column != "value"]
    if options.format == "csv":
        files.sparkSession.udf.registerJavaFunction(
            CSV_FUNCTION, "io.unitycatalog.harness.CsvRecords", "array<map<string,string>>"
        )
        header = given.get("header", "false").lower()
        sep = given.get("sep", given.get("delimiter", ","))
        arguments = ["value", header, *map(_text, (sep, given.get("quote", '"'), given.get("escape", "\\")))]
        records = f"{CSV_FUNCTION}({', '.join(arguments)})"
        if (null := given.get("nullvalue", "")) or "nullvalue" in given:
            records = f"transform({records}, r -> transform_values(r, (k, v) -> nullif(v, {_text(null)})))"
        return files.selectExpr(*others, "value", f"explode({records}) AS _raw")
    if not lines(options):
        many = "CAST(parse_json(value) AS ARRAY<VARIANT>)"
        each = f"explode(CASE WHEN trim(value) LIKE '[%' THEN {many} ELSE array(parse_json(value)) END)"
        files = files.selectExpr(*others, f"{each} AS one").selectExpr(*others, "to_json(one) AS value")
    files = files.where("trim(value) <> ''")
    return files.selectExpr(*others, "value", "coalesce(from_json(value, 'map<string,variant>'), map()) AS _raw")


def typed(records: DataFrame, options: Options, schema: StructType) -> DataFrame:
    """The columns of the schema, the folders' columns, and the rescued data; fails on new names if the mode asks it."""
    others = [_name(column) for column in records.columns if column not in ("value", "_raw")]
    known = f"array({', '.join(_text(field.name) for field in schema.fields)})"
    if not schema.fields:
        known = "CAST(array() AS ARRAY<STRING>)"
    unknown = f"map_filter(_raw, (k, v) -> NOT array_contains({known}, k))"
    if options.mode in ("addNewColumns", "failOnNewColumns"):
        names = f"array_join(map_keys({unknown}), ', ')"
        said = f"raise_error(concat({_text(unknown_fields(''))}, {names}))"
        records = records.where(f"CASE WHEN cardinality({unknown}) = 0 THEN true ELSE CAST({said} AS BOOLEAN) END")
    values = [f"{_value(options, field)} AS {_name(field.name)}" for field in schema.fields]
    if not options.rescued:
        return records.selectExpr(*values, *others)
    null = "is_variant_null(v)" if options.format == "json" else "v IS NULL"
    misfit = "".join(
        f" OR (k = {_text(f.name)} AND NOT {null} AND {_value(options, f)} IS NULL)" for f in schema.fields
    )
    kept = f"map_filter(_raw, (k, v) -> NOT array_contains({known}, k){misfit})"
    place = "CAST(_metadata.file_path AS VARIANT)" if options.format == "json" else "_metadata.file_path"
    rescued = f"CASE WHEN cardinality({kept}) > 0 THEN to_json(map_concat({kept}, map('_file_path', {place}))) END"
    return records.selectExpr(*values, *others, f"{rescued} AS {_name(options.rescued)}")


def inferred(spark: SparkSession, records: DataFrame, options: Options) -> StructType:
    """The schema of records, all of them looked at: strings, or the narrowest type if types are to be inferred."""
    if options.format == "json":
        read = spark.read.option("primitivesAsString", not options.infers)
        return read.json(records.select("value").rdd.map(lambda row: row.value)).schema
    names = [row[0] for row in records.selectExpr("explode(map_keys(_raw))").distinct().collect()]
    order = [row[0] for row in records.selectExpr("map_keys(_raw)").distinct().collect()]
    names.sort(key=lambda name: next((keys.index(name) for keys in order if name in keys), 0))
    schema = StructType()
    for name in names:
        value = f"_raw[{_text(name)}]"
        fits = [f"count_if({value} IS NOT NULL AND try_cast({value} AS {kind}) IS NULL) = 0" for kind in INFERRED]
        found = records.selectExpr(*fits).first() if options.infers else None
        kind = next((k for k, fit in zip(INFERRED, found or (), strict=False) if fit), "STRING")
        schema.add(name, DataType.fromDDL(kind))
    return schema


def unknown_fields(names: str) -> str:
    """The message about new columns."""
    return (
        f"[{UNKNOWN}] Encountered unknown fields during parsing, which can be fixed by an automatic retry: true. "
        f"SQLSTATE: KD003; UnknownFieldException: {names}"
    )


def _value(options: Options, field: StructField) -> str:
    given = reader_options(options)
    kind = field.dataType.simpleString()
    if options.format == "json":
        settings: Mapping[str, str] = {k: v for k, v in given.items() if k in READER["json"] and k != "multiline"}
        pairs = ", ".join(f"{_text(k)}, {_text(v)}" for k, v in settings.items())
        ddl = _text(f"{_name(field.name)} {kind}")
        return f"from_json(value, {ddl}{f', map({pairs})' if pairs else ''}).{_name(field.name)}"
    text = f"_raw[{_text(field.name)}]"
    if kind == "date" and "dateformat" in given:
        return f"try_to_date({text}, {_text(given['dateformat'])})"
    if kind == "timestamp" and "timestampformat" in given:
        return f"try_to_timestamp({text}, {_text(given['timestampformat'])})"
    return text if kind == "string" else f"try_cast({text} AS {kind})"


def _name(name: str) -> str:
    return quoted([name])


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
