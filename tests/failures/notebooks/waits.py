# Databricks notebook source
# A Spark job that goes on until somebody ends it.
import time

from pyspark.sql import functions as F

print("the wait begins", flush=True)


@F.udf("long")
def slow(x: int) -> int:
    time.sleep(600)
    return x


spark.range(1).select(slow("id")).collect()
