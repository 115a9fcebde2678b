package io.unitycatalog.harness;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.WeakHashMap;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.read.LocalScan;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import scala.Option;

/**
 * The datasets of a pipeline whose queries are being analyzed, in the session that does it. A name that the pipeline
 * defines means what the pipeline will write, not what an earlier update has written: once its columns are known, an
 * empty table with them; before that, no table. Called from Python.
 */
public final class StandIns {
  private static final Map<org.apache.spark.sql.SparkSession, StandIns> OF =
      Collections.synchronizedMap(new WeakHashMap<>());

  // Full name → its columns; null while they are not known.
  private final Map<String, StructType> columns = new LinkedHashMap<>();
  private final Set<String> asked = new LinkedHashSet<>();
  private Set<String> shown = Set.of();

  private StandIns() {}

  /** From now on these names are the pipeline's, in a session. */
  public static void define(org.apache.spark.sql.SparkSession session, String[] names) {
    StandIns made = new StandIns();
    for (String name : names) made.columns.put(name.toLowerCase(Locale.ROOT), null);
    OF.put(session, made);
  }

  public static void know(org.apache.spark.sql.SparkSession session, String name, StructType schema) {
    StandIns known = OF.get(session);
    synchronized (known) {
      known.columns.put(name.toLowerCase(Locale.ROOT), schema);
    }
  }

  /** These names are those of views that the session has: whoever asks the catalog for one means a table of that name. */
  public static void show(org.apache.spark.sql.SparkSession session, String[] names) {
    StandIns known = OF.get(session);
    synchronized (known) {
      known.shown = new LinkedHashSet<>(Arrays.asList(names));
    }
  }

  /** The names that were looked up since the last call. */
  public static String[] asked(org.apache.spark.sql.SparkSession session) {
    StandIns known = OF.get(session);
    synchronized (known) {
      String[] names = known.asked.toArray(String[]::new);
      known.asked.clear();
      return names;
    }
  }

  /** Names mean tables again. */
  public static void forget(org.apache.spark.sql.SparkSession session) {
    OF.remove(session);
  }

  /** Whether a name is that of a dataset under analysis; if so, it is noted that it was looked up. */
  static boolean has(String catalog, Identifier i) {
    StandIns known = active();
    if (known == null) return false;
    String name = name(catalog, i);
    synchronized (known) {
      if (!known.columns.containsKey(name) || known.shown.contains(name)) return false;
      known.asked.add(name);
      return true;
    }
  }

  /** The empty table, or null before its columns are known. */
  static Table find(String catalog, Identifier i) {
    StandIns known = active();
    String name = name(catalog, i);
    synchronized (known) {
      StructType schema = known.columns.get(name);
      return schema == null ? null : new Empty(name, schema);
    }
  }

  private static StandIns active() {
    if (OF.isEmpty()) return null;
    Option<org.apache.spark.sql.SparkSession> session = org.apache.spark.sql.SparkSession.getActiveSession();
    return session.isEmpty() ? null : OF.get(session.get());
  }

  private static String name(String catalog, Identifier i) {
    return (catalog + "." + String.join(".", i.namespace()) + "." + i.name()).toLowerCase(Locale.ROOT);
  }

  private record Empty(String name, StructType schema) implements Table, SupportsRead {
    @Override
    public Set<TableCapability> capabilities() {
      return Set.of(TableCapability.BATCH_READ, TableCapability.MICRO_BATCH_READ);
    }

    @Override
    public ScanBuilder newScanBuilder(CaseInsensitiveStringMap options) {
      return () ->
          new LocalScan() {
            @Override
            public InternalRow[] rows() {
              return new InternalRow[0];
            }

            @Override
            public StructType readSchema() {
              return schema;
            }
          };
    }
  }
}
