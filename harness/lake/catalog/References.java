package io.unitycatalog.harness;

import java.util.List;

/**
 * REFERENCES parent, without the columns, which then are those of the parent's primary key: Spark 4.2's grammar takes it
 * and its parser fails on it. Source: docs.databricks.com/sql/language-manual/sql-ref-syntax-ddl-create-table-constraint.
 */
final class References {
  // Stands for the columns while Spark looks; never in what is kept.
  private static final String COLUMNS = " (`harness primary key`)";

  private References() {}

  static String toSpark(String sql) {
    List<Dialect.Word> words = Dialect.words(sql);
    if (!defines(words)) return sql;
    StringBuilder out = new StringBuilder(sql);
    for (int i = words.size() - 1; i > 0; i--) {
      if (!words.get(i).text().equals("REFERENCES")) continue;
      // A column of that name.
      if (List.of("(", ",", ".", "COLUMN").contains(words.get(i - 1).text())) continue;
      int end = afterName(sql, words.get(i).end());
      if (end > 0 && !opens(sql, after(sql, end))) out.insert(end, COLUMNS);
    }
    return out.toString();
  }

  /** The text of a constraint as its author wrote it. */
  static String toText(String ddl) {
    return ddl.replace(COLUMNS, "");
  }

  private static boolean opens(String sql, int i) {
    return i < sql.length() && sql.charAt(i) == '(';
  }

  private static boolean defines(List<Dialect.Word> words) {
    if (words.isEmpty() || !List.of("CREATE", "REPLACE", "ALTER").contains(words.get(0).text())) return false;
    return words.subList(0, Math.min(5, words.size())).stream().anyMatch(word -> word.text().equals("TABLE"));
  }

  /** Where a name of one or more parts ends that comes next; 0 if none does. */
  private static int afterName(String sql, int from) {
    int end = 0;
    for (int i = after(sql, from); i < sql.length(); i = after(sql, end + 1)) {
      char c = sql.charAt(i);
      if (c != '`' && !Character.isLetter(c) && c != '_') return end;
      end = Dialect.next(sql, i);
      int dot = after(sql, end);
      if (dot >= sql.length() || sql.charAt(dot) != '.') return end;
      end = dot;
    }
    return end;
  }

  /** Where the next thing begins that is neither space nor comment. */
  private static int after(String sql, int from) {
    int i = from;
    while (i < sql.length()) {
      boolean comment = sql.startsWith("--", i) || sql.startsWith("/*", i);
      if (!Character.isWhitespace(sql.charAt(i)) && !comment) return i;
      i = Dialect.next(sql, i);
    }
    return i;
  }
}
