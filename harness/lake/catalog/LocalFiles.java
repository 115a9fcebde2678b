package io.unitycatalog.harness;

import org.apache.hadoop.fs.LocalFileSystem;

/** file:/ as a file system of Hadoop, with its checksums, where a cluster's mounts are found too. */
public final class LocalFiles extends LocalFileSystem {
  public LocalFiles() {
    super(new MountedFiles());
  }
}
