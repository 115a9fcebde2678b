package io.unitycatalog.harness;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.read.LocalScan;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/** A table of an information_schema as Spark reads it: its rows are made when it is read. */
record InformationView(
    String catalog,
    String view,
    Map<String, InformationColumns.Field> fields,
    BiFunction<String, Map<String, InformationColumns.Field>, List<InternalRow>> rows)
    implements Table, SupportsRead {

  @Override
  public String name() {
    return catalog + "." + InformationSchema.NAME + "." + view;
  }

  @Override
  public StructType schema() {
    StructType schema = new StructType();
    for (Map.Entry<String, InformationColumns.Field> field : fields.entrySet()) {
      schema =
          schema.add(
              field.getKey(),
              switch (field.getValue().type()) {
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
