package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.catalyst.TableIdentifier;
import org.apache.spark.sql.catalyst.analysis.EliminateSubqueryAliases$;
import org.apache.spark.sql.catalyst.analysis.UnresolvedRelation;
import org.apache.spark.sql.catalyst.catalog.CatalogTable;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.And;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.ExprId;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.SubqueryExpression;
import org.apache.spark.sql.catalyst.expressions.WindowExpression;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression;
import org.apache.spark.sql.catalyst.optimizer.CollapseProject$;
import org.apache.spark.sql.catalyst.optimizer.EliminateSQLFunctionNode$;
import org.apache.spark.sql.catalyst.optimizer.OptimizeOneRowRelationSubquery$;
import org.apache.spark.sql.catalyst.plans.logical.DeltaDelete;
import org.apache.spark.sql.catalyst.plans.logical.DeltaMergeInto;
import org.apache.spark.sql.catalyst.plans.logical.DeltaMergeIntoNotMatchedBySourceClause;
import org.apache.spark.sql.catalyst.plans.logical.DeltaMergeIntoNotMatchedBySourceDeleteClause;
import org.apache.spark.sql.catalyst.plans.logical.DeltaMergeIntoNotMatchedBySourceUpdateClause;
import org.apache.spark.sql.catalyst.plans.logical.DeltaUpdateTable;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.plans.logical.SubqueryAlias;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.delta.catalog.DeltaTableV2;
import org.apache.spark.sql.execution.datasources.LogicalRelation;
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation;
import scala.Option;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractPartialFunction;

/**
 * UPDATE, DELETE and MERGE of a table with a row filter or column masks: they reach no row that the filter hides, and
 * read of every column what its mask gives; what they do not set stays as it is. To be applied to Delta's plans once
 * all is resolved, before Delta makes commands of them.
 *
 * <p>Source: docs.databricks.com/data-governance/unity-catalog/filters-and-masks ("Limitations": MERGE takes no policy
 * with nesting, aggregations, windows, limits or non-deterministic functions; Delta Lake APIs are not supported) and
 * sql-ref-syntax-ddl-column-mask ("the mask is applied as soon as each row is fetched").
 */
final class GuardedChanges extends Rule<LogicalPlan> {
  private static final int DEPTH = 20; // of functions that call functions

  private final SparkSession session;

  GuardedChanges(org.apache.spark.sql.SparkSession session) {
    this.session = (SparkSession) session;
  }

  /** What a table's policies are by its plan's own columns; {@code filter} is null when it has none. */
  private record Guarded(Expression filter, Map<ExprId, Expression> masks) {}

  @Override
  public LogicalPlan apply(LogicalPlan plan) {
    return plan.resolveOperatorsDown(
        new AbstractPartialFunction<LogicalPlan, LogicalPlan>() {
          @Override
          public boolean isDefinedAt(LogicalPlan node) {
            boolean changes =
                node instanceof DeltaDelete || node instanceof DeltaUpdateTable || node instanceof DeltaMergeInto;
            return changes && Guards.watches("guarded"); // which asks the workspace
          }

          @Override
          public LogicalPlan apply(LogicalPlan node) {
            if (node instanceof DeltaDelete delete) return guarded(delete);
            if (node instanceof DeltaUpdateTable update) return guarded(update);
            return guarded((DeltaMergeInto) node);
          }
        });
  }

  private LogicalPlan guarded(DeltaDelete delete) {
    JsonNode document = document(delete.child());
    if (document == null) return delete;
    Guarded guarded = guarded(document, delete.child(), "DELETE");
    return delete.copy(delete.child(), condition(document, guarded, delete.condition()));
  }

  private LogicalPlan guarded(DeltaUpdateTable update) {
    JsonNode document = document(update.child());
    if (document == null) return update;
    Guarded guarded = guarded(document, update.child(), "UPDATE");
    List<Expression> values = new ArrayList<>();
    for (Expression value : CollectionConverters.asJava(update.updateExpressions())) {
      values.add(masked(document, guarded, value));
    }
    Option<Expression> condition = condition(document, guarded, update.condition());
    return update.copy(update.child(), update.updateColumns(), V1.seq(values), condition);
  }

  private LogicalPlan guarded(DeltaMergeInto merge) {
    JsonNode document = document(merge.target());
    if (document == null) return merge;
    Guarded guarded = guarded(document, merge.target(), "MERGE");
    List<DeltaMergeIntoNotMatchedBySourceClause> alone = new ArrayList<>();
    for (var clause : CollectionConverters.asJava(merge.notMatchedBySourceClauses())) {
      // Whatever is hidden matches nothing.
      Option<Expression> condition = condition(document, guarded, clause.condition());
      alone.add(
          clause instanceof DeltaMergeIntoNotMatchedBySourceUpdateClause update
              ? update.copy(condition, masked(document, guarded, update.actions()))
              : ((DeltaMergeIntoNotMatchedBySourceDeleteClause) clause).copy(condition));
    }
    return merge.copy(
        merge.target(),
        merge.source(),
        condition(document, guarded, Option.apply(merge.condition())).get(),
        masked(document, guarded, merge.matchedClauses()),
        merge.notMatchedClauses(),
        V1.seq(alone),
        merge.withSchemaEvolution(),
        merge.finalSchema());
  }

  // ---- the table -----------------------------------------------------------------------------------------

  /** The document of the one table that a change is made to, if that is guarded; null for others. */
  private static JsonNode document(LogicalPlan target) {
    List<LogicalPlan> leaves = CollectionConverters.asJava(target.collectLeaves());
    if (leaves.size() != 1) return null;
    Option<CatalogTable> table = Option.empty();
    if (leaves.get(0) instanceof LogicalRelation relation) table = relation.catalogTable();
    if (leaves.get(0) instanceof DataSourceV2Relation relation && relation.table() instanceof DeltaTableV2 delta) {
      table = delta.catalogTable();
    }
    if (table.isEmpty()) return null;
    TableIdentifier name = table.get().identifier();
    if (name.catalog().isEmpty() || name.database().isEmpty()) return null;
    JsonNode document = Rest.find("tables", name.catalog().get(), name.database().get(), name.table());
    return document == null || !Policies.isGuarded(document) ? null : document;
  }

  private Guarded guarded(JsonNode document, LogicalPlan target, String operation) {
    LogicalPlan table = target;
    while (table instanceof SubqueryAlias alias) table = alias.child();
    // What has been read has its guards already: a temporary view, a DeltaTable.
    if (!CollectionConverters.asJava(table.children()).isEmpty()) throw Policies.refused(document, operation + " by a view or by Delta's API");
    String filter = Policies.filter(document);
    Map<String, String> masks = Policies.masks(document);
    List<String> texts = new ArrayList<>(masks.values());
    if (filter != null) texts.add(filter);
    List<Expression> found = resolved(texts, table);
    if (found == null) throw Policies.tooComplex(document, operation, filter == null);
    Map<String, ExprId> columns = new HashMap<>();
    for (Attribute column : CollectionConverters.asJava(table.output())) columns.put(column.name(), column.exprId());
    Map<ExprId, Expression> byColumn = new HashMap<>();
    for (String column : masks.keySet()) {
      Expression mask = found.get(byColumn.size());
      if (!isSimple(mask)) throw Policies.tooComplex(document, operation, true);
      byColumn.put(columns.get(column), mask);
    }
    Expression rows = filter == null ? null : found.get(found.size() - 1);
    if (rows != null && !isSimple(rows)) throw Policies.tooComplex(document, operation, false);
    return new Guarded(rows, byColumn);
  }

  /** Expressions over a table's columns, those of SQL functions in their place; null when they are more than that. */
  private List<Expression> resolved(List<String> texts, LogicalPlan table) {
    LogicalPlan plan = session.sessionState().analyzer().execute(over(texts, table));
    for (int i = 0; i < DEPTH; i++) {
      LogicalPlan plain = EliminateSQLFunctionNode$.MODULE$.apply(EliminateSubqueryAliases$.MODULE$.apply(plan));
      LogicalPlan simpler =
          CollapseProject$.MODULE$.apply(OptimizeOneRowRelationSubquery$.MODULE$.apply(plain), true);
      if (simpler.fastEquals(plan)) break;
      plan = simpler;
    }
    List<Expression> found = new ArrayList<>();
    if (!(plan instanceof Project project) || !project.child().fastEquals(table)) return null;
    for (NamedExpression each : CollectionConverters.asJava(project.projectList())) found.add(((Alias) each).child());
    return found;
  }

  private LogicalPlan over(List<String> texts, LogicalPlan table) {
    List<String> named = new ArrayList<>();
    for (String text : texts) named.add(text + " AS `" + named.size() + "`");
    try {
      LogicalPlan parsed = session.sessionState().sqlParser().parsePlan("SELECT " + String.join(", ", named) + " FROM t");
      return parsed.transformDown(
          new AbstractPartialFunction<LogicalPlan, LogicalPlan>() {
            @Override
            public boolean isDefinedAt(LogicalPlan node) {
              return node instanceof UnresolvedRelation;
            }

            @Override
            public LogicalPlan apply(LogicalPlan node) {
              return table;
            }
          });
    } catch (org.apache.spark.sql.catalyst.parser.ParseException e) {
      throw Functions.sneaky(e);
    }
  }

  private static boolean isSimple(Expression expression) {
    if (!expression.deterministic()) return false;
    boolean complex =
        expression instanceof SubqueryExpression
            || expression instanceof AggregateExpression
            || expression instanceof WindowExpression;
    return !complex && CollectionConverters.asJava(expression.children()).stream().allMatch(GuardedChanges::isSimple);
  }

  // ---- expressions ---------------------------------------------------------------------------------------

  /** A condition with masked values, on the rows that are shown. */
  private static Option<Expression> condition(JsonNode document, Guarded guarded, Option<Expression> condition) {
    if (condition.isEmpty()) return Option.apply(guarded.filter);
    Expression masked = masked(document, guarded, condition.get());
    return Option.apply(guarded.filter == null ? masked : new And(guarded.filter, masked));
  }

  @SuppressWarnings("unchecked")
  private static <T> Seq<T> masked(JsonNode document, Guarded guarded, Seq<T> expressions) {
    List<T> masked = new ArrayList<>();
    for (T each : CollectionConverters.asJava(expressions)) masked.add((T) masked(document, guarded, (Expression) each));
    return V1.seq(masked);
  }

  private static Expression masked(JsonNode document, Guarded guarded, Expression expression) {
    // Within a subquery's plan the column would still be read as it is.
    if (isCorrelated(guarded, expression)) throw Policies.refused(document, "A correlated subquery");
    return expression.transformUp(
        new AbstractPartialFunction<Expression, Expression>() {
          @Override
          public boolean isDefinedAt(Expression node) {
            return node instanceof AttributeReference column && guarded.masks.containsKey(column.exprId());
          }

          @Override
          public Expression apply(Expression node) {
            return guarded.masks.get(((AttributeReference) node).exprId());
          }
        });
  }

  private static boolean isCorrelated(Guarded guarded, Expression expression) {
    if (expression instanceof SubqueryExpression subquery) {
      for (Attribute column : CollectionConverters.asJava(subquery.references().toSeq())) {
        if (guarded.masks.containsKey(column.exprId())) return true;
      }
    }
    return CollectionConverters.asJava(expression.children()).stream().anyMatch(each -> isCorrelated(guarded, each));
  }
}
