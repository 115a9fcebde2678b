package io.unitycatalog.harness;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSInputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FilterFileSystem;
import org.apache.hadoop.fs.FutureDataInputStreamBuilder;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.impl.FutureDataInputStreamBuilderImpl;
import org.apache.hadoop.util.functional.FutureIO;

/**
 * The file system of one statement's source (COPY INTO): what its listing told of a file is not asked for again.
 *
 * Spark looks at every path that it is given several times, and S3A once more before it reads: 4 HEAD and 2 LIST
 * requests a file, three quarters of the time of a load of 500 (measured). All instances with the same loan share what
 * was listed, and one client.
 *
 * The client may be one of the statement's own (WITH (CREDENTIAL ...)): Hadoop's cache of file systems knows nothing of
 * credentials, so such a read must bypass it; then every task would open a client that nobody closes (25 threads a
 * statement, measured). end() closes it.
 */
public final class SourceFiles extends FilterFileSystem {
  private static final String LOAN = "fs.harness.loan";
  private static final String OWN = "fs.harness.loan.own";
  private static final String BEHIND = "fs.harness.loan.impl";
  private static final Map<String, Loan> LOANS = new ConcurrentHashMap<>();

  // Bytes of a file that is kept once it was read (for its header first, then for its rows), and of all of a statement.
  private static final int SMALL = 64 << 10;
  private static final long ROOM = 32 << 20;

  /** {@code own}: whether the client is this statement's alone; {@code held}: small files' bytes. */
  private record Loan(
      FileSystem client, boolean own, Map<Path, FileStatus> listed, Map<Path, byte[]> held, AtomicLong room) {}

  private Loan loan;

  @Override
  public void initialize(URI uri, Configuration conf) throws IOException {
    setConf(conf);
    try {
      loan = LOANS.computeIfAbsent(conf.get(LOAN) + " " + uri.getScheme() + "://" + uri.getAuthority(), k -> open(uri, conf));
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    fs = loan.client();
    statistics = FileSystem.getStatistics(uri.getScheme(), getClass());
  }

  private static Loan open(URI uri, Configuration conf) {
    boolean own = conf.getBoolean(OWN, false);
    Configuration plain = new Configuration(conf);
    plain.set("fs." + uri.getScheme() + ".impl", conf.get(BEHIND));
    plain.setBoolean("fs." + uri.getScheme() + ".impl.disable.cache", own);
    try {
      FileSystem client = own ? FileSystem.newInstance(uri, plain) : FileSystem.get(uri, plain);
      return new Loan(client, own, new ConcurrentHashMap<>(), new ConcurrentHashMap<>(), new AtomicLong(ROOM));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The loan's end closes the client, not the ends of those who share it. */
  @Override
  public void close() {}

  /** Ends a loan: closes its clients, forgets what was listed. */
  public static void end(String loan) throws IOException {
    for (String key : LOANS.keySet()) {
      Loan ended = key.startsWith(loan + " ") ? LOANS.remove(key) : null;
      if (ended != null && ended.own()) ended.client().close();
    }
  }

  // ---- what was listed ---------------------------------------------------------------------------------

  private void keep(FileStatus status) {
    if (!status.isFile()) return;
    FileStatus before = loan.listed().put(status.getPath(), status);
    // A statement that begins again finds what is there now.
    if (before != null) forget(status.getPath());
  }

  private void forget(Path path) {
    byte[] held = loan.held().remove(path);
    if (held != null) loan.room().addAndGet(held.length);
  }

  @Override
  public FileStatus[] listStatus(Path path) throws IOException {
    FileStatus known = loan.listed().get(makeQualified(path));
    if (known != null) return new FileStatus[] {known};
    FileStatus[] found = fs.listStatus(path);
    for (FileStatus each : found) keep(each);
    return found;
  }

  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    FileStatus known = loan.listed().get(makeQualified(path));
    if (known != null) return known;
    FileStatus found = fs.getFileStatus(path);
    keep(found);
    return found;
  }

  // ---- what was read -----------------------------------------------------------------------------------

  @Override
  public FutureDataInputStreamBuilder openFile(Path path) throws IOException {
    FileStatus known = loan.listed().get(makeQualified(path));
    if (known == null) return fs.openFile(path);
    if (known.getLen() > SMALL) return fs.openFile(path).withFileStatus(known);
    return new FutureDataInputStreamBuilderImpl(this, path) {
      @Override
      public FutureDataInputStreamBuilder getThisBuilder() {
        return this;
      }

      @Override
      public CompletableFuture<FSDataInputStream> build() {
        return FutureIO.eval(() -> new FSDataInputStream(new Held(whole(known))));
      }
    };
  }

  @Override
  public FSDataInputStream open(Path path, int bufferSize) throws IOException {
    return FutureIO.awaitFuture(openFile(path).build());
  }

  /** A file that is known by another name, at its place. */
  static CompletableFuture<FSDataInputStream> opened(FileSystem files, Path place, FileStatus known) throws IOException {
    FileStatus there =
        new FileStatus(known.getLen(), false, 1, known.getBlockSize(), known.getModificationTime(), place);
    return files.openFile(place).withFileStatus(there).build();
  }

  /** The bytes of a small file, read once as long as there is room for them. */
  private byte[] whole(FileStatus file) throws IOException {
    byte[] held = loan.held().get(file.getPath());
    if (held != null) return held;
    byte[] read = new byte[(int) file.getLen()];
    if (read.length > 0) {
      try (var stream = FutureIO.awaitFuture(fs.openFile(file.getPath()).withFileStatus(file).build())) {
        stream.readFully(read);
      }
    }
    if (loan.room().addAndGet(-read.length) < 0 || loan.held().putIfAbsent(file.getPath(), read) != null) {
      loan.room().addAndGet(read.length);
    }
    return read;
  }

  private static final class Held extends FSInputStream {
    private final byte[] bytes;
    private int at;

    Held(byte[] bytes) {
      this.bytes = bytes;
    }

    @Override
    public int read() {
      return at < bytes.length ? bytes[at++] & 0xff : -1;
    }

    @Override
    public int read(byte[] into, int offset, int length) {
      if (length == 0) return 0;
      int read = Math.min(length, bytes.length - at);
      if (read <= 0) return -1;
      System.arraycopy(bytes, at, into, offset, read);
      at += read;
      return read;
    }

    @Override
    public int available() {
      return bytes.length - at;
    }

    @Override
    public void seek(long position) throws IOException {
      if (position < 0 || position > bytes.length) throw new EOFException("no position " + position);
      at = (int) position;
    }

    @Override
    public long getPos() {
      return at;
    }

    @Override
    public boolean seekToNewSource(long position) {
      return false;
    }
  }
}
