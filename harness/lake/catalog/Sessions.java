package io.unitycatalog.harness;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.SparkContext;
import org.apache.spark.internal.config.ConfigEntry;
import org.apache.spark.internal.config.ConfigEntry$;
import org.apache.spark.sql.catalyst.analysis.NoSuchNamespaceException;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.connector.catalog.CatalogManager;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.internal.SQLConf$;
import org.apache.spark.sql.streaming.StreamingQuery;
import py4j.ClientServer;
import scala.Option;
import scala.jdk.javaapi.CollectionConverters;

/** Sessions of the one JVM, and the catalogs that all of them see. Called from Python. */
public final class Sessions {
  private static final Pattern CATALOG = Pattern.compile("spark\\.sql\\.catalog\\.([^.]+)");
  private static final Map<String, ConfigEntry<?>> ADDED = new ConcurrentHashMap<>();
  // Every entry there ever was: Spark keeps a key for the life of the JVM, and refuses to make it a second time.
  private static final Map<String, ConfigEntry<?>> MADE = new ConcurrentHashMap<>();

  private Sessions() {}

  /**
   * A new session, with its own settings, temporary views and functions. It becomes the active one of the calling
   * thread: what does not go through a query, such as Catalog.currentCatalog, reads the active session's settings. The
   * workspace's user is current_user() in it.
   */
  public static SparkSession create(SparkSession root) {
    SparkSession session = root.newSession();
    SparkSession.setActiveSession(session);
    SessionFunctions.actAs(null);
    loadCatalogs(session);
    return session;
  }

  /** Make a catalog known to every session, those that exist and those to come. */
  public static void addCatalog(String name) {
    ADDED.computeIfAbsent(
        name,
        n -> {
          ConfigEntry<?> known = MADE.get(n);
          if (known != null) {
            register(known);
            return known;
          }
          ConfigEntry<?> made =
              SQLConf$.MODULE$
                  .buildConf("spark.sql.catalog." + n)
                  .stringConf()
                  .createWithDefault(HarnessCatalog.class.getName());
          MADE.put(n, made);
          return made;
        });
  }

  private static void register(ConfigEntry<?> entry) {
    try {
      Method register = SQLConf$.class.getDeclaredMethod("register", ConfigEntry.class);
      register.setAccessible(true); // what buildConf does at the end, and nothing else does
      register.invoke(SQLConf$.MODULE$, entry);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  public static void removeCatalog(String name) {
    ADDED.computeIfPresent(
        name,
        (n, entry) -> {
          SQLConf$.MODULE$.unregister(entry);
          // Else the name could not be had again: Spark (4.2.0) keeps every entry that was made here as well.
          ConfigEntry$.MODULE$.knownConfigs().remove(entry.key());
          return null;
        });
  }

  /** Load every configured catalog in a session, so that SHOW CATALOGS lists it. */
  static void loadCatalogs(SparkSession session) {
    TreeSet<String> names = new TreeSet<>(ADDED.keySet());
    for (String key : CollectionConverters.asJava(session.sessionState().conf().getAllConfs()).keySet()) {
      Matcher matcher = CATALOG.matcher(key);
      if (matcher.matches()) names.add(matcher.group(1));
    }
    // Delta's catalog takes the session that is active when it is made for its own.
    session.withActive(
        () -> {
          names.forEach(session.sessionState().catalogManager()::catalog);
          return null;
        });
  }

  /** Set a session's settings, also those that Spark reads only when it starts: they are read back. Given as JSON. */
  public static void configure(SparkSession session, String settings) throws JsonProcessingException {
    SQLConf conf = session.sessionState().conf();
    for (Map.Entry<String, JsonNode> each : Rest.JSON.readTree(settings).properties()) {
      conf.setConfString(each.getKey(), each.getValue().asText());
    }
  }

  /** Make a schema of its current catalog a session's own, whether or not there is one of that name. */
  public static void enter(SparkSession session, String schema) {
    CatalogManager manager = session.sessionState().catalogManager();
    try {
      manager.setCurrentNamespace(new String[] {schema});
    } catch (Exception absent) { // Scala's: the compiler does not know that it may come
      if (!(absent instanceof NoSuchNamespaceException)) throw Functions.sneaky(absent);
      try {
        Method place = manager.getClass().getDeclaredMethod("_currentNamespace_$eq", Option.class);
        place.setAccessible(true); // what setCurrentNamespace does once it has found the schema
        place.invoke(manager, Option.apply(new String[] {schema}));
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** A session with a py4j server of its own: what one notebook task gets. */
  public static final class Slot {
    private final SparkSession session;
    private final String tag;
    private final ClientServer server;

    Slot(SparkSession session, String tag, ClientServer server) {
      this.session = session;
      this.tag = tag;
      this.server = server;
    }

    public int port() {
      return server.getJavaServer().getListeningPort();
    }

    /** End what the task has left running: its streams, its jobs, its connections. */
    public void close() throws Exception {
      for (StreamingQuery query : session.streams().active()) query.stop();
      session.sparkContext().cancelJobsWithTag(tag);
      server.shutdown();
    }
  }

  /**
   * Open a slot. Its jobs carry {@code tag} and run in a fair-scheduling pool of that name.
   *
   * <p>The server's accept thread, started by build(), inherits this thread's locals, and all its connection threads
   * inherit them from it: job tag, pool, user and active session hold for all that the task's process asks for.
   */
  public static Slot open(SparkSession root, String tag, String secret, String user) {
    SparkContext context = root.sparkContext();
    context.addJobTag(tag);
    context.setLocalProperty("spark.scheduler.pool", tag);
    SparkSession session = create(root);
    if (!user.isEmpty()) SessionFunctions.actAs(user);
    try {
      return new Slot(session, tag, server(session, secret));
    } finally {
      SessionFunctions.actAs(null);
      SparkSession.setActiveSession(root);
      context.setLocalProperty("spark.scheduler.pool", null);
      context.removeJobTag(tag);
    }
  }

  static ClientServer server(Object entryPoint, String secret) {
    return new ClientServer.ClientServerBuilder(entryPoint)
        .javaAddress(InetAddress.getLoopbackAddress())
        .javaPort(0)
        .pythonPort(0)
        .authToken(secret)
        .build();
  }
}
