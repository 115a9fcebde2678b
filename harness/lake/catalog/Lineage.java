package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerEvent;
import org.apache.spark.sql.catalyst.analysis.NamedRelation;
import org.apache.spark.sql.catalyst.analysis.ResolvedIdentifier;
import org.apache.spark.sql.catalyst.catalog.CatalogTable;
import org.apache.spark.sql.catalyst.plans.QueryPlan;
import org.apache.spark.sql.catalyst.plans.logical.CommandResult;
import org.apache.spark.sql.catalyst.plans.logical.CreateTableAsSelect;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.ReplaceTableAsSelect;
import org.apache.spark.sql.catalyst.plans.logical.V2WriteCommand;
import org.apache.spark.sql.connector.catalog.CatalogPlugin;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.delta.catalog.DeltaTableV2;
import org.apache.spark.sql.delta.commands.CreateDeltaTableCommand;
import org.apache.spark.sql.delta.commands.DeleteCommand;
import org.apache.spark.sql.delta.commands.MergeIntoCommand;
import org.apache.spark.sql.delta.commands.UpdateCommand;
import org.apache.spark.sql.delta.commands.WriteIntoDelta;
import org.apache.spark.sql.delta.sources.DeltaSink;
import org.apache.spark.sql.execution.QueryExecution;
import org.apache.spark.sql.execution.datasources.HadoopFsRelation;
import org.apache.spark.sql.execution.datasources.InsertIntoHadoopFsRelationCommand;
import org.apache.spark.sql.execution.datasources.LogicalRelation;
import org.apache.spark.sql.execution.datasources.SaveIntoDataSourceCommand;
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation;
import org.apache.spark.sql.execution.streaming.sources.WriteToMicroBatchDataSourceV1;
import org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd;
import org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart;
import scala.Option;
import scala.jdk.javaapi.CollectionConverters;

/**
 * What each SQL execution has read and written, as its analysed plan says: tables by their names, anything else by its
 * path. Named in spark.extraListeners. A listener, not a QueryExecutionListener, which is not told of streams' batches.
 */
public final class Lineage extends SparkListener {
  private static final int KEPT = 20_000;
  private static final Deque<String> ENTRIES = new ArrayDeque<>();
  private static final List<String> NO_DATA = List.of("CreateView", "AlterView", "Explain", "Describe", "Show");
  private static final long SINCE = System.currentTimeMillis();

  private final Map<Long, Running> running = new HashMap<>();
  // Of executions within others, by the outermost one, which says what they were for.
  private final Map<Long, List<ObjectNode>> inner = new HashMap<>();

  private record Running(long root, ObjectNode entry) {}

  private static final class Facts {
    final Set<String> reads = new TreeSet<>();
    final Set<String> writes = new TreeSet<>();
  }

  // ---- called from Python --------------------------------------------------------------------------------

  /** As JSON: all entries of executions that have ended when this is called, oldest first, and since when. */
  public static String entries(SparkContext context) throws Exception {
    context.listenerBus().waitUntilEmpty();
    synchronized (ENTRIES) {
      String entries = String.join(",", ENTRIES);
      return "{\"since\":" + SINCE + ",\"full\":" + (ENTRIES.size() == KEPT) + ",\"executions\":[" + entries + "]}";
    }
  }

  public static void forget() {
    synchronized (ENTRIES) {
      ENTRIES.clear();
    }
  }

  // ---- called from Spark, on the one thread of its queue ---------------------------------------------------

  @Override
  public void onOtherEvent(SparkListenerEvent event) {
    if (event instanceof SparkListenerSQLExecutionStart started) begin(started);
    if (event instanceof SparkListenerSQLExecutionEnd ended) end(ended);
  }

  private void begin(SparkListenerSQLExecutionStart started) {
    ObjectNode entry = Rest.JSON.createObjectNode().put("at", started.time());
    ArrayNode tags = entry.putArray("tags");
    CollectionConverters.asJava(started.jobTags()).forEach(tags::add);
    Option<Object> root = started.rootExecutionId();
    long outermost = root.isDefined() ? ((Number) root.get()).longValue() : started.executionId();
    running.put(started.executionId(), new Running(outermost, entry));
  }

  private void end(SparkListenerSQLExecutionEnd ended) {
    Running known = running.remove(ended.executionId());
    QueryExecution execution = ended.qe();
    if (known == null || execution == null) return;
    boolean outermost = known.root == ended.executionId();
    LogicalPlan plan = null;
    Facts facts = new Facts();
    // What failed has brought nothing about; to look at a plan that could not be analysed would fail here too.
    if (ended.executionFailure().isEmpty()) {
      plan = execution.analyzed();
      look(plan, facts);
    }
    List<ObjectNode> found = new ArrayList<>();
    if (outermost) {
      List<ObjectNode> within = inner.remove(known.root);
      // Delta's commands look for the files to change by queries of their own: the statement does not read its target.
      if (within != null && !(plan != null && changes(plan))) found.addAll(within);
    }
    if (!facts.reads.isEmpty() || !facts.writes.isEmpty()) {
      ArrayNode reads = known.entry.putArray("reads");
      facts.reads.forEach(reads::add);
      ArrayNode writes = known.entry.putArray("writes");
      facts.writes.forEach(writes::add);
      found.add(known.entry);
    }
    if (outermost) keep(found);
    else inner.computeIfAbsent(known.root, id -> new ArrayList<>()).addAll(found);
  }

  private static void keep(List<ObjectNode> found) {
    synchronized (ENTRIES) {
      found.forEach(entry -> ENTRIES.add(entry.toString()));
      while (ENTRIES.size() > KEPT) ENTRIES.remove();
    }
  }

  // ---- plans ---------------------------------------------------------------------------------------------

  private static boolean changes(LogicalPlan plan) {
    return plan instanceof MergeIntoCommand || plan instanceof UpdateCommand || plan instanceof DeleteCommand;
  }

  private static void look(QueryPlan<?> plan, Facts facts) {
    // A command has had its own execution; what defines or describes something reads nothing.
    if (plan instanceof CommandResult || NO_DATA.stream().anyMatch(plan.nodeName()::startsWith)) return;
    read(plan, facts);
    written(plan, facts);
    if (plan instanceof MergeIntoCommand merge) look(merge.source(), facts);
    if (changes(plan instanceof LogicalPlan logical ? logical : null)) {
      CollectionConverters.asJava(plan.subqueries()).forEach(each -> look((QueryPlan<?>) each, facts));
      return; // its child is its target
    }
    CollectionConverters.asJava(plan.children()).forEach(each -> look((QueryPlan<?>) each, facts));
    CollectionConverters.asJava(plan.innerChildren()).forEach(each -> look((QueryPlan<?>) each, facts));
    CollectionConverters.asJava(plan.subqueries()).forEach(each -> look((QueryPlan<?>) each, facts));
  }

  private static void read(QueryPlan<?> plan, Facts facts) {
    if (plan instanceof LogicalRelation relation) {
      if (!name(relation.catalogTable(), facts.reads) && relation.relation() instanceof HadoopFsRelation files) {
        CollectionConverters.asJava(files.location().rootPaths()).forEach(path -> path(path, facts.reads));
      }
    } else if (plan instanceof DataSourceV2Relation relation) {
      name(relation, facts.reads);
    }
  }

  private static void written(QueryPlan<?> plan, Facts facts) {
    Set<String> writes = facts.writes;
    if (plan instanceof V2WriteCommand write) {
      NamedRelation target = write.table();
      if (target instanceof DataSourceV2Relation relation) name(relation, writes);
      if (target instanceof LogicalRelation relation) {
        Facts seen = new Facts();
        read(relation, seen);
        writes.addAll(seen.reads);
      }
    } else if (plan instanceof CreateTableAsSelect create) {
      name(create.name(), writes);
    } else if (plan instanceof ReplaceTableAsSelect replace) {
      name(replace.name(), writes);
    } else if (plan instanceof InsertIntoHadoopFsRelationCommand insert) {
      if (!name(insert.catalogTable(), writes)) path(insert.outputPath(), writes);
    } else if (plan instanceof SaveIntoDataSourceCommand save) {
      option(save.options(), writes);
    } else if (plan instanceof MergeIntoCommand merge) {
      if (!name(merge.catalogTable(), writes)) path(merge.targetFileIndex().path(), writes);
    } else if (plan instanceof UpdateCommand update) {
      if (!name(update.catalogTable(), writes)) path(update.tahoeFileIndex().path(), writes);
    } else if (plan instanceof DeleteCommand delete) {
      if (!name(delete.catalogTable(), writes)) path(delete.deltaLog().dataPath(), writes);
    } else if (plan instanceof WriteIntoDelta write) {
      if (!name(write.catalogTableOpt(), writes)) path(write.deltaLog().dataPath(), writes);
    } else if (plan instanceof CreateDeltaTableCommand create) {
      if (create.query().isDefined()) name(Option.apply(create.table()), writes);
    } else if (plan instanceof WriteToMicroBatchDataSourceV1 batch) {
      if (name(batch.catalogTable(), writes)) return;
      if (batch.sink() instanceof DeltaSink sink) {
        if (!name(sink.catalogTable(), writes)) path(sink.path(), writes);
      } else {
        option(batch.writeOptions(), writes);
      }
    }
  }

  // ---- names ---------------------------------------------------------------------------------------------

  private static boolean name(Option<CatalogTable> table, Set<String> names) {
    if (table.isEmpty()) return false;
    Option<String> catalog = table.get().identifier().catalog();
    Option<String> schema = table.get().identifier().database();
    if (catalog.isEmpty() || schema.isEmpty() || table.get().identifier().table().contains("/")) return false;
    names.add("table:" + catalog.get() + "." + schema.get() + "." + table.get().identifier().table());
    return true;
  }

  private static void name(DataSourceV2Relation relation, Set<String> names) {
    boolean known = false;
    if (relation.catalog().isDefined() && relation.identifier().isDefined()) {
      known = name((CatalogPlugin) relation.catalog().get(), (Identifier) relation.identifier().get(), names);
    }
    if (!known && relation.table() instanceof DeltaTableV2 delta) {
      if (!name(delta.catalogTable(), names)) path(delta.path(), names);
    }
  }

  private static void name(LogicalPlan plan, Set<String> names) {
    if (plan instanceof ResolvedIdentifier named) name(named.catalog(), named.identifier(), names);
  }

  private static boolean name(CatalogPlugin catalog, Identifier i, Set<String> names) {
    if (i.namespace().length != 1 || InformationSchema.is(i.namespace()) || Store.isPath(i)) return false;
    names.add("table:" + catalog.name() + "." + i.namespace()[0] + "." + i.name());
    return true;
  }

  private static void option(scala.collection.immutable.Map<String, String> options, Set<String> names) {
    String path = CollectionConverters.asJava(options).get("path");
    if (path != null) path(new Path(path), names);
  }

  private static void path(Path path, Set<String> names) {
    if (!path.toString().contains("/_delta_log")) names.add("path:" + path);
  }
}
