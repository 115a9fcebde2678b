package io.unitycatalog.harness;

import java.util.List;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.delta.DeltaLog;
import org.apache.spark.sql.delta.DeltaOperations;
import org.apache.spark.sql.delta.OptimisticTransaction;
import org.apache.spark.sql.delta.actions.Metadata;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import scala.Option;

/** A column of a Delta table becomes NOT NULL, in one commit. Called from Python, which looks for NULLs between. */
public final class NotNull {
  private NotNull() {}

  /** A transaction that fails if somebody else writes to the table before its end. */
  public static OptimisticTransaction begin(SparkSession session, String location) {
    OptimisticTransaction transaction = DeltaLog.forTable(session, location).startTransaction();
    transaction.readWholeTable();
    return transaction;
  }

  public static void finish(OptimisticTransaction transaction, String column) {
    Metadata old = transaction.metadata();
    StructField[] fields = old.schema().fields().clone();
    int at = old.schema().fieldIndex(column);
    StructField field = fields[at];
    fields[at] = new StructField(field.name(), field.dataType(), false, field.metadata());
    Metadata changed =
        old.copy(
            old.id(),
            old.name(),
            old.description(),
            old.format(),
            new StructType(fields).json(),
            old.partitionColumns(),
            old.configuration(),
            old.createdTime());
    transaction.updateMetadata(changed, false);
    transaction.commit(
        V1.seq(List.of()),
        new DeltaOperations.ChangeColumn(V1.seq(List.of()), column, fields[at], Option.empty()));
  }
}
