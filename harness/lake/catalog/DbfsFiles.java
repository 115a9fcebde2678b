package io.unitycatalog.harness;

import java.net.URI;
import org.apache.hadoop.fs.Path;

/** dbfs:/ as a file system of Hadoop: dbfs:/x is /dbfs/x; volumes and workspace files are in it by their own names. */
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
  protected Path getInitialWorkingDirectory() {
    return new Path(ROOT);
  }

  @Override
  protected String mounted(Path absolute) {
    String path = absolute.toUri().getPath();
    return Folders.isMounted(path) ? path : "/dbfs" + path;
  }
}
