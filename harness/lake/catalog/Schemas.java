package io.unitycatalog.harness;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.catalyst.analysis.NamespaceAlreadyExistsException;
import org.apache.spark.sql.catalyst.analysis.NoSuchNamespaceException;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.connector.catalog.CatalogV2Util;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.NamespaceChange;
import org.apache.spark.sql.connector.catalog.SupportsNamespaces;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/** The schemas of one catalog of the workspace, asked of its REST API and told as Spark's SupportsNamespaces. */
abstract class Schemas implements SupportsNamespaces {
  private static final Set<String> RESERVED =
      Set.of("provider", "location", "is_managed_location", "owner", "external", "comment", "Type", "table_type");

  protected String catalog;

  @Override
  public void initialize(String name, CaseInsensitiveStringMap options) {
    catalog = name.toLowerCase(Locale.ROOT);
  }

  @Override
  public String name() {
    return catalog;
  }

  @Override
  public String[][] listNamespaces() {
    return Rest.list("schemas", Map.of("catalog_name", catalog)).stream()
        .map(schema -> new String[] {schema.path("name").asText()})
        .sorted((a, b) -> a[0].compareTo(b[0]))
        .toArray(String[][]::new);
  }

  @Override
  public String[][] listNamespaces(String[] namespace) throws NoSuchNamespaceException {
    if (namespace.length == 0) return listNamespaces();
    if (!namespaceExists(namespace)) throw noSchema(namespace);
    return new String[0][];
  }

  @Override
  public boolean namespaceExists(String[] namespace) {
    return InformationSchema.is(namespace) || (namespace.length == 1 && Rest.find("schemas", catalog, namespace[0]) != null);
  }

  @Override
  public Map<String, String> loadNamespaceMetadata(String[] namespace) throws NoSuchNamespaceException {
    JsonNode schema = namespace.length == 1 ? Rest.find("schemas", catalog, namespace[0]) : null;
    if (schema == null) throw noSchema(namespace);
    Map<String, String> metadata = new HashMap<>(strings(schema.path("properties")));
    if (schema.hasNonNull("comment")) metadata.put(TableCatalog.PROP_COMMENT, schema.get("comment").asText());
    if (schema.hasNonNull("storage_root")) metadata.put(PROP_LOCATION, schema.get("storage_root").asText());
    if (schema.hasNonNull("owner")) metadata.put(TableCatalog.PROP_OWNER, schema.get("owner").asText());
    return metadata;
  }

  @Override
  public void createNamespace(String[] namespace, Map<String, String> metadata)
      throws NamespaceAlreadyExistsException {
    Privileges.need("CATALOG", catalog, "CREATE_SCHEMA");
    ObjectNode document = Rest.JSON.createObjectNode().put("name", namespace[0]).put("catalog_name", catalog);
    if (metadata.get(PROP_LOCATION) != null) document.put("storage_root", metadata.get(PROP_LOCATION));
    if (metadata.get(PROP_COMMENT) != null) document.put("comment", metadata.get(PROP_COMMENT));
    document.set("properties", Rest.JSON.valueToTree(ordinary(metadata)));
    try {
      Rest.create("schemas", document);
    } catch (Rest.Refused e) {
      if (e.exists()) throw new NamespaceAlreadyExistsException(qualified(namespace));
      throw e;
    }
  }

  @Override
  public void alterNamespace(String[] namespace, NamespaceChange... changes) throws NoSuchNamespaceException {
    if (namespace.length == 1) Privileges.need("SCHEMA", catalog + "." + namespace[0], "MANAGE");
    Map<String, String> metadata =
        CatalogV2Util.applyNamespaceChanges(loadNamespaceMetadata(namespace), V1.seq(Arrays.asList(changes)));
    ObjectNode update = Rest.JSON.createObjectNode();
    update.put("comment", metadata.getOrDefault(TableCatalog.PROP_COMMENT, ""));
    update.set("properties", Rest.JSON.valueToTree(ordinary(metadata)));
    Rest.update(update, "schemas", catalog, namespace[0]);
  }

  /** The folder under which the tables of a schema are kept. */
  String storageRoot(String[] namespace) throws NoSuchNamespaceException {
    JsonNode schema = namespace.length == 1 ? Rest.find("schemas", catalog, namespace[0]) : null;
    if (schema == null) throw noSchema(namespace);
    return schema.path("storage_root").asText();
  }

  // ---- names in errors: with the catalog -----------------------------------------------------------

  String[] qualified(String[] namespace) {
    List<String> parts = new ArrayList<>(List.of(catalog));
    parts.addAll(Arrays.asList(namespace));
    return parts.toArray(String[]::new);
  }

  Identifier qualified(Identifier i) {
    return Identifier.of(qualified(i.namespace()), i.name());
  }

  NoSuchTableException noTable(Identifier i) {
    return new NoSuchTableException(qualified(i));
  }

  NoSuchNamespaceException noSchema(String[] namespace) {
    return new NoSuchNamespaceException(qualified(namespace));
  }

  // ---- maps ----------------------------------------------------------------------------------------

  /** Properties without those that Spark passes in the same map, such as the location. */
  static Map<String, String> ordinary(Map<String, String> properties) {
    Map<String, String> kept = new HashMap<>();
    properties.forEach(
        (key, value) -> {
          // An option comes twice, with its prefix and without.
          boolean option = properties.containsKey(TableCatalog.OPTION_PREFIX + key);
          if (!RESERVED.contains(key) && !option && value != null) kept.put(key, value);
        });
    return kept;
  }

  static Map<String, String> strings(JsonNode object) {
    return Rest.JSON.convertValue(
        object.isObject() ? object : Rest.JSON.createObjectNode(), new TypeReference<Map<String, String>>() {});
  }
}
