"""The cells of the transform notebooks, one after the other in this one process; prints how long they took."""

import contextlib
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
from pyspark.sql import SparkSession

from harness.kernel.source import read
from harness.lake.sql.split import split

FOLDER = Path(sys.argv[1])
NOTEBOOKS = (
    "extract_green.py",
    "extract_not_green.py",
    "transform_green.py",
    "transform_not_green.py",
    "analytics.ipynb",
)
WIDGETS = {"catalog": "main", "schema": "green_energy", "year": "2025"}

spark = SparkSession.builder.getOrCreate()


class Exit(Exception):
    """What ``dbutils.notebook.exit`` raises."""


def leave(value: str) -> None:
    raise Exit(value)


def show(value: object) -> None:
    if hasattr(value, "limit"):
        value.limit(1000).toPandas().to_html()


DBUTILS = SimpleNamespace(
    widgets=SimpleNamespace(text=lambda *_: None, dropdown=lambda *_: None, get=WIDGETS.__getitem__),
    notebook=SimpleNamespace(exit=leave),
)


def run(path: Path, names: dict) -> None:
    for cell in read(path).cells:
        if cell.language == "python":
            exec(compile(cell.text, str(path), "exec"), names)
        elif cell.language == "run":
            run((path.parent / cell.text.strip()).with_suffix(".py"), names)
        elif cell.language == "sql":
            for statement in split(cell.text):
                used = {name: value for name, value in WIDGETS.items() if f":{name}" in statement}
                names["_sqldf"] = spark.sql(statement, args=used) if used else spark.sql(statement)
            show(names["_sqldf"])


started = time.perf_counter()
for notebook in NOTEBOOKS:
    names = {"spark": spark, "dbutils": DBUTILS, "display": show, "__name__": "__main__"}
    with contextlib.suppress(Exit):
        run(FOLDER / notebook, names)
    plt.close("all")
print(f"seconds={time.perf_counter() - started}")
