package io.unitycatalog.harness;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Statements that only Databricks has, where Spark runs them itself: in BEGIN ... END and EXECUTE IMMEDIATE. Each becomes
 * a CALL of {@link Frontend}, which hands it to the SQL front end in Python.
 */
final class Scripts {
  // What begins a statement of a script.
  private static final Set<String> BEFORE = Set.of(";", "BEGIN", "THEN", "ELSE", "DO", "LOOP", "REPEAT", "ATOMIC");
  // What Spark can do itself unless it says this.
  private static final Map<String, Pattern> ONLY =
      Map.of(
          "DELETE FROM", pattern("SELECT"),
          "UPDATE", pattern("SELECT"),
          "INSERT", pattern("REPLACE\\s+(USING|ON)"),
          "CREATE TABLE", pattern("CLONE|MASK|ROW\\s+FILTER"),
          "CREATE OR REPLACE TABLE", pattern("CLONE|MASK|ROW\\s+FILTER"),
          "REPLACE TABLE", pattern("CLONE|MASK|ROW\\s+FILTER"),
          "ALTER TABLE", pattern("OWNER\\s+TO|(UN)?SET\\s+TAGS|ROW\\s+FILTER|MASK"),
          "ALTER VIEW", pattern("OWNER\\s+TO|(UN)?SET\\s+TAGS"),
          "ALTER SCHEMA", pattern("OWNER\\s+TO|(UN)?SET\\s+TAGS"),
          "COMMENT ON", pattern("ON\\s+(CATALOG|VOLUME|COLUMN)"));

  private Scripts() {}

  private static Pattern pattern(String words) {
    return Pattern.compile("\\b(" + words + ")\\b", Pattern.CASE_INSENSITIVE);
  }

  /** Whether a text is run by Spark statement after statement, each parsed where nobody else sees it. */
  static boolean isScript(String sql) {
    List<Dialect.Word> words = Dialect.words(sql);
    if (words.isEmpty()) return false;
    return words.get(0).text().equals("BEGIN")
        || (words.size() > 2 && words.get(1).text().equals(":") && words.get(2).text().equals("BEGIN"))
        || Dialect.at(words, 0, "EXECUTE", "IMMEDIATE");
  }

  /** A script with its statements that only Databricks has as calls. */
  static String toCalls(String sql, Set<String> families, String catalog) {
    StringBuilder out = new StringBuilder(sql);
    List<Dialect.Word> words = Dialect.words(sql);
    int end = words.size();
    for (int i = words.size() - 1; i > 0; i--) {
      if (words.get(i).text().equals(";")) end = i;
      if (!BEFORE.contains(words.get(i - 1).text())) continue;
      int stop = end < words.size() ? words.get(end).start() : sql.length();
      String statement = sql.substring(words.get(i).start(), stop);
      if (isOurs(words, i, statement, families)) {
        out.replace(words.get(i).start(), stop, Frontend.call(catalog, statement.stripTrailing()));
      }
    }
    return out.toString();
  }

  /** Whether one statement is for the front end. */
  static boolean isOurs(String sql, Set<String> families) {
    List<Dialect.Word> words = Dialect.words(sql);
    return !words.isEmpty() && isOurs(words, 0, sql, families);
  }

  private static boolean isOurs(List<Dialect.Word> words, int at, String statement, Set<String> families) {
    if (Dialect.at(words, at, "UPDATE", "SET")) return false; // of a MERGE
    StringBuilder head = new StringBuilder();
    for (int i = at; i < words.size() && i < at + 5; i++) {
      head.append(head.isEmpty() ? "" : " ").append(words.get(i).text());
      String begin = head.toString();
      if (!families.contains(begin)) continue;
      Pattern only = ONLY.get(begin.startsWith("INSERT") ? "INSERT" : begin);
      return (only == null || only.matcher(statement).find()) && !statement.matches("(?is).*\\bSHALLOW\\s+CLONE\\b.*");
    }
    return false;
  }
}
