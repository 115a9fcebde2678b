package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.catalyst.analysis.AnalysisContext;
import org.apache.spark.sql.catalyst.analysis.RelationTimeTravel;
import org.apache.spark.sql.catalyst.analysis.UnresolvedRelation;
import org.apache.spark.sql.catalyst.analysis.UnresolvedTable;
import org.apache.spark.sql.catalyst.analysis.UnresolvedTableValuedFunction;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Literal;
import org.apache.spark.sql.catalyst.plans.logical.InsertIntoStatement;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.OverwriteByExpression;
import org.apache.spark.sql.catalyst.plans.logical.SubqueryAlias;
import org.apache.spark.sql.catalyst.plans.logical.SubqueryAlias$;
import org.apache.spark.sql.catalyst.plans.logical.V2WriteCommand;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.catalyst.trees.TreeNodeTag;
import org.apache.spark.sql.classic.SparkSession;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractPartialFunction;

/**
 * Row filters and column masks: a table that has them is read as a query that applies them; and privileges, where they
 * are enforced. To be injected as a hint rule: what is written to is no longer to be told from what is read once
 * relations are resolved.
 */
public final class Guards extends Rule<LogicalPlan> {
  private static final TreeNodeTag<Boolean> INSIDE = new TreeNodeTag<>("harness.guarded");
  private static final String WRITES = "__required_write_privileges__"; // Spark's own option of what is written to
  private static volatile JsonNode watched; // null: to be asked

  private final SparkSession session;

  Guards(org.apache.spark.sql.SparkSession session) {
    this.session = (SparkSession) session;
  }

  /** Some table's guards are others now. Called from Python. */
  public static void changed() {
    watched = null;
  }

  static boolean watches(String what) {
    JsonNode known = watched;
    if (known == null) watched = known = Rest.harness("watched", Map.of());
    return known.path(what).asBoolean(true);
  }

  @Override
  public LogicalPlan apply(LogicalPlan plan) {
    return plan.resolveOperatorsDown(
        new AbstractPartialFunction<LogicalPlan, LogicalPlan>() {
          @Override
          public boolean isDefinedAt(LogicalPlan node) {
            return node instanceof UnresolvedRelation
                || node instanceof RelationTimeTravel
                || node instanceof InsertIntoStatement
                || node instanceof V2WriteCommand
                || node instanceof UnresolvedTable
                || node instanceof UnresolvedTableValuedFunction;
          }

          @Override
          public LogicalPlan apply(LogicalPlan node) {
            if (!concerns(node) || !(watches("guarded") || watches("enforced"))) return node;
            if (node instanceof UnresolvedRelation relation) return guarded(relation);
            // What these write to is no child of theirs.
            if (node instanceof InsertIntoStatement insert && insert.table() instanceof UnresolvedRelation relation) {
              permit(relation, "MODIFY");
            }
            if (node instanceof V2WriteCommand write && write.table() instanceof UnresolvedRelation relation) {
              permit(relation, "MODIFY");
              if (node instanceof OverwriteByExpression overwrite) overwrites(overwrite, relation);
            }
            if (node instanceof RelationTimeTravel travel && travel.relation() instanceof UnresolvedRelation relation) {
              permit(relation, "SELECT");
              JsonNode document = document(name(relation));
              if (document != null) throw Policies.timeTravel(document);
            }
            if (node instanceof UnresolvedTableValuedFunction call) changes(call);
            if (node instanceof UnresolvedTable table && table.commandName().startsWith("TRUNCATE")) {
              permit(CollectionConverters.asJava(table.multipartIdentifier()), "MODIFY");
            }
            return node;
          }
        });
  }

  /** REPLACE WHERE looks at every row of its target, and replaces hidden ones; to replace all rows looks at none. */
  private void overwrites(OverwriteByExpression overwrite, UnresolvedRelation relation) {
    if (overwrite.deleteExpr().semanticEquals(Literal.TrueLiteral())) return;
    JsonNode document = document(name(relation));
    if (document != null) throw Policies.refused(document, "INSERT … REPLACE WHERE");
  }

  /** Whether a node names a table of the workspace: it is asked about no temporary view and no file. */
  private boolean concerns(LogicalPlan node) {
    LogicalPlan named = node;
    if (node instanceof InsertIntoStatement insert) named = insert.table();
    if (node instanceof V2WriteCommand write) named = (LogicalPlan) write.table();
    if (node instanceof RelationTimeTravel travel) named = travel.relation();
    if (named instanceof UnresolvedRelation relation) return full(name(relation)) != null;
    if (named instanceof UnresolvedTable) return true;
    return node instanceof UnresolvedTableValuedFunction call && isChanges(call);
  }

  private static boolean isChanges(UnresolvedTableValuedFunction call) {
    List<String> function = CollectionConverters.asJava(call.name());
    return function.get(function.size() - 1).equalsIgnoreCase("table_changes");
  }

  private LogicalPlan guarded(UnresolvedRelation relation) {
    if (relation.getTagValue(INSIDE).isDefined()) return relation;
    String writes = relation.options().getOrDefault(WRITES, "");
    permit(relation, writes.isEmpty() ? "SELECT" : "MODIFY");
    if (!writes.isEmpty()) return relation; // GuardedChanges sees to it
    JsonNode document = document(name(relation));
    if (document == null) return relation;
    LogicalPlan parsed = parse(Policies.query(document));
    LogicalPlan query =
        parsed.transformDown(
            new AbstractPartialFunction<LogicalPlan, LogicalPlan>() {
              @Override
              public boolean isDefinedAt(LogicalPlan node) {
                return node instanceof UnresolvedRelation;
              }

              @Override
              public LogicalPlan apply(LogicalPlan node) {
                UnresolvedRelation read =
                    new UnresolvedRelation(
                        ((UnresolvedRelation) node).multipartIdentifier(), relation.options(), relation.isStreaming());
                read.setTagValue(INSIDE, true);
                node.setTagValue(INSIDE, true); // which stays if the two are equal
                return read;
              }
            });
    List<String> parts = List.of(document.path("full_name").asText().split("\\.", 3));
    SubqueryAlias alias = SubqueryAlias$.MODULE$.apply(parts.get(2), query);
    return alias.copy(alias.identifier().copy(parts.get(2), V1.seq(parts.subList(0, 2))), query);
  }

  /** Raise unless the statement's user may read or change a table. What a view reads, its owner may. */
  private void permit(UnresolvedRelation relation, String privilege) {
    permit(name(relation), privilege);
  }

  private void permit(List<String> name, String privilege) {
    if (!watches("enforced") || inView()) return;
    List<String> table = full(name);
    if (table != null) Privileges.need("TABLE", String.join(".", table), privilege);
  }

  private static boolean inView() {
    return !CollectionConverters.asJava(AnalysisContext.get().catalogAndNamespace()).isEmpty();
  }

  private LogicalPlan parse(String text) {
    try {
      return session.sessionState().sqlParser().parsePlan(text);
    } catch (Exception e) {
      throw Functions.sneaky(e);
    }
  }

  private static List<String> name(UnresolvedRelation relation) {
    return CollectionConverters.asJava(relation.multipartIdentifier());
  }

  /** The document of a table that is guarded; null for every other name. */
  private JsonNode document(List<String> name) {
    if (!watches("guarded")) return null;
    List<String> full = full(name);
    if (full == null) return null;
    JsonNode document = Rest.find("tables", full.toArray(String[]::new));
    if (document == null || !Policies.isGuarded(document)) return null;
    if (Dialect.version(name.get(name.size() - 1)) != null) throw Policies.timeTravel(document);
    return document;
  }

  /** The three parts of a table's name in one of the workspace's catalogs, without its version; null for others. */
  private List<String> full(List<String> name) {
    if (name.size() > 3) return null;
    if (name.size() == 1 && session.sessionState().catalog().isTempView(V1.seq(name))) return null;
    List<String> full = new ArrayList<>(Names.place(session).subList(0, Math.max(0, 3 - name.size())));
    full.addAll(name);
    if (full.size() != 3 || full.get(2).contains("/")) return null;
    if (!session.sessionState().catalogManager().isCatalogRegistered(full.get(0))) return null;
    if (!(session.sessionState().catalogManager().catalog(full.get(0)) instanceof HarnessCatalog)) return null;
    String version = Dialect.version(full.get(2));
    if (version != null) full.set(2, full.get(2).substring(0, full.get(2).length() - version.length() - 1));
    return full;
  }

  /** table_changes('t', …) shows what filter and masks hide. */
  private void changes(UnresolvedTableValuedFunction call) {
    List<Expression> arguments = CollectionConverters.asJava(call.functionArgs());
    if (arguments.isEmpty()) return;
    Expression table = arguments.get(0);
    if (!table.foldable()) return;
    try {
      String text = String.valueOf(table.eval(null));
      JsonNode document =
          document(CollectionConverters.asJava(session.sessionState().sqlParser().parseMultipartIdentifier(text)));
      if (document != null) throw Policies.refused(document, "The change data feed");
    } catch (org.apache.spark.sql.catalyst.parser.ParseException e) {
      throw Functions.sneaky(e);
    }
  }
}
