package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FsConstants;
import org.apache.spark.SparkConf;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.apache.spark.deploy.SparkSubmit;

/**
 * spark-submit for one task, in a JVM of its own, on the catalogs and files that the engine's JVM has. The first line
 * of standard input has the settings, for the same reason as {@link Main}'s. How it ended is left in a file: without
 * one, the program has ended the JVM itself.
 */
public final class Submit {
  private static final Pattern MACHINERY =
      Pattern.compile("\\s+at (java\\.base/)?(jdk\\.internal\\.reflect|java\\.lang\\.reflect|"
          + "org\\.apache\\.spark\\.deploy|io\\.unitycatalog\\.harness\\.Submit)\\..*");

  private Submit() {}

  public static void main(String[] ignored) throws IOException {
    JsonNode settings = Rest.JSON.readTree(Main.line());
    Rest.connect(settings.path("catalog_url").asText(), settings.path("catalog_token").asText());
    SparkConf conf = new SparkConf();
    Store.strings(settings.get("conf")).forEach(conf::set);
    FileSystem.get(FsConstants.LOCAL_FS_URI, SparkHadoopUtil.get().newConfiguration(conf)); // see Main
    ObjectNode result = Rest.JSON.createObjectNode();
    try {
      new SparkSubmit().doSubmit(arguments(settings));
    } catch (Throwable failure) {
      result.put("name", failure.getClass().getName());
      result.put("value", String.valueOf(failure.getMessage()));
      result.put("trace", trace(failure));
    }
    Files.writeString(Path.of(settings.get("result").asText()), result.toString());
    System.out.flush();
    System.err.flush();
    // Not by return: what the program left running would hold its task up. Files of the session go with its folder.
    Runtime.getRuntime().halt(0);
  }

  /** Our settings first: those that the task gives itself go before them. */
  private static String[] arguments(JsonNode settings) {
    List<String> all = new ArrayList<>();
    Store.strings(settings.get("conf")).forEach((name, value) -> {
      all.add("--conf");
      all.add(name + "=" + value);
    });
    settings.get("arguments").forEach(argument -> all.add(argument.asText()));
    return all.toArray(new String[0]);
  }

  private static String trace(Throwable failure) {
    StringWriter text = new StringWriter();
    failure.printStackTrace(new PrintWriter(text, true));
    return text.toString().lines().filter(line -> !MACHINERY.matcher(line).matches())
        .collect(Collectors.joining("\n"));
  }
}
