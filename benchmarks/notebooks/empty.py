# Databricks notebook source
import time

dbutils.notebook.exit(repr(time.time()))
