package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Collections;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.QueryContext;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.CurrentUserContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.SqlScriptingContextManager$;
import org.apache.spark.sql.catalyst.catalog.SqlScriptingContextManager;
import org.apache.spark.sql.classic.Dataset;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.procedures.BoundProcedure;
import org.apache.spark.sql.connector.catalog.procedures.ProcedureParameter;
import org.apache.spark.sql.connector.catalog.procedures.UnboundProcedure;
import org.apache.spark.sql.connector.read.LocalScan;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import scala.Option;

/**
 * The SQL front end as a procedure. It is Python: the workspace runs the statement in the session that calls, on another
 * thread, which sees the script's variables and whose jobs belong to the statement that calls.
 */
public final class Frontend implements UnboundProcedure, BoundProcedure {
  private static final String SCHEMA = "__harness";
  private static final String NAME = "statement";
  // What a thread of ours takes over from the one that calls.
  private static final String[] LOCAL =
      {"spark.jobGroup.id", "spark.job.interruptOnCancel", "spark.scheduler.pool", "spark.job.tags"};
  private static final Map<String, Lent> LENT = new ConcurrentHashMap<>();
  private static final ThreadLocal<Boolean> INSIDE = ThreadLocal.withInitial(() -> false);

  /** A session that is lent to Python for one statement, and what came of it. */
  private static final class Lent {
    final SparkSession session = (SparkSession) org.apache.spark.sql.SparkSession.active();
    final Map<String, String> local = new TreeMap<>();
    final String user = CurrentUserContext.CURRENT_USER().get();
    final Option<SqlScriptingContextManager> script = SqlScriptingContextManager$.MODULE$.get();
    Dataset<Row> result;
    AnalysisException failure;

    Lent() {
      for (String key : LOCAL) {
        String value = session.sparkContext().getLocalProperty(key);
        local.put(key, value == null ? "" : value);
      }
    }
  }

  Frontend() {}

  static boolean is(Identifier i) {
    return i.namespace().length == 1 && i.namespace()[0].equals(SCHEMA) && i.name().equals(NAME);
  }

  /** The text of a call. */
  static String call(String catalog, String statement) {
    String literal = statement.replace("\\", "\\\\").replace("'", "\\'");
    return "CALL `" + catalog + "`." + SCHEMA + "." + NAME + "('" + literal + "')";
  }

  /** Whether this thread runs a statement of a call: what the front end leaves to Spark is not for it again. */
  static boolean inside() {
    return INSIDE.get();
  }

  // ---- called from Python --------------------------------------------------------------------------------

  /** The session of a call; this thread runs in it from now on. */
  public static SparkSession enter(String id) {
    Lent lent = LENT.get(id);
    if (lent == null) throw new IllegalArgumentException("There is no statement " + id);
    INSIDE.set(true);
    SparkContext context = lent.session.sparkContext();
    lent.local.forEach((key, value) -> context.setLocalProperty(key, value.isEmpty() ? null : value));
    SessionFunctions.actAs(lent.user);
    scripts().set(lent.script.isDefined() ? lent.script.get() : null);
    SparkSession.setActiveSession(lent.session);
    return lent.session;
  }

  public static void succeed(String id, Dataset<Row> result) {
    LENT.get(id).result = result;
  }

  public static void fail(String id, String message, String condition, String state) {
    LENT.get(id).failure = failure(message, condition, state);
  }

  /** An error with a condition that Spark does not know. */
  static AnalysisException failure(String message, String condition, String state) {
    return new AnalysisException(
        message,
        Option.empty(),
        Option.empty(),
        Option.empty(),
        condition.isEmpty() ? Option.empty() : Option.apply(condition),
        V1.scala(Map.of()),
        new QueryContext[0],
        Option.apply(state),
        Option.empty());
  }

  /** This thread is nobody's again. */
  public static void leave(String id) {
    Lent lent = LENT.get(id);
    INSIDE.remove();
    scripts().remove();
    SessionFunctions.actAs(null);
    if (lent != null) lent.local.keySet().forEach(key -> lent.session.sparkContext().setLocalProperty(key, null));
  }

  private static ThreadLocal<SqlScriptingContextManager> scripts() {
    return SqlScriptingContextManager$.MODULE$.org$apache$spark$util$LexicalThreadLocal$$tl();
  }

  // ---- as Spark calls it ---------------------------------------------------------------------------------

  @Override
  public Iterator<Scan> call(InternalRow input) {
    String id = UUID.randomUUID().toString();
    Lent lent = new Lent();
    LENT.put(id, lent);
    try {
      ObjectNode body = Rest.JSON.createObjectNode().put("id", id);
      Rest.send("POST", Rest.STATEMENT, body.put("statement", input.getUTF8String(0).toString()), false);
    } finally {
      LENT.remove(id);
    }
    if (lent.failure != null) throw Functions.sneaky(lent.failure);
    StructType schema = lent.result.schema();
    if (schema.isEmpty()) return Collections.emptyIterator();
    InternalRow[] rows = lent.result.queryExecution().executedPlan().executeCollect();
    Scan scan =
        new LocalScan() {
          @Override
          public InternalRow[] rows() {
            return rows;
          }

          @Override
          public StructType readSchema() {
            return schema;
          }
        };
    return Set.of(scan).iterator();
  }

  @Override
  public BoundProcedure bind(StructType inputs) {
    return this;
  }

  @Override
  public ProcedureParameter[] parameters() {
    return new ProcedureParameter[] {ProcedureParameter.in("statement", DataTypes.StringType).build()};
  }

  @Override
  public boolean isDeterministic() {
    return false;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String description() {
    return "runs a statement that only Databricks has";
  }
}
