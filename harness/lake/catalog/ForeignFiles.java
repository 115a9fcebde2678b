package io.unitycatalog.harness;

import java.io.IOException;
import java.net.URI;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.impl.OpenFileParameters;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/**
 * Azure's and Google's object stores, kept in the local S3: abfss://container@account/path and gs://bucket/path are the
 * object path of the bucket that is named like the container. Paths keep the spelling that they were asked by.
 */
public class ForeignFiles extends FileSystem {
  private URI uri;
  private FileSystem bucket;
  private URI bucketUri;
  private Path workingDirectory;

  @Override
  public void initialize(URI name, Configuration conf) throws IOException {
    super.initialize(name, conf);
    setConf(conf);
    String container = name.getUserInfo() == null ? name.getHost() : name.getUserInfo();
    if (container == null) throw new IOException(name + " names no container: " + name.getScheme() + "://container@account/path");
    uri = URI.create(name.getScheme() + "://" + name.getAuthority());
    bucketUri = URI.create("s3a://" + container);
    bucket = FileSystem.get(bucketUri, conf);
    workingDirectory = new Path(uri.toString(), "/");
  }

  @Override
  public String getScheme() {
    return uri.getScheme();
  }

  @Override
  public URI getUri() {
    return uri;
  }

  private Path there(Path path) {
    checkPath(path);
    Path absolute = path.isAbsolute() ? path : new Path(workingDirectory, path);
    return new Path(bucketUri.getScheme(), bucketUri.getAuthority(), absolute.toUri().getPath());
  }

  private FileStatus here(FileStatus found) {
    Path path = new Path(uri.getScheme(), uri.getAuthority(), found.getPath().toUri().getPath());
    return new FileStatus(
        found.getLen(), found.isDirectory(), 1, found.getBlockSize(), found.getModificationTime(), path);
  }

  @Override
  public FSDataInputStream open(Path path, int bufferSize) throws IOException {
    return bucket.open(there(path), bufferSize);
  }

  /** With what is known of the file, which S3A would ask for. */
  @Override
  protected CompletableFuture<FSDataInputStream> openFileWithOptions(Path path, OpenFileParameters parameters)
      throws IOException {
    FileStatus known = parameters.getStatus();
    if (known == null) return super.openFileWithOptions(path, parameters);
    return SourceFiles.opened(bucket, there(path), known);
  }

  @Override
  public FSDataOutputStream create(
      Path path, FsPermission permission, boolean overwrite, int bufferSize, short copies, long block, Progressable to)
      throws IOException {
    return bucket.create(there(path), permission, overwrite, bufferSize, copies, block, to);
  }

  @Override
  public FSDataOutputStream append(Path path, int bufferSize, Progressable progress) throws IOException {
    return bucket.append(there(path), bufferSize, progress);
  }

  @Override
  public boolean rename(Path source, Path target) throws IOException {
    return bucket.rename(there(source), there(target));
  }

  @Override
  public boolean delete(Path path, boolean recursive) throws IOException {
    return bucket.delete(there(path), recursive);
  }

  @Override
  public FileStatus[] listStatus(Path path) throws IOException {
    return Arrays.stream(bucket.listStatus(there(path))).map(this::here).toArray(FileStatus[]::new);
  }

  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    return here(bucket.getFileStatus(there(path)));
  }

  @Override
  public boolean mkdirs(Path path, FsPermission permission) throws IOException {
    return bucket.mkdirs(there(path), permission);
  }

  @Override
  public void setWorkingDirectory(Path path) {
    workingDirectory = path.isAbsolute() ? path : new Path(workingDirectory, path);
  }

  @Override
  public Path getWorkingDirectory() {
    return workingDirectory;
  }
}
