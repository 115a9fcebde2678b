package io.unitycatalog.harness;

import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.impl.OpenFileParameters;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/**
 * dbfs:/ as a file system of Hadoop: dbfs:/x is /dbfs/x; volumes and workspace files are in it by their own names. A
 * volume that rests elsewhere, such as in S3, is read and written there.
 */
public final class DbfsFiles extends MountedFiles {
  static final String SCHEME = "dbfs";
  private static final URI ROOT = URI.create("dbfs:///");

  /** A file or folder of another file system. */
  private record Place(FileSystem files, Path path) {}

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

  // ---- volumes that rest elsewhere -----------------------------------------------------------------

  /** Where a path in such a volume leads; null for every other path. */
  private Place elsewhere(Path path) throws IOException {
    String name = makeQualified(path).toUri().getPath();
    if (!isInUnlinkedVolume(name)) return null;
    String location = Unity.elsewhere(name);
    if (location == null) return null;
    Path found = new Path(location);
    return new Place(found.getFileSystem(getConf()), found);
  }

  private static FileStatus named(FileStatus status, Path path) {
    return new FileStatus(
        status.getLen(), status.isDirectory(), 1, status.getBlockSize(), status.getModificationTime(), path);
  }

  @Override
  public FSDataInputStream open(Path path, int buffer) throws IOException {
    Place place = elsewhere(path);
    return place == null ? super.open(path, buffer) : place.files.open(place.path, buffer);
  }

  /** With what is known of the file, which S3A would ask for. */
  @Override
  protected CompletableFuture<FSDataInputStream> openFileWithOptions(Path path, OpenFileParameters parameters)
      throws IOException {
    Place place = parameters.getStatus() == null ? null : elsewhere(path);
    return place == null
        ? super.openFileWithOptions(path, parameters)
        : SourceFiles.opened(place.files, place.path, parameters.getStatus());
  }

  @Override
  public FSDataOutputStream create(
      Path path, boolean overwrite, int buffer, short replication, long block, Progressable progress)
      throws IOException {
    Place place = elsewhere(path);
    return place == null
        ? super.create(path, overwrite, buffer, replication, block, progress)
        : place.files.create(place.path, overwrite, buffer, replication, block, progress);
  }

  @Override
  public FSDataOutputStream create(
      Path path, FsPermission permission, boolean overwrite, int buffer, short replication, long block, Progressable p)
      throws IOException {
    Place place = elsewhere(path);
    return place == null
        ? super.create(path, permission, overwrite, buffer, replication, block, p)
        : place.files.create(place.path, overwrite, buffer, replication, block, p);
  }

  @Override
  public boolean exists(Path path) throws IOException {
    Place place = elsewhere(path);
    return place == null ? super.exists(path) : place.files.exists(place.path);
  }

  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    Place place = elsewhere(path);
    return place == null ? super.getFileStatus(path) : named(place.files.getFileStatus(place.path), makeQualified(path));
  }

  @Override
  public FileStatus[] listStatus(Path path) throws IOException {
    Place place = elsewhere(path);
    if (place == null) return super.listStatus(path);
    Path folder = makeQualified(path);
    List<FileStatus> found = new ArrayList<>();
    for (FileStatus status : place.files.listStatus(place.path)) {
      boolean itself = status.getPath().equals(place.path);
      found.add(named(status, itself ? folder : new Path(folder, status.getPath().getName())));
    }
    return found.toArray(FileStatus[]::new);
  }

  @Override
  public boolean mkdirs(Path path) throws IOException {
    Place place = elsewhere(path);
    return place == null ? super.mkdirs(path) : place.files.mkdirs(place.path);
  }

  @Override
  public boolean mkdirs(Path path, FsPermission permission) throws IOException {
    Place place = elsewhere(path);
    return place == null ? super.mkdirs(path, permission) : place.files.mkdirs(place.path);
  }

  @Override
  public boolean delete(Path path, boolean recursive) throws IOException {
    Place place = elsewhere(path);
    if (place == null) return super.delete(path, recursive);
    refuseVolume(path);
    return place.files.delete(place.path, recursive);
  }

  @Override
  public boolean rename(Path source, Path target) throws IOException {
    Place from = elsewhere(source);
    Place to = elsewhere(target);
    if (from == null && to == null) return super.rename(source, target);
    refuseVolume(source);
    if (from == null || to == null || !from.files.getUri().equals(to.files.getUri())) {
      throw new IOException(source + " cannot be renamed to another file system: " + target);
    }
    return from.files.rename(from.path, to.path);
  }
}
