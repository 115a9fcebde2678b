package io.unitycatalog.harness;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.ChecksumFs;
import org.apache.hadoop.fs.DelegateToFileSystem;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FsConstants;

/** The same file systems for Hadoop's other interface, which Delta's log and streaming checkpoints go through. */
public final class FileContexts {
  private FileContexts() {}

  private static final class Plain extends DelegateToFileSystem {
    Plain(URI uri, FileSystem files, Configuration conf, String scheme) throws IOException, URISyntaxException {
      super(uri, files, conf, scheme, false);
    }

    @Override
    public int getUriDefaultPort() {
      return -1;
    }

    @Override
    public boolean isValidName(String source) {
      return true;
    }
  }

  /** dbfs:/. */
  public static final class Dbfs extends DelegateToFileSystem {
    public Dbfs(URI uri, Configuration conf) throws IOException, URISyntaxException {
      super(uri, new DbfsFiles(), conf, DbfsFiles.SCHEME, false);
    }

    @Override
    public int getUriDefaultPort() {
      return -1;
    }
  }

  /** Azure's and Google's object stores. */
  public static final class Foreign extends DelegateToFileSystem {
    public Foreign(URI uri, Configuration conf) throws IOException, URISyntaxException {
      super(uri, new ForeignFiles(), conf, uri.getScheme(), false);
    }

    @Override
    public int getUriDefaultPort() {
      return -1;
    }
  }

  /** file:/, with its checksums. */
  public static final class Local extends ChecksumFs {
    public Local(URI uri, Configuration conf) throws IOException, URISyntaxException {
      super(new Plain(FsConstants.LOCAL_FS_URI, new MountedFiles(), conf, "file"));
    }
  }
}
