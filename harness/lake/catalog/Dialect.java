package io.unitycatalog.harness;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Databricks' spellings that Spark's grammar lacks, put into Spark's, in place: every character keeps its position, so
 * that error messages point to what the author wrote. Words are found by a scan that knows strings, quoted names and
 * comments, so it reaches statements inside BEGIN ... END and leaves text alone.
 */
final class Dialect {
  private record Word(String text, int start, int end) {}

  private Dialect() {}

  static String toSpark(String sql) {
    String upper = sql.toUpperCase(Locale.ROOT);
    boolean concerned = upper.contains("CATALOG") || upper.contains("MANAGED") || upper.contains("AUTO");
    if (!concerned || upper.length() != sql.length()) return sql;
    StringBuilder out = new StringBuilder(sql);
    List<Word> words = words(sql);
    boolean createsSchema = false;
    boolean startsStatement = true;
    for (int i = 0; i < words.size(); i++) {
      // USE CATALOG x -> SET CATALOG x
      if (startsStatement && at(words, i, "USE", "CATALOG")) out.replace(words.get(i).start, words.get(i).end, "SET");
      if (startsStatement) createsSchema = at(words, i, "CREATE", "SCHEMA") || at(words, i, "CREATE", "DATABASE");
      // CREATE SCHEMA s MANAGED LOCATION 'x' -> CREATE SCHEMA s LOCATION 'x'
      if (createsSchema && at(words, i, "MANAGED", "LOCATION")) blank(out, words.get(i), words.get(i));
      // CLUSTER BY AUTO: Databricks chooses the columns; there is nothing to choose by here.
      if (at(words, i, "CLUSTER", "BY", "AUTO")) blank(out, words.get(i), words.get(i + 2));
      startsStatement = List.of(";", "BEGIN", "THEN", "ELSE", "DO").contains(words.get(i).text);
    }
    return out.toString();
  }

  private static boolean at(List<Word> words, int index, String... expected) {
    if (index + expected.length > words.size()) return false;
    for (int i = 0; i < expected.length; i++) if (!words.get(index + i).text.equals(expected[i])) return false;
    return true;
  }

  private static void blank(StringBuilder out, Word first, Word last) {
    for (int i = first.start; i < last.end; i++) out.setCharAt(i, ' ');
  }

  private static List<Word> words(String sql) {
    List<Word> words = new ArrayList<>();
    int i = 0;
    while (i < sql.length()) {
      char c = sql.charAt(i);
      int end = i + 1;
      if (c == '\'' || c == '"' || c == '`') end = afterQuote(sql, i);
      else if (sql.startsWith("--", i)) end = after(sql, "\n", i);
      else if (sql.startsWith("/*", i)) end = after(sql, "*/", i + 2);
      else if (Character.isLetter(c) || c == '_') {
        while (end < sql.length() && (Character.isLetterOrDigit(sql.charAt(end)) || sql.charAt(end) == '_')) end++;
        words.add(new Word(sql.substring(i, end).toUpperCase(Locale.ROOT), i, end));
      } else if (!Character.isWhitespace(c)) words.add(new Word(String.valueOf(c), i, end));
      i = end;
    }
    return words;
  }

  private static int afterQuote(String sql, int start) {
    char quote = sql.charAt(start);
    for (int i = start + 1; i < sql.length(); i++) {
      if (sql.charAt(i) == '\\' && quote != '`') i++;
      else if (sql.charAt(i) == quote) return i + 1;
    }
    return sql.length();
  }

  private static int after(String sql, String mark, int from) {
    int found = sql.indexOf(mark, from);
    return found < 0 ? sql.length() : found + mark.length();
  }
}
