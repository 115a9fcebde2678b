package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.catalyst.CurrentUserContext;

/** Privileges of the user whose statement a thread runs, where they are enforced (harness/workspace/enforcement.py). */
final class Privileges {
  private static final Map<String, String> CREATED =
      Map.of("tables", "CREATE_TABLE", "functions", "CREATE_FUNCTION", "volumes", "CREATE_VOLUME");
  private static final Map<String, String> KINDS =
      Map.of(
          "catalogs", "CATALOG",
          "schemas", "SCHEMA",
          "tables", "TABLE",
          "functions", "FUNCTION",
          "volumes", "VOLUME",
          "columns", "TABLE",
          "external-locations", "EXTERNAL_LOCATION",
          "storage-credentials", "STORAGE_CREDENTIAL");

  private Privileges() {}

  /** Raise INSUFFICIENT_PERMISSIONS unless the user holds a privilege; on what does not exist, nothing is needed. */
  static void need(String kind, String name, String privilege) {
    if (!Guards.watches("enforced")) return;
    String user = CurrentUserContext.getCurrentUser();
    if (user.equals(SparkContext.getOrCreate().getConf().get("spark.harness.user", ""))) return;
    Map<String, String> asked = Map.of("user", user, "kind", kind, "name", name, "privilege", privilege);
    String denied = Rest.harness("permitted", asked).path("denied").asText("");
    if (denied.isEmpty()) return;
    String text = "[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\n" + denied + " SQLSTATE: 42501";
    throw Functions.sneaky(Frontend.failure(text, "INSUFFICIENT_PERMISSIONS", "42501"));
  }

  /** What a change by the REST API needs, which a statement of the front end asks for. */
  static void needFor(String method, String path, JsonNode body) {
    if (method.equals("GET") || !Guards.watches("enforced")) return;
    List<String> parts =
        Arrays.stream(path.split("\\?", 2)[0].split("/")).map(p -> URLDecoder.decode(p, StandardCharsets.UTF_8)).toList();
    String what = parts.get(0);
    if (what.equals("permissions")) {
      need(parts.get(1).toUpperCase(Locale.ROOT), parts.get(2), "MANAGE");
    } else if (what.equals("entity-tag-assignments")) {
      String type = parts.size() > 1 ? parts.get(1) : body.path("entity_type").asText();
      String name = parts.size() > 2 ? parts.get(2) : body.path("entity_name").asText();
      if (type.equals("columns")) name = name.substring(0, name.lastIndexOf('.'));
      need(KINDS.getOrDefault(type, type), name, "APPLY_TAG");
    } else if (!KINDS.containsKey(what)) {
      return;
    } else if (!method.equals("POST")) {
      need(KINDS.get(what), parts.get(1), "MANAGE");
    } else if (what.equals("catalogs")) {
      need("METASTORE", "", "CREATE_CATALOG");
    } else if (what.equals("external-locations")) {
      need("STORAGE_CREDENTIAL", body.path("credential_name").asText(), "CREATE_EXTERNAL_LOCATION");
      need("METASTORE", "", "CREATE_EXTERNAL_LOCATION");
    } else {
      JsonNode made = body.has("function_info") ? body.get("function_info") : body;
      String schema = made.path("catalog_name").asText() + "." + made.path("schema_name").asText();
      need("SCHEMA", schema, CREATED.get(what));
    }
  }
}
