package io.unitycatalog.harness;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import java.io.File;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;

/**
 * Where what a cluster mounts rests on this machine: /dbfs, /Volumes, /Workspace. The same rules as in
 * harness/lake/paths.py, which decides the folders and hands them over in a setting.
 */
final class Folders {
  private static final String SETTING = "harness.folders";
  private static final String VOLUMES = "/Volumes";

  private final List<Map.Entry<String, String>> longestFirst;

  private Folders(Map<String, String> folders) {
    longestFirst = new ArrayList<>(folders.entrySet());
    longestFirst.sort(Comparator.comparing(entry -> -entry.getKey().length()));
  }

  static Folders of(Configuration conf) {
    try {
      return new Folders(Rest.JSON.readValue(conf.get(SETTING, "{}"), new TypeReference<Map<String, String>>() {}));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(SETTING + " is not a JSON object of texts", e);
    }
  }

  /** The local path behind a path of a cluster's file system; the path itself when none of the folders holds it. */
  String local(String path) {
    String name = normal(path);
    for (Map.Entry<String, String> entry : longestFirst) {
      if (!under(name, entry.getKey())) continue;
      String found = entry.getValue() + name.substring(entry.getKey().length());
      // In a volume that is not there nothing can be made either: no folder of that name may come into being.
      return isVolumes(name) && !volumeExists(name, entry.getValue()) ? path : found;
    }
    return path;
  }

  /** Whether a path is in a volume that has no folder here. */
  boolean isInUnlinkedVolume(String path) {
    String name = normal(path);
    if (!isVolumes(name) || name.split("/").length < 5) return false;
    for (Map.Entry<String, String> entry : longestFirst) {
      if (under(name, entry.getKey())) return !volumeExists(name, entry.getValue());
    }
    return false;
  }

  /** Whether a path is a volume, or above one: these are made and removed by Unity Catalog alone. */
  static boolean isUnityCatalogs(String path) {
    String name = normal(path);
    return isVolumes(name) && name.split("/").length <= 5;
  }

  /** Whether a path of dbfs:/ leads elsewhere than to DBFS. */
  static boolean isMounted(String path) {
    return isVolumes(path) || under(path, "/Workspace");
  }

  private static boolean isVolumes(String name) {
    return under(name, VOLUMES);
  }

  private static boolean volumeExists(String name, String folder) {
    String[] parts = name.split("/", 6);
    if (parts.length < 5) return true;
    return new File(folder + "/" + parts[2] + "/" + parts[3] + "/" + parts[4]).exists();
  }

  private static String normal(String path) {
    String name = under(path, "/dbfs" + VOLUMES) ? path.substring("/dbfs".length()) : path;
    if (!isVolumes(name)) return name;
    String[] parts = name.split("/", 6);
    for (int i = 2; i < Math.min(5, parts.length); i++) parts[i] = parts[i].toLowerCase(Locale.ROOT);
    return String.join("/", parts);
  }

  private static boolean under(String path, String prefix) {
    return path.equals(prefix) || path.startsWith(prefix + "/");
  }
}
