package io.unitycatalog.harness;

import java.net.URI;
import org.apache.hadoop.fs.Path;

/** dbfs:/ as a file system of Hadoop: dbfs:/x is /dbfs/x, dbfs:/Volumes/x is /Volumes/x. */
public final class DbfsFiles extends MountedFiles {
  static final String SCHEME = "dbfs";
  private static final URI ROOT = URI.create("dbfs:///");

  @Override
  public URI getUri() {
    return ROOT;
  }

  @Override
  public String getScheme() {
    return SCHEME;
  }

  @Override
  protected String mounted(Path absolute) {
    return "/dbfs" + absolute.toUri().getPath();
  }
}
