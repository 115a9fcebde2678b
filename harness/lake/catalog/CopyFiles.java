package io.unitycatalog.harness;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.compress.CompressionCodec;
import org.apache.hadoop.io.compress.CompressionCodecFactory;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.SubqueryAlias;
import org.apache.spark.sql.delta.files.TahoeFileIndex;
import org.apache.spark.sql.execution.datasources.HadoopFsRelation;
import org.apache.spark.sql.execution.datasources.LogicalRelation;

/** What COPY INTO asks of many files, in one call instead of several from Python for each file. */
public final class CopyFiles {
  private static final int AT_ONCE = 8;

  private CopyFiles() {}

  /**
   * Each status as [path, name, epoch milliseconds, whether it is a file, bytes], in JSON. {@code given}: one or an array,
   * whatever the file system's own classes are, which py4j would look for a method of.
   */
  public static String described(Object given) {
    FileStatus[] statuses = given instanceof FileStatus[] many ? many : new FileStatus[] {(FileStatus) given};
    ArrayNode found = Rest.JSON.createArrayNode();
    for (FileStatus each : statuses) {
      found
          .addArray()
          .add(each.getPath().toString())
          .add(each.getPath().getName())
          .add(each.getModificationTime())
          .add(each.isFile())
          .add(each.getLen());
    }
    return found.toString();
  }

  /** Where the Delta table lies that this reads, whole and as it is; null for anything else. Runs no job, as DESCRIBE DETAIL does. */
  public static String deltaLocation(Dataset<Row> table) {
    LogicalPlan plan = ((org.apache.spark.sql.classic.Dataset<Row>) table).queryExecution().analyzed();
    while (plan instanceof SubqueryAlias alias) plan = alias.child();
    if (!(plan instanceof LogicalRelation relation)) return null;
    if (!(relation.relation() instanceof HadoopFsRelation files)) return null;
    return files.location() instanceof TahoeFileIndex index ? index.deltaLog().dataPath().toString() : null;
  }

  /** The first line of each file that is neither blank nor a comment; "" where there is none. Both in JSON. */
  public static String firstLines(Configuration conf, String files, String comment) throws IOException {
    ExecutorService pool = Executors.newFixedThreadPool(AT_ONCE);
    try {
      CompressionCodecFactory codecs = new CompressionCodecFactory(conf);
      List<Future<String>> lines = new ArrayList<>();
      for (var file : Rest.JSON.readTree(files)) {
        Path path = new Path(file.get(0).asText());
        FileSystem system = path.getFileSystem(conf);
        long length = file.get(1).asLong();
        lines.add(pool.submit(() -> firstLine(system, path, length, codecs.getCodec(path), comment)));
      }
      ArrayNode found = Rest.JSON.createArrayNode();
      for (Future<String> line : lines) found.add(line.get());
      return Rest.JSON.writeValueAsString(found);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
    } finally {
      pool.shutdownNow();
    }
  }

  private static String firstLine(FileSystem system, Path path, long length, CompressionCodec codec, String comment)
      throws Exception {
    // With its length S3A asks nothing before it reads.
    try (InputStream raw = system.openFile(path).optLong("fs.option.openfile.length", length).build().get();
        InputStream plain = codec == null ? raw : codec.createInputStream(raw);
        BufferedReader reader = new BufferedReader(new InputStreamReader(plain, StandardCharsets.ISO_8859_1))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        if (!line.isBlank() && (comment.isEmpty() || !line.startsWith(comment))) return line;
      }
      return "";
    }
  }
}
