package io.unitycatalog.harness;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Locale;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.parser.ParserInterface;
import scala.runtime.AbstractFunction1;
import scala.runtime.AbstractFunction2;
import scala.runtime.BoxedUnit;

/**
 * Puts {@link Dialect} before Spark's parser. To be named after Delta's extension in spark.sql.extensions: the parser
 * injected last is the outermost. A proxy, not a class, so that new methods of ParserInterface do no harm.
 */
public final class HarnessExtension extends AbstractFunction1<SparkSessionExtensions, BoxedUnit> {
  @Override
  public BoxedUnit apply(SparkSessionExtensions extensions) {
    extensions.injectParser(
        new AbstractFunction2<SparkSession, ParserInterface, ParserInterface>() {
          @Override
          public ParserInterface apply(SparkSession session, ParserInterface inner) {
            return outer((org.apache.spark.sql.classic.SparkSession) session, inner);
          }
        });
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
                given[0] = Dialect.toSpark(sql);
                // Spark lists the catalogs that some statement has named, Databricks all there are.
                if (sql.toUpperCase(Locale.ROOT).contains("CATALOGS")) Sessions.loadCatalogs(session);
              }
              try {
                return method.invoke(inner, given);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }
}
