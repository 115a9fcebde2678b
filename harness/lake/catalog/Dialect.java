package io.unitycatalog.harness;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Databricks' spellings that Spark's grammar lacks, put into Spark's, in place: every character keeps its position (but
 * for what follows a version or a DESCRIBE), so that error messages point to what the author wrote. Words are found by a scan that knows strings, quoted names and
 * comments, so it reaches statements inside BEGIN ... END and leaves text alone.
 */
final class Dialect {
  private static final Pattern VERSION = Pattern.compile("[vV](\\d+)\\b|(\\d{17})\\b");
  private static final Pattern TAG = Pattern.compile("\\$[A-Za-z_]*\\$");
  private static final Pattern MOMENT = Pattern.compile("(....)(..)(..)(..)(..)(..)(...)");

  record Word(String text, int start, int end) {}

  private Dialect() {}

  static String toSpark(String sql) {
    return References.toSpark(versions(described(spellings(sql))));
  }

  /** (DESCRIBE HISTORY t) as a relation -> a table function, which {@link TableFunctions} knows. */
  private static String described(String sql) {
    String upper = sql.toUpperCase(Locale.ROOT);
    if (!upper.contains("HISTORY") && !upper.contains("DETAIL")) return sql;
    StringBuilder out = new StringBuilder(sql);
    List<Word> words = words(sql);
    for (int i = words.size() - 3; i >= 0; i--) {
      boolean begins = words.get(i).text.equals("(") && List.of("DESCRIBE", "DESC").contains(words.get(i + 1).text);
      if (!begins || !List.of("HISTORY", "DETAIL").contains(words.get(i + 2).text)) continue;
      int end = i + 3;
      for (int depth = 1; end < words.size(); end++) {
        depth += words.get(end).text.equals("(") ? 1 : words.get(end).text.equals(")") ? -1 : 0;
        if (depth == 0) break;
      }
      if (end == words.size()) continue;
      String statement = sql.substring(words.get(i).end, words.get(end).start).strip();
      String literal = statement.replace("\\", "\\\\").replace("'", "\\'");
      String call = "(SELECT * FROM " + TableFunctions.DESCRIBE + "('" + literal + "'))";
      out.replace(words.get(i).start, words.get(end).end, call);
    }
    return out.toString();
  }

  /** The version that a name ends with: v3 or 20260131120000000; null for a name without one. */
  static String version(String name) {
    int at = name.lastIndexOf('@');
    return at > 0 && VERSION.matcher(name.substring(at + 1)).matches() ? name.substring(at + 1) : null;
  }

  private static String spellings(String sql) {
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

  /** t@v3 and t@20260131120000000 -> t VERSION AS OF 3 and t TIMESTAMP AS OF '2026-01-31 12:00:00.000'. */
  private static String versions(String sql) {
    if (sql.indexOf('@') < 0) return sql;
    StringBuilder out = new StringBuilder();
    int copied = 0;
    for (int i = 0; i < sql.length(); i = next(sql, i)) {
      if (sql.charAt(i) != '@' || i == 0 || !endsName(sql.charAt(i - 1))) continue;
      Matcher version = VERSION.matcher(sql).region(i + 1, sql.length());
      if (!version.lookingAt()) continue;
      out.append(sql, copied, i);
      if (version.group(1) != null) out.append(" VERSION AS OF ").append(version.group(1));
      else out.append(MOMENT.matcher(version.group(2)).replaceFirst(" TIMESTAMP AS OF '$1-$2-$3 $4:$5:$6.$7'"));
      copied = version.end();
    }
    return out.append(sql.substring(copied)).toString();
  }

  private static boolean endsName(char c) {
    return Character.isLetterOrDigit(c) || c == '_' || c == '`';
  }

  static boolean at(List<Word> words, int index, String... expected) {
    if (index + expected.length > words.size()) return false;
    for (int i = 0; i < expected.length; i++) if (!words.get(index + i).text.equals(expected[i])) return false;
    return true;
  }

  private static void blank(StringBuilder out, Word first, Word last) {
    for (int i = first.start; i < last.end; i++) out.setCharAt(i, ' ');
  }

  static List<Word> words(String sql) {
    List<Word> words = new ArrayList<>();
    int i = 0;
    while (i < sql.length()) {
      char c = sql.charAt(i);
      int end = next(sql, i);
      if (Character.isLetter(c) || c == '_') words.add(new Word(sql.substring(i, end).toUpperCase(Locale.ROOT), i, end));
      else if (end == i + 1 && !Character.isWhitespace(c)) words.add(new Word(String.valueOf(c), i, end));
      i = end;
    }
    return words;
  }

  /** Where what begins at {@code i} ends: a string, a quoted name, a comment, a word, or one character. */
  static int next(String sql, int i) {
    char c = sql.charAt(i);
    int end = i + 1;
    if (c == '\'' || c == '"' || c == '`') return afterQuote(sql, i);
    if (c == '$') return afterDollars(sql, i);
    if (sql.startsWith("--", i)) return after(sql, "\n", i);
    if (sql.startsWith("/*", i)) return after(sql, "*/", i + 2);
    if (!Character.isLetter(c) && c != '_') return end;
    while (end < sql.length() && (Character.isLetterOrDigit(sql.charAt(end)) || sql.charAt(end) == '_')) end++;
    return end;
  }

  private static int afterQuote(String sql, int start) {
    char quote = sql.charAt(start);
    for (int i = start + 1; i < sql.length(); i++) {
      if (sql.charAt(i) == '\\' && quote != '`') i++;
      else if (sql.charAt(i) == quote) return i + 1;
    }
    return sql.length();
  }

  /** After $$...$$ or $tag$...$tag$, or the dollar alone. */
  private static int afterDollars(String sql, int start) {
    Matcher tag = TAG.matcher(sql).region(start, sql.length());
    return tag.lookingAt() ? after(sql, tag.group(), tag.end()) : start + 1;
  }

  private static int after(String sql, String mark, int from) {
    int found = sql.indexOf(mark, from);
    return found < 0 ? sql.length() : found + mark.length();
  }
}
