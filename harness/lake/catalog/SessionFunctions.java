package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.CurrentUserContext;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ExpressionInfo;
import org.apache.spark.sql.catalyst.expressions.ScalaUDF;
import org.apache.spark.sql.catalyst.plans.logical.LocalRelation$;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.types.DataTypeUtils;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import scala.Option;
import scala.Tuple3;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction0;
import scala.runtime.AbstractFunction1;
import scala.runtime.AbstractFunction2;

/**
 * Databricks' functions about who asks, and its secrets. Source: docs.databricks.com/sql/language-manual/functions, their
 * pages. A secret's value is in no plan: the function holds it.
 */
public final class SessionFunctions {
  private static final Map<String, Set<String>> REVEALED = new ConcurrentHashMap<>();

  private SessionFunctions() {}

  private interface Builder {
    Expression of(String name, List<Expression> arguments);
  }

  static void inject(SparkSessionExtensions extensions) {
    scalar(extensions, "is_account_group_member", 1, SessionFunctions::member);
    scalar(extensions, "is_member", 1, SessionFunctions::member);
    scalar(extensions, "current_metastore", 0, SessionFunctions::metastore);
    scalar(extensions, "secret", 2, (name, arguments) -> secret(name, arguments, true));
    scalar(extensions, "try_secret", 2, (name, arguments) -> secret(name, arguments, false));
    extensions.injectTableFunction(
        new Tuple3<>(
            new FunctionIdentifier("list_secrets"),
            new ExpressionInfo(SessionFunctions.class.getName(), "list_secrets"),
            new AbstractFunction1<Seq<Expression>, LogicalPlan>() {
              @Override
              public LogicalPlan apply(Seq<Expression> arguments) {
                counted("list_secrets", CollectionConverters.asJava(arguments), 0);
                return secrets();
              }
            }));
  }

  /** Whose statements this thread runs from now on, and those that it starts; null: the workspace's user's. */
  public static void actAs(String user) {
    String who = user != null ? user : SparkContext.getOrCreate().getConf().get("spark.harness.user", null);
    if (who == null) CurrentUserContext.CURRENT_USER().remove();
    else CurrentUserContext.CURRENT_USER().set(who);
  }

  /** The values of secrets that a session's statements have read. Called from Python, which keeps them out of sight. */
  public static List<String> revealed(org.apache.spark.sql.classic.SparkSession session) {
    return List.copyOf(REVEALED.getOrDefault(session.sessionUUID(), Set.of()));
  }

  // ---- who asks ------------------------------------------------------------------------------------------

  private static Expression member(String name, List<Expression> arguments) {
    Set<String> groups = new HashSet<>();
    Rest.harness("groups", Map.of("user", user())).path("groups").forEach(each -> groups.add(each.asText()));
    return call(new In(groups), name, DataTypes.BooleanType, arguments);
  }

  private static Expression metastore(String name, List<Expression> arguments) {
    JsonNode found = Rest.send("GET", "metastore_summary", null, false);
    String region = found.path("cloud").asText() + ":" + found.path("region").asText();
    return call(new Value(region + ":" + found.path("metastore_id").asText()), name, DataTypes.StringType, arguments);
  }

  private static String user() {
    return CurrentUserContext.getCurrentUser();
  }

  // ---- secrets -------------------------------------------------------------------------------------------

  private static Expression secret(String name, List<Expression> arguments, boolean strict) {
    String scope = constant(arguments.get(0), "SCOPE");
    String key = constant(arguments.get(1), "KEY");
    String value = null;
    try {
      value = Rest.harness("secret", Map.of("user", user(), "scope", scope, "key", key)).path("value").asText();
      String session = ((org.apache.spark.sql.classic.SparkSession) SparkSession.active()).sessionUUID();
      REVEALED.computeIfAbsent(session, any -> ConcurrentHashMap.newKeySet()).add(value);
    } catch (Rest.Refused e) {
      if (strict) {
        throw refused(
            "INVALID_SECRET_LOOKUP.SECRET_FUNCTION_LOOKUP_FAILED",
            "Error looking up the secret using scope " + scope + " and key " + key + ": " + e.getMessage(),
            "22531");
      }
    }
    return call(new Value2(value), name, DataTypes.StringType, arguments);
  }

  private static String constant(Expression argument, String what) {
    if (argument.resolved() && argument.foldable() && argument.dataType().equals(DataTypes.StringType)) {
      Object value = argument.eval(null);
      if (value != null) return value.toString();
    }
    String low = what.toLowerCase(Locale.ROOT);
    throw refused(
        "INVALID_SECRET_LOOKUP.SECRET_FUNCTION_" + what + "_NOT_CONSTANT",
        "The " + low + " argument of the secret function is no constant string.",
        "22531");
  }

  private static LogicalPlan secrets() {
    StructType schema = new StructType().add("scope", "string").add("key", "string");
    List<Row> rows = new ArrayList<>();
    for (JsonNode each : Rest.harness("secrets", Map.of("user", user())).path("secrets")) {
      rows.add(RowFactory.create(each.path("scope").asText(), each.path("key").asText()));
    }
    List<Attribute> columns = new ArrayList<>(CollectionConverters.asJava(DataTypeUtils.toAttributes(schema)));
    return LocalRelation$.MODULE$.fromExternalRows(V1.seq(columns), V1.seq(rows));
  }

  // ---- as Spark calls them -------------------------------------------------------------------------------

  private static final class In extends AbstractFunction1<Object, Object> implements Serializable {
    private final Set<String> groups;

    In(Set<String> groups) {
      this.groups = groups;
    }

    @Override
    public Object apply(Object group) {
      return group == null ? null : groups.contains((String) group);
    }
  }

  private static final class Value extends AbstractFunction0<Object> implements Serializable {
    private final String value;

    Value(String value) {
      this.value = value;
    }

    @Override
    public Object apply() {
      return value;
    }
  }

  private static final class Value2 extends AbstractFunction2<Object, Object, Object> implements Serializable {
    private final String value;

    Value2(String value) {
      this.value = value;
    }

    @Override
    public Object apply(Object scope, Object key) {
      return value;
    }
  }

  private static Expression call(Object function, String name, DataType type, List<Expression> arguments) {
    return new ScalaUDF(
        function, type, V1.seq(arguments), V1.seq(List.of()), Option.empty(), Option.apply(name), true, true);
  }

  private static void scalar(SparkSessionExtensions extensions, String name, int count, Builder builder) {
    extensions.injectFunction(
        new Tuple3<>(
            new FunctionIdentifier(name),
            new ExpressionInfo(SessionFunctions.class.getName(), name),
            new AbstractFunction1<Seq<Expression>, Expression>() {
              @Override
              public Expression apply(Seq<Expression> arguments) {
                List<Expression> given = CollectionConverters.asJava(arguments);
                counted(name, given, count);
                return builder.of(name, given);
              }
            }));
  }

  private static void counted(String name, List<Expression> arguments, int count) {
    if (arguments.size() == count) return;
    String message = "The `" + name + "` requires " + count + " parameters but the actual number is " + arguments.size() + ".";
    throw refused("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", message, "42605");
  }

  private static IllegalArgumentException refused(String condition, String message, String state) {
    return new IllegalArgumentException("[" + condition + "] " + message + " SQLSTATE: " + state);
  }
}
