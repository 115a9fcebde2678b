package io.unitycatalog.harness;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.TableIdentifier;
import org.apache.spark.sql.catalyst.expressions.ExpressionInfo;
import org.apache.spark.sql.catalyst.parser.ParseException;
import org.apache.spark.sql.catalyst.parser.ParserInterface;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.rules.Rule;
import scala.Option;
import scala.Tuple3;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction1;
import scala.runtime.AbstractFunction2;
import scala.runtime.BoxedUnit;

/**
 * Puts {@link Dialect} before Spark's parser. To be named after Delta's extension in spark.sql.extensions: the parser
 * injected last is the outermost. A proxy, not a class, so that new methods of ParserInterface do no harm.
 */
public final class HarnessExtension extends AbstractFunction1<SparkSessionExtensions, BoxedUnit> {
  // Whether the thread has run a script: what it parses since may be a string that EXECUTE IMMEDIATE was given. Other
  // statements have passed the front end; those that are taken for such a string pass it once more.
  private static final ThreadLocal<Boolean> SCRIPTED = ThreadLocal.withInitial(() -> false);

  @Override
  public BoxedUnit apply(SparkSessionExtensions extensions) {
    extensions.injectParser(
        new AbstractFunction2<SparkSession, ParserInterface, ParserInterface>() {
          @Override
          public ParserInterface apply(SparkSession session, ParserInterface inner) {
            return outer((org.apache.spark.sql.classic.SparkSession) session, inner);
          }
        });
    extensions.injectTableFunction(
        new Tuple3<>(
            new FunctionIdentifier(ReadFiles.NAME),
            new ExpressionInfo(ReadFiles.class.getName(), ReadFiles.NAME),
            new ReadFiles()));
    SessionFunctions.inject(extensions);
    AiFunctions.inject(extensions);
    extensions.injectHintResolutionRule(
        new AbstractFunction1<SparkSession, Rule<LogicalPlan>>() {
          @Override
          public Rule<LogicalPlan> apply(SparkSession session) {
            return new TableFunctions(session);
          }
        });
    extensions.injectHintResolutionRule(
        new AbstractFunction1<SparkSession, Rule<LogicalPlan>>() {
          @Override
          public Rule<LogicalPlan> apply(SparkSession session) {
            return new Guards(session);
          }
        });
    extensions.injectHintResolutionRule(
        new AbstractFunction1<SparkSession, Rule<LogicalPlan>>() {
          @Override
          public Rule<LogicalPlan> apply(SparkSession session) {
            return new JsonPaths();
          }
        });
    extensions.injectHintResolutionRule(
        new AbstractFunction1<SparkSession, Rule<LogicalPlan>>() {
          @Override
          public Rule<LogicalPlan> apply(SparkSession session) {
            return new ShownCatalogs(session);
          }
        });
    extensions.injectFunction(
        new Tuple3<>(
            new FunctionIdentifier(JsonPaths.FUNCTION),
            new ExpressionInfo(JsonPaths.class.getName(), JsonPaths.FUNCTION),
            new JsonPaths.Builder()));
    return BoxedUnit.UNIT;
  }

  private static ParserInterface outer(org.apache.spark.sql.classic.SparkSession session, ParserInterface inner) {
    return (ParserInterface)
        Proxy.newProxyInstance(
            HarnessExtension.class.getClassLoader(),
            new Class<?>[] {ParserInterface.class},
            (proxy, method, arguments) -> {
              Object[] given = arguments;
              if (method.getName().startsWith("parsePlan") && arguments[0] instanceof String sql) {
                given = arguments.clone();
                given[0] = spelled(session, sql);
                // Spark lists the catalogs that some statement has named, Databricks all there are.
                if (sql.toUpperCase(Locale.ROOT).contains("CATALOGS")) Sessions.loadCatalogs(session);
              }
              try {
                if (method.getName().equals("parseTableIdentifier")) return tableIdentifier(inner, (String) given[0]);
                if (method.getName().equals("parseMultipartIdentifier")) return versioned(inner, (String) given[0]);
                return method.invoke(inner, given);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  /** A statement in Spark's spelling; what only Databricks has, in a script or run by one, becomes a call. */
  private static String spelled(org.apache.spark.sql.classic.SparkSession session, String sql) {
    String text = Dialect.toSpark(sql);
    if (Frontend.inside()) return text;
    Set<String> families = Set.of(session.sparkContext().getConf().get("spark.harness.families", "").split(","));
    String catalog = session.sparkContext().getConf().get("spark.sql.defaultCatalog", "spark_catalog");
    if (Scripts.isScript(text)) {
      SCRIPTED.set(true);
      return Scripts.toCalls(text, families, catalog);
    }
    return SCRIPTED.get() && Scripts.isOurs(text, families) ? Frontend.call(catalog, text) : text;
  }

  /** A name that may end with a version, which becomes part of its last part: spark.read.table("main.s.t@v1"). */
  private static Seq<String> versioned(ParserInterface inner, String name) throws ParseException {
    String version = Dialect.version(name);
    if (version == null) return inner.parseMultipartIdentifier(name);
    String plain = name.substring(0, name.length() - version.length() - 1);
    List<String> parts = new ArrayList<>(CollectionConverters.asJava(inner.parseMultipartIdentifier(plain)));
    parts.set(parts.size() - 1, parts.get(parts.size() - 1) + "@" + version);
    return V1.seq(parts);
  }

  /** A name of three parts too, which Spark's own refuses: DeltaTable.create().tableName("main.s.t"). */
  private static TableIdentifier tableIdentifier(ParserInterface inner, String name) throws ParseException {
    List<String> parts = CollectionConverters.asJava(inner.parseMultipartIdentifier(name));
    if (parts.size() != 3) return inner.parseTableIdentifier(name);
    return new TableIdentifier(parts.get(2), Option.apply(parts.get(1)), Option.apply(parts.get(0)));
  }
}
