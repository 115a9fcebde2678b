package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The row filter and the column masks of a table's document: as SQL, and the errors that tell of them. */
final class Policies {
  private static final String CONDITION = "UNSUPPORTED_FEATURE.TABLE_WITH_ROW_FILTER_OR_COLUMN_MASK";

  private Policies() {}

  static boolean isGuarded(JsonNode table) {
    return hasFilter(table) || hasMasks(table);
  }

  private static boolean hasFilter(JsonNode table) {
    return !table.path("row_filter").isEmpty();
  }

  private static boolean hasMasks(JsonNode table) {
    for (JsonNode column : table.path("columns")) if (column.has("mask")) return true;
    return false;
  }

  // ---- as SQL --------------------------------------------------------------------------------------------

  /** The condition on rows; null without a filter. */
  static String filter(JsonNode table) {
    JsonNode filter = table.path("row_filter");
    return filter.isEmpty() ? null : call(filter.path("function_name"), "", filter.path("input_arguments"));
  }

  /** What is read in place of each column that has a mask, by the column's name. */
  static Map<String, String> masks(JsonNode table) {
    Map<String, String> masks = new LinkedHashMap<>();
    for (JsonNode column : table.path("columns")) {
      JsonNode mask = column.path("mask");
      if (mask.isMissingNode()) continue;
      String name = column.path("name").asText();
      String call = call(mask.path("function_name"), quoted(name), mask.path("using_arguments"));
      masks.put(name, "CAST(" + call + " AS " + column.path("type_text").asText() + ")");
    }
    return masks;
  }

  /** What is read in place of the table. */
  static String query(JsonNode table) {
    Map<String, String> masks = masks(table);
    List<String> columns = new ArrayList<>();
    for (JsonNode column : table.path("columns")) {
      String name = column.path("name").asText();
      columns.add(masks.containsKey(name) ? masks.get(name) + " AS " + quoted(name) : quoted(name));
    }
    String filter = filter(table);
    String query = "SELECT " + String.join(", ", columns) + " FROM " + dotted(table.path("full_name"));
    return filter == null ? query : query + " WHERE " + filter;
  }

  private static String call(JsonNode function, String first, JsonNode more) {
    List<String> arguments = new ArrayList<>();
    if (!first.isEmpty()) arguments.add(first);
    for (JsonNode each : more) {
      arguments.add(each.has("column") ? quoted(each.get("column").asText()) : each.path("constant").asText());
    }
    return dotted(function) + "(" + String.join(", ", arguments) + ")";
  }

  private static String dotted(JsonNode name) {
    return String.join(".", Arrays.stream(name.asText().split("\\.", 3)).map(Policies::quoted).toList());
  }

  private static String quoted(String name) {
    return "`" + name.replace("`", "``") + "`";
  }

  // ---- errors --------------------------------------------------------------------------------------------

  /** What Databricks does not do with such a table either, nor names in its list of error conditions. */
  static RuntimeException refused(JsonNode table, String what) {
    return failure(
        CONDITION, what + " of " + name(table) + " is not supported: it has a row filter or column masks.");
  }

  /** Source: docs.databricks.com/error-messages, row-level-security-… and column-masks-feature-not-supported. */
  static RuntimeException timeTravel(JsonNode table) {
    boolean rows = hasFilter(table);
    boolean columns = hasMasks(table);
    String prefix = rows && columns ? "ROW_LEVEL_SECURITY_COLUMN_MASK" : rows ? "ROW_LEVEL_SECURITY" : "COLUMN_MASKS";
    List<String> policies = new ArrayList<>();
    if (rows) policies.add("row level security policies");
    if (columns) policies.add("column mask policies");
    String what = String.join(" and ", policies);
    String message =
        what.substring(0, 1).toUpperCase() + what.substring(1) + " for " + name(table)
            + " are not supported: Time travel for table with " + what.replace("security policies", "security policy");
    return failure(prefix + "_FEATURE_NOT_SUPPORTED.TIME_TRAVEL", message + ".");
  }

  /** A change by policies that are more than an expression over the row: which cannot stand in its condition. */
  static RuntimeException tooComplex(JsonNode table, String operation, boolean mask) {
    String policies = mask ? "column mask policies" : "row level security policies";
    String prefix = mask ? "COLUMN_MASKS" : "ROW_LEVEL_SECURITY";
    if (operation.equals("MERGE")) {
      String message = "MERGE INTO operations do not support writing into table " + name(table) + " with " + policies;
      return failure(prefix + "_MERGE_UNSUPPORTED_TARGET", message + ".");
    }
    String message =
        operation + " of " + name(table) + " is not supported: its " + policies
            + " contain nesting, aggregations, windows, limits, or non-deterministic functions.";
    return failure(CONDITION, message);
  }

  private static String name(JsonNode table) {
    return table.path("full_name").asText();
  }

  private static RuntimeException failure(String condition, String message) {
    String text = "[" + condition + "] " + message + " SQLSTATE: 0A000";
    return Functions.sneaky(Frontend.failure(text, condition, "0A000"));
  }
}
