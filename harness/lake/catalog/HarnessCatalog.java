package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.catalyst.analysis.NoSuchFunctionException;
import org.apache.spark.sql.catalyst.analysis.NoSuchNamespaceException;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.catalyst.analysis.NoSuchViewException;
import org.apache.spark.sql.catalyst.analysis.NonEmptyNamespaceException;
import org.apache.spark.sql.catalyst.analysis.TableAlreadyExistsException;
import org.apache.spark.sql.catalyst.analysis.ViewAlreadyExistsException;
import org.apache.spark.sql.connector.catalog.FunctionCatalog;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.ProcedureCatalog;
import org.apache.spark.sql.connector.catalog.View;
import org.apache.spark.sql.connector.catalog.functions.UnboundFunction;
import org.apache.spark.sql.connector.catalog.procedures.UnboundProcedure;

/**
 * A catalog of the workspace as Spark sees it: {@code spark.sql.catalog.main = io.unitycatalog.harness.HarnessCatalog}.
 * Views, functions and procedures; its tables are those of ReadTables and WrittenTables.
 */
public final class HarnessCatalog extends WrittenTables implements FunctionCatalog, ProcedureCatalog {
  // ---- views ---------------------------------------------------------------------------------------

  @Override
  public View loadView(Identifier i) throws NoSuchViewException {
    JsonNode document = store.find(i);
    if (document == null || !Store.isView(document)) throw new NoSuchViewException(store.qualified(i));
    return Views.fromRest(document);
  }

  @Override
  public boolean viewExists(Identifier i) {
    JsonNode document = store.find(i);
    return document != null && Store.isView(document);
  }

  @Override
  public Identifier[] listViews(String[] namespace) {
    try {
      return store.identifiers(namespace, true);
    } catch (NoSuchNamespaceException e) {
      return new Identifier[0];
    }
  }

  @Override
  public View createView(Identifier i, View view) throws ViewAlreadyExistsException, NoSuchNamespaceException {
    makes(i);
    try {
      store.create(i, "VIEW", Views.toRest(view));
    } catch (TableAlreadyExistsException e) {
      throw new ViewAlreadyExistsException(store.qualified(i));
    }
    return view;
  }

  @Override
  public View replaceView(Identifier i, View view) throws NoSuchViewException {
    if (!viewExists(i)) throw new NoSuchViewException(store.qualified(i));
    manages(i);
    try {
      store.update(i, Views.toRest(view));
    } catch (NoSuchTableException e) {
      throw new NoSuchViewException(store.qualified(i));
    }
    return view;
  }

  @Override
  public boolean dropView(Identifier i) {
    if (!viewExists(i)) return false;
    manages(i);
    store.delete(i);
    return true;
  }

  @Override
  public void renameView(Identifier from, Identifier to) throws NoSuchViewException, ViewAlreadyExistsException {
    manages(from);
    try {
      store.renameTable(from, target(from, to));
    } catch (NoSuchTableException e) {
      throw new NoSuchViewException(store.qualified(from));
    } catch (TableAlreadyExistsException e) {
      throw new ViewAlreadyExistsException(store.qualified(to));
    }
  }

  @Override
  public boolean dropNamespace(String[] namespace, boolean cascade)
      throws NoSuchNamespaceException, NonEmptyNamespaceException {
    if (namespace.length == 1) Privileges.need("SCHEMA", catalog + "." + namespace[0], "MANAGE");
    return store.dropNamespace(namespace, cascade);
  }

  // ---- functions ---------------------------------------------------------------------------------------

  @Override
  public Identifier[] listFunctions(String[] namespace) throws NoSuchNamespaceException {
    if (InformationSchema.is(namespace)) return new Identifier[0];
    return store.functions(namespace).stream()
        .map(document -> Identifier.of(namespace, document.path("name").asText()))
        .toArray(Identifier[]::new);
  }

  @Override
  public UnboundFunction loadFunction(Identifier i) throws NoSuchFunctionException {
    JsonNode document = i.namespace().length == 1 ? Rest.find("functions", catalog, i.namespace()[0], i.name()) : null;
    if (document == null) throw new NoSuchFunctionException(store.qualified(i));
    return Functions.load(document);
  }

  // ---- procedures: the SQL front end only ----------------------------------------------------------------

  @Override
  public Identifier[] listProcedures(String[] namespace) {
    return new Identifier[0];
  }

  @Override
  public UnboundProcedure loadProcedure(Identifier i) {
    if (Frontend.is(i)) return new Frontend();
    throw Functions.sneaky(
        new AnalysisException(
            "ROUTINE_NOT_FOUND", V1.scala(Map.of("routineName", "`" + String.join("`.`", store.qualified(i.namespace())) + "`.`" + i.name() + "`"))));
  }
}
