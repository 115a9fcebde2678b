package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.catalyst.TableIdentifier;
import org.apache.spark.sql.catalyst.analysis.NoSuchNamespaceException;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.catalyst.analysis.NonEmptyNamespaceException;
import org.apache.spark.sql.catalyst.analysis.TableAlreadyExistsException;
import org.apache.spark.sql.catalyst.catalog.CatalogTable;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.catalog.CatalogV2Util;
import org.apache.spark.sql.connector.catalog.Column;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.connector.catalog.TableChange;
import org.apache.spark.sql.connector.catalog.V1Table;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.types.StructType;
import scala.Option;

/**
 * What lies under Delta's catalog: the workspace's REST API, told as Spark's TableCatalog. Holds nothing itself.
 *
 * <p>The package's name begins with io.unitycatalog because Delta (AbstractDeltaCatalog.isUnityCatalog) only then keeps
 * the catalog in a table's name and registers new tables here instead of in Spark's session catalog.
 */
final class Store extends Schemas implements TableCatalog {
  // ---- tables and views, as documents ------------------------------------------------------------

  /** The document of a table or view, or null. */
  JsonNode find(Identifier i) {
    return i.namespace().length == 1 && !isPath(i) ? Rest.find("tables", catalog, i.namespace()[0], i.name()) : null;
  }

  static boolean isPath(Identifier i) {
    return i.namespace().length == 1 && i.name().contains("/"); // delta.`/path`
  }

  static boolean isView(JsonNode document) {
    return document.path("table_type").asText().equals("VIEW");
  }

  List<JsonNode> list(String[] namespace) throws NoSuchNamespaceException {
    return list("tables", namespace);
  }

  private List<JsonNode> list(String kind, String[] namespace) throws NoSuchNamespaceException {
    if (namespace.length != 1) throw new NoSuchNamespaceException(namespace);
    try {
      return Rest.list(kind, Map.of("catalog_name", catalog, "schema_name", namespace[0]));
    } catch (Rest.Refused e) {
      if (e.missing()) throw noSchema(namespace);
      throw e;
    }
  }

  void update(Identifier i, ObjectNode changes) throws NoSuchTableException {
    try {
      Rest.update(changes, "tables", catalog, i.namespace()[0], i.name());
    } catch (Rest.Refused e) {
      if (e.missing()) throw noTable(i);
      throw e;
    }
  }

  /** Register a table or view. */
  void create(Identifier i, String type, ObjectNode document)
      throws TableAlreadyExistsException, NoSuchNamespaceException {
    document.put("name", i.name());
    document.put("catalog_name", catalog);
    document.put("schema_name", i.namespace()[0]);
    document.put("table_type", type);
    try {
      Rest.create("tables", document);
    } catch (Rest.Refused e) {
      if (e.exists()) throw new TableAlreadyExistsException(qualified(i));
      if (e.missing()) throw noSchema(i.namespace());
      throw e;
    }
  }

  void delete(Identifier i) {
    Rest.delete("tables", catalog, i.namespace()[0], i.name());
  }

  void rename(Identifier from, Identifier to) throws NoSuchTableException {
    ObjectNode changes = Rest.JSON.createObjectNode().put("new_name", to.name());
    if (!to.namespace()[0].equalsIgnoreCase(from.namespace()[0])) changes.put("new_schema_name", to.namespace()[0]);
    update(from, changes);
  }

  /** Where a new managed table goes. Eight random digits: a table dropped and made anew shares nothing with the old. */
  static String newLocation(String storageRoot, Identifier i) {
    String digits = java.util.UUID.randomUUID().toString().substring(0, 8);
    return storageRoot + "/" + i.name().toLowerCase(Locale.ROOT) + "-" + digits;
  }

  private static boolean isManaged(String storageRoot, Identifier i, String location) {
    String prefix = storageRoot + "/" + i.name().toLowerCase(Locale.ROOT) + "-";
    return plain(location).matches(java.util.regex.Pattern.quote(plain(prefix)) + "[0-9a-f]{8}");
  }

  // Spark writes file:/x where the workspace says file:///x.
  private static String plain(String location) {
    return location.replaceFirst("^file:/+", "/");
  }

  // ---- tables --------------------------------------------------------------------------------------

  CatalogTable toV1(Identifier i, JsonNode document) {
    JsonNode columns = document.path("columns");
    String provider = document.path("data_source_format").asText("DELTA").toLowerCase(Locale.ROOT);
    Map<String, String> properties = new HashMap<>();
    Map<String, String> options = new HashMap<>();
    boolean delta = provider.equals("delta");
    if (!delta) {
      strings(document.path("properties"))
          .forEach(
              (key, value) -> {
                if (key.startsWith(OPTION_PREFIX)) options.put(key.substring(OPTION_PREFIX.length()), value);
                else properties.put(key, value);
              });
    }
    return V1.table(
        new TableIdentifier(i.name(), Option.apply(i.namespace()[0]), Option.apply(catalog)),
        document.path("table_type").asText().equals("EXTERNAL"),
        document.path("storage_location").asText(),
        // Delta's log knows the schema; one given here would be taken for the schema that a stream began with, and
        // reads would fail with DELTA_READ_SOURCE_SCHEMA_CONFLICT once the table has changed (measured).
        delta ? new StructType() : Columns.fromRest(columns),
        provider,
        delta ? List.of() : Columns.partitions(columns),
        options,
        properties,
        document.path("owner").asText(""),
        document.hasNonNull("comment") ? document.get("comment").asText() : null);
  }

  @Override
  public Table loadTable(Identifier i) throws NoSuchTableException {
    JsonNode document = find(i);
    if (document == null || isView(document)) throw noTable(i);
    return new V1Table(toV1(i, document));
  }

  @Override
  public Table createTable(Identifier i, Column[] columns, Transform[] partitions, Map<String, String> properties)
      throws TableAlreadyExistsException, NoSuchNamespaceException {
    return createTable(i, CatalogV2Util.v2ColumnsToStructType(columns), partitions, properties);
  }

  @Override
  public Table createTable(Identifier i, StructType schema, Transform[] partitions, Map<String, String> properties)
      throws TableAlreadyExistsException, NoSuchNamespaceException {
    String location = properties.get(TableCatalog.PROP_LOCATION);
    String provider = properties.getOrDefault(TableCatalog.PROP_PROVIDER, "delta");
    ObjectNode document = Rest.JSON.createObjectNode();
    document.put("data_source_format", provider.toUpperCase(Locale.ROOT));
    document.put("storage_location", location);
    document.set("columns", Columns.toRest(schema, partitionNames(partitions)));
    document.set("properties", Rest.JSON.valueToTree(ordinary(properties)));
    String comment = properties.get(TableCatalog.PROP_COMMENT);
    if (comment != null) document.put("comment", comment);
    create(i, isManaged(storageRoot(i.namespace()), i, location) ? "MANAGED" : "EXTERNAL", document);
    try {
      return loadTable(i);
    } catch (NoSuchTableException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<String> partitionNames(Transform[] transforms) {
    return Arrays.stream(transforms)
        .filter(t -> t.name().equals("identity"))
        .map(t -> String.join(".", t.references()[0].fieldNames()))
        .toList();
  }

  /** Changes to a table that is not Delta's: Delta's own are made by Delta. */
  @Override
  public Table alterTable(Identifier i, TableChange... changes) throws NoSuchTableException {
    JsonNode document = find(i);
    if (document == null) throw noTable(i);
    StructType schema = Columns.fromRest(document.path("columns"));
    String provider = document.path("data_source_format").asText().toLowerCase(Locale.ROOT);
    var list = V1.seq(Arrays.asList(changes));
    StructType changed =
        CatalogV2Util.applySchemaChanges(schema, list, Option.apply(provider), "ALTER TABLE");
    Map<String, String> before = new HashMap<>(strings(document.path("properties")));
    if (document.hasNonNull("comment")) before.put(TableCatalog.PROP_COMMENT, document.get("comment").asText());
    Map<String, String> after = CatalogV2Util.applyPropertiesChanges(before, list);
    if (after.containsKey(TableCatalog.PROP_LOCATION)) {
      throw new UnsupportedOperationException("ALTER TABLE ... SET LOCATION");
    }
    ObjectNode update = Rest.JSON.createObjectNode();
    update.set("columns", Columns.toRest(changed, Columns.partitions(document.path("columns"))));
    update.set("properties", Rest.JSON.valueToTree(ordinary(after)));
    update.put("comment", after.getOrDefault(TableCatalog.PROP_COMMENT, ""));
    update(i, update);
    return loadTable(i);
  }

  @Override
  public boolean dropTable(Identifier i) {
    return dropTable(i, false);
  }

  @Override
  public boolean purgeTable(Identifier i) {
    return dropTable(i, true);
  }

  private boolean dropTable(Identifier i, boolean purge) {
    JsonNode document = find(i);
    if (document == null || isView(document)) return false;
    // First the name, then the data: no name ever points to data that is gone.
    boolean kept = Rest.dropTable(purge, catalog, i.namespace()[0], i.name());
    boolean managed = !document.path("table_type").asText().equals("EXTERNAL");
    if (managed && !kept) deleteData(document.path("storage_location").asText());
    return true;
  }

  static void deleteData(String location) {
    try {
      Path path = new Path(location);
      path.getFileSystem(SparkSession.active().sessionState().newHadoopConf()).delete(path, true);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void renameTable(Identifier from, Identifier to) throws NoSuchTableException, TableAlreadyExistsException {
    try {
      rename(from, to);
    } catch (Rest.Refused e) {
      if (e.exists()) throw new TableAlreadyExistsException(qualified(to));
      throw e;
    }
  }

  @Override
  public Identifier[] listTables(String[] namespace) throws NoSuchNamespaceException {
    return identifiers(namespace, false);
  }

  Identifier[] identifiers(String[] namespace, boolean views) throws NoSuchNamespaceException {
    return list(namespace).stream()
        .filter(document -> isView(document) == views)
        .map(document -> Identifier.of(namespace, document.path("name").asText()))
        .toArray(Identifier[]::new);
  }

  // ---- schemas -------------------------------------------------------------------------------------

  @Override
  public boolean dropNamespace(String[] namespace, boolean cascade)
      throws NoSuchNamespaceException, NonEmptyNamespaceException {
    if (!namespaceExists(namespace)) return false;
    List<JsonNode> contents = list(namespace);
    if (!cascade && !(contents.isEmpty() && list("volumes", namespace).isEmpty() && functions(namespace).isEmpty())) {
      throw new NonEmptyNamespaceException(qualified(namespace));
    }
    for (JsonNode document : contents) {
      Identifier i = Identifier.of(namespace, document.path("name").asText());
      if (isView(document)) delete(i);
      else purgeTable(i);
    }
    Rest.delete("schemas", catalog, namespace[0]);
    return true;
  }

  List<JsonNode> functions(String[] namespace) throws NoSuchNamespaceException {
    return list("functions", namespace);
  }
}
