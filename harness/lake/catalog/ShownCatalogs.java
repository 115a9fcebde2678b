package io.unitycatalog.harness;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.catalyst.plans.logical.LocalRelation$;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.catalog.CatalogManager;
import org.apache.spark.sql.execution.command.ShowCatalogsCommand;
import scala.jdk.javaapi.CollectionConverters;

/** SHOW CATALOGS without Spark's own catalog, which is none of Unity Catalog's. */
final class ShownCatalogs extends Rule<LogicalPlan> {
  private final SparkSession session;

  ShownCatalogs(org.apache.spark.sql.SparkSession session) {
    this.session = (SparkSession) session;
  }

  @Override
  public LogicalPlan apply(LogicalPlan plan) {
    if (!(plan instanceof ShowCatalogsCommand show)) return plan;
    CatalogManager manager = session.sessionState().catalogManager();
    List<Row> rows = new ArrayList<>();
    for (String name : CollectionConverters.asJava(manager.listCatalogs(show.pattern()))) {
      if (!name.equals(CatalogManager.SESSION_CATALOG_NAME())) rows.add(RowFactory.create(name));
    }
    return LocalRelation$.MODULE$.fromExternalRows(show.output(), V1.seq(rows));
  }
}
