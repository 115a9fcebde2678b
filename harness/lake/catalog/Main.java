package io.unitycatalog.harness;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FsConstants;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.apache.spark.sql.classic.SparkSession;
import py4j.ClientServer;

/**
 * The JVM's main program. Standard input is its lifeline: first one JSON line (settings come this way, and not as
 * arguments, because every user of the machine can read arguments), then nothing; when it closes, the JVM ends.
 * Standard output has one line, the port of the py4j server, which is there before Spark is.
 */
public final class Main {
  private final CompletableFuture<SparkSession> root = new CompletableFuture<>();

  private Main() {}

  /** The root session, once Spark is up. */
  public SparkSession session() throws Exception {
    return root.get();
  }

  private void start(JsonNode settings) {
    try {
      SparkConf conf = new SparkConf();
      Store.strings(settings.get("conf")).forEach(conf::set);
      // Hadoop keeps the first file system of a scheme, whoever asks for it, and with whatever settings.
      FileSystem.get(FsConstants.LOCAL_FS_URI, SparkHadoopUtil.get().newConfiguration(conf));
      SparkSession session = SparkSession.builder().config(conf).getOrCreate();
      Sessions.loadCatalogs(session);
      root.complete(session);
    } catch (Throwable failure) {
      failure.printStackTrace();
      root.completeExceptionally(failure);
    }
  }

  public static void main(String[] arguments) throws IOException {
    JsonNode settings = Rest.JSON.readTree(line());
    Rest.connect(settings.path("catalog_url").asText(), settings.path("catalog_token").asText());
    Main main = new Main();
    ClientServer server = Sessions.server(main, settings.get("secret").asText());
    System.out.println(server.getJavaServer().getListeningPort());
    System.out.flush();
    System.setOut(System.err); // a streaming console sink, say, prints to the log
    main.start(settings);
    while (System.in.read() >= 0) {}
    // Nothing here outlives the process: tables are committed or not, temporary files are our owner's to delete. Only
    // the training run needs an orderly end, because the class archive is written in it.
    if (!settings.path("orderly_end").asBoolean(false)) Runtime.getRuntime().halt(0);
    SparkContext.getOrCreate().stop();
    System.exit(0);
  }

  static String line() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int b = System.in.read(); b >= 0 && b != '\n'; b = System.in.read()) bytes.write(b);
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
