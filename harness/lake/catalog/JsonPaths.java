package io.unitycatalog.harness;

import java.util.List;
import org.apache.spark.sql.catalyst.analysis.UnresolvedFunction$;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Alias$;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.GetJsonObject;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.expressions.Literal$;
import org.apache.spark.sql.catalyst.expressions.SemiStructuredExtract;
import org.apache.spark.sql.catalyst.expressions.variant.VariantGet;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.VariantType$;
import scala.Function1;
import scala.Option;
import scala.collection.immutable.Seq;
import scala.collection.immutable.Seq$;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction1;
import scala.runtime.AbstractPartialFunction;

/**
 * column:path on a JSON string, which Spark knows for VARIANT alone. What is extracted of is known only when the column
 * is resolved, so a function stands for it until then. Source: docs.databricks.com/sql/language-manual/functions/colonsign.
 */
final class JsonPaths extends Rule<LogicalPlan> {
  static final String FUNCTION = "harness_extract";

  @Override
  public LogicalPlan apply(LogicalPlan plan) {
    return plan.transformAllExpressionsWithSubqueries(
        new AbstractPartialFunction<Expression, Expression>() {
          @Override
          public boolean isDefinedAt(Expression expression) {
            return expression instanceof SemiStructuredExtract;
          }

          @Override
          @SuppressWarnings("unchecked")
          public <A extends Expression, B> B applyOrElse(A expression, Function1<A, B> otherwise) {
            if (!(expression instanceof SemiStructuredExtract extract)) return otherwise.apply(expression);
            Seq<Expression> arguments = seq(extract.child(), Literal$.MODULE$.apply(extract.field()));
            return (B) UnresolvedFunction$.MODULE$.apply(FUNCTION, arguments, false);
          }
        });
  }

  @SafeVarargs
  private static <T> Seq<T> seq(T... items) {
    return Seq$.MODULE$.from(CollectionConverters.asScala(List.of(items)));
  }

  /** The function's builder: its column is resolved. */
  static final class Builder extends AbstractFunction1<Seq<Expression>, Expression> {
    @Override
    public Expression apply(Seq<Expression> given) {
      List<Expression> arguments = CollectionConverters.asJava(given);
      Expression column = arguments.get(0);
      Literal path = (Literal) arguments.get(1);
      if (!(column.dataType() instanceof StringType)) {
        return new VariantGet(column, path, VariantType$.MODULE$, true, Option.empty());
      }
      String text = path.value().toString();
      String name = text.replaceAll("\\[\\d+]$", "").replaceAll("^.*[.\\[]['\"]?|['\"]?]$", "");
      Seq<String> none = seq();
      return new Alias(
          new GetJsonObject(column, path), name, Alias$.MODULE$.apply$default$3(column, name), none, Option.empty(), none);
    }
  }
}
