"""The cases of the corpus: one documented behaviour each, with the page that documents it (docs.databricks.com).

``cells`` are separated by lines of ``---``; a cell that begins with ``%`` is written as Databricks exports it.
"""

# ruff: noqa: E501 (a cell is easier to read in one line)
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SEPARATOR = re.compile(r"^---$", re.M)


@dataclass(frozen=True)
class Case:
    """``name``: a sentence. ``result``: the exit value; ``error``: how the error begins; ``logs``: all that was printed;
    ``shows``: texts that a cell's outputs have. ``task``: fields of its task; ``beside``: more notebooks, by name."""

    name: str
    page: str
    cells: str
    result: str | None = None
    error: str | None = None
    logs: str | None = None
    shows: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    task: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)
    language: str = "PYTHON"

    @property
    def key(self) -> str:
        return re.sub(r"\W+", "_", self.name)[:95]


def source(cells: str, language: str = "PYTHON") -> str:
    """Cells as Databricks exports a notebook."""
    comment = "--" if language == "SQL" else "#"
    written = []
    for cell in SEPARATOR.split(cells.strip("\n")):
        text = cell.strip("\n")
        if text.startswith("%"):
            text = "\n".join(f"{comment} MAGIC {line}" for line in text.split("\n"))
        written.append(text)
    return f"{comment} Databricks notebook source\n" + f"\n\n{comment} COMMAND ----------\n\n".join(written) + "\n"


WIDGETS = "Databricks widgets"
UTILITIES = "Databricks Utilities (dbutils) reference"
MAGICS = "Develop code in Databricks notebooks"
MODULAR = "Orchestrate notebooks and modularize code in notebooks"
VALUES = "Use task values to pass information between tasks"
DISPLAY = "Visualizations in Databricks notebooks and SQL editor"
OUTPUTS = "Notebook outputs and results"
FILES = "Work with files on Databricks"
REFERENCES = "What is a dynamic value reference?"
EXPORT = "Import and export Databricks notebooks"
LIBRARIES = "Notebook-scoped Python libraries"
FAILURES = "Troubleshoot and repair job failures"
SQL = "Use SQL cells in notebooks"
MODULES = "Work with Python and R modules"
STREAMS = "Structured Streaming concepts"

CASES = [
    # ---- widgets -------------------------------------------------------------------------------------------
    Case("a text widget has its default", WIDGETS,
         "dbutils.widgets.text('a', '1')\ndbutils.notebook.exit(dbutils.widgets.get('a'))", result="1"),
    Case("a parameter of the task goes before the default of a widget", WIDGETS,
         "dbutils.widgets.text('a', '1')\ndbutils.notebook.exit(dbutils.widgets.get('a'))",
         parameters={"a": "2"}, result="2"),
    Case("a dropdown has one of its choices", WIDGETS,
         "dbutils.widgets.dropdown('a', 'x', ['x', 'y'], 'Label')\ndbutils.notebook.exit(dbutils.widgets.get('a'))",
         result="x"),
    Case("a combobox takes a value that is no choice", WIDGETS,
         "dbutils.widgets.combobox('a', 'z', ['x', 'y'])\ndbutils.notebook.exit(dbutils.widgets.get('a'))", result="z"),
    Case("a multiselect joins its values by commas", WIDGETS,
         "dbutils.widgets.multiselect('a', 'x,y', ['x', 'y'])\ndbutils.notebook.exit(dbutils.widgets.get('a'))",
         result="x,y"),
    Case("getAll has every widget", WIDGETS,
         "dbutils.widgets.text('b', '2')\ndbutils.notebook.exit(sorted(dbutils.widgets.getAll().items()))",
         parameters={"a": "1"}, result="[('a', '1'), ('b', '2')]"),
    Case("a removed widget is gone", WIDGETS,
         "dbutils.widgets.text('a', '1')\ndbutils.widgets.remove('a')\ndbutils.widgets.get('a')",
         error="InputWidgetNotDefined: No input widget named a is defined"),
    Case("removeAll leaves no widget", WIDGETS,
         "dbutils.widgets.text('a', '1')\ndbutils.widgets.removeAll()\ndbutils.notebook.exit(dbutils.widgets.getAll())",
         result="{}"),
    Case("a widget is a text whatever its default is", WIDGETS,
         "dbutils.widgets.text('a', 5)\ndbutils.notebook.exit(repr(dbutils.widgets.get('a')))", result="'5'"),
    Case("getArgument has a default of its own", WIDGETS,
         "dbutils.notebook.exit(getArgument('none', 'otherwise'))", result="otherwise"),
    Case("a widget is read in SQL by a parameter marker", WIDGETS,
         "dbutils.widgets.text('n', '4')\n---\n%sql select :n + 1 as m\n---\ndbutils.notebook.exit(_sqldf.first().m)",
         result="5"),
    Case("a widget is made in SQL", WIDGETS,
         "%sql\nCREATE WIDGET TEXT city DEFAULT 'Graz'\n---\ndbutils.notebook.exit(dbutils.widgets.get('city'))",
         result="Graz"),
    Case("a widget is removed in SQL", WIDGETS,
         "dbutils.widgets.text('a', '1')\n---\n%sql\nREMOVE WIDGET a\n---\ndbutils.notebook.exit(dbutils.widgets.getAll())",
         result="{}"),
    Case("the older form of widgets in SQL is replaced by its text", WIDGETS,
         "dbutils.widgets.text('t', 'range(3)')\n---\n%sql select count(*) as n from ${t}\n---\n"
         "dbutils.notebook.exit(_sqldf.first().n)", result="3"),
    # ---- notebooks that include and run others -------------------------------------------------------------
    Case("run defines here what another notebook defines", MODULAR,
         "%run ./one_helper\n---\ndbutils.notebook.exit(helped(2))", beside={"one_helper": "def helped(n): return n * 21"},
         result="42"),
    Case("run hands arguments over as widgets", MODULAR,
         '%run ./two_helper $who="you"\n---\ndbutils.notebook.exit(greeting)',
         beside={"two_helper": "greeting = 'hello ' + dbutils.widgets.get('who')"}, result="hello you"),
    Case("run may be nested, each path counted from its own notebook", MODULAR,
         "%run ./three/middle\n---\ndbutils.notebook.exit(deep)",
         beside={"three/middle": "%run ./inner", "three/inner": "deep = 'from the inner one'"},
         result="from the inner one"),
    Case("run stops at a failing cell of the other notebook", MODULAR,
         "%run ./four_helper\n---\nprint('never')", beside={"four_helper": "raise KeyError('no')"},
         error="KeyError: 'no'", logs=""),
    Case("run of an unknown notebook fails", MODULAR, "%run ./nowhere_at_all", error="NotebookNotFound"),
    Case("exit in an included notebook ends the whole", MODULAR,
         "%run ./five_helper\n---\nprint('never')", beside={"five_helper": "dbutils.notebook.exit('early')"},
         result="early", logs=""),
    Case("notebook run gives back the exit value", MODULAR,
         "dbutils.notebook.exit('got ' + dbutils.notebook.run('./six_child', 60, {'n': '5'}))",
         beside={"six_child": "dbutils.notebook.exit(int(dbutils.widgets.get('n')) * 2)"}, result="got 10"),
    Case("notebook run shares no variables", MODULAR,
         "here = 1\ndbutils.notebook.exit(dbutils.notebook.run('./seven_child', 60))",
         beside={"seven_child": "dbutils.notebook.exit('here' in globals())"}, result="False"),
    Case("the failure of a child notebook can be caught", MODULAR,
         "try:\n    dbutils.notebook.run('./eight_child', 60)\nexcept Exception as e:\n"
         "    dbutils.notebook.exit('caught ' + type(e).__name__)",
         beside={"eight_child": "1 / 0"}, result="caught WorkflowException"),
    Case("notebook run of an unknown notebook fails", MODULAR,
         "dbutils.notebook.run('./nowhere_at_all', 60)", error="WorkflowException"),
    Case("a notebook without exit gives back an empty text", MODULAR,
         "dbutils.notebook.exit(repr(dbutils.notebook.run('./nine_child', 60)))", beside={"nine_child": "x = 1"},
         result="''"),
    Case("an exit value is a text", UTILITIES, "dbutils.notebook.exit({'a': 1})", result="{'a': 1}"),
    Case("JSON is handed over in an exit value", MODULAR,
         "import json\ndbutils.notebook.exit(json.dumps({'rows': 3}))", result='{"rows": 3}'),
    Case("exit is not swallowed by except Exception", UTILITIES,
         "try:\n    dbutils.notebook.exit('out')\nexcept Exception:\n    pass\n---\nraise ValueError", result="out"),
    Case("cells after exit do not run", UTILITIES, "dbutils.notebook.exit('')\n---\nraise ValueError", result=""),
    # ---- magics and cells ----------------------------------------------------------------------------------
    Case("a Python cell in a SQL notebook", MAGICS,
         "SELECT 1 AS one\n---\n%python\ndbutils.notebook.exit(_sqldf.first().one)", language="SQL", result="1"),
    Case("a SQL notebook runs several statements of a cell", MAGICS,
         "CREATE OR REPLACE TEMP VIEW v AS SELECT 7 AS n;\nSELECT n + 1 AS m FROM v\n---\n"
         "%python\ndbutils.notebook.exit(_sqldf.first().m)", language="SQL", result="8"),
    Case("the last SQL result is a DataFrame", SQL, "%sql select 'a' as x\n---\ndbutils.notebook.exit(_sqldf.first().x)",
         result="a"),
    Case("a semicolon in a text does not end a statement", SQL,
         "%sql select ';' as x; select ';;' as y\n---\ndbutils.notebook.exit(_sqldf.first().y)", result=";;"),
    Case("temporary views are seen by SQL and Python alike", SQL,
         "spark.range(5).createOrReplaceTempView('five')\n---\n%sql select sum(id) as s from five\n---\n"
         "dbutils.notebook.exit(_sqldf.first().s)", result="10"),
    Case("variables of SQL are set and read", SQL,
         "%sql declare or replace variable n int default 5; set var n = n + 1; select n\n---\n"
         "dbutils.notebook.exit(_sqldf.first()[0])", result="6"),
    Case("a shell cell prints", MAGICS, "%sh\necho one\necho two >&2", logs="one\ntwo\n"),
    Case("a shell cell sees the environment that Python sets", MAGICS,
         "import os\nos.environ['HERE'] = 'set in Python'\n---\n%sh echo $HERE", logs="set in Python\n"),
    Case("a shell line within a Python cell", MAGICS, "n = 3\n!echo said $n", shows=("said 3",)),
    Case("an exclamation mark gives back lines", MAGICS,
         "lines = !printf 'a\\nb\\n'\ndbutils.notebook.exit(list(lines))", result="['a', 'b']"),
    Case("markdown cells do not run", MAGICS, "%md\n# A title\nraise ValueError\n---\nprint('on')", logs="on\n"),
    Case("a skipped cell does not run", MAGICS, "%skip\nraise ValueError\n---\nprint('on')", logs="on\n"),
    Case("fs lists files", UTILITIES,
         "dbutils.fs.put('dbfs:/corpus/ls/a.txt', 'abc', True)\n---\n%fs ls dbfs:/corpus/ls", shows=("a.txt",)),
    Case("fs shows the head of a file", UTILITIES,
         "dbutils.fs.put('dbfs:/corpus/head.txt', 'first words', True)\n---\n%fs head dbfs:/corpus/head.txt",
         logs="Wrote 11 bytes.\nfirst words\n"),
    Case("Scala cells are refused by name", MAGICS, "%scala\nval x = 1", error="Unsupported: %scala cells"),
    Case("R cells are refused by name", MAGICS, "%r\nx <- 1", error="Unsupported: %r cells"),
    Case("conda is refused by name", LIBRARIES, "%conda install x", error="Unsupported: %conda is not supported"),
    Case("pip installs nothing that is there", LIBRARIES, "%pip install pandas",
         shows=("Requirement already satisfied: pandas",)),
    Case("restarting Python forgets variables", LIBRARIES,
         "x = 1\n---\ndbutils.library.restartPython()\n---\ndbutils.notebook.exit('x' in globals())", result="False"),
    Case("restarting Python by its magic forgets variables", LIBRARIES,
         "x = 1\n---\n%restart_python\n---\ndbutils.notebook.exit('x' in globals())", result="False"),
    Case("time is measured of a cell", MAGICS, "%%time\nx = sum(range(10))", shows=("Wall time",)),
    Case("a cell of another language by two percent signs", MAGICS, "%%sh\necho twice", logs="twice\n"),
    Case("top-level await", OUTPUTS, "import asyncio\n\nasync def f():\n    await asyncio.sleep(0)\n    return 'awaited'\n"
         "---\ndbutils.notebook.exit(await f())", result="awaited"),
    Case("the last expression of a cell is shown", OUTPUTS, "1 + 1", shows=("2",)),
    Case("a semicolon keeps the last expression from being shown", OUTPUTS, "'hidden';\n---\nprint('on')", logs="on\n"),
    Case("the result of the last cell is the underscore", OUTPUTS, "6 * 7\n---\ndbutils.notebook.exit(_)", result="42"),
    Case("a comment alone is a cell", EXPORT, "# nothing but words\n---\nprint('on')", logs="on\n"),
    Case("variables live from cell to cell", OUTPUTS, "x = 1\n---\nx += 1\n---\ndbutils.notebook.exit(x)", result="2"),
    Case("standard error is in the logs", OUTPUTS, "import sys\nprint('told', file=sys.stderr)", logs="told\n"),
    Case("logging warns in the logs", OUTPUTS, "import logging\nlogging.getLogger('x').warning('careful')",
         logs="careful\n"),
    # ---- display -------------------------------------------------------------------------------------------
    Case("a DataFrame is displayed as a table", DISPLAY, "display(spark.range(2))", shows=("id", "0", "1")),
    Case("a pandas DataFrame is displayed", DISPLAY, "import pandas as pd\ndisplay(pd.DataFrame({'a': [41]}))",
         shows=("41",)),
    Case("HTML is displayed", DISPLAY, "displayHTML('<b>bold words</b>')", shows=("<b>bold words</b>",)),
    Case("a matplotlib figure is a picture", DISPLAY, "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
         shows=("image/png",)),
    Case("a figure is displayed by itself", DISPLAY, "import matplotlib.pyplot as plt\nf, a = plt.subplots()\ndisplay(f)",
         shows=("image/png",)),
    Case("nested values are displayed", DISPLAY,
         "display(spark.sql(\"select array(1, 2) a, map('k', 1) m, struct(3 as x) s\"))", shows=("[1", "k", "x")),
    Case("show prints a table", DISPLAY, "spark.range(1).show()", logs="+---+\n| id|\n+---+\n|  0|\n+---+\n\n"),
    Case("printSchema prints a tree", DISPLAY, "spark.range(1).printSchema()",
         logs="root\n |-- id: long (nullable = false)\n\n"),
    Case("null is displayed as null", DISPLAY, "display(spark.sql('select cast(null as int) as nothing'))",
         shows=("null",)),
    # ---- dbutils.fs and files ------------------------------------------------------------------------------
    Case("put and head", UTILITIES,
         "dbutils.fs.put('/corpus/put.txt', 'abc')\ndbutils.notebook.exit(dbutils.fs.head('dbfs:/corpus/put.txt', 2))",
         result="ab"),
    Case("put refuses to replace a file", UTILITIES,
         "dbutils.fs.put('/corpus/twice.txt', 'a')\ndbutils.fs.put('/corpus/twice.txt', 'b')", error="FileExistsError"),
    Case("ls gives path, name and size", UTILITIES,
         "dbutils.fs.put('/corpus/one/a.txt', 'abc')\nf = dbutils.fs.ls('/corpus/one')[0]\n"
         "dbutils.notebook.exit((f.path, f.name, f.size, f.isFile()))",
         result="('dbfs:/corpus/one/a.txt', 'a.txt', 3, True)"),
    Case("a folder's name ends with a slash", UTILITIES,
         "dbutils.fs.mkdirs('/corpus/folders/inner')\ndbutils.notebook.exit(dbutils.fs.ls('/corpus/folders')[0].name)",
         result="inner/"),
    Case("cp copies a folder when told to recurse", UTILITIES,
         "dbutils.fs.put('/corpus/from/a/b.txt', 'x')\ndbutils.fs.cp('/corpus/from', '/corpus/to', True)\n"
         "dbutils.notebook.exit(dbutils.fs.head('/corpus/to/a/b.txt'))", result="x"),
    Case("mv moves a file", UTILITIES,
         "dbutils.fs.put('/corpus/moved.txt', 'x')\ndbutils.fs.mv('/corpus/moved.txt', '/corpus/there.txt')\n"
         "dbutils.fs.ls('/corpus/moved.txt')", error="FileNotFoundError"),
    Case("rm tells whether there was a file", UTILITIES,
         "dbutils.fs.put('/corpus/gone.txt', 'x')\n"
         "dbutils.notebook.exit([dbutils.fs.rm('/corpus/gone.txt'), dbutils.fs.rm('/corpus/gone.txt')])",
         result="[True, False]"),
    Case("a missing folder is named", UTILITIES, "dbutils.fs.ls('/corpus/nowhere')",
         error="FileNotFoundError: java.io.FileNotFoundException: No such file or directory: /corpus/nowhere"),
    Case("Python opens files of DBFS", FILES,
         "dbutils.fs.put('dbfs:/corpus/opened.txt', 'by Python')\n"
         "dbutils.notebook.exit(open('/dbfs/corpus/opened.txt').read())", result="by Python"),
    Case("a function in Spark opens files as its notebook does", FILES,
         "dbutils.fs.mkdirs('/corpus')\nwith open('/dbfs/corpus/in_spark.txt', 'w') as file:\n    file.write('by Spark')\n"
         "def said(path):\n    with open(path) as file:\n        return file.read()\n"
         "dbutils.notebook.exit(sc.parallelize(['/dbfs/corpus/in_spark.txt'], 1).map(said).collect())",
         result="['by Spark']"),
    Case("Spark reads what Python has written to DBFS", FILES,
         "import os\nos.makedirs('/dbfs/corpus/py', exist_ok=True)\nopen('/dbfs/corpus/py/a.csv', 'w').write('n\\n5\\n')\n"
         "---\ndbutils.notebook.exit(spark.read.csv('dbfs:/corpus/py/a.csv', header=True).first().n)", result="5"),
    Case("Spark writes and reads DBFS without a scheme", FILES,
         "spark.range(3).write.parquet('/corpus/parquet')\ndbutils.notebook.exit(spark.read.parquet('/corpus/parquet').count())",
         result="3"),
    Case("the working folder is the notebook's", FILES,
         "import os\ndbutils.notebook.exit(os.path.basename(os.getcwd()))", result="corpus"),
    Case("mounting is refused by name", UTILITIES, "dbutils.fs.mount('s3a://x', '/mnt/x')", error="NotImplementedError"),
    # ---- modules -------------------------------------------------------------------------------------------
    Case("Databricks' own modules are importable", UTILITIES,
         "from databricks.sdk.runtime import dbutils as d, spark as s\ndbutils.notebook.exit(s.range(3).count())",
         result="3"),
    Case("DBUtils is made from a session", UTILITIES,
         "from pyspark.dbutils import DBUtils\ndbutils.notebook.exit(DBUtils(spark).widgets.getAll())", result="{}"),
    Case("the runtime's version is in the environment", MODULES,
         "import os\ndbutils.notebook.exit('DATABRICKS_RUNTIME_VERSION' in os.environ)", result="True"),
    Case("getOrCreate finds the notebook's session", MODULES,
         "from pyspark.sql import SparkSession\ndbutils.notebook.exit(SparkSession.builder.getOrCreate() is spark)",
         result="True"),
    Case("the context tells the notebook's path", UTILITIES,
         "path = dbutils.notebook.entry_point.getDbutils().notebook().getContext().notebookPath().get()\n"
         "dbutils.notebook.exit(path.rsplit('/', 1)[1])", result="the_context_tells_the_notebook_s_path"),
    Case("the context tells the user", UTILITIES,
         "import json\nc = json.loads(dbutils.notebook.entry_point.getDbutils().notebook().getContext().toJson())\n"
         "dbutils.notebook.exit(c['tags']['user'])", result="harness@localhost"),
    # ---- tables, functions, streams ------------------------------------------------------------------------
    Case("a table is made by Python and read by SQL", "Tutorial: Create your first table",
         "spark.range(4).write.saveAsTable('main.default.corpus_made')\n---\n"
         "%sql select count(*) as n from main.default.corpus_made\n---\ndbutils.notebook.exit(_sqldf.first().n)", result="4"),
    Case("a Delta table has a history", "Work with table history",
         "spark.sql('create table main.default.corpus_history (n int)')\n"
         "spark.sql('insert into main.default.corpus_history values (1)')\n"
         "h = spark.sql('describe history main.default.corpus_history').orderBy('version').collect()\n"
         "dbutils.notebook.exit([r.operation for r in h])", result="['CREATE TABLE', 'WRITE']"),
    Case("an older version of a table is read", "Work with table history",
         "spark.sql('create table main.default.corpus_versions as select 1 as n')\n"
         "spark.sql('update main.default.corpus_versions set n = 2')\n"
         "dbutils.notebook.exit(spark.read.option('versionAsOf', 0).table('main.default.corpus_versions').first().n)",
         result="1"),
    Case("rows are merged by Delta's Python interface", "Upsert into a Delta Lake table using merge",
         "from delta.tables import DeltaTable\nspark.sql('create table main.default.corpus_merged as select 1 as id, 1 as n')\n"
         "new = spark.sql('select 1 as id, 5 as n union select 2, 6')\n"
         "t = DeltaTable.forName(spark, 'main.default.corpus_merged')\n"
         "t.alias('t').merge(new.alias('s'), 't.id = s.id').whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()\n"
         "dbutils.notebook.exit(sorted(map(tuple, t.toDF().collect())))", result="[(1, 5), (2, 6)]"),
    Case("the current catalog of a notebook is its own", "What are catalogs in Databricks?",
         "spark.sql('use catalog hive_metastore')\ndbutils.notebook.exit(spark.catalog.currentCatalog())",
         result="hive_metastore"),
    Case("a Python function is used in SQL", "User-defined scalar functions - Python",
         "spark.udf.register('corpus_plus', lambda n: n + 1, 'int')\n---\n%sql select corpus_plus(2) as n\n---\n"
         "dbutils.notebook.exit(_sqldf.first().n)", result="3"),
    Case("a pandas function", "pandas user-defined functions",
         "import pandas as pd\nfrom pyspark.sql.functions import pandas_udf\n\n@pandas_udf('long')\n"
         "def double(s: pd.Series) -> pd.Series:\n    return s * 2\n\n"
         "dbutils.notebook.exit([r[0] for r in spark.range(3).select(double('id')).collect()])", result="[0, 2, 4]"),
    Case("a stream of what is there now ends", STREAMS,
         "spark.range(3).write.format('delta').save('/corpus/stream/in')\n"
         "q = (spark.readStream.format('delta').load('/corpus/stream/in').writeStream.trigger(availableNow=True)\n"
         "     .option('checkpointLocation', '/corpus/stream/cp').toTable('main.default.corpus_stream'))\n"
         "q.awaitTermination()\ndbutils.notebook.exit(spark.table('main.default.corpus_stream').count())", result="3"),
    Case("foreachBatch is called in this notebook", STREAMS,
         "spark.range(2).write.format('delta').save('/corpus/batches/in')\nseen = []\n"
         "q = (spark.readStream.format('delta').load('/corpus/batches/in').writeStream.trigger(availableNow=True)\n"
         "     .option('checkpointLocation', '/corpus/batches/cp').foreachBatch(lambda d, i: seen.append(d.count())).start())\n"
         "q.awaitTermination()\ndbutils.notebook.exit(seen)", result="[2]"),
    Case("a notebook goes on beside a stream that it displays", STREAMS,
         "display(spark.readStream.format('rate').load(), streamName='shown')\n"
         "dbutils.notebook.exit([query.name for query in spark.streams.active])", result="['shown']"),
    Case("settings of Spark are the notebook's own", "Set Spark configuration properties on Databricks",
         "spark.conf.set('spark.sql.shuffle.partitions', '7')\n"
         "dbutils.notebook.exit(spark.conf.get('spark.sql.shuffle.partitions'))", result="7"),
    Case("the tags of the cluster are in the settings", "Set Spark configuration properties on Databricks",
         "dbutils.notebook.exit(len(spark.conf.get('spark.databricks.clusterUsageTags.clusterId')) > 0)", result="True"),
    Case("the context of Spark is there", MAGICS, "dbutils.notebook.exit(sc.parallelize([1, 2]).sum())", result="3"),
    Case("names that notebooks find defined", MAGICS,
         "dbutils.notebook.exit([sql('select 1').count(), table('main.information_schema.schemata').count() > 0])",
         result="[1, True]"),
    # ---- failures ------------------------------------------------------------------------------------------
    Case("an exception fails the task", FAILURES, "raise ValueError('no such facility: 7')",
         error="ValueError: no such facility: 7"),
    Case("an assertion fails the task", FAILURES, "assert 1 == 2, 'one is not two'",
         error="AssertionError: one is not two"),
    Case("a syntax error fails the task", FAILURES, "print('never'\n---\nprint('nor this')", error="SyntaxError", logs=""),
    Case("an unknown name fails the task", FAILURES, "unknown_name", error="NameError: name 'unknown_name' is not defined"),
    Case("an unknown table fails the task by its class", FAILURES, "spark.table('main.default.no_such_table').count()",
         error="AnalysisException: [TABLE_OR_VIEW_NOT_FOUND]"),
    Case("an unknown column fails the task by its class", FAILURES, "%sql select nothing from range(1)",
         error="AnalysisException: [UNRESOLVED_COLUMN"),
    Case("an exception with a cause tells both", FAILURES,
         "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise RuntimeError('while dividing') from e",
         error="RuntimeError: while dividing"),
    Case("an unknown module fails the task", FAILURES, "import no_such_module_at_all",
         error="ModuleNotFoundError: No module named 'no_such_module_at_all'"),
    Case("leaving Python fails the task", FAILURES, "import sys\nsys.exit(0)", error="SystemExit: 0"),
    Case("Python that dies is told", FAILURES, "import os\nos._exit(3)",
         error="The notebook process ended unexpectedly (exit code 3)"),
    Case("Python that is killed is told", FAILURES, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
         error="The notebook process ended unexpectedly (signal 9, SIGKILL)"),
    Case("a failing shell command fails the task", MAGICS, "%sh exit 4", error="ShellCommandFailed"),
    Case("warnings do not fail the task", FAILURES, "import warnings\nwarnings.warn('old')\n---\nprint('on')"),
    Case("a custom exception is told by its class", FAILURES,
         "class QualityError(Exception): ...\nraise QualityError('3 rows are wrong')",
         error="QualityError: 3 rows are wrong"),
    Case("an exception of a function in Spark names its line", FAILURES,
         "from pyspark.sql.functions import udf\n\n@udf('int')\ndef broken(n):\n    return 1 // n\n\n"
         "spark.range(1).select(broken('id')).collect()", error="PythonException"),
    # ---- jobs ----------------------------------------------------------------------------------------------
    Case("a reference in a parameter is replaced", REFERENCES,
         "dbutils.notebook.exit(dbutils.widgets.get('task'))", parameters={"task": "{{task.name}}"},
         result="a_reference_in_a_parameter_is_replaced"),
    Case("a part of a parameter may be a reference", REFERENCES,
         "dbutils.notebook.exit(dbutils.widgets.get('p').split('/')[0::2])", parameters={"p": "a/{{job.run_id}}/b"},
         result="['a', 'b']"),
    Case("the kind of the trigger is a reference", REFERENCES,
         "dbutils.notebook.exit(dbutils.widgets.get('t'))", parameters={"t": "{{job.trigger.type}}"}, result="one_time"),
    Case("job parameters are widgets of every notebook", "Parameterize jobs",
         "dbutils.notebook.exit(dbutils.widgets.get('of_the_job'))", result="given to all"),
    Case("a task value is left", VALUES, "dbutils.jobs.taskValues.set(key='rows', value={'n': [1, 2]})", result=None),
    Case("a task value is read by a later task", VALUES,
         "v = dbutils.jobs.taskValues.get(taskKey='a_task_value_is_left', key='rows')\ndbutils.notebook.exit(v['n'])",
         task={"depends_on": [{"task_key": "a_task_value_is_left"}]}, result="[1, 2]"),
    Case("a task value is read by a reference", VALUES, "dbutils.notebook.exit(dbutils.widgets.get('v'))",
         parameters={"v": "{{tasks.a_task_value_is_left.values.rows}}"},
         task={"depends_on": [{"task_key": "a_task_value_is_left"}]}, result='{"n": [1, 2]}'),
    Case("a missing task value has a default", VALUES,
         "dbutils.notebook.exit(dbutils.jobs.taskValues.get('nobody', 'nothing', default=5, debugValue=6))", result="5"),
    Case("a missing task value without a default fails", VALUES,
         "dbutils.jobs.taskValues.get(taskKey='nobody', key='nothing')", error="ValueError"),
    Case("a task value must be JSON", VALUES, "dbutils.jobs.taskValues.set('x', object())", error="ValueError"),
    Case("a task that is to run after a failure runs", "Configure task dependencies",
         "dbutils.notebook.exit('cleaned up')",
         task={"depends_on": [{"task_key": "an_exception_fails_the_task"}], "run_if": "ALL_DONE"}, result="cleaned up"),
    Case("a failing task is repeated", "Set thresholds and retries for a task",
         "import os\nmark = '/dbfs/corpus_tried'\nif not os.path.exists(mark):\n    open(mark, 'w').close()\n"
         "    raise OSError('the first time')\n---\ndbutils.notebook.exit('the second time')",
         task={"max_retries": 1}, result="the second time"),
]  # fmt: skip
