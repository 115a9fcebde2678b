package io.unitycatalog.harness;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.catalog.SQLFunction;
import org.apache.spark.sql.catalyst.catalog.SessionCatalog;
import org.apache.spark.sql.catalyst.catalog.UserDefinedFunction;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ExpressionInfo;
import org.apache.spark.sql.catalyst.parser.ParserInterface;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.OneRowRelation$;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.catalog.CatalogManager;
import org.apache.spark.sql.connector.catalog.functions.UnboundFunction;
import org.apache.spark.sql.errors.QueryCompilationErrors;
import org.apache.spark.sql.internal.connector.V1Function;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import scala.Function1;
import scala.Option;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction1;
import scala.util.Either;
import scala.util.Left;
import scala.util.Right;

/**
 * User-defined functions of the workspace's REST API as Spark's own: a SQL function is an SQLFunction, as one of Spark's
 * session catalog is, and a Python function a Python UDF.
 */
public final class Functions {
  private static final String OWN = "sqlFunction.";
  private static final String TEMPORARY = "referredTemp";
  private static final String PLACE = "catalogAndNamespace.part.";
  private static final String STAND_IN = "__harness_stand_in_\\d+__";

  private Functions() {}

  // ---- from the REST API to Spark ------------------------------------------------------------------------

  /** A scalar function as a catalog gives it to Spark's analyzer. */
  static UnboundFunction load(JsonNode document) {
    SQLFunction function = toSpark(document);
    return V1Function.apply(
        function.toExpressionInfo(),
        new AbstractFunction1<Seq<Expression>, Expression>() {
          @Override
          public Expression apply(Seq<Expression> arguments) {
            if (function.isTableFunc()) {
              String name = function.name().funcName();
              throw sneaky(QueryCompilationErrors.notAScalarFunctionError(name, OneRowRelation$.MODULE$.apply()));
            }
            if (!isPython(document)) return expressions(function).apply(arguments);
            return PythonFunctions.call(function, document, complete(function, arguments));
          }
        });
  }

  /** A call of a table function; null for a function of the other kind. */
  static LogicalPlan call(JsonNode document, Seq<Expression> arguments) {
    SQLFunction function = toSpark(document);
    if (!function.isTableFunc()) return null;
    @SuppressWarnings("unchecked")
    Function1<Seq<Expression>, LogicalPlan> builder =
        (Function1<Seq<Expression>, LogicalPlan>) ask("makeSQLTableFunctionBuilder", function);
    return builder.apply(arguments);
  }

  static boolean isPython(JsonNode document) {
    return document.path("routine_body").asText().equals("EXTERNAL");
  }

  private static SQLFunction toSpark(JsonNode document) {
    ParserInterface parser = session().sessionState().sqlParser();
    Option<String> none = Option.empty();
    boolean table = document.path("data_type").asText().equals("TABLE_TYPE");
    String body = isPython(document) ? "NULL" : document.path("routine_definition").asText();
    boolean query = table || body.stripLeading().toUpperCase(Locale.ROOT).matches("(?s)(SELECT|WITH|FROM|VALUES)\\b.*");
    String catalog = document.path("catalog_name").asText();
    String schema = document.path("schema_name").asText();
    JsonNode parameters = document.path("input_params").path("parameters");
    Option<StructType> inputs =
        parameters.isEmpty()
            ? Option.empty()
            : Option.apply(UserDefinedFunction.parseRoutineParam(ddl(parameters), parser, none));
    Either<DataType, StructType> returns =
        table
            ? new Right<>(UserDefinedFunction.parseTableSchema(columns(document), parser, none))
            : new Left<>(UserDefinedFunction.parseDataType(document.path("full_data_type").asText(), parser, none));
    Map<String, String> properties = properties(document.path("properties").asText("{}"));
    List<String> place = List.of(properties.getOrDefault(PLACE + 0, catalog), properties.getOrDefault(PLACE + 1, schema));
    if (!isPython(document)) body = Bodies.qualified(body, query, place, session());
    return SQLFunction.apply(
        new FunctionIdentifier(document.path("name").asText(), Option.apply(schema), Option.apply(catalog)),
        inputs,
        returns,
        query ? none : Option.apply(body),
        query ? Option.apply(body) : none,
        Option.apply(document.path("comment").asText(null)),
        none,
        Option.apply(document.path("is_deterministic").asBoolean(true)),
        Option.apply(!document.path("sql_data_access").asText().equals("READS_SQL_DATA")),
        table,
        V1.scala(properties),
        Option.apply(document.path("owner").asText(null)),
        document.path("created_at").asLong());
  }

  private static Map<String, String> properties(String text) {
    try {
      return new HashMap<>(Store.strings(Rest.JSON.readTree(text)));
    } catch (JsonProcessingException | IllegalArgumentException e) {
      return new HashMap<>(); // whatever the SDK's users keep there
    }
  }

  private static String ddl(JsonNode parameters) {
    StringBuilder text = new StringBuilder();
    for (JsonNode each : parameters) {
      if (!text.isEmpty()) text.append(", ");
      text.append(quoted(each.path("name").asText())).append(' ').append(each.path("type_text").asText());
      if (each.hasNonNull("parameter_default")) text.append(" DEFAULT ").append(each.get("parameter_default").asText());
      if (each.hasNonNull("comment")) text.append(" COMMENT ").append(literal(each.get("comment").asText()));
    }
    return text.toString();
  }

  private static String columns(JsonNode document) {
    JsonNode columns = document.path("return_params").path("parameters");
    return columns.isEmpty() ? document.path("full_data_type").asText() : ddl(columns);
  }

  private static String quoted(String name) {
    return "`" + name.replace("`", "``") + "`";
  }

  private static String literal(String text) {
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
  }

  // ---- from Spark to the REST API ------------------------------------------------------------------------

  /**
   * What the REST API is told of a function that the last of some statements (JSON) makes as a temporary one of that
   * name, which Spark checks: its fields as JSON. Those before make stand-ins for functions that it calls. In a copy of
   * the session, whose own functions stay as they are. Called from Python.
   */
  public static String described(SparkSession session, String name, String statements) throws JsonProcessingException {
    JsonNode made = Rest.JSON.readTree(statements);
    SparkSession copy = session.cloneSession();
    return copy.withActive(
        () -> {
          CatalogManager here = copy.sessionState().catalogManager();
          CatalogManager there = session.sessionState().catalogManager();
          here.setCurrentCatalog(there.currentCatalog().name());
          here.setCurrentNamespace(there.currentNamespace());
          for (JsonNode sql : made) copy.sql(sql.asText());
          SessionCatalog catalog = copy.sessionState().catalog();
          Option<ExpressionInfo> found = catalog.lookupBuiltinOrTempFunction(name);
          if (found.isEmpty()) found = catalog.lookupBuiltinOrTempTableFunction(name);
          return toRest(SQLFunction.fromExpressionInfo(found.get(), copy.sessionState().sqlParser())).toString();
        });
  }

  private static ObjectNode toRest(SQLFunction function) {
    ObjectNode document = Rest.JSON.createObjectNode();
    if (function.inputParam().isDefined()) {
      document.set("input_params", parameters(function.inputParam().get(), "PARAM"));
    } else {
      document.putObject("input_params").putArray("parameters");
    }
    if (function.isTableFunc()) {
      StructType columns = function.returnType().toOption().get();
      document.put("data_type", "TABLE_TYPE").put("full_data_type", columns.toDDL());
      document.set("return_params", parameters(columns, "COLUMN"));
    } else {
      DataType type = function.returnType().swap().toOption().get();
      document.put("data_type", Columns.typeName(type)).put("full_data_type", type.sql());
    }
    Option<String> body = function.exprText().isDefined() ? function.exprText() : function.queryText();
    document.put("routine_body", "SQL").put("routine_definition", body.get());
    document.put("parameter_style", "S").put("security_type", "DEFINER").put("is_null_call", false);
    document.put("is_deterministic", !function.deterministic().contains(false));
    document.put("sql_data_access", function.containsSQL().contains(false) ? "READS_SQL_DATA" : "CONTAINS_SQL");
    if (function.comment().isDefined()) document.put("comment", function.comment().get());
    Map<String, String> kept = new HashMap<>(CollectionConverters.asJava(function.properties()));
    ArrayNode temporary = document.putArray("temporary_objects");
    kept.forEach((key, value) -> {
      // Those that stand in are no temporary functions of the session's (harness/lake/sql/functioncalls.py).
      if (key.startsWith(TEMPORARY) && value.replaceAll(STAND_IN, "").matches(".*\\w.*")) temporary.add(value);
    });
    kept.keySet().removeIf(key -> key.startsWith(OWN) || key.startsWith(TEMPORARY));
    document.put("properties", Rest.JSON.valueToTree(kept).toString());
    return document;
  }

  private static ObjectNode parameters(StructType fields, String type) {
    ObjectNode list = Rest.JSON.createObjectNode();
    ArrayNode columns = Columns.toRest(fields, List.of());
    for (int i = 0; i < columns.size(); i++) {
      ObjectNode column = (ObjectNode) columns.get(i);
      StructField field = fields.fields()[i];
      column.remove("nullable");
      column.put("parameter_mode", "IN").put("parameter_type", type);
      if (field.getDefault().isDefined()) column.put("parameter_default", field.getDefault().get());
    }
    list.set("parameters", columns);
    return list;
  }

  // ---- Spark's own, which it keeps to itself -------------------------------------------------------------

  @SuppressWarnings("unchecked")
  private static Function1<Seq<Expression>, Expression> expressions(SQLFunction function) {
    return (Function1<Seq<Expression>, Expression>) ask("makeSQLFunctionBuilder", function);
  }

  /** Arguments in the order of the parameters, defaults in the place of those that are not given. */
  @SuppressWarnings("unchecked")
  private static List<Expression> complete(SQLFunction function, Seq<Expression> arguments) {
    String name = function.name().unquotedString();
    Seq<Expression> found = (Seq<Expression>) ask("rearrangeArguments", function.inputParam(), arguments, name);
    List<Expression> all = new ArrayList<>(CollectionConverters.asJava(found));
    StructField[] fields = function.inputParam().isEmpty() ? new StructField[0] : function.inputParam().get().fields();
    ParserInterface parser = session().sessionState().sqlParser();
    for (int i = all.size(); i < fields.length && fields[i].getDefault().isDefined(); i++) {
      all.add(SQLFunction.parseDefault(fields[i].getDefault().get(), parser));
    }
    if (all.size() == fields.length) return all;
    throw sneaky(
        QueryCompilationErrors.wrongNumArgsError(
            name,
            V1.seq(List.of(fields.length)),
            all.size(),
            QueryCompilationErrors.wrongNumArgsError$default$4(),
            QueryCompilationErrors.wrongNumArgsError$default$5(),
            QueryCompilationErrors.wrongNumArgsError$default$6()));
  }

  private static Object ask(String name, Object... arguments) {
    SessionCatalog catalog = session().sessionState().catalog();
    try {
      for (Method method : SessionCatalog.class.getDeclaredMethods()) {
        if (!method.getName().equals(name)) continue;
        method.setAccessible(true);
        return method.invoke(catalog, arguments);
      }
      throw new IllegalStateException("Spark's SessionCatalog has no " + name);
    } catch (InvocationTargetException e) {
      throw sneaky(e.getCause());
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }

  @SuppressWarnings("unchecked")
  static <T extends Throwable> RuntimeException sneaky(Throwable thrown) throws T {
    throw (T) thrown; // an AnalysisException is checked only for Java
  }

  private static SparkSession session() {
    return (SparkSession) org.apache.spark.sql.SparkSession.active();
  }
}
