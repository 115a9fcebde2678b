package io.unitycatalog.harness;

import static io.unitycatalog.harness.InformationColumns.*;

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
import org.apache.spark.sql.connector.catalog.Table;

/**
 * A catalog's information_schema: what the REST API knows, as tables. Columns as in
 * docs.databricks.com/sql/language-manual/sql-ref-information-schema, those of them that have a value here.
 */
final class InformationSchema {
  static final String NAME = "information_schema";

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
          "referential_constraints", "row_filters", "column_masks", "catalog_privileges", "schema_privileges",
          "table_privileges", "volume_privileges", "routine_privileges", "external_locations", "storage_credentials");

  /** A table of a catalog's information_schema, or null. */
  static Table table(String catalog, String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "catalogs" -> new InformationView(catalog, "catalogs", CATALOGS, InformationSchema::catalogs);
      case "schemata" -> new InformationView(catalog, "schemata", SCHEMATA, InformationSchema::schemas);
      case "tables" -> new InformationView(catalog, "tables", TABLE, InformationSchema::tables);
      case "columns" -> new InformationView(catalog, "columns", COLUMNS, InformationSchema::columns);
      case "views" -> new InformationView(catalog, "views", VIEWS, InformationSchema::views);
      case "routines" -> new InformationView(catalog, "routines", ROUTINES, InformationSchema::routines);
      case "parameters" -> new InformationView(catalog, "parameters", PARAMETERS, InformationSchema::parameters);
      case "volumes" -> new InformationView(catalog, "volumes", VOLUMES, InformationSchema::volumes);
      case "catalog_tags" -> tags(catalog, "catalog");
      case "schema_tags" -> tags(catalog, "schema");
      case "table_tags" -> tags(catalog, "table");
      case "column_tags" -> tags(catalog, "column");
      case "volume_tags" -> tags(catalog, "volume");
      case "table_constraints" -> new InformationView(catalog, "table_constraints", CONSTRAINTS, constraints(d -> first(d)));
      case "key_column_usage" -> new InformationView(catalog, "key_column_usage", USAGE, constraints(d -> true));
      case "referential_constraints" ->
          new InformationView(catalog, "referential_constraints", REFERENCES, constraints(d -> first(d) && !primary(d)));
      case "catalog_privileges", "schema_privileges", "table_privileges", "volume_privileges", "routine_privileges" ->
          privileges(catalog, name.toLowerCase(Locale.ROOT));
      case "external_locations" ->
          new InformationView(catalog, "external_locations", LOCATIONS, (c, fields) -> all(fields, "external-locations"));
      case "storage_credentials" ->
          new InformationView(catalog, "storage_credentials", CREDENTIALS, (c, fields) -> all(fields, "storage-credentials"));
      case "row_filters" -> new InformationView(catalog, "row_filters", FILTERS, InformationSchema::filters);
      case "column_masks" -> new InformationView(catalog, "column_masks", MASKS, InformationSchema::masks);
      default -> null;
    };
  }

  private static InformationView tags(String catalog, String kind) {
    List<String> triples = new ArrayList<>();
    List<String> names = new ArrayList<>(List.of("catalog_name"));
    if (!kind.equals("catalog")) names.add("schema_name");
    if (kind.equals("column")) names.add("table_name");
    if (!List.of("catalog", "schema").contains(kind)) names.add(kind + "_name");
    names.addAll(List.of("tag_name", "tag_value"));
    for (String name : names) triples.addAll(List.of(name, name, TEXT));
    return new InformationView(
        catalog,
        kind + "_tags",
        fields(triples.toArray(String[]::new)),
        (c, fields) -> rows(fields, c, "tags", Map.of("kind", kind), d -> true));
  }

  /** Who may do what with a kind of object: what is granted on it and above it. */
  private static InformationView privileges(String catalog, String view) {
    String kind = view.substring(0, view.indexOf('_'));
    return new InformationView(
        catalog,
        view,
        InformationColumns.privileges(kind),
        (c, fields) -> rows(fields, c, "privileges", Map.of("kind", kind), d -> true));
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

  // ---- rows ----------------------------------------------------------------------------------------------

  /** What belongs to no catalog. */
  private static List<InternalRow> all(Map<String, Field> fields, String kind) {
    List<InternalRow> rows = new ArrayList<>();
    for (JsonNode each : Rest.list(kind, Map.of())) rows.add(row(fields, each, each));
    return rows;
  }

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
    String path = field.path();
    if (Set.of("=none", "=no", "=function", "=full", "=no action").contains(path)) return text(path.substring(1).toUpperCase(Locale.ROOT));
    if (path.equals("=deterministic")) return yes(document.path("is_deterministic").asBoolean(true));
    if (path.equals("=nullable")) return yes(document.path("nullable").asBoolean(true));
    if (path.equals("=identity")) return text(identity(document));
    if (path.equals("=insertable")) return yes(!Store.isView(document));
    JsonNode found = path.startsWith("/") ? owner.path(path.substring(1)) : document.path(path);
    if (found.isMissingNode() || found.isNull()) return null;
    return switch (field.type()) {
      case "int" -> found.asInt();
      case "yes" -> yes(found.asBoolean());
      case "timestamp" -> found.asLong() * 1000;
      default -> text(found.asText());
    };
  }

  /** The kind of a storage credential's identity. */
  private static String identity(JsonNode credential) {
    for (String kind : List.of("aws_iam_role", "azure_managed_identity", "azure_service_principal", "cloudflare_api_token")) {
      if (credential.has(kind)) return kind.toUpperCase(Locale.ROOT);
    }
    return "DATABRICKS_GCP_SERVICE_ACCOUNT";
  }

  private static Object yes(boolean is) {
    return text(is ? "YES" : "NO");
  }

  private static Object text(String text) {
    return CatalystTypeConverters.convertToCatalyst(text);
  }
}
