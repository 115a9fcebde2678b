from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.kernel.source import Cell, NotNotebook, read

PYTHON = """# Databricks notebook source
# DBTITLE 1,Load
import json

x = 1

# COMMAND ----------

# MAGIC %md
# MAGIC # A heading
# MAGIC
# MAGIC text

# COMMAND ----------

# MAGIC %sql select 1;
# MAGIC select 2

# COMMAND ----------

# MAGIC %run ./helpers $day="2026-01-01"

# COMMAND ----------

# MAGIC %pip install pandas
import pandas

# COMMAND ----------


# COMMAND ----------

# MAGIC %python
# MAGIC
# MAGIC y = 2
"""


def cells_of(path: Path, text: str) -> list[Cell]:
    path.write_text(text)
    return read(path).cells


def test_python_source_is_taken_apart_with_languages_lines_and_titles(tmp_path: Path) -> None:
    cells = cells_of(tmp_path / "n.py", PYTHON)
    assert [(c.number, c.language, c.line, c.title) for c in cells] == [
        (1, "python", 3, "Load"),
        (2, "md", 10, ""),
        (3, "sql", 16, ""),
        (4, "run", 21, ""),
        (5, "python", 25, ""),
        (6, "python", 31, ""),
        (7, "python", 35, ""),
    ]
    assert cells[1].text == "# A heading\n\ntext"
    assert cells[2].text == "select 1;\nselect 2"
    assert cells[3].text == './helpers $day="2026-01-01"'
    assert cells[4].text == "%pip install pandas\nimport pandas"
    assert cells[5].text == ""
    assert cells[6].text == "y = 2"


def test_sql_source_has_sql_as_its_language_and_dashes_as_comments(tmp_path: Path) -> None:
    text = "-- Databricks notebook source\nselect 1\n\n-- COMMAND ----------\n\n-- MAGIC %python\n-- MAGIC x = 1\n"
    assert [(c.language, c.text, c.line) for c in cells_of(tmp_path / "n.sql", text)] == [
        ("sql", "select 1", 2),
        ("python", "x = 1", 7),
    ]


def test_a_magic_is_recognised_as_a_whole_word_only(tmp_path: Path) -> None:
    text = "# Databricks notebook source\n# MAGIC %runner x\n# COMMAND ----------\n# MAGIC %md-sandbox <b>\n"
    assert [(c.language, c.text) for c in cells_of(tmp_path / "n.py", text)] == [
        ("python", "%runner x"),
        ("md-sandbox", "<b>"),
    ]


def test_windows_line_ends_and_a_byte_order_mark_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "n.py"
    path.write_bytes(
        b"\xef\xbb\xbf# Databricks notebook source\r\nx = 1\r\n# COMMAND ----------\r\n"
        b"# MAGIC %sql\r\n# MAGIC select 1\r\n"
    )
    assert [(c.language, c.text, c.line) for c in read(path).cells] == [("python", "x = 1", 2), ("sql", "select 1", 5)]


def notebook(*cells: object, **metadata: object) -> str:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)})


def test_ipynb_of_databricks_and_of_jupyter(tmp_path: Path) -> None:
    title = {"application/vnd.databricks.v1+cell": {"title": "Read", "showTitle": True}}
    text = notebook(
        {"cell_type": "markdown", "source": ["# Hello\n", "there"], "metadata": {}},
        {"cell_type": "code", "source": "%sql\n\nselect 1", "metadata": title},
        {"cell_type": "code", "source": ["\n", "x = 1"], "metadata": {}},
        {"cell_type": "raw", "source": "anything", "metadata": {}},
        **{"application/vnd.databricks.v1+notebook": {"language": "python"}},
    )
    assert [(c.language, c.text, c.line, c.title) for c in cells_of(tmp_path / "n.ipynb", text)] == [
        ("md", "# Hello\nthere", 1, ""),
        ("sql", "select 1", 3, "Read"),
        ("python", "x = 1", 2, ""),
        ("raw", "anything", 1, ""),
    ]


def test_the_language_of_an_ipynb_comes_from_its_metadata(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "source": "select 1", "metadata": {}}
    databricks = {"application/vnd.databricks.v1+notebook": {"language": "sql"}}
    assert cells_of(tmp_path / "a.ipynb", notebook(cell, **databricks))[0].language == "sql"
    assert cells_of(tmp_path / "b.ipynb", notebook(cell, language_info={"name": "scala"}))[0].language == "scala"
    assert cells_of(tmp_path / "c.ipynb", notebook(cell))[0].language == "python"


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.ipynb", '{"cells": [', "line 1, column 12"),
        ("b.ipynb", "[]", "no list of cells"),
        ("c.ipynb", '{"worksheets": []}', "no list of cells"),
        ("d.ipynb", '{"cells": [{"cell_type": "code"}]}', "cell 1 has no source"),
        ("e.ipynb", '{"cells": [7]}', "cell 1 has no source"),
        ("f.py", "x = 1\n", 'first line is not "# Databricks notebook source"'),
        ("g.py", "", "first line"),
        ("h.sql", "select 1", 'first line is not "-- Databricks notebook source"'),
        ("i.scala", "// Databricks notebook source", "only Python and SQL"),
    ],
)
def test_what_is_no_notebook_is_refused_with_the_reason(tmp_path: Path, name: str, text: str, reason: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(NotNotebook, match=reason) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "n.py"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NotNotebook, match="not UTF-8"):
        read(path)


LINE = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20).filter(
    lambda line: not line.lstrip().startswith(("%", "#", "\ufeff")) and line.strip() == line
)
BLANKS = st.integers(0, 3)


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "sql", "sh", "md"]), BLANKS, st.lists(LINE, min_size=1, max_size=5), BLANKS),
        max_size=6,
    )
)
def test_every_line_of_a_cell_stands_in_the_file_where_its_number_says(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, int, list[str], int]]
) -> None:
    blocks = []
    for language, before, lines, after in cells:
        magic = [f"%{language}"] if language else []
        prefix = "# MAGIC " if language else ""
        blocks.append("\n" * before + "\n".join(prefix + line for line in [*magic, *lines]) + "\n" * after)
    text = "# Databricks notebook source\n" + "\n# COMMAND ----------\n".join(blocks)
    path = tmp_path_factory.getbasetemp() / "property.py"
    path.write_text(text)
    in_file = text.split("\n")

    parsed = read(path).cells

    assert len(parsed) == max(1, len(cells))
    for cell, (language, _, lines, _) in zip(parsed, cells, strict=False):
        assert cell.language == (language or "python")
        assert cell.text.strip() == "\n".join(lines).strip()
        for offset, line in enumerate(cell.text.split("\n") if cell.text else []):
            assert in_file[cell.line - 1 + offset].removeprefix("# MAGIC ").rstrip() in (line, "# MAGIC")
