package io.unitycatalog.harness;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The columns of each table of an information_schema: the name of each, where its value is, and its type. */
final class InformationColumns {
  static final String TEXT = "string";

  private InformationColumns() {}

  record Field(String path, String type) {}

  static Map<String, Field> fields(String... triples) {
    Map<String, Field> fields = new LinkedHashMap<>();
    for (int i = 0; i < triples.length; i += 3) fields.put(triples[i], new Field(triples[i + 1], triples[i + 2]));
    return fields;
  }

  static final Map<String, Field> CATALOGS =
      fields(
          "catalog_name", "name", TEXT, "catalog_owner", "owner", TEXT, "comment", "comment", TEXT,
          "created", "created_at", "timestamp", "created_by", "created_by", TEXT,
          "last_altered", "updated_at", "timestamp", "last_altered_by", "updated_by", TEXT);

  static final Map<String, Field> SCHEMATA =
      fields(
          "catalog_name", "catalog_name", TEXT, "schema_name", "name", TEXT, "schema_owner", "owner", TEXT,
          "comment", "comment", TEXT, "created", "created_at", "timestamp", "created_by", "created_by", TEXT,
          "last_altered", "updated_at", "timestamp", "last_altered_by", "updated_by", TEXT);

  static final Map<String, Field> TABLE =
      fields(
          "table_catalog", "catalog_name", TEXT, "table_schema", "schema_name", TEXT, "table_name", "name", TEXT,
          "table_type", "table_type", TEXT, "is_insertable_into", "=insertable", TEXT, "table_owner", "owner", TEXT,
          "comment", "comment", TEXT, "created", "created_at", "timestamp", "created_by", "created_by", TEXT,
          "last_altered", "updated_at", "timestamp", "last_altered_by", "updated_by", TEXT,
          "data_source_format", "data_source_format", TEXT, "storage_path", "storage_location", TEXT);

  static final Map<String, Field> COLUMNS =
      fields(
          "table_catalog", "/catalog_name", TEXT, "table_schema", "/schema_name", TEXT, "table_name", "/name", TEXT,
          "column_name", "name", TEXT, "ordinal_position", "position", "int", "is_nullable", "=nullable", TEXT,
          "full_data_type", "type_text", TEXT, "data_type", "type_name", TEXT,
          "numeric_precision", "type_precision", "int", "numeric_scale", "type_scale", "int",
          "partition_index", "partition_index", "int", "comment", "comment", TEXT);

  static final Map<String, Field> VIEWS =
      fields(
          "table_catalog", "catalog_name", TEXT, "table_schema", "schema_name", TEXT, "table_name", "name", TEXT,
          "view_definition", "view_definition", TEXT, "check_option", "=none", TEXT, "is_updatable", "=no", TEXT,
          "is_insertable_into", "=no", TEXT, "is_materialized", "=no", TEXT);

  static final Map<String, Field> ROUTINES =
      fields(
          "specific_catalog", "catalog_name", TEXT, "specific_schema", "schema_name", TEXT, "specific_name", "name", TEXT,
          "routine_catalog", "catalog_name", TEXT, "routine_schema", "schema_name", TEXT, "routine_name", "name", TEXT,
          "routine_owner", "owner", TEXT, "routine_type", "=function", TEXT, "data_type", "data_type", TEXT,
          "full_data_type", "full_data_type", TEXT, "routine_body", "routine_body", TEXT,
          "routine_definition", "routine_definition", TEXT, "external_language", "external_language", TEXT,
          "is_deterministic", "=deterministic", TEXT, "sql_data_access", "sql_data_access", TEXT,
          "security_type", "security_type", TEXT, "comment", "comment", TEXT,
          "created", "created_at", "timestamp", "created_by", "created_by", TEXT,
          "last_altered", "updated_at", "timestamp", "last_altered_by", "updated_by", TEXT);

  static final Map<String, Field> PARAMETERS =
      fields(
          "specific_catalog", "/catalog_name", TEXT, "specific_schema", "/schema_name", TEXT,
          "specific_name", "/name", TEXT, "ordinal_position", "position", "int",
          "parameter_mode", "parameter_mode", TEXT, "parameter_name", "name", TEXT, "data_type", "type_name", TEXT,
          "full_data_type", "type_text", TEXT, "numeric_precision", "type_precision", "int",
          "numeric_scale", "type_scale", "int", "parameter_default", "parameter_default", TEXT,
          "comment", "comment", TEXT);

  static final Map<String, Field> VOLUMES =
      fields(
          "volume_catalog", "catalog_name", TEXT, "volume_schema", "schema_name", TEXT, "volume_name", "name", TEXT,
          "volume_type", "volume_type", TEXT, "volume_owner", "owner", TEXT, "comment", "comment", TEXT,
          "storage_location", "storage_location", TEXT, "created", "created_at", "timestamp",
          "created_by", "created_by", TEXT, "last_altered", "updated_at", "timestamp",
          "last_altered_by", "updated_by", TEXT);

  static final Map<String, Field> CONSTRAINTS =
      fields(
          "constraint_catalog", "constraint_catalog", TEXT, "constraint_schema", "constraint_schema", TEXT,
          "constraint_name", "constraint_name", TEXT, "table_catalog", "table_catalog", TEXT,
          "table_schema", "table_schema", TEXT, "table_name", "table_name", TEXT,
          "constraint_type", "constraint_type", TEXT, "is_deferrable", "=no", TEXT, "initially_deferred", "=no", TEXT,
          "enforced", "=no", TEXT, "comment", "comment", TEXT);

  static final Map<String, Field> USAGE =
      fields(
          "constraint_catalog", "constraint_catalog", TEXT, "constraint_schema", "constraint_schema", TEXT,
          "constraint_name", "constraint_name", TEXT, "table_catalog", "table_catalog", TEXT,
          "table_schema", "table_schema", TEXT, "table_name", "table_name", TEXT, "column_name", "column_name", TEXT,
          "ordinal_position", "ordinal_position", "int",
          "position_in_unique_constraint", "position_in_unique_constraint", "int");

  static final Map<String, Field> REFERENCES =
      fields(
          "constraint_catalog", "constraint_catalog", TEXT, "constraint_schema", "constraint_schema", TEXT,
          "constraint_name", "constraint_name", TEXT, "unique_constraint_catalog", "unique_constraint_catalog", TEXT,
          "unique_constraint_schema", "unique_constraint_schema", TEXT,
          "unique_constraint_name", "unique_constraint_name", TEXT, "match_option", "=full", TEXT,
          "update_rule", "=no action", TEXT, "delete_rule", "=no action", TEXT);

  static final Map<String, Field> FILTERS =
      fields(
          "table_catalog", "/catalog_name", TEXT, "table_schema", "/schema_name", TEXT, "table_name", "/name", TEXT,
          "filter_catalog", "catalog", TEXT, "filter_schema", "schema", TEXT, "filter_name", "function", TEXT,
          "target_columns", "columns", TEXT);

  static final Map<String, Field> MASKS =
      fields(
          "table_catalog", "/catalog_name", TEXT, "table_schema", "/schema_name", TEXT, "table_name", "/name", TEXT,
          "column_name", "column", TEXT, "mask_catalog", "catalog", TEXT, "mask_schema", "schema", TEXT,
          "mask_name", "function", TEXT, "using_columns", "columns", TEXT);

  static final Map<String, Field> LOCATIONS =
      fields(
          "external_location_name", "name", TEXT, "external_location_owner", "owner", TEXT, "url", "url", TEXT,
          "storage_credential_id", "credential_id", TEXT, "storage_credential_name", "credential_name", TEXT,
          "read_only", "read_only", "yes", "comment", "comment", TEXT, "created", "created_at", "timestamp",
          "created_by", "created_by", TEXT, "last_altered", "updated_at", "timestamp",
          "last_altered_by", "updated_by", TEXT);

  static final Map<String, Field> CREDENTIALS =
      fields(
          "storage_credential_id", "id", TEXT, "storage_credential_name", "name", TEXT,
          "storage_credential_owner", "owner", TEXT, "credential_type", "=identity", TEXT,
          "used_for_managed_storage", "used_for_managed_storage", "yes", "comment", "comment", TEXT,
          "created", "created_at", "timestamp", "created_by", "created_by", TEXT,
          "last_altered", "updated_at", "timestamp", "last_altered_by", "updated_by", TEXT);

  /** Of the privileges on a kind of object: catalog, schema, table, volume or routine. */
  static Map<String, Field> privileges(String kind) {
    List<String> names = new ArrayList<>(List.of("grantor", "grantee"));
    switch (kind) {
      case "catalog" -> names.add("catalog_name");
      case "schema" -> names.addAll(List.of("catalog_name", "schema_name"));
      case "routine" -> {
        for (String of : List.of("specific", "routine")) names.addAll(List.of(of + "_catalog", of + "_schema", of + "_name"));
      }
      default -> names.addAll(List.of(kind + "_catalog", kind + "_schema", kind + "_name"));
    }
    names.addAll(List.of("privilege_type", "is_grantable", "inherited_from"));
    List<String> triples = new ArrayList<>();
    for (String name : names) triples.addAll(List.of(name, name.equals("is_grantable") ? "=no" : name, TEXT));
    return fields(triples.toArray(String[]::new));
  }
}
