package io.unitycatalog.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FilterFileSystem;

/**
 * S3A with credentials of one statement's own (COPY INTO ... WITH (CREDENTIAL ...)).
 *
 * Hadoop's cache of file systems knows nothing of credentials, so such a read must bypass it; then every task opens an
 * S3A client of its own that nobody closes (25 threads a statement, measured). Here all that carry the same loan share
 * one client, and end() closes it.
 */
public final class LentS3 extends FilterFileSystem {
  private static final String LOAN = "fs.harness.loan";
  private static final Map<String, FileSystem> LENT = new ConcurrentHashMap<>();

  @Override
  public void initialize(URI uri, Configuration conf) throws IOException {
    setConf(conf);
    try {
      fs = LENT.computeIfAbsent(conf.get(LOAN) + " " + uri.getScheme() + "://" + uri.getAuthority(), k -> open(uri, conf));
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    statistics = FileSystem.getStatistics(uri.getScheme(), getClass());
  }

  private static FileSystem open(URI uri, Configuration conf) {
    Configuration plain = new Configuration(conf);
    plain.set("fs." + uri.getScheme() + ".impl", "org.apache.hadoop.fs.s3a.S3AFileSystem");
    try {
      return FileSystem.newInstance(uri, plain);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The loan's end closes the client, not the ends of those who share it. */
  @Override
  public void close() {}

  /** Closes the clients of a loan. */
  public static void end(String loan) throws IOException {
    for (String key : LENT.keySet()) {
      FileSystem lent = key.startsWith(loan + " ") ? LENT.remove(key) : null;
      if (lent != null) lent.close();
    }
  }
}
