package io.unitycatalog.harness;

import java.util.Map;
import org.apache.spark.sql.catalyst.analysis.NoSuchNamespaceException;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.connector.catalog.Column;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.NamespaceChange;
import org.apache.spark.sql.connector.catalog.SupportsNamespaces;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.connector.catalog.TableChange;
import org.apache.spark.sql.connector.catalog.TableInfo;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/** The catalog {@code system}: an information_schema that tells of every catalog. It is only read. */
public final class SystemCatalog implements TableCatalog, SupportsNamespaces {
  @Override
  public void initialize(String name, CaseInsensitiveStringMap options) {}

  @Override
  public String name() {
    return InformationSchema.SYSTEM;
  }

  @Override
  public String[][] listNamespaces() {
    return new String[][] {{InformationSchema.NAME}};
  }

  @Override
  public String[][] listNamespaces(String[] namespace) {
    return namespace.length == 0 ? listNamespaces() : new String[0][];
  }

  @Override
  public boolean namespaceExists(String[] namespace) {
    return InformationSchema.is(namespace);
  }

  @Override
  public Map<String, String> loadNamespaceMetadata(String[] namespace) throws NoSuchNamespaceException {
    if (!namespaceExists(namespace)) throw absent(namespace);
    return Map.of();
  }

  @Override
  public Identifier[] listTables(String[] namespace) throws NoSuchNamespaceException {
    if (!namespaceExists(namespace)) throw absent(namespace);
    return InformationSchema.TABLES.stream().map(name -> Identifier.of(namespace, name)).toArray(Identifier[]::new);
  }

  @Override
  public Table loadTable(Identifier i) throws NoSuchTableException {
    Table table = namespaceExists(i.namespace()) ? InformationSchema.table(name(), i.name()) : null;
    if (table == null) throw new NoSuchTableException(Identifier.of(qualified(i.namespace()), i.name()));
    return table;
  }

  private NoSuchNamespaceException absent(String[] namespace) {
    return new NoSuchNamespaceException(qualified(namespace));
  }

  private String[] qualified(String[] namespace) {
    String[] parts = new String[namespace.length + 1];
    parts[0] = name();
    System.arraycopy(namespace, 0, parts, 1, namespace.length);
    return parts;
  }

  // ---- what would change it ------------------------------------------------------------------------------

  private static UnsupportedOperationException fixed() {
    return new UnsupportedOperationException("The catalog system cannot be changed");
  }

  @Override
  public Table createTable(Identifier i, TableInfo info) {
    throw fixed();
  }

  @Override
  public Table createTable(
      Identifier i,
      Column[] columns,
      org.apache.spark.sql.connector.expressions.Transform[] partitions,
      Map<String, String> properties) {
    throw fixed();
  }

  @Override
  public Table alterTable(Identifier i, TableChange... changes) {
    throw fixed();
  }

  @Override
  public boolean dropTable(Identifier i) {
    throw fixed();
  }

  @Override
  public void renameTable(Identifier from, Identifier to) {
    throw fixed();
  }

  @Override
  public void createNamespace(String[] namespace, Map<String, String> metadata) {
    throw fixed();
  }

  @Override
  public void alterNamespace(String[] namespace, NamespaceChange... changes) {
    throw fixed();
  }

  @Override
  public boolean dropNamespace(String[] namespace, boolean cascade) {
    throw fixed();
  }
}
