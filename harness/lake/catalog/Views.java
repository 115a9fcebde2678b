package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.connector.catalog.View;

/**
 * Views in the catalog, under the property names Spark itself gives to views in a metastore, so that a view comes back
 * exactly: its text, the catalog and schema that were current, the SQL settings, the columns.
 */
final class Views {
  private static final String CATALOG = "view.catalogAndNamespace.";
  private static final String CONF = "view.sqlConfig.";
  private static final String OUTPUT = "view.query.out.";
  private static final String MODE = "view.schemaMode";

  private Views() {}

  /** The parts of a document that say what the view is; to be completed with its name. */
  static ObjectNode toRest(View view) {
    ObjectNode document = Rest.JSON.createObjectNode();
    Map<String, String> properties = new HashMap<>(view.properties());
    String comment = properties.remove(TableCatalog.PROP_COMMENT);
    properties.remove(TableCatalog.PROP_OWNER);
    properties.remove(TableCatalog.PROP_TABLE_TYPE);
    List<String> place = new ArrayList<>();
    if (view.currentCatalog() != null) {
      place.add(view.currentCatalog());
      place.addAll(List.of(view.currentNamespace()));
    }
    properties.put(CATALOG + "numParts", Integer.toString(place.size()));
    for (int i = 0; i < place.size(); i++) properties.put(CATALOG + "part." + i, place.get(i));
    view.sqlConfigs().forEach((key, value) -> properties.put(CONF + key, value));
    String[] output = view.queryColumnNames();
    properties.put(OUTPUT + "numCols", Integer.toString(output.length));
    for (int i = 0; i < output.length; i++) properties.put(OUTPUT + "col." + i, output[i]);
    if (view.schemaMode() != null) properties.put(MODE, view.schemaMode());
    document.put("view_definition", view.queryText());
    document.set("columns", Columns.toRest(view.schema(), List.of()));
    document.set("properties", Rest.JSON.valueToTree(properties));
    if (comment != null) document.put("comment", comment);
    return document;
  }

  static View fromRest(JsonNode document) {
    Map<String, String> stored = Store.strings(document.path("properties"));
    Map<String, String> properties = new HashMap<>();
    Map<String, String> configs = new HashMap<>();
    stored.forEach(
        (key, value) -> {
          if (key.startsWith(CONF)) configs.put(key.substring(CONF.length()), value);
          else if (!key.startsWith(CATALOG) && !key.startsWith(OUTPUT) && !key.equals(MODE)) properties.put(key, value);
        });
    if (document.hasNonNull("comment")) properties.put(TableCatalog.PROP_COMMENT, document.get("comment").asText());
    if (document.hasNonNull("owner")) properties.put(TableCatalog.PROP_OWNER, document.get("owner").asText());
    List<String> place = parts(stored, CATALOG + "numParts", CATALOG + "part.");
    if (place.isEmpty()) {
      place = List.of(document.get("catalog_name").asText(), document.get("schema_name").asText());
    }
    View.Builder builder = new View.Builder();
    builder.withProperties(properties);
    builder.withSchema(Columns.fromRest(document.path("columns")));
    return builder
        .withQueryText(document.path("view_definition").asText())
        .withCurrentCatalog(place.get(0))
        .withCurrentNamespace(place.subList(1, place.size()).toArray(String[]::new))
        .withSqlConfigs(configs)
        .withSchemaMode(stored.get(MODE))
        .withQueryColumnNames(parts(stored, OUTPUT + "numCols", OUTPUT + "col.").toArray(String[]::new))
        .build();
  }

  private static List<String> parts(Map<String, String> properties, String count, String prefix) {
    List<String> found = new ArrayList<>();
    int number = Integer.parseInt(properties.getOrDefault(count, "0"));
    for (int i = 0; i < number; i++) found.add(properties.get(prefix + i));
    return found;
  }
}
