package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.catalyst.analysis.UnresolvedTableValuedFunction;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.errors.QueryCompilationErrors;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractPartialFunction;

/**
 * Finds table functions in the workspace's catalogs: Spark looks for them in its session catalog only. To be injected
 * as a hint rule, because those run before Spark resolves functions, with the catalog and schema of the view if any.
 */
final class TableFunctions extends Rule<LogicalPlan> {
  static final String DESCRIBE = "__harness_describe";

  private final SparkSession session;

  TableFunctions(org.apache.spark.sql.SparkSession session) {
    this.session = (SparkSession) session;
  }

  @Override
  public LogicalPlan apply(LogicalPlan plan) {
    return plan.resolveOperatorsUp(
        new AbstractPartialFunction<LogicalPlan, LogicalPlan>() {
          @Override
          public boolean isDefinedAt(LogicalPlan node) {
            return node instanceof UnresolvedTableValuedFunction;
          }

          @Override
          public LogicalPlan apply(LogicalPlan node) {
            return found((UnresolvedTableValuedFunction) node);
          }
        });
  }

  private LogicalPlan found(UnresolvedTableValuedFunction call) {
    List<String> name = CollectionConverters.asJava(call.name());
    if (name.size() == 1 && name.get(0).equals(DESCRIBE)) {
      String statement = CollectionConverters.asJava(call.functionArgs()).get(0).eval(null).toString();
      return session.sql(statement).queryExecution().analyzed();
    }
    if (name.size() == 1) AiFunctions.refuseTable(name.get(0));
    if (name.size() > 3 || (name.size() == 1 && isSparks(name.get(0)))) return call;
    List<String> full = new ArrayList<>(Names.place(session).subList(0, Math.max(0, 3 - name.size())));
    if (name.size() < 3 && full.size() + name.size() != 3) return call;
    full.addAll(name);
    if (!(session.sessionState().catalogManager().catalog(full.get(0)) instanceof HarnessCatalog)) return call;
    JsonNode document = Rest.find("functions", full.toArray(String[]::new));
    LogicalPlan found = document == null ? null : Functions.call(document, call.functionArgs());
    if (found != null) return found;
    if (document != null) throw Functions.sneaky(QueryCompilationErrors.notATableFunctionError(full.get(2)));
    Map<String, String> which = Map.of("name", "`" + String.join("`.`", name) + "`");
    throw Functions.sneaky(
        new AnalysisException("UNRESOLVABLE_TABLE_VALUED_FUNCTION", V1.scala(which), call.origin()));
  }

  private boolean isSparks(String name) {
    return session.sessionState().catalog().lookupBuiltinOrTempTableFunction(name).isDefined();
  }
}
