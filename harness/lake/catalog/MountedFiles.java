package io.unitycatalog.harness;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.PathPermissionException;
import org.apache.hadoop.fs.RawLocalFileSystem;

/** The file system of a cluster's machine: this one's, with DBFS, volumes and workspace files where a cluster has them. */
class MountedFiles extends RawLocalFileSystem {
  private Folders folders;

  @Override
  public void initialize(URI uri, Configuration conf) throws IOException {
    folders = Folders.of(conf);
    super.initialize(uri, conf);
  }

  /** A path of this file system as a cluster's processes spell it. */
  protected String mounted(Path absolute) {
    return absolute.toUri().getPath();
  }

  @Override
  public File pathToFile(Path path) {
    checkPath(path);
    Path absolute = path.isAbsolute() ? path : new Path(getWorkingDirectory(), path);
    String name = mounted(absolute);
    return new File(folders == null ? name : folders.local(name));
  }

  /** With the path that was asked for: a file's real place would be news to who listed a volume. */
  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    FileStatus status = super.getFileStatus(path);
    Path asked = makeQualified(path);
    if (status.getPath().equals(asked)) return status;
    return new FileStatus(
        status.getLen(), status.isDirectory(), 1, status.getBlockSize(), status.getModificationTime(), asked);
  }

  @Override
  public FileStatus[] listStatus(Path path) throws IOException {
    return pathToFile(path).isFile() ? new FileStatus[] {getFileStatus(path)} : super.listStatus(path);
  }

  @Override
  public boolean delete(Path path, boolean recursive) throws IOException {
    refuseVolume(path);
    return super.delete(path, recursive);
  }

  @Override
  public boolean rename(Path source, Path target) throws IOException {
    refuseVolume(source);
    return super.rename(source, target);
  }

  /** Whether a path is in a volume that has no folder on this machine, or that is not there at all. */
  protected boolean isInUnlinkedVolume(String name) {
    return folders != null && folders.isInUnlinkedVolume(name);
  }

  protected void refuseVolume(Path path) throws IOException {
    if (Folders.isUnityCatalogs(mounted(makeQualified(path)))) {
      throw new PathPermissionException(path.toString(), "a volume is dropped or renamed in Unity Catalog");
    }
  }
}
