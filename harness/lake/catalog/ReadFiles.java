package io.unitycatalog.harness;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedArgumentExpression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction1;

/**
 * The table function read_files(path, option => value, ...), by Spark's own readers. Source:
 * docs.databricks.com/sql/language-manual/functions/read_files.
 */
final class ReadFiles extends AbstractFunction1<Seq<Expression>, LogicalPlan> {
  static final String NAME = "read_files";
  private static final Map<String, String> FORMATS =
      Map.of("csv", "csv", "json", "json", "jsonl", "json", "ndjson", "json", "parquet", "parquet", "orc", "orc",
          "txt", "text", "xml", "xml");
  private static final Set<String> SERVED = Set.of("csv", "json", "parquet", "orc", "text", "xml", "binaryfile");
  private static final Set<String> COMPRESSED = Set.of("gz", "bz2", "zst", "lz4", "snappy", "deflate");
  // What concerns the function and not Spark's reader.
  private static final Set<String> OWN =
      Set.of("format", "schema", "schemahints", "rescueddatacolumn", "schemaevolutionmode", "inferschema",
          "infercolumntypes", "filenamepattern");

  @Override
  public LogicalPlan apply(Seq<Expression> arguments) {
    Map<String, String> options = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    String path = null;
    for (Expression argument : CollectionConverters.asJava(arguments)) {
      if (argument instanceof NamedArgumentExpression named) {
        options.put(named.key(), text(named.key(), named.value()));
      } else if (path == null) {
        path = text("path", argument);
      } else {
        throw refused("WRONG_NUM_ARGS", "read_files takes one path; options are named: header => true.", "42605");
      }
    }
    if (path == null) path = options.remove("path");
    if (path == null) throw refused("WRONG_NUM_ARGS", "read_files needs a path.", "42605");
    return read(Unity.located(path), options).queryExecution().analyzed();
  }

  private static Dataset<Row> read(String path, Map<String, String> options) {
    String format = format(path, options);
    boolean typed = options.containsKey("schema");
    String rescued = options.getOrDefault("rescuedDataColumn", "_rescued_data");
    boolean rescues =
        !options.getOrDefault("schemaEvolutionMode", "rescue").equalsIgnoreCase("none")
            && !Set.of("text", "binaryfile").contains(format);
    if (typed && options.containsKey("rescuedDataColumn")) {
      throw refused(
          "UNSUPPORTED_FEATURE.LOCAL_HARNESS",
          "read_files with a schema and a rescuedDataColumn is not supported by the local harness: Spark's readers do"
              + " not tell what they could not read.",
          "0A000");
    }
    if (typed) return reader(format, options).schema(options.get("schema")).load(path);
    Dataset<Row> frame = reader(format, options).load(path);
    if (options.containsKey("schemaHints")) {
      frame = reader(format, options).schema(hinted(frame.schema(), options.get("schemaHints"))).load(path);
    }
    // Types are inferred over all rows, so there is nothing to rescue; the column is there, as on Databricks.
    return rescues ? frame.withColumn(rescued, functions.lit(null).cast("string")) : frame;
  }

  private static DataFrameReader reader(String format, Map<String, String> options) {
    DataFrameReader reader = SparkSession.active().read().format(format);
    boolean infers = !options.getOrDefault("inferColumnTypes", options.getOrDefault("inferSchema", "true")).equals("false");
    if (format.equals("csv")) reader = reader.option("inferSchema", infers);
    if (format.equals("json") && !infers) reader = reader.option("primitivesAsString", true);
    if (options.containsKey("fileNamePattern")) {
      reader = reader.option("pathGlobFilter", options.get("fileNamePattern"));
    }
    for (Map.Entry<String, String> option : options.entrySet()) {
      if (!OWN.contains(option.getKey().toLowerCase(Locale.ROOT))) {
        reader = reader.option(option.getKey(), option.getValue());
      }
    }
    return reader;
  }

  private static StructType hinted(StructType inferred, String hints) {
    Map<String, StructField> wanted = new HashMap<>();
    for (StructField hint : StructType.fromDDL(hints).fields()) wanted.put(hint.name().toLowerCase(Locale.ROOT), hint);
    List<StructField> fields = new ArrayList<>();
    for (StructField field : inferred.fields()) {
      StructField hint = wanted.remove(field.name().toLowerCase(Locale.ROOT));
      fields.add(hint == null ? field : new StructField(field.name(), hint.dataType(), true, field.metadata()));
    }
    fields.addAll(wanted.values());
    return new StructType(fields.toArray(StructField[]::new));
  }

  private static String format(String path, Map<String, String> options) {
    String given = options.get("format");
    String format = (given != null ? given : sniffed(new Path(path), path)).toLowerCase(Locale.ROOT);
    if (SERVED.contains(format)) return format;
    throw refused(
        "UNSUPPORTED_FEATURE.LOCAL_HARNESS",
        "read_files of format " + format + " is not supported by the local harness; csv, json, parquet, orc, text, xml"
            + " and binaryFile are.",
        "0A000");
  }

  /** The format that the extension of the first file says. */
  private static String sniffed(Path root, String path) {
    try {
      FileSystem system = root.getFileSystem(((org.apache.spark.sql.classic.SparkSession) SparkSession.active()).sessionState().newHadoopConf());
      FileStatus[] found = system.globStatus(root);
      if (found == null || found.length == 0) throw new FileNotFoundException(path);
      String name = first(system, found);
      String extension = name == null ? "" : extension(name);
      if (FORMATS.containsKey(extension)) return FORMATS.get(extension);
    } catch (FileNotFoundException e) {
      throw refused("PATH_NOT_FOUND", "Path does not exist: " + path + ".", "42K03");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    throw refused(
        "CF_CANNOT_DETERMINE_FORMAT", "The format of the files in " + path + " cannot be told; say format => '…'.", "42K03");
  }

  private static String first(FileSystem system, FileStatus[] found) throws IOException {
    for (FileStatus status : found) {
      String name = status.getPath().getName();
      if (name.startsWith("_") || name.startsWith(".")) continue;
      if (!status.isDirectory()) return name;
      String inner = first(system, system.listStatus(status.getPath()));
      if (inner != null) return inner;
    }
    return null;
  }

  private static String extension(String name) {
    String[] parts = name.toLowerCase(Locale.ROOT).split("\\.");
    String last = parts[parts.length - 1];
    return parts.length > 2 && COMPRESSED.contains(last) ? parts[parts.length - 2] : last;
  }

  private static String text(String name, Expression value) {
    if (!value.resolved() || !value.foldable()) {
      throw refused("NON_FOLDABLE_ARGUMENT", "read_files needs a constant for " + name + ".", "42K08");
    }
    Object result = value.eval(null);
    return result == null ? "" : result.toString();
  }

  private static IllegalArgumentException refused(String condition, String message, String state) {
    return new IllegalArgumentException("[" + condition + "] " + message + " SQLSTATE: " + state);
  }
}
