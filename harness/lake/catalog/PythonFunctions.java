package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.api.python.PythonEvalType;
import org.apache.spark.api.python.SimplePythonFunction;
import org.apache.spark.sql.catalyst.catalog.SQLFunction;
import org.apache.spark.sql.catalyst.expressions.Cast$;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.PythonUDF;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructField;
import scala.Option;

/** Functions whose body is Python, as calls of harness.lake.python_functions in Spark's Python workers. */
final class PythonFunctions {
  private PythonFunctions() {}

  static Expression call(SQLFunction function, JsonNode document, List<Expression> arguments) {
    SparkConf conf = ((SparkSession) org.apache.spark.sql.SparkSession.active()).sparkContext().getConf();
    DataType returns = function.getScalarFuncReturnType();
    StructField[] parameters = function.inputParam().isEmpty() ? new StructField[0] : function.inputParam().get().fields();
    List<Expression> given = new ArrayList<>();
    StringBuilder names = new StringBuilder();
    for (int i = 0; i < parameters.length; i++) {
      DataType type = parameters[i].dataType();
      Expression argument = arguments.get(i);
      given.add(Cast$.MODULE$.apply(argument, type, Option.empty(), Cast$.MODULE$.apply$default$4()));
      names.append(i == 0 ? "" : "\n").append(parameters[i].name());
    }
    SimplePythonFunction python =
        new SimplePythonFunction(
            pickled(function.name().unquotedString(), document.path("routine_definition").asText(), names.toString(), returns.json()),
            Map.of("PYTHONHASHSEED", "0"), // as PySpark says it, so that both share one daemon
            List.of(),
            conf.get("spark.harness.python"),
            conf.get("spark.harness.pythonVersion"),
            List.of(),
            null);
    return new PythonUDF(
        function.name().unquotedString(),
        python,
        returns,
        V1.seq(given),
        PythonEvalType.SQL_BATCHED_UDF(),
        !function.deterministic().contains(false),
        NamedExpression.newExprId());
  }

  /** The pair (function, type) as a worker reads it, pickled: two calls that the worker makes. */
  private static byte[] pickled(String name, String body, String parameters, String type) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {(byte) 0x80, 2, '('});
    call(out, "harness.lake.python_functions\nfunction", name, body, parameters);
    call(out, "pyspark.sql.types\n_parse_datatype_json_string", type);
    out.writeBytes(new byte[] {'t', '.'});
    return out.toByteArray();
  }

  private static void call(ByteArrayOutputStream out, String function, String... arguments) {
    out.writeBytes(("c" + function + "\n(").getBytes(StandardCharsets.UTF_8));
    for (String argument : arguments) {
      byte[] bytes = argument.getBytes(StandardCharsets.UTF_8);
      out.write('X');
      out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(bytes.length).array());
      out.writeBytes(bytes);
    }
    out.writeBytes(new byte[] {'t', 'R'});
  }
}
