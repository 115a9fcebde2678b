package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;

/**
 * The workspace's Unity Catalog REST API for Python: the SQL front end asks through the JVM, so that a notebook's
 * process needs no token and the SQL endpoint and notebooks ask alike.
 */
public final class Unity {
  private Unity() {}

  /**
   * One request. {@code path} is what follows /api/2.1/unity-catalog/; {@code body} is JSON, or empty.
   *
   * @return the status and the answer's document; for a refusal, with error_code and message.
   */
  public static String[] ask(String method, String path, String body) throws IOException {
    JsonNode content = body.isEmpty() ? null : Rest.JSON.readTree(body);
    Privileges.needFor(method, path, content);
    try {
      return new String[] {"200", Rest.send(method, path, content, false).toString()};
    } catch (Rest.Refused e) {
      ObjectNode why = Rest.JSON.createObjectNode().put("error_code", e.code).put("message", e.getMessage());
      return new String[] {String.valueOf(e.status), why.toString()};
    }
  }

  /** A path of Databricks' as Hadoop finds it: one in a volume elsewhere, such as in S3, leads there. */
  public static String located(String path) {
    String plain = path.startsWith("dbfs:/Volumes/") ? path.substring("dbfs:".length()) : path;
    String[] parts = plain.split("/", 6);
    if (!plain.startsWith("/Volumes/") || parts.length < 5) return path;
    JsonNode volume = Rest.find("volumes", parts[2], parts[3], parts[4]);
    if (volume == null) {
      throw new IllegalArgumentException("[PATH_NOT_FOUND] Path does not exist: " + path + ". SQLSTATE: 42K03");
    }
    String location = below(volume, parts);
    return location == null ? path : location;
  }

  /** Where /Volumes/… leads when that is elsewhere, such as in S3; null when it is a folder of this machine, or missing. */
  static String elsewhere(String path) {
    String[] parts = path.split("/", 6);
    JsonNode volume = Rest.find("volumes", parts[2], parts[3], parts[4]);
    return volume == null ? null : below(volume, parts);
  }

  private static String below(JsonNode volume, String[] parts) {
    String location = volume.path("storage_location").asText().replaceAll("/+$", "");
    if (location.startsWith("file:") || location.startsWith("dbfs:")) return null; // MountedFiles finds it
    return parts.length > 5 ? location + "/" + parts[5] : location;
  }
}
