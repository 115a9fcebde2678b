"""The format of the corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sql.entries import DOORS, Expectation, Outcome, families, read

TEXT = """\
-- A family
-- a remark
--@ doors thrift, notebook
--@ file raw/a.csv
--| id
--| 1

CREATE TABLE t (a INT)

--@ docs functions/x
INSERT INTO t VALUES (1); SELECT a FROM t
--: a INT
--> 1

SELECT 1 / 0
--! DIVIDE_BY_ZERO 22012
--~ notebook: a reason
--> NULL
"""


def test_a_paragraph_is_statements_and_what_comes_of_the_last(tmp_path: Path) -> None:
    path = tmp_path / "x.sql"
    path.write_text(TEXT)
    family = read(path)
    assert (family.title, family.doors) == ("A family", ("thrift", "notebook"))
    assert family.files == {"raw/a.csv": "id\n1\n"}
    assert [entry.sql for entry in family.entries] == [
        "CREATE TABLE t (a INT)",
        "INSERT INTO t VALUES (1)",
        "SELECT a FROM t",
        "SELECT 1 / 0",
    ]
    selected, divided = family.judged
    assert selected.expected("thrift") == Expectation("", ("1",), "a INT")
    assert (selected.page, selected.line) == ("functions/x", 11)
    assert divided.documented == Expectation("DIVIDE_BY_ZERO 22012")
    assert divided.expected("notebook") == Expectation("", ("NULL",))
    assert divided.expected("thrift") == divided.documented
    assert divided.reason == "a reason"


@pytest.mark.parametrize(
    "text",
    [
        "-- f\n--@ nosuchword x\n",
        "-- f\nSELECT 1\n--> 1\n",
        "-- f\n--@ docs p\n--> 1\n",
        "-- f\n--@ docs p\nSELECT 1\n--~ without what comes\n",
    ],
)
def test_what_is_no_part_of_the_format_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.sql"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"x\.sql"):
        read(path)


@pytest.mark.parametrize(
    ("rows", "came", "statement", "meets"),
    [
        (("1", "2"), ("2", "1"), "SELECT", True),
        (("1", "2"), ("2", "1"), "SELECT ORDER BY a", False),
        (("1",), ("1", "1"), "SELECT", False),
        (("1", "…"), ("3", "1"), "SELECT", True),
        (("a | …z",), ("a | xyz",), "SELECT", True),
        (("[1-2]*",), ("1",), "SELECT", False),
        ((), ("1",), "SELECT", False),
    ],
)
def test_rows_are_compared(rows: tuple[str, ...], came: tuple[str, ...], statement: str, meets: bool) -> None:
    assert Outcome(rows=came).meets(Expectation("", rows), statement) is meets


def test_an_error_meets_only_its_own_expectation() -> None:
    assert Outcome("A 1").meets(Expectation("A 1"), "")
    assert not Outcome("A 1").meets(Expectation("A 2"), "")
    assert not Outcome().meets(Expectation("A 1"), "")
    assert not Outcome("A 1").meets(Expectation("", ()), "")
    assert not Outcome("A 1").meets(None, "")


def test_the_corpus_is_large_and_every_entry_names_its_page() -> None:
    judged = [entry for family in families() for entry in family.judged]
    assert len(judged) >= 300
    assert all(entry.page for entry in judged)
    assert all(set(family.doors) <= set(DOORS) for family in families())
