package io.unitycatalog.harness;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.Metadata;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** A schema as Spark holds it, and as the catalog's REST API spells it. */
final class Columns {
  // Unity Catalog's ColumnTypeName, where it is not Spark's own word in capitals.
  private static final Map<String, String> NAMES =
      Map.of("BIGINT", "LONG", "SMALLINT", "SHORT", "TINYINT", "BYTE", "VOID", "NULL");

  private Columns() {}

  static ArrayNode toRest(StructType schema, List<String> partitions) {
    ArrayNode columns = Rest.JSON.createArrayNode();
    for (StructField field : schema.fields()) {
      ObjectNode column = columns.addObject();
      column.put("name", field.name());
      column.put("type_text", field.dataType().catalogString());
      column.put("type_name", typeName(field.dataType()));
      column.put("type_json", fieldJson(field));
      column.put("position", columns.size() - 1);
      column.put("nullable", field.nullable());
      if (field.getComment().isDefined()) column.put("comment", field.getComment().get());
      if (field.dataType() instanceof DecimalType decimal) {
        column.put("type_precision", decimal.precision());
        column.put("type_scale", decimal.scale());
      }
      int index = indexIgnoringCase(partitions, field.name());
      if (index >= 0) column.put("partition_index", index);
    }
    return columns;
  }

  static StructType fromRest(JsonNode columns) {
    StructType schema = new StructType();
    for (JsonNode column : columns) schema = schema.add(field(column));
    return schema;
  }

  /** The names of the partition columns, in their order. */
  static List<String> partitions(JsonNode columns) {
    Map<Integer, String> found = new TreeMap<>();
    for (JsonNode column : columns) {
      if (column.hasNonNull("partition_index")) {
        found.put(column.get("partition_index").asInt(), column.get("name").asText());
      }
    }
    return List.copyOf(found.values());
  }

  /** What of a column matters when the catalog's and the table's are compared. */
  static List<String> essence(JsonNode columns) {
    List<String> found = new ArrayList<>();
    for (JsonNode column : columns) {
      found.add(column.path("type_json").asText() + column.path("partition_index").asText());
    }
    return found;
  }

  private static StructField field(JsonNode column) {
    String name = column.get("name").asText();
    String json = column.path("type_json").asText("");
    JsonNode parsed = parse(json);
    if (parsed.has("name") && parsed.has("type")) {
      return ((StructType) DataType.fromJson("{\"type\":\"struct\",\"fields\":[" + json + "]}")).fields()[0];
    }
    // Tables registered by the SDK may carry the bare type, or its text only.
    String ddl = column.path("type_text").asText(json.replace("\"", ""));
    DataType type = StructType.fromDDL("`c` " + ddl).fields()[0].dataType();
    StructField field = new StructField(name, type, column.path("nullable").asBoolean(true), Metadata.empty());
    return column.hasNonNull("comment") ? field.withComment(column.get("comment").asText()) : field;
  }

  private static String fieldJson(StructField field) {
    return parse(new StructType().add(field).json()).path("fields").get(0).toString();
  }

  private static JsonNode parse(String json) {
    try {
      return Rest.JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("Not a column type in JSON: " + json, e);
    }
  }

  static String typeName(DataType type) {
    String word = type.catalogString().toUpperCase(Locale.ROOT).replaceAll("[(<].*$", "").replaceAll(" .*$", "");
    return NAMES.getOrDefault(word, word);
  }

  private static int indexIgnoringCase(List<String> names, String name) {
    for (int i = 0; i < names.size(); i++) if (names.get(i).equalsIgnoreCase(name)) return i;
    return -1;
  }
}
