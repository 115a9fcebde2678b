package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.expressions.Cast;
import org.apache.spark.sql.catalyst.expressions.CreateArray;
import org.apache.spark.sql.catalyst.expressions.EvalMode;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ExpressionInfo;
import org.apache.spark.sql.catalyst.expressions.ScalaUDF;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.types.variant.Variant;
import org.apache.spark.types.variant.VariantBuilder;
import org.apache.spark.unsafe.types.VariantVal;
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
  // What each gives back; ai_extract gives a struct where it is told labels.
  private static final Map<String, DataType> TYPES =
      Map.ofEntries(
          Map.entry("ai_query", DataTypes.StringType),
          Map.entry("ai_gen", DataTypes.StringType),
          Map.entry("ai_generate_text", DataTypes.StringType),
          Map.entry("ai_classify", DataTypes.StringType),
          Map.entry("ai_analyze_sentiment", DataTypes.StringType),
          Map.entry("ai_fix_grammar", DataTypes.StringType),
          Map.entry("ai_mask", DataTypes.StringType),
          Map.entry("ai_summarize", DataTypes.StringType),
          Map.entry("ai_translate", DataTypes.StringType),
          Map.entry("ai_similarity", DataTypes.FloatType),
          Map.entry("ai_extract", DataTypes.VariantType),
          Map.entry("ai_parse_document", DataTypes.VariantType));
  // Functions that give rows: an answer of text is none.
  private static final Set<String> TABLES = Set.of("ai_forecast", "vector_search");

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
                        List<Expression> given = CollectionConverters.asJava(arguments);
                        return call(name, name.equals("ai_extract") ? extracted(given) : type, given);
                      }
                    })));
  }

  /** Raise for a function of a model's that gives rows. */
  static void refuseTable(String name) {
    if (!TABLES.contains(name.toLowerCase(Locale.ROOT))) return;
    String why = name + " is not supported by the local harness: no model is here, and no answer can be given for rows.";
    String condition = "UNSUPPORTED_FEATURE.LOCAL_HARNESS";
    throw Functions.sneaky(Frontend.failure("[" + condition + "] " + why + " SQLSTATE: 0A000", condition, "0A000"));
  }

  /** What ai_extract gives: of labels, a struct of texts; of a schema, a VARIANT. */
  private static DataType extracted(List<Expression> arguments) {
    Expression labels = arguments.size() > 1 ? arguments.get(1) : null;
    if (labels == null || !(labels.dataType() instanceof ArrayType) || !labels.foldable()) return DataTypes.VariantType;
    List<StructField> fields = new ArrayList<>();
    for (Object label : ((ArrayData) labels.eval(null)).toObjectArray(DataTypes.StringType)) {
      fields.add(DataTypes.createStructField(label.toString(), DataTypes.StringType, true));
    }
    return DataTypes.createStructType(fields);
  }

  private static Expression call(String name, DataType type, List<Expression> arguments) {
    List<Expression> texts = new ArrayList<>();
    for (Expression each : arguments) {
      texts.add(new Cast(each, DataTypes.StringType, Option.empty(), EvalMode.LEGACY()));
    }
    List<Given> given = new ArrayList<>();
    for (JsonNode each : Rest.harness("answers", Map.of("function", name)).path("answers")) given.add(Given.of(each));
    Answer answer = new Answer(name, type, given);
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
    private final DataType type;
    private final List<Given> given;

    Answer(String name, DataType type, List<Given> given) {
      this.name = name;
      this.type = type;
      this.given = given;
    }

    @Override
    @SuppressWarnings("unchecked")
    public Object apply(Object arguments) {
      List<String> said = CollectionConverters.asJava((scala.collection.Seq<String>) arguments);
      int content = name.equals("ai_query") ? 1 : 0;
      if (said.size() > content && said.get(content) == null) return null;
      for (Given each : given) {
        if (each.fits(said)) return value(each.answer());
      }
      String call = name + "('" + String.join("', '", said) + "')";
      throw new UnsupportedOperationException(
          "[UNSUPPORTED_FEATURE.LOCAL_HARNESS] " + call + ": no model is here, and nobody has given an answer for these"
              + " arguments (docs/testing.md, \"AI functions\"). SQLSTATE: 0A000");
    }

    private Object value(String answer) {
      try {
        if (type.equals(DataTypes.FloatType)) return Float.valueOf(answer);
        if (type.equals(DataTypes.VariantType)) {
          Variant variant = VariantBuilder.parseJson(answer, false);
          return new VariantVal(variant.getValue(), variant.getMetadata());
        }
        if (!(type instanceof StructType fields)) return answer;
        JsonNode document = Rest.JSON.readTree(answer);
        List<Object> values = new ArrayList<>();
        for (String label : fields.fieldNames()) values.add(document.path(label).asText(null));
        return RowFactory.create(values.toArray());
      } catch (IOException e) {
        throw new IllegalArgumentException(name + " answers with JSON, not " + answer, e);
      }
    }
  }
}
