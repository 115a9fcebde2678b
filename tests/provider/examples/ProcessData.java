package com.example;

import org.apache.spark.sql.SparkSession;

public class ProcessData {
  public static void main(String[] arguments) {
    SparkSession spark = SparkSession.builder().getOrCreate();
    spark.table("main.default.prepared").write().saveAsTable("main.default.processed");
  }
}
