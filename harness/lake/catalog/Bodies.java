package io.unitycatalog.harness;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.spark.sql.catalyst.analysis.UnresolvedFunction;
import org.apache.spark.sql.catalyst.analysis.UnresolvedRelation;
import org.apache.spark.sql.catalyst.analysis.UnresolvedTableValuedFunction;
import org.apache.spark.sql.catalyst.catalog.SessionCatalog;
import org.apache.spark.sql.catalyst.parser.ParseException;
import org.apache.spark.sql.catalyst.parser.ParserInterface;
import org.apache.spark.sql.catalyst.plans.logical.UnresolvedWith;
import org.apache.spark.sql.catalyst.trees.TreeNode;
import org.apache.spark.sql.classic.SparkSession;
import scala.Product;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Bodies of SQL functions with every name made full: they mean what was current when the function was made, and Spark
 * 4.2 would look the names up in the caller's catalog and schema.
 */
final class Bodies {
  private static final Set<String> SYSTEM = Set.of("builtin", "session", "system");

  private final SessionCatalog sparks;
  private final List<String> place;
  private final Set<String> local = new HashSet<>();
  private final Map<Integer, List<String>> names = new TreeMap<>((a, b) -> b - a); // from the end of the text on
  private final Set<Integer> functions = new HashSet<>();

  private Bodies(SessionCatalog sparks, List<String> place) {
    this.sparks = sparks;
    this.place = place;
  }

  /** Parameters: {@code place}, the catalog and schema of names without them. */
  static String qualified(String body, boolean query, List<String> place, SparkSession session) {
    ParserInterface parser = session.sessionState().sqlParser();
    String text = Dialect.toSpark(body);
    Bodies bodies = new Bodies(session.sessionState().catalog(), place);
    try {
      bodies.walk(query ? parser.parsePlan(text) : parser.parseExpression(text));
    } catch (ParseException e) {
      return body; // Spark says it, where the function is called
    }
    StringBuilder out = new StringBuilder(text);
    bodies.names.forEach((at, parts) -> out.insert(at, bodies.prefix(parts, bodies.functions.contains(at))));
    return out.toString();
  }

  private void walk(Object node) {
    if (node instanceof UnresolvedRelation relation) {
      note(relation, relation.multipartIdentifier(), false);
    } else if (node instanceof UnresolvedFunction function) {
      note(function, function.nameParts(), true);
    } else if (node instanceof UnresolvedTableValuedFunction function) {
      note(function, function.name(), true);
    } else if (node instanceof UnresolvedWith with) {
      CollectionConverters.asJava(with.cteRelations()).forEach(each -> local.add(lower((String) ((Product) each).productElement(0))));
    }
    // Subqueries and common table expressions are no children, but are among what a node is made of.
    if (node instanceof scala.collection.Iterable<?> many) CollectionConverters.asJava(many).forEach(this::walk);
    else if (node instanceof Product product) CollectionConverters.asJava(product.productIterator()).forEachRemaining(this::walk);
  }

  private void note(TreeNode<?> node, Seq<String> parts, boolean function) {
    if (node.origin().startIndex().isEmpty()) return;
    int at = (Integer) node.origin().startIndex().get();
    names.put(at, CollectionConverters.asJava(parts));
    if (function) functions.add(at);
  }

  private String prefix(List<String> parts, boolean function) {
    if (parts.size() > 2 || SYSTEM.contains(lower(parts.get(0)))) return "";
    if (parts.size() == 2) return parts.get(1).contains("/") ? "" : quoted(place.subList(0, 1));
    String name = parts.get(0);
    boolean known =
        function
            ? sparks.lookupBuiltinOrTempFunction(name).isDefined() || sparks.lookupBuiltinOrTempTableFunction(name).isDefined()
            : local.contains(lower(name));
    return known ? "" : quoted(place);
  }

  private static String quoted(List<String> parts) {
    List<String> quoted = new ArrayList<>();
    for (String part : parts) quoted.add("`" + part.replace("`", "``") + "`.");
    return String.join("", quoted);
  }

  private static String lower(String name) {
    return name.toLowerCase(Locale.ROOT);
  }
}
