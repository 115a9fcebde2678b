package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.catalyst.analysis.NoSuchNamespaceException;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.catalyst.analysis.TableAlreadyExistsException;
import org.apache.spark.sql.connector.catalog.Column;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.StagedTable;
import org.apache.spark.sql.connector.catalog.StagingTableCatalog;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.connector.catalog.TableChange;
import org.apache.spark.sql.connector.catalog.TableInfo;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.execution.datasources.DataSource;
import org.apache.spark.sql.internal.SQLConf;

/** Tables that are made, replaced, altered, renamed and dropped: Delta's own, and files of other formats. */
abstract class WrittenTables extends ReadTables implements StagingTableCatalog {
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

  @Override
  public Table alterTable(Identifier i, TableChange... changes) throws NoSuchTableException {
    boolean ordinary = Arrays.stream(changes).allMatch(WrittenTables::isOrdinary);
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

  /** What ALTER TABLE lets do who may modify it: columns and properties. */
  private static boolean isOrdinary(TableChange change) {
    return change instanceof TableChange.ColumnChange
        || change instanceof TableChange.SetProperty
        || change instanceof TableChange.RemoveProperty;
  }
}
