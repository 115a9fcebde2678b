package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import org.apache.spark.sql.catalyst.CatalystTypeConverters;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.read.LocalScan;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * A catalog's information_schema: what the REST API knows, as tables. Columns as in
 * docs.databricks.com/sql/language-manual/sql-ref-information-schema, those of them that have a value here.
 */
final class InformationSchema {
  static final String NAME = "information_schema";
  private static final String TEXT = "string";

  private InformationSchema() {}

  static boolean is(String[] namespace) {
    return namespace.length == 1 && namespace[0].equalsIgnoreCase(NAME);
  }

  /** The catalog whose information_schema tells of all others. */
  static final String SYSTEM = "system";

  static final Set<String> TABLES =
      Set.of(
          "catalogs", "schemata", "tables", "columns", "views", "routines", "parameters", "volumes", "catalog_tags",
          "schema_tags", "table_tags", "column_tags", "volume_tags", "table_constraints", "key_column_usage",
          "referential_constraints", "row_filters", "column_masks");

  /** A table of a catalog's information_schema, or null. */
  static Table table(String catalog, String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "catalogs" -> new View(catalog, "catalogs", CATALOGS, InformationSchema::catalogs);
      case "schemata" -> new View(catalog, "schemata", SCHEMATA, InformationSchema::schemas);
      case "tables" -> new View(catalog, "tables", TABLE, InformationSchema::tables);
      case "columns" -> new View(catalog, "columns", COLUMNS, InformationSchema::columns);
      case "views" -> new View(catalog, "views", VIEWS, InformationSchema::views);
      case "routines" -> new View(catalog, "routines", ROUTINES, InformationSchema::routines);
      case "parameters" -> new View(catalog, "parameters", PARAMETERS, InformationSchema::parameters);
      case "volumes" -> new View(catalog, "volumes", VOLUMES, InformationSchema::volumes);
      case "catalog_tags" -> tags(catalog, "catalog");
      case "schema_tags" -> tags(catalog, "schema");
      case "table_tags" -> tags(catalog, "table");
      case "column_tags" -> tags(catalog, "column");
      case "volume_tags" -> tags(catalog, "volume");
      case "table_constraints" -> new View(catalog, "table_constraints", CONSTRAINTS, constraints(d -> first(d)));
      case "key_column_usage" -> new View(catalog, "key_column_usage", USAGE, constraints(d -> true));
      case "referential_constraints" ->
          new View(catalog, "referential_constraints", REFERENCES, constraints(d -> first(d) && !primary(d)));
      case "row_filters" -> new View(catalog, "row_filters", FILTERS, InformationSchema::filters);
      case "column_masks" -> new View(catalog, "column_masks", MASKS, InformationSchema::masks);
      default -> null;
    };
  }

  private static View tags(String catalog, String kind) {
    List<String> triples = new ArrayList<>();
    List<String> names = new ArrayList<>(List.of("catalog_name"));
    if (!kind.equals("catalog")) names.add("schema_name");
    if (kind.equals("column")) names.add("table_name");
    if (!List.of("catalog", "schema").contains(kind)) names.add(kind + "_name");
    names.addAll(List.of("tag_name", "tag_value"));
    for (String name : names) triples.addAll(List.of(name, name, TEXT));
    return new View(
        catalog,
        kind + "_tags",
        fields(triples.toArray(String[]::new)),
        (c, fields) -> rows(fields, c, "tags", Map.of("kind", kind), d -> true));
  }

  private static BiFunction<String, Map<String, Field>, List<InternalRow>> constraints(Predicate<JsonNode> wanted) {
    return (catalog, fields) -> rows(fields, catalog, "constraints", Map.of(), wanted);
  }

  private static boolean first(JsonNode column) {
    return column.path("first").asBoolean();
  }

  private static boolean primary(JsonNode column) {
    return column.path("constraint_type").asText().equals("PRIMARY KEY");
  }

  // ---- columns: the name of each, where its value is in the document, and its type -----------------------

  private record Field(String path, String type) {}

  private static Map<String, Field> fields(String... triples) {
    Map<String, Field> fields = new LinkedHashMap<>();
    for (int i = 0; i < triples.length; i += 3) fields.put(triples[i], new Field(triples[i + 1], triples[i + 2]));
    return fields;
  }

  private static final Map<String, Field> CATALOGS =
      fields(
          "catalog_name", "name", TEXT, "catalog_owner", "owner", TEXT, "comment", "comment", TEXT,
          "created", "created_at", "timestamp", "created_by", "created_by", TEXT,
          "last_altered", "updated_at", "timestamp", "last_altered_by", "updated_by", TEXT);

  private static final Map<String, Field> SCHEMATA =
      fields(
          "catalog_name", "catalog_name", TEXT, "schema_name", "name", TEXT, "schema_owner", "owner", TEXT,
          "comment", "comment", TEXT, "created", "created_at", "timestamp", "created_by", "created_by", TEXT,
          "last_altered", "updated_at", "timestamp", "last_altered_by", "updated_by", TEXT);

  private static final Map<String, Field> TABLE =
      fields(
          "table_catalog", "catalog_name", TEXT, "table_schema", "schema_name", TEXT, "table_name", "name", TEXT,
          "table_type", "table_type", TEXT, "is_insertable_into", "=insertable", TEXT, "table_owner", "owner", TEXT,
          "comment", "comment", TEXT, "created", "created_at", "timestamp", "created_by", "created_by", TEXT,
          "last_altered", "updated_at", "timestamp", "last_altered_by", "updated_by", TEXT,
          "data_source_format", "data_source_format", TEXT, "storage_path", "storage_location", TEXT);

  private static final Map<String, Field> COLUMNS =
      fields(
          "table_catalog", "/catalog_name", TEXT, "table_schema", "/schema_name", TEXT, "table_name", "/name", TEXT,
          "column_name", "name", TEXT, "ordinal_position", "position", "int", "is_nullable", "=nullable", TEXT,
          "full_data_type", "type_text", TEXT, "data_type", "type_name", TEXT,
          "numeric_precision", "type_precision", "int", "numeric_scale", "type_scale", "int",
          "partition_index", "partition_index", "int", "comment", "comment", TEXT);

  private static final Map<String, Field> VIEWS =
      fields(
          "table_catalog", "catalog_name", TEXT, "table_schema", "schema_name", TEXT, "table_name", "name", TEXT,
          "view_definition", "view_definition", TEXT, "check_option", "=none", TEXT, "is_updatable", "=no", TEXT,
          "is_insertable_into", "=no", TEXT, "is_materialized", "=no", TEXT);

  private static final Map<String, Field> ROUTINES =
      fields(
          "specific_catalog", "catalog_name", TEXT, "specific_schema", "schema_name", TEXT, "specific_name", "name", TEXT,
          "routine_catalog", "catalog_name", TEXT, "routine_schema", "schema_name", TEXT, "routine_name", "name", TEXT,
          "routine_owner", "owner", TEXT, "routine_type", "=function", TEXT, "data_type", "data_type", TEXT,
          "full_data_type", "full_data_type", TEXT, "routine_body", "routine_body", TEXT,
          "routine_definition", "routine_definition", TEXT, "external_language", "external_language", TEXT,
          "is_deterministic", "=deterministic", TEXT, "sql_data_access", "sql_data_access", TEXT,
          "security_type", "security_type", TEXT, "comment", "comment", TEXT,
          "created", "created_at", "timestamp", "created_by", "created_by", TEXT,
          "last_altered", "updated_at", "timestamp", "last_altered_by", "updated_by", TEXT);

  private static final Map<String, Field> PARAMETERS =
      fields(
          "specific_catalog", "/catalog_name", TEXT, "specific_schema", "/schema_name", TEXT,
          "specific_name", "/name", TEXT, "ordinal_position", "position", "int",
          "parameter_mode", "parameter_mode", TEXT, "parameter_name", "name", TEXT, "data_type", "type_name", TEXT,
          "full_data_type", "type_text", TEXT, "numeric_precision", "type_precision", "int",
          "numeric_scale", "type_scale", "int", "parameter_default", "parameter_default", TEXT,
          "comment", "comment", TEXT);

  private static final Map<String, Field> VOLUMES =
      fields(
          "volume_catalog", "catalog_name", TEXT, "volume_schema", "schema_name", TEXT, "volume_name", "name", TEXT,
          "volume_type", "volume_type", TEXT, "volume_owner", "owner", TEXT, "comment", "comment", TEXT,
          "storage_location", "storage_location", TEXT, "created", "created_at", "timestamp",
          "created_by", "created_by", TEXT, "last_altered", "updated_at", "timestamp",
          "last_altered_by", "updated_by", TEXT);

  private static final Map<String, Field> CONSTRAINTS =
      fields(
          "constraint_catalog", "constraint_catalog", TEXT, "constraint_schema", "constraint_schema", TEXT,
          "constraint_name", "constraint_name", TEXT, "table_catalog", "table_catalog", TEXT,
          "table_schema", "table_schema", TEXT, "table_name", "table_name", TEXT,
          "constraint_type", "constraint_type", TEXT, "is_deferrable", "=no", TEXT, "initially_deferred", "=no", TEXT,
          "enforced", "=no", TEXT, "comment", "comment", TEXT);

  private static final Map<String, Field> USAGE =
      fields(
          "constraint_catalog", "constraint_catalog", TEXT, "constraint_schema", "constraint_schema", TEXT,
          "constraint_name", "constraint_name", TEXT, "table_catalog", "table_catalog", TEXT,
          "table_schema", "table_schema", TEXT, "table_name", "table_name", TEXT, "column_name", "column_name", TEXT,
          "ordinal_position", "ordinal_position", "int",
          "position_in_unique_constraint", "position_in_unique_constraint", "int");

  private static final Map<String, Field> REFERENCES =
      fields(
          "constraint_catalog", "constraint_catalog", TEXT, "constraint_schema", "constraint_schema", TEXT,
          "constraint_name", "constraint_name", TEXT, "unique_constraint_catalog", "unique_constraint_catalog", TEXT,
          "unique_constraint_schema", "unique_constraint_schema", TEXT,
          "unique_constraint_name", "unique_constraint_name", TEXT, "match_option", "=full", TEXT,
          "update_rule", "=no action", TEXT, "delete_rule", "=no action", TEXT);

  private static final Map<String, Field> FILTERS =
      fields(
          "table_catalog", "/catalog_name", TEXT, "table_schema", "/schema_name", TEXT, "table_name", "/name", TEXT,
          "filter_catalog", "catalog", TEXT, "filter_schema", "schema", TEXT, "filter_name", "function", TEXT,
          "target_columns", "columns", TEXT);

  private static final Map<String, Field> MASKS =
      fields(
          "table_catalog", "/catalog_name", TEXT, "table_schema", "/schema_name", TEXT, "table_name", "/name", TEXT,
          "column_name", "column", TEXT, "mask_catalog", "catalog", TEXT, "mask_schema", "schema", TEXT,
          "mask_name", "function", TEXT, "using_columns", "columns", TEXT);

  // ---- rows ----------------------------------------------------------------------------------------------

  private static List<InternalRow> catalogs(String catalog, Map<String, Field> fields) {
    List<InternalRow> rows = new ArrayList<>();
    for (JsonNode each : Rest.list("catalogs", Map.of())) rows.add(row(fields, each, each));
    return rows;
  }

  private static List<InternalRow> schemas(String catalog, Map<String, Field> fields) {
    List<InternalRow> rows = new ArrayList<>();
    for (String name : catalogsOf(catalog)) {
      for (JsonNode each : Rest.list("schemas", Map.of("catalog_name", name))) rows.add(row(fields, each, each));
    }
    return rows;
  }

  private static List<InternalRow> tables(String catalog, Map<String, Field> fields) {
    List<InternalRow> rows = new ArrayList<>();
    for (JsonNode each : documents("tables", catalog)) rows.add(row(fields, each, each));
    return rows;
  }

  private static List<InternalRow> routines(String catalog, Map<String, Field> fields) {
    List<InternalRow> rows = new ArrayList<>();
    for (JsonNode each : documents("functions", catalog)) rows.add(row(fields, each, each));
    return rows;
  }

  private static List<InternalRow> parameters(String catalog, Map<String, Field> fields) {
    List<InternalRow> rows = new ArrayList<>();
    for (JsonNode each : documents("functions", catalog)) {
      for (JsonNode parameter : each.path("input_params").path("parameters")) rows.add(row(fields, parameter, each));
    }
    return rows;
  }

  private static List<InternalRow> volumes(String catalog, Map<String, Field> fields) {
    List<InternalRow> rows = new ArrayList<>();
    for (JsonNode each : documents("volumes", catalog)) rows.add(row(fields, each, each));
    return rows;
  }

  private static List<InternalRow> columns(String catalog, Map<String, Field> fields) {
    List<InternalRow> rows = new ArrayList<>();
    for (JsonNode each : documents("tables", catalog)) {
      for (JsonNode column : each.path("columns")) rows.add(row(fields, column, each));
    }
    return rows;
  }

  private static List<InternalRow> views(String catalog, Map<String, Field> fields) {
    List<InternalRow> rows = new ArrayList<>();
    for (JsonNode each : documents("tables", catalog)) if (Store.isView(each)) rows.add(row(fields, each, each));
    return rows;
  }

  private static List<InternalRow> filters(String catalog, Map<String, Field> fields) {
    List<InternalRow> rows = new ArrayList<>();
    for (JsonNode each : documents("tables", catalog)) {
      JsonNode filter = each.path("row_filter");
      if (!filter.isEmpty()) rows.add(row(fields, guard(filter, "input_column_names"), each));
    }
    return rows;
  }

  private static List<InternalRow> masks(String catalog, Map<String, Field> fields) {
    List<InternalRow> rows = new ArrayList<>();
    for (JsonNode each : documents("tables", catalog)) {
      for (JsonNode column : each.path("columns")) {
        if (!column.has("mask")) continue;
        ObjectNode mask = guard(column.path("mask"), "using_column_names");
        rows.add(row(fields, mask.put("column", column.path("name").asText()), each));
      }
    }
    return rows;
  }

  /** The function that guards a table, by the parts of its name, and the columns that it is given. */
  private static ObjectNode guard(JsonNode said, String list) {
    String[] name = said.path("function_name").asText().split("\\.", 3);
    List<String> columns = new ArrayList<>();
    for (JsonNode column : said.path(list)) columns.add(column.asText());
    ObjectNode guard = Rest.JSON.createObjectNode().put("catalog", name[0]).put("schema", name[1]).put("function", name[2]);
    return guard.put("columns", String.join(", ", columns));
  }

  private static List<JsonNode> documents(String kind, String catalog) {
    List<JsonNode> found = new ArrayList<>();
    for (String name : catalogsOf(catalog)) {
      for (JsonNode schema : Rest.list("schemas", Map.of("catalog_name", name))) {
        found.addAll(Rest.list(kind, Map.of("catalog_name", name, "schema_name", schema.path("name").asText())));
      }
    }
    return found;
  }

  /** The catalogs that an information_schema tells of: its own; the system's of all that are Unity Catalog's. */
  private static List<String> catalogsOf(String catalog) {
    if (!catalog.equals(SYSTEM)) return List.of(catalog);
    return Rest.list("catalogs", Map.of()).stream()
        .map(document -> document.path("name").asText())
        .filter(name -> !name.equals("hive_metastore"))
        .toList();
  }

  /** What the workspace lists for whole catalogs. */
  private static List<InternalRow> rows(
      Map<String, Field> fields, String catalog, String list, Map<String, String> query, Predicate<JsonNode> wanted) {
    List<InternalRow> rows = new ArrayList<>();
    for (String name : catalogsOf(catalog)) {
      Map<String, String> asked = new LinkedHashMap<>(query);
      asked.put("catalog", name);
      for (JsonNode each : Rest.harness(list, asked).path(list)) if (wanted.test(each)) rows.add(row(fields, each, each));
    }
    return rows;
  }

  private static InternalRow row(Map<String, Field> fields, JsonNode document, JsonNode owner) {
    return new GenericInternalRow(fields.values().stream().map(f -> value(f, document, owner)).toArray());
  }

  private static Object value(Field field, JsonNode document, JsonNode owner) {
    String path = field.path;
    if (Set.of("=none", "=no", "=function", "=full", "=no action").contains(path)) return text(path.substring(1).toUpperCase(Locale.ROOT));
    if (path.equals("=deterministic")) return yes(document.path("is_deterministic").asBoolean(true));
    if (path.equals("=nullable")) return yes(document.path("nullable").asBoolean(true));
    if (path.equals("=insertable")) return yes(!Store.isView(document));
    JsonNode found = path.startsWith("/") ? owner.path(path.substring(1)) : document.path(path);
    if (found.isMissingNode() || found.isNull()) return null;
    return switch (field.type) {
      case "int" -> found.asInt();
      case "timestamp" -> found.asLong() * 1000;
      default -> text(found.asText());
    };
  }

  private static Object yes(boolean is) {
    return text(is ? "YES" : "NO");
  }

  private static Object text(String text) {
    return CatalystTypeConverters.convertToCatalyst(text);
  }

  // ---- as Spark reads it ---------------------------------------------------------------------------------

  private record View(
      String catalog,
      String view,
      Map<String, Field> fields,
      BiFunction<String, Map<String, Field>, List<InternalRow>> rows)
      implements Table, SupportsRead {

    @Override
    public String name() {
      return catalog + "." + NAME + "." + view;
    }

    @Override
    public StructType schema() {
      StructType schema = new StructType();
      for (Map.Entry<String, Field> field : fields.entrySet()) {
        schema =
            schema.add(
                field.getKey(),
                switch (field.getValue().type) {
                  case "int" -> DataTypes.IntegerType;
                  case "timestamp" -> DataTypes.TimestampType;
                  default -> DataTypes.StringType;
                });
      }
      return schema;
    }

    @Override
    public Set<TableCapability> capabilities() {
      return Set.of(TableCapability.BATCH_READ);
    }

    @Override
    public ScanBuilder newScanBuilder(CaseInsensitiveStringMap options) {
      return () ->
          new LocalScan() {
            @Override
            public InternalRow[] rows() {
              return rows.apply(catalog, fields).toArray(InternalRow[]::new);
            }

            @Override
            public StructType readSchema() {
              return schema();
            }
          };
    }
  }
}
