"""Notebooks in their other format, and back."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from harness.kernel.convert import CannotConvert, to_jupyter, to_source
from harness.kernel.source import read

SOURCE = """\
# Databricks notebook source
# MAGIC %md
# MAGIC # Title
# MAGIC
# MAGIC text

# COMMAND ----------

# DBTITLE 1,The numbers
x = 1

print(x)

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT 1

# COMMAND ----------

# MAGIC %pip install x
"""


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_source_becomes_a_valid_jupyter_notebook_and_comes_back(tmp_path: Path) -> None:
    document = to_jupyter(read(written(tmp_path / "n.py", SOURCE)))
    nbformat.validate(nbformat.from_dict(document))
    kinds = [(cell["cell_type"], "".join(cell["source"])) for cell in document["cells"]]
    assert kinds == [
        ("markdown", "# Title\n\ntext"),
        ("code", "x = 1\n\nprint(x)"),
        ("code", "%sql\nSELECT 1"),
        ("code", "%pip install x"),
    ]
    assert to_source(read(written(tmp_path / "n.ipynb", json.dumps(document)))) == (SOURCE, ".py")


def test_a_sql_notebook_keeps_its_language(tmp_path: Path) -> None:
    text = "-- Databricks notebook source\nSELECT 1\n\n-- COMMAND ----------\n\n-- MAGIC %python\n-- MAGIC print(1)\n"
    document = to_jupyter(read(written(tmp_path / "q.sql", text)))
    assert to_source(read(written(tmp_path / "q.ipynb", json.dumps(document)))) == (text, ".sql")


def test_lines_that_would_read_as_marks_stay_text(tmp_path: Path) -> None:
    cell = "a = 1\n# COMMAND ----------\n%time a\nb = '''\n# MAGIC %sql\n'''"
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": cell}]
    book = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}
    text, suffix = to_source(read(written(tmp_path / "n.ipynb", json.dumps(book))))
    assert [c.source for c in read(written(tmp_path / f"m{suffix}", text)).cells] == [cell]


@pytest.mark.parametrize("change", [{"metadata": {"language_info": {"name": "r"}}}, {"cells": "raw"}])
def test_what_has_no_place_in_source_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    raw = [{"cell_type": "raw", "metadata": {}, "source": "x"}]
    book = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [], **change}
    book["cells"] = raw if book["cells"] == "raw" else book["cells"]
    with pytest.raises(CannotConvert):
        to_source(read(written(tmp_path / "n.ipynb", json.dumps(book))))
