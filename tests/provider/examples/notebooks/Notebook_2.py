# Databricks notebook source
import json

import simplejson

dbutils.notebook.exit(json.dumps({"simplejson": simplejson.__version__, **dbutils.widgets.getAll()}))
