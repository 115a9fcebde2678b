package io.unitycatalog.harness;

import com.univocity.parsers.csv.CsvParser;
import com.univocity.parsers.csv.CsvParserSettings;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.api.java.UDF5;

/**
 * The records of a CSV file by the names in its header, which Spark's reader goes by position for. With the parser that
 * Spark has, set as Spark sets it.
 *
 * <p>Arguments: the file's text, whether it has a header, the separator, the quote, the escape character.
 */
public final class CsvRecords implements UDF5<String, Boolean, String, String, String, List<Map<String, String>>> {
  @Override
  public List<Map<String, String>> call(String text, Boolean header, String separator, String quote, String escape) {
    CsvParserSettings settings = new CsvParserSettings();
    settings.getFormat().setDelimiter(separator);
    settings.getFormat().setQuote(quote.charAt(0));
    settings.getFormat().setQuoteEscape(escape.charAt(0));
    settings.setLineSeparatorDetectionEnabled(true);
    settings.setIgnoreLeadingWhitespaces(false);
    settings.setIgnoreTrailingWhitespaces(false);
    settings.setEmptyValue("");
    settings.setMaxCharsPerColumn(-1);
    settings.setMaxColumns(20480);
    List<String[]> rows = new CsvParser(settings).parseAll(new StringReader(text));
    String[] names = header && !rows.isEmpty() ? rows.remove(0) : new String[0];
    List<Map<String, String>> records = new ArrayList<>();
    for (String[] row : rows) {
      Map<String, String> record = new LinkedHashMap<>();
      for (int i = 0; i < Math.max(names.length, row.length); i++) {
        String name = i < names.length && names[i] != null ? names[i] : "_c" + i;
        record.put(name, i < row.length ? row[i] : null);
      }
      records.add(record);
    }
    return records;
  }
}
