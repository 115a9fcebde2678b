package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.catalyst.analysis.NoSuchFunctionException;
import org.apache.spark.sql.catalyst.analysis.NoSuchNamespaceException;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.catalyst.analysis.NoSuchViewException;
import org.apache.spark.sql.catalyst.analysis.NonEmptyNamespaceException;
import org.apache.spark.sql.catalyst.analysis.TableAlreadyExistsException;
import org.apache.spark.sql.catalyst.analysis.ViewAlreadyExistsException;
import org.apache.spark.sql.catalyst.catalog.CatalogTable;
import org.apache.spark.sql.connector.catalog.Changelog;
import org.apache.spark.sql.connector.catalog.ChangelogContext;
import org.apache.spark.sql.connector.catalog.Column;
import org.apache.spark.sql.connector.catalog.FunctionCatalog;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.ProcedureCatalog;
import org.apache.spark.sql.connector.catalog.Relation;
import org.apache.spark.sql.connector.catalog.RelationCatalog;
import org.apache.spark.sql.connector.catalog.StagedTable;
import org.apache.spark.sql.connector.catalog.StagingTableCatalog;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.connector.catalog.TableCatalogCapability;
import org.apache.spark.sql.connector.catalog.TableChange;
import org.apache.spark.sql.connector.catalog.TableInfo;
import org.apache.spark.sql.connector.catalog.TableSummary;
import org.apache.spark.sql.connector.catalog.V1Table;
import org.apache.spark.sql.connector.catalog.View;
import org.apache.spark.sql.connector.catalog.functions.UnboundFunction;
import org.apache.spark.sql.connector.catalog.procedures.UnboundProcedure;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.delta.catalog.DeltaCatalog;
import org.apache.spark.sql.delta.catalog.DeltaTableV2;
import org.apache.spark.sql.execution.datasources.DataSource;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import scala.jdk.javaapi.CollectionConverters;

/**
 * A catalog of the workspace as Spark sees it: {@code spark.sql.catalog.main = io.unitycatalog.harness.HarnessCatalog}.
 * Tables are Delta's own (its DeltaCatalog stands on our Store); views, names and other formats are ours.
 */
public final class HarnessCatalog extends Schemas
    implements StagingTableCatalog, RelationCatalog, FunctionCatalog, ProcedureCatalog {
  private static final Set<String> VERSIONS = Set.of("delta.lastUpdateVersion", "delta.lastCommitTimestamp");

  private final Store store = new Store();
  private final DeltaCatalog delta = new DeltaCatalog();

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

  // ---- reading -------------------------------------------------------------------------------------

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

  // ---- making and changing tables ------------------------------------------------------------------

  @Override
  public Table createTable(Identifier i, TableInfo info) throws TableAlreadyExistsException, NoSuchNamespaceException {
    Table created = createTable(i, info.columns(), info.partitions(), Keys.withChecks(info));
    Keys.keep(store, i, info);
    return created;
  }

  @Override
  public Table createTable(Identifier i, Column[] columns, Transform[] partitions, Map<String, String> properties)
      throws TableAlreadyExistsException, NoSuchNamespaceException {
    makes(i);
    delta.createTable(i, columns, partitions, placed(i, properties));
    return reload(i);
  }

  @Override
  public Table createTableLike(Identifier i, TableInfo info, Table source)
      throws TableAlreadyExistsException, NoSuchNamespaceException {
    return createTable(i, info); // Delta's own (4.4.0) would register the table in Spark's session catalog
  }

  @Override
  public StagedTable stageCreate(Identifier i, TableInfo info)
      throws TableAlreadyExistsException, NoSuchNamespaceException {
    return stageCreate(i, info.columns(), info.partitions(), Keys.withChecks(info));
  }

  @Override
  public StagedTable stageCreate(Identifier i, Column[] columns, Transform[] partitions, Map<String, String> properties)
      throws TableAlreadyExistsException, NoSuchNamespaceException {
    makes(i);
    Map<String, String> placed = placed(i, properties);
    if (isFiles(placed)) return new StagedFiles(store, i, columns, partitions, placed);
    return new ReportingTable(delta.stageCreate(i, columns, partitions, placed), () -> reload(i));
  }

  @Override
  public StagedTable stageReplace(Identifier i, TableInfo info) throws NoSuchNamespaceException, NoSuchTableException {
    return stageReplace(i, info.columns(), info.partitions(), Keys.withChecks(info));
  }

  @Override
  public StagedTable stageReplace(
      Identifier i, Column[] columns, Transform[] partitions, Map<String, String> properties)
      throws NoSuchNamespaceException, NoSuchTableException {
    JsonNode document = store.find(i);
    if (document == null && !Store.isPath(i)) throw store.noTable(i);
    return stageCreateOrReplace(i, columns, partitions, properties);
  }

  @Override
  public StagedTable stageCreateOrReplace(Identifier i, TableInfo info) throws NoSuchNamespaceException {
    return stageCreateOrReplace(i, info.columns(), info.partitions(), Keys.withChecks(info));
  }

  @Override
  public StagedTable stageCreateOrReplace(
      Identifier i, Column[] columns, Transform[] partitions, Map<String, String> properties)
      throws NoSuchNamespaceException {
    JsonNode document = store.find(i);
    if (document == null) makes(i);
    else manages(i);
    boolean files = isFiles(properties);
    if (document != null && (files || !isDelta(document))) {
      store.purgeTable(i); // one format cannot be replaced by another within a table's folder
    }
    Map<String, String> placed = placed(i, properties);
    if (files) return new StagedFiles(store, i, columns, partitions, placed);
    return new ReportingTable(delta.stageCreateOrReplace(i, columns, partitions, placed), () -> reload(i));
  }

  private Table reload(Identifier i) {
    try {
      return loadTable(i);
    } catch (NoSuchTableException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Properties with a location. Delta is told that it is the system's, so that it asks us, and not Spark's session
   * catalog, about the table that is there; but not for a new table in a folder that the user has named: only an
   * external table may take over what lies there.
   */
  private Map<String, String> placed(Identifier i, Map<String, String> properties) throws NoSuchNamespaceException {
    if (Store.isPath(i)) return properties;
    // DATA_SOURCE_NOT_FOUND before anything is recorded: Spark looks a format up only when it reads.
    if (isFiles(properties)) {
      DataSource.lookupDataSource(properties.get(TableCatalog.PROP_PROVIDER), SQLConf.get());
    }
    String root = store.storageRoot(i.namespace());
    JsonNode existing = store.find(i);
    boolean named = properties.containsKey(TableCatalog.PROP_LOCATION);
    Map<String, String> placed = new HashMap<>(properties);
    placed.putIfAbsent(TableCatalog.PROP_PROVIDER, "delta");
    if (!named) {
      String location = existing == null || Store.isView(existing) ? null : existing.path("storage_location").asText();
      placed.put(TableCatalog.PROP_LOCATION, location != null ? location : Store.newLocation(root, i));
    }
    if (!named || existing != null) placed.put(TableCatalog.PROP_IS_MANAGED_LOCATION, "true");
    return placed;
  }

  private static boolean isFiles(Map<String, String> properties) {
    return !properties.getOrDefault(TableCatalog.PROP_PROVIDER, "delta").equalsIgnoreCase("delta");
  }

  private static boolean isDelta(JsonNode document) {
    return document.path("data_source_format").asText("DELTA").equalsIgnoreCase("delta");
  }

  @Override
  public Table alterTable(Identifier i, TableChange... changes) throws NoSuchTableException {
    boolean ordinary = Arrays.stream(changes).allMatch(HarnessCatalog::isOrdinary);
    needs(i, ordinary ? "MODIFY" : "MANAGE");
    List<TableChange> forDelta = new ArrayList<>();
    for (TableChange change : changes) {
      if (!Keys.change(store, i, change)) forDelta.add(change);
    }
    if (!forDelta.isEmpty()) delta.alterTable(i, forDelta.toArray(TableChange[]::new));
    return loadTable(i);
  }

  @Override
  public boolean dropTable(Identifier i) {
    manages(i);
    return store.dropTable(i);
  }

  @Override
  public boolean purgeTable(Identifier i) {
    manages(i);
    return store.purgeTable(i);
  }

  @Override
  public void renameTable(Identifier from, Identifier to) throws NoSuchTableException, TableAlreadyExistsException {
    manages(from);
    store.renameTable(from, target(from, to));
  }

  /** `RENAME TO cat.schema.t` reaches a catalog with its own name as the first part (measured). */
  private Identifier target(Identifier from, Identifier to) {
    String[] namespace = to.namespace();
    if (namespace.length == 0) return Identifier.of(from.namespace(), to.name());
    if (namespace.length == 2 && namespace[0].equalsIgnoreCase(catalog)) {
      return Identifier.of(new String[] {namespace[1]}, to.name());
    }
    return to;
  }

  // ---- privileges ----------------------------------------------------------------------------------

  /** Source: docs.databricks.com/data-governance/unity-catalog/manage-privileges/privileges; views need CREATE TABLE. */
  private void makes(Identifier i) {
    if (isOurs(i)) Privileges.need("SCHEMA", catalog + "." + i.namespace()[0], "CREATE_TABLE");
  }

  private void manages(Identifier i) {
    needs(i, "MANAGE");
  }

  private void needs(Identifier i, String privilege) {
    if (isOurs(i)) Privileges.need("TABLE", catalog + "." + i.namespace()[0] + "." + i.name(), privilege);
  }

  private static boolean isOurs(Identifier i) {
    return i.namespace().length == 1 && !Store.isPath(i) && !InformationSchema.is(i.namespace());
  }

  /** What ALTER TABLE lets do who may modify it: columns and properties. */
  private static boolean isOrdinary(TableChange change) {
    return change instanceof TableChange.ColumnChange
        || change instanceof TableChange.SetProperty
        || change instanceof TableChange.RemoveProperty;
  }

  // ---- views ---------------------------------------------------------------------------------------

  @Override
  public View loadView(Identifier i) throws NoSuchViewException {
    JsonNode document = store.find(i);
    if (document == null || !Store.isView(document)) throw new NoSuchViewException(store.qualified(i));
    return Views.fromRest(document);
  }

  @Override
  public boolean viewExists(Identifier i) {
    JsonNode document = store.find(i);
    return document != null && Store.isView(document);
  }

  @Override
  public Identifier[] listViews(String[] namespace) {
    try {
      return store.identifiers(namespace, true);
    } catch (NoSuchNamespaceException e) {
      return new Identifier[0];
    }
  }

  @Override
  public View createView(Identifier i, View view) throws ViewAlreadyExistsException, NoSuchNamespaceException {
    makes(i);
    try {
      store.create(i, "VIEW", Views.toRest(view));
    } catch (TableAlreadyExistsException e) {
      throw new ViewAlreadyExistsException(store.qualified(i));
    }
    return view;
  }

  @Override
  public View replaceView(Identifier i, View view) throws NoSuchViewException {
    if (!viewExists(i)) throw new NoSuchViewException(store.qualified(i));
    manages(i);
    try {
      store.update(i, Views.toRest(view));
    } catch (NoSuchTableException e) {
      throw new NoSuchViewException(store.qualified(i));
    }
    return view;
  }

  @Override
  public boolean dropView(Identifier i) {
    if (!viewExists(i)) return false;
    manages(i);
    store.delete(i);
    return true;
  }

  @Override
  public void renameView(Identifier from, Identifier to) throws NoSuchViewException, ViewAlreadyExistsException {
    manages(from);
    try {
      store.renameTable(from, target(from, to));
    } catch (NoSuchTableException e) {
      throw new NoSuchViewException(store.qualified(from));
    } catch (TableAlreadyExistsException e) {
      throw new ViewAlreadyExistsException(store.qualified(to));
    }
  }

  @Override
  public boolean dropNamespace(String[] namespace, boolean cascade)
      throws NoSuchNamespaceException, NonEmptyNamespaceException {
    if (namespace.length == 1) Privileges.need("SCHEMA", catalog + "." + namespace[0], "MANAGE");
    return store.dropNamespace(namespace, cascade);
  }

  // ---- functions ---------------------------------------------------------------------------------------

  @Override
  public Identifier[] listFunctions(String[] namespace) throws NoSuchNamespaceException {
    if (InformationSchema.is(namespace)) return new Identifier[0];
    return store.functions(namespace).stream()
        .map(document -> Identifier.of(namespace, document.path("name").asText()))
        .toArray(Identifier[]::new);
  }

  @Override
  public UnboundFunction loadFunction(Identifier i) throws NoSuchFunctionException {
    JsonNode document = i.namespace().length == 1 ? Rest.find("functions", catalog, i.namespace()[0], i.name()) : null;
    if (document == null) throw new NoSuchFunctionException(store.qualified(i));
    return Functions.load(document);
  }

  // ---- procedures: the SQL front end only ----------------------------------------------------------------

  @Override
  public Identifier[] listProcedures(String[] namespace) {
    return new Identifier[0];
  }

  @Override
  public UnboundProcedure loadProcedure(Identifier i) {
    if (Frontend.is(i)) return new Frontend();
    throw Functions.sneaky(
        new AnalysisException(
            "ROUTINE_NOT_FOUND", V1.scala(Map.of("routineName", "`" + String.join("`.`", store.qualified(i.namespace())) + "`.`" + i.name() + "`"))));
  }
}
