package io.unitycatalog.harness;

import java.util.List;
import java.util.Map;
import org.apache.spark.sql.catalyst.TableIdentifier;
import org.apache.spark.sql.catalyst.catalog.CatalogStorageFormat;
import org.apache.spark.sql.catalyst.catalog.CatalogTable;
import org.apache.spark.sql.catalyst.catalog.CatalogTable$;
import org.apache.spark.sql.catalyst.catalog.CatalogTableType;
import org.apache.spark.sql.catalyst.catalog.CatalogUtils;
import org.apache.spark.sql.types.StructType;
import scala.Option;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;

/** The only place that touches Catalyst's CatalogTable, whose 22 fields change between Spark's minor versions. */
final class V1 {
  private V1() {}

  static CatalogTable table(
      TableIdentifier name,
      boolean external,
      String location,
      StructType schema,
      String provider,
      List<String> partitions,
      Map<String, String> options,
      Map<String, String> properties,
      String owner,
      String comment) {
    CatalogTable$ companion = CatalogTable$.MODULE$;
    CatalogStorageFormat none = CatalogStorageFormat.empty();
    CatalogStorageFormat storage =
        none.copy(
            Option.apply(CatalogUtils.stringToURI(location)),
            none.inputFormat(),
            none.outputFormat(),
            none.serde(),
            none.compressed(),
            scala(options),
            none.serdeName());
    return companion.apply(
        name,
        external ? CatalogTableType.EXTERNAL() : CatalogTableType.MANAGED(),
        storage,
        schema,
        Option.apply(provider),
        seq(partitions),
        companion.apply$default$7(),
        owner,
        System.currentTimeMillis(),
        companion.apply$default$10(),
        companion.apply$default$11(),
        scala(properties),
        companion.apply$default$13(),
        companion.apply$default$14(),
        Option.apply(comment),
        companion.apply$default$16(),
        companion.apply$default$17(),
        false, // partitions of file tables are found on disk, not tracked
        companion.apply$default$19(),
        companion.apply$default$20(),
        companion.apply$default$21(),
        companion.apply$default$22());
  }

  static <T> Seq<T> seq(List<T> list) {
    return scala.collection.immutable.List$.MODULE$.from(CollectionConverters.asScala(list));
  }

  static scala.collection.immutable.Map<String, String> scala(Map<String, String> map) {
    return scala.collection.immutable.Map$.MODULE$.from(CollectionConverters.asScala(map));
  }
}
