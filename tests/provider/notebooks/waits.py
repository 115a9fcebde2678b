# Databricks notebook source
# Says that it has begun, when it is told where (a fifo), and goes on until somebody ends it.
import threading
from pathlib import Path

if begun := dbutils.widgets.getAll().get("begun"):
    Path(begun).write_text("begun")

threading.Event().wait()
