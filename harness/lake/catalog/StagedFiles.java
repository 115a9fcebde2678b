package io.unitycatalog.harness;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.catalyst.analysis.NoSuchNamespaceException;
import org.apache.spark.sql.catalyst.analysis.TableAlreadyExistsException;
import org.apache.spark.sql.connector.catalog.Column;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.StagedTable;
import org.apache.spark.sql.connector.catalog.SupportsWrite;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.connector.write.LogicalWriteInfo;
import org.apache.spark.sql.connector.write.SupportsTruncate;
import org.apache.spark.sql.connector.write.V1Write;
import org.apache.spark.sql.connector.write.WriteBuilder;
import org.apache.spark.sql.sources.InsertableRelation;

/**
 * CREATE TABLE ... USING parquet AS SELECT: writes the files, then registers the table. Delta's catalog refuses this
 * for other formats than its own outside Spark's session catalog ("does not support append in batch mode").
 */
final class StagedFiles implements StagedTable, SupportsWrite {
  private final Store store;
  private final Identifier name;
  private final Column[] columns;
  private final Transform[] partitions;
  private final Map<String, String> properties;
  private boolean written;

  StagedFiles(Store store, Identifier name, Column[] columns, Transform[] partitions, Map<String, String> properties) {
    this.store = store;
    this.name = name;
    this.columns = columns;
    this.partitions = partitions;
    this.properties = properties;
  }

  @Override
  public WriteBuilder newWriteBuilder(LogicalWriteInfo info) {
    return new Files();
  }

  private final class Files implements WriteBuilder, SupportsTruncate {
    @Override
    public WriteBuilder truncate() {
      return this;
    }

    @Override
    public V1Write build() {
      return new V1Write() {
        @Override
        public InsertableRelation toInsertableRelation() {
          return (rows, overwrite) -> write(rows);
        }
      };
    }
  }

  private void write(Dataset<Row> rows) {
    String location = properties.get(TableCatalog.PROP_LOCATION);
    Map<String, String> options = new HashMap<>();
    String prefix = TableCatalog.OPTION_PREFIX;
    properties.forEach(
        (key, value) -> {
          if (key.startsWith(prefix)) options.put(key.substring(prefix.length()), value);
        });
    rows.write()
        .format(properties.get(TableCatalog.PROP_PROVIDER))
        .options(options)
        .mode(SaveMode.ErrorIfExists) // as Spark: CREATE TABLE AS SELECT does not overwrite a folder
        .partitionBy(Arrays.stream(partitions).map(t -> t.references()[0].fieldNames()[0]).toArray(String[]::new))
        .save(location);
    written = true;
  }

  @Override
  public void commitStagedChanges() {
    try {
      store.createTable(name, columns, partitions, properties);
    } catch (TableAlreadyExistsException | NoSuchNamespaceException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void abortStagedChanges() {
    if (written) Store.deleteData(properties.get(TableCatalog.PROP_LOCATION));
  }

  @Override
  public String name() {
    return name.toString();
  }

  @Override
  public Column[] columns() {
    return columns;
  }

  @Override
  public Transform[] partitioning() {
    return partitions;
  }

  @Override
  public Set<TableCapability> capabilities() {
    return Set.of(TableCapability.V1_BATCH_WRITE, TableCapability.TRUNCATE, TableCapability.ACCEPT_ANY_SCHEMA);
  }
}
