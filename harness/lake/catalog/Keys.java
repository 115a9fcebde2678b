package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.TableChange;
import org.apache.spark.sql.connector.catalog.TableInfo;
import org.apache.spark.sql.connector.catalog.constraints.Check;
import org.apache.spark.sql.connector.catalog.constraints.Constraint;
import org.apache.spark.sql.delta.constraints.DropConstraint;

/**
 * Constraints. A CHECK is Delta's to enforce. PRIMARY and FOREIGN KEY inform only, as in Databricks: they are kept as
 * properties of the table's document, which neither Spark nor Delta sees.
 */
final class Keys {
  private static final String PREFIX = "harness.constraint.";

  private Keys() {}

  /** Those of a document's properties that are keys. */
  static Map<String, String> of(Map<String, String> properties) {
    Map<String, String> keys = new HashMap<>(properties);
    keys.keySet().removeIf(key -> !key.startsWith(PREFIX));
    return keys;
  }

  /** A new table's properties, its CHECKs among them in the form in which Delta keeps them. */
  static Map<String, String> withChecks(TableInfo info) {
    Map<String, String> properties = new HashMap<>(info.properties());
    for (Constraint constraint : info.constraints()) {
      if (constraint instanceof Check check) {
        properties.put("delta.constraints." + check.name().toLowerCase(Locale.ROOT), check.predicateSql());
      }
    }
    return properties;
  }

  /** Keep a new table's keys. */
  static void keep(Store store, Identifier i, TableInfo info) {
    for (Constraint constraint : info.constraints()) {
      if (!(constraint instanceof Check)) set(store, i, constraint.name(), References.toText(constraint.toDDL()));
    }
  }

  /** Apply a change that concerns a key. Returns false, and does nothing, for every other change. */
  static boolean change(Store store, Identifier i, TableChange change) {
    if (change instanceof TableChange.AddConstraint add && !(add.constraint() instanceof Check)) {
      set(store, i, add.constraint().name(), References.toText(add.constraint().toDDL()));
      return true;
    }
    String dropped = null; // Delta's grammar takes the statement first, and has a class of the same name as Spark's
    if (change instanceof DropConstraint drop) dropped = drop.constraintName();
    if (change instanceof TableChange.DropConstraint drop) dropped = drop.name();
    JsonNode document = dropped == null ? null : store.find(i);
    if (document == null || !document.path("properties").has(PREFIX + dropped)) return false;
    set(store, i, dropped, null);
    return true;
  }

  private static void set(Store store, Identifier i, String name, String text) {
    Map<String, String> properties = new HashMap<>(Store.strings(store.find(i).path("properties")));
    if (text == null) properties.remove(PREFIX + name);
    else properties.put(PREFIX + name, text);
    ObjectNode changes = Rest.JSON.createObjectNode();
    changes.set("properties", Rest.JSON.valueToTree(properties));
    try {
      store.update(i, changes);
    } catch (NoSuchTableException e) {
      throw new IllegalStateException(e);
    }
  }
}
