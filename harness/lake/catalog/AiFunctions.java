package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.expressions.Cast;
import org.apache.spark.sql.catalyst.expressions.CreateArray;
import org.apache.spark.sql.catalyst.expressions.EvalMode;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ExpressionInfo;
import org.apache.spark.sql.catalyst.expressions.ScalaUDF;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import scala.Option;
import scala.Tuple3;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction1;

/**
 * Databricks' AI functions, answered only by what somebody has said beforehand (harness/workspace/aianswers.py): no model is
 * here, and none is made up. Source: docs.databricks.com/sql/language-manual/functions, their pages.
 */
final class AiFunctions {
  // What each gives back.
  private static final Map<String, DataType> TYPES =
      Map.of(
          "ai_query", DataTypes.StringType,
          "ai_gen", DataTypes.StringType,
          "ai_classify", DataTypes.StringType,
          "ai_analyze_sentiment", DataTypes.StringType,
          "ai_fix_grammar", DataTypes.StringType,
          "ai_mask", DataTypes.StringType,
          "ai_summarize", DataTypes.StringType,
          "ai_translate", DataTypes.StringType,
          "ai_similarity", DataTypes.FloatType);

  private AiFunctions() {}

  static void inject(SparkSessionExtensions extensions) {
    TYPES.forEach(
        (name, type) ->
            extensions.injectFunction(
                new Tuple3<>(
                    new FunctionIdentifier(name),
                    new ExpressionInfo(AiFunctions.class.getName(), name),
                    new AbstractFunction1<Seq<Expression>, Expression>() {
                      @Override
                      public Expression apply(Seq<Expression> arguments) {
                        return call(name, type, CollectionConverters.asJava(arguments));
                      }
                    })));
  }

  private static Expression call(String name, DataType type, List<Expression> arguments) {
    List<Expression> texts = new ArrayList<>();
    for (Expression each : arguments) {
      texts.add(new Cast(each, DataTypes.StringType, Option.empty(), EvalMode.LEGACY()));
    }
    List<Given> given = new ArrayList<>();
    for (JsonNode each : Rest.harness("answers", Map.of("function", name)).path("answers")) given.add(Given.of(each));
    Answer answer = new Answer(name, type.equals(DataTypes.FloatType), given);
    List<Expression> children = List.of(new CreateArray(V1.seq(texts), false));
    return new ScalaUDF(
        answer, type, V1.seq(children), V1.seq(List.of()), Option.empty(), Option.apply(name), true, true);
  }

  private record Given(List<Pattern> arguments, String answer) implements Serializable {
    static Given of(JsonNode document) {
      List<Pattern> patterns = new ArrayList<>();
      for (JsonNode each : document.path("arguments")) patterns.add(Pattern.compile(each.asText(), Pattern.DOTALL));
      return new Given(patterns, document.path("answer").asText());
    }

    boolean fits(List<String> said) {
      if (arguments.size() > said.size()) return false;
      for (int i = 0; i < arguments.size(); i++) {
        String text = said.get(i) == null ? "" : said.get(i);
        if (!arguments.get(i).matcher(text).matches()) return false;
      }
      return true;
    }
  }

  private static final class Answer extends AbstractFunction1<Object, Object> implements Serializable {
    private final String name;
    private final boolean number;
    private final List<Given> given;

    Answer(String name, boolean number, List<Given> given) {
      this.name = name;
      this.number = number;
      this.given = given;
    }

    @Override
    @SuppressWarnings("unchecked")
    public Object apply(Object arguments) {
      List<String> said = CollectionConverters.asJava((scala.collection.Seq<String>) arguments);
      int content = name.equals("ai_query") ? 1 : 0;
      if (said.size() > content && said.get(content) == null) return null;
      for (Given each : given) {
        if (each.fits(said)) return number ? (Object) Float.valueOf(each.answer()) : each.answer();
      }
      String call = name + "('" + String.join("', '", said) + "')";
      throw new UnsupportedOperationException(
          "[UNSUPPORTED_FEATURE.LOCAL_HARNESS] " + call + ": no model is here, and nobody has given an answer for these"
              + " arguments (docs/testing.md, \"AI functions\"). SQLSTATE: 0A000");
    }
  }
}
