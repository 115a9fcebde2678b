package io.unitycatalog.harness;

import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.connector.catalog.Column;
import org.apache.spark.sql.connector.catalog.StagedTable;
import org.apache.spark.sql.connector.catalog.SupportsWrite;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.connector.write.LogicalWriteInfo;
import org.apache.spark.sql.connector.write.WriteBuilder;

/** Delta's staged table, and what is to be done once it is committed. */
final class ReportingTable implements StagedTable, SupportsWrite {
  private final StagedTable staged;
  private final Runnable afterCommit;

  ReportingTable(StagedTable staged, Runnable afterCommit) {
    this.staged = staged;
    this.afterCommit = afterCommit;
  }

  @Override
  public void commitStagedChanges() {
    staged.commitStagedChanges();
    afterCommit.run();
  }

  @Override
  public void abortStagedChanges() {
    staged.abortStagedChanges();
  }

  @Override
  public WriteBuilder newWriteBuilder(LogicalWriteInfo info) {
    return ((SupportsWrite) staged).newWriteBuilder(info);
  }

  @Override
  public String name() {
    return staged.name();
  }

  @Override
  public Column[] columns() {
    return staged.columns();
  }

  @Override
  public Transform[] partitioning() {
    return staged.partitioning();
  }

  @Override
  public Map<String, String> properties() {
    return staged.properties();
  }

  @Override
  public Set<TableCapability> capabilities() {
    return staged.capabilities();
  }
}
