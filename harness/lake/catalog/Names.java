package io.unitycatalog.harness;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.catalyst.analysis.AnalysisContext;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.catalog.CatalogManager;
import scala.jdk.javaapi.CollectionConverters;

/** What a name means that does not say its catalog or schema. */
final class Names {
  private Names() {}

  /** The catalog and schema that a name without them is in: those of the view that is being read, or the session's. */
  static List<String> place(SparkSession session) {
    List<String> ofView = CollectionConverters.asJava(AnalysisContext.get().catalogAndNamespace());
    if (!ofView.isEmpty()) return ofView;
    CatalogManager manager = session.sessionState().catalogManager();
    List<String> current = new ArrayList<>(List.of(manager.currentCatalog().name()));
    current.addAll(Arrays.asList(manager.currentNamespace()));
    return current;
  }
}
