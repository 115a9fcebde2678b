package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.spark.sql.catalyst.CurrentUserContext;

/** The workspace's Unity Catalog REST API: the one place that knows what tables there are. */
final class Rest {
  static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient CLIENT =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(5)).build();
  static final String STATEMENT = "/_harness/sql/statement";
  private static volatile String root;
  private static volatile String address;
  private static volatile String token;

  /** An answer that is not 2xx. {@code code}: Databricks' error code, such as TABLE_DOES_NOT_EXIST. */
  static final class Refused extends RuntimeException {
    final int status;
    final String code;

    Refused(int status, String code, String message) {
      super(message);
      this.status = status;
      this.code = code;
    }

    boolean missing() {
      return status == 404;
    }

    boolean exists() {
      return status == 409;
    }
  }

  private Rest() {}

  static void connect(String url, String bearer) {
    root = url;
    address = url + "/api/2.1/unity-catalog";
    token = bearer;
  }

  static JsonNode get(String kind, String... name) {
    return send("GET", path(kind, name), null);
  }

  /** As get, but null when there is no such thing. */
  static JsonNode find(String kind, String... name) {
    try {
      return get(kind, name);
    } catch (Refused e) {
      if (e.missing()) return null;
      throw e;
    }
  }

  /** All pages of a list. */
  static List<JsonNode> list(String kind, Map<String, String> query) {
    List<JsonNode> found = new ArrayList<>();
    String next = "";
    do {
      StringBuilder path = new StringBuilder(kind).append("?page_token=").append(encode(next));
      query.forEach((key, value) -> path.append('&').append(key).append('=').append(encode(value)));
      JsonNode page = send("GET", path.toString(), null);
      page.path(kind.replace('-', '_')).forEach(found::add);
      next = page.path("next_page_token").asText("");
    } while (!next.isEmpty());
    return found;
  }

  /** What only the workspace itself tells, and no API of Databricks': /_harness/sql/… */
  static JsonNode harness(String path, Map<String, String> query) {
    StringBuilder target = new StringBuilder("/_harness/sql/").append(path);
    char mark = '?';
    for (Map.Entry<String, String> each : query.entrySet()) {
      target.append(mark).append(each.getKey()).append('=').append(encode(each.getValue()));
      mark = '&';
    }
    return send("GET", target.toString(), null, false);
  }

  static JsonNode create(String kind, ObjectNode document) {
    return send("POST", kind, document);
  }

  static JsonNode update(ObjectNode changes, String kind, String... name) {
    return send("PATCH", path(kind, name), changes);
  }

  static void delete(String kind, String... name) {
    send("DELETE", path(kind, name) + "?force=true", null);
  }

  /** Drop a table; with {@code purge}, for good. Returns: whether it is kept, to be brought back by UNDROP. */
  static boolean dropTable(boolean purge, String... name) {
    return send("DELETE", path("tables", name) + "?purge=" + purge, null).path("kept").asBoolean(false);
  }

  private static String path(String kind, String... name) {
    return kind + "/" + encode(String.join(".", name));
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  private static JsonNode send(String method, String path, JsonNode body) {
    return send(method, path, body, true);
  }

  /**
   * One request. {@code path}: below Unity Catalog's API, or from the root when it begins with a slash; {@code deletes}:
   * managed data is deleted here, not by the server.
   */
  static JsonNode send(String method, String path, JsonNode body, boolean deletes) {
    String target = path.startsWith("/") ? root + path : address + "/" + path;
    HttpRequest.BodyPublisher content =
        body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body.toString());
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(target))
            .header("Authorization", "Bearer " + token)
            .header("Content-Type", "application/json")
            .header(deletes ? "X-Harness-Shim" : "X-Harness-Sql", "1")
            .header("X-Harness-User", encode(Objects.requireNonNullElse(CurrentUserContext.CURRENT_USER().get(), "")))
            // A statement of a script runs as long as it takes, and is cancelled by its jobs.
            .timeout(path.equals(STATEMENT) ? Duration.ofDays(1) : Duration.ofSeconds(60))
            .method(method, content)
            .build();
    try {
      HttpResponse<String> answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
      JsonNode document = JSON.readTree(answer.body().isEmpty() ? "{}" : answer.body());
      if (answer.statusCode() >= 300) {
        throw new Refused(
            answer.statusCode(),
            document.path("error_code").asText(),
            document.path("message").asText(method + " " + target + " was answered with " + answer.statusCode()));
      }
      return document;
    } catch (IOException e) {
      throw new UncheckedIOException("The workspace's catalog at " + address + " does not answer: " + e, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Interrupted while asking the workspace's catalog", e);
    }
  }
}
