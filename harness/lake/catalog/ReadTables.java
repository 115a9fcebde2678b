package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.catalyst.analysis.NoSuchNamespaceException;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.catalyst.catalog.CatalogTable;
import org.apache.spark.sql.connector.catalog.Changelog;
import org.apache.spark.sql.connector.catalog.ChangelogContext;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.Relation;
import org.apache.spark.sql.connector.catalog.RelationCatalog;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.connector.catalog.TableCatalogCapability;
import org.apache.spark.sql.connector.catalog.TableSummary;
import org.apache.spark.sql.connector.catalog.V1Table;
import org.apache.spark.sql.delta.catalog.DeltaCatalog;
import org.apache.spark.sql.delta.catalog.DeltaTableV2;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Tables as Spark reads them: Delta's own (its DeltaCatalog stands on our Store), files of other formats, versions in
 * names, {@code information_schema} and what stands in for the system's tables.
 */
abstract class ReadTables extends Schemas implements RelationCatalog {
  private static final Set<String> VERSIONS = Set.of("delta.lastUpdateVersion", "delta.lastCommitTimestamp");

  protected final Store store = new Store();
  protected final DeltaCatalog delta = new DeltaCatalog();

  @Override
  public void initialize(String name, CaseInsensitiveStringMap options) {
    super.initialize(name, options);
    Map<String, String> all = new HashMap<>(options.asCaseSensitiveMap());
    all.put("deltaRestApi.enabled", "false"); // else Delta looks for a Unity Catalog server of its own
    CaseInsensitiveStringMap given = new CaseInsensitiveStringMap(all);
    store.initialize(name, given);
    delta.setDelegateCatalog(store);
    delta.initialize(name, given);
  }

  @Override
  public String[] defaultNamespace() {
    return new String[] {"default"};
  }

  @Override
  public Set<TableCatalogCapability> capabilities() {
    Set<TableCatalogCapability> all = new HashSet<>(delta.capabilities());
    all.add(TableCatalogCapability.SUPPORT_TABLE_CONSTRAINT);
    return all;
  }

  @Override
  public Relation loadRelation(Identifier i) throws NoSuchTableException {
    if (InformationSchema.is(i.namespace()) || StandIns.has(catalog, i)) return loadTable(i);
    JsonNode document = store.find(i);
    if (document != null && Store.isView(document)) return Views.fromRest(document);
    return load(i, document);
  }

  @Override
  public Table loadTable(Identifier i) throws NoSuchTableException {
    if (InformationSchema.is(i.namespace())) return information(i);
    if (StandIns.has(catalog, i)) return standIn(i);
    JsonNode document = store.find(i);
    return load(i, document != null && Store.isView(document) ? null : document);
  }

  private Table standIn(Identifier i) throws NoSuchTableException {
    Table table = StandIns.find(catalog, i);
    if (table == null) throw store.noTable(i);
    return table;
  }

  private Table information(Identifier i) throws NoSuchTableException {
    Table table = InformationSchema.table(catalog, i.name());
    if (table == null) throw store.noTable(i);
    return table;
  }

  private Table load(Identifier i, JsonNode document) throws NoSuchTableException {
    if (document == null) {
      if (Store.isPath(i)) return delta.loadTable(i);
      String version = Dialect.version(i.name());
      if (version != null) return load(i, version);
      throw store.noTable(i);
    }
    CatalogTable table = store.toV1(i, document);
    if (!isDelta(document)) return new V1Table(table);
    Table loaded = delta.loadCatalogTable(i, table);
    report(i, document, loaded);
    return loaded;
  }

  /** A table whose name ends with a version. */
  private Table load(Identifier i, String version) {
    String name = i.name().substring(0, i.name().length() - version.length() - 1);
    Identifier plain = Identifier.of(i.namespace(), name);
    if (version.toLowerCase(Locale.ROOT).startsWith("v")) return loadTable(plain, version.substring(1));
    LocalDateTime moment = LocalDateTime.parse(version, DateTimeFormatter.ofPattern("yyyyMMddHHmmssSSS"));
    ZoneId zone = ZoneId.of(SQLConf.get().sessionLocalTimeZone());
    return loadTable(plain, moment.atZone(zone).toInstant().toEpochMilli() * 1000);
  }

  @Override
  public Table loadTable(Identifier i, String version) {
    return delta.loadTable(i, version);
  }

  @Override
  public Table loadTable(Identifier i, long timestamp) {
    return delta.loadTable(i, timestamp);
  }

  @Override
  public Changelog loadChangelog(Identifier i, ChangelogContext context, CaseInsensitiveStringMap options)
      throws NoSuchTableException {
    return delta.loadChangelog(i, context, options);
  }

  @Override
  public boolean tableExists(Identifier i) {
    if (InformationSchema.is(i.namespace())) return InformationSchema.table(catalog, i.name()) != null;
    if (StandIns.has(catalog, i)) return StandIns.find(catalog, i) != null;
    if (Store.isPath(i)) return delta.tableExists(i);
    JsonNode document = store.find(i);
    return document != null && !Store.isView(document);
  }

  @Override
  public Identifier[] listTables(String[] namespace) throws NoSuchNamespaceException {
    if (InformationSchema.is(namespace)) {
      return InformationSchema.TABLES.stream().map(name -> Identifier.of(namespace, name)).toArray(Identifier[]::new);
    }
    return store.listTables(namespace);
  }

  @Override
  public TableSummary[] listRelationSummaries(String[] namespace) throws NoSuchNamespaceException {
    if (InformationSchema.is(namespace)) {
      return Arrays.stream(listTables(namespace)).map(i -> TableSummary.of(i, "VIEW")).toArray(TableSummary[]::new);
    }
    return store.list(namespace).stream()
        .map(d -> TableSummary.of(Identifier.of(namespace, d.path("name").asText()), d.path("table_type").asText()))
        .toArray(TableSummary[]::new);
  }

  /** Tell the REST API what Delta's log says now: a write may have changed the schema without asking any catalog. */
  private void report(Identifier i, JsonNode document, Table table) throws NoSuchTableException {
    if (!(table instanceof DeltaTableV2 loaded)) return;
    List<String> partitions =
        CollectionConverters.asJava(loaded.initialSnapshot().metadata().partitionColumns());
    JsonNode columns = Columns.toRest(loaded.schema(), partitions);
    Map<String, String> properties = Store.ordinary(loaded.properties());
    Map<String, String> known = Store.strings(document.path("properties"));
    properties.putAll(Keys.of(known));
    // They change with every commit.
    known.keySet().removeAll(VERSIONS);
    properties.keySet().removeAll(VERSIONS);
    String comment = loaded.properties().getOrDefault(TableCatalog.PROP_COMMENT, "");
    if (Columns.essence(columns).equals(Columns.essence(document.path("columns")))
        && properties.equals(known)
        && comment.equals(document.path("comment").asText(""))) return;
    ObjectNode changes = Rest.JSON.createObjectNode().put("comment", comment);
    changes.set("columns", columns);
    changes.set("properties", Rest.JSON.valueToTree(properties));
    store.update(i, changes);
  }

  protected static boolean isDelta(JsonNode document) {
    return document.path("data_source_format").asText("DELTA").equalsIgnoreCase("delta");
  }

  /** `RENAME TO cat.schema.t` reaches a catalog with its own name as the first part (measured). */
  protected Identifier target(Identifier from, Identifier to) {
    String[] namespace = to.namespace();
    if (namespace.length == 0) return Identifier.of(from.namespace(), to.name());
    if (namespace.length == 2 && namespace[0].equalsIgnoreCase(catalog)) {
      return Identifier.of(new String[] {namespace[1]}, to.name());
    }
    return to;
  }

  // ---- privileges ----------------------------------------------------------------------------------

  /** Source: docs.databricks.com/data-governance/unity-catalog/manage-privileges/privileges; views need CREATE TABLE. */
  protected void makes(Identifier i) {
    if (isOurs(i)) Privileges.need("SCHEMA", catalog + "." + i.namespace()[0], "CREATE_TABLE");
  }

  protected void manages(Identifier i) {
    needs(i, "MANAGE");
  }

  protected void needs(Identifier i, String privilege) {
    if (isOurs(i)) Privileges.need("TABLE", catalog + "." + i.namespace()[0] + "." + i.name(), privilege);
  }

  private static boolean isOurs(Identifier i) {
    return i.namespace().length == 1 && !Store.isPath(i) && !InformationSchema.is(i.namespace());
  }
}
