"""Golden tables: written when asked, compared otherwise, readable always."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from harness.testing.golden import Golden
from harness.testing.tables import TableAsserts

pytest_plugins = ["pytester"]

ROWS = [
    {"id": 10, "name": "ten", "kwh": 0.1, "day": datetime.date(2024, 1, 2), "at": object},
    {"id": 9, "name": None, "kwh": 0.2, "day": None, "at": object},
]
NESTED = [{"id": 1, "tags": ["b", "a"], "deep": {"day": datetime.date(2024, 1, 2)}, "empty": ""}]


def golden(folder: Path, name: str = "test_flat", update: bool = False) -> Golden:
    nothing: Any = None
    return Golden(TableAsserts(nothing, nothing), folder / "test_g.py", name, update=update)


def test_a_golden_file_is_asked_for_written_and_compared(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"there is no golden file .*golden/test_g/test_flat\.csv .*--update-gol"):
        golden(tmp_path)(ROWS)
    write = golden(tmp_path, update=True)
    write(ROWS, exclude=["at"])
    write(ROWS[:1], "first row", columns=["id"])
    folder = tmp_path / "golden" / "test_g"
    assert (folder / "test_flat.csv").read_text() == "id,name,kwh,day\n9,,0.2,\n10,ten,0.1,2024-01-02\n"
    assert (folder / "test_flat-first_row.csv").read_text() == "id\n10\n"
    golden(tmp_path)(list(reversed(ROWS)), exclude=["at"])
    golden(tmp_path)([{**ROWS[0], "kwh": 0.1000001}, ROWS[1]], exclude=["at"], tolerance=1e-3)
    with pytest.raises(AssertionError) as caught:
        golden(tmp_path)([{**ROWS[0], "kwh": 0.3}, ROWS[1]], exclude=["at"])
    assert str(caught.value).splitlines() == [
        "rows is not as expected (2 rows):",
        "  row with id = 10: kwh is 0.3, not 0.1",
        f"  golden file: {folder / 'test_flat.csv'} (--update-golden writes it anew)",
    ]


def test_what_csv_cannot_hold_is_json(tmp_path: Path) -> None:
    golden(tmp_path, "test_n[1]", update=True)(NESTED)
    assert (tmp_path / "golden" / "test_g" / "test_n[1].json").read_text() == (
        '[\n{"id": 1, "tags": ["b", "a"], "deep": {"day": "2024-01-02"}, "empty": ""}\n]\n'
    )
    golden(tmp_path, "test_n[1]")(NESTED)
    with pytest.raises(AssertionError, match=r"tags is \['b', 'c'\], not \['b', 'a'\]"):
        golden(tmp_path, "test_n[1]")([{**NESTED[0], "tags": ["b", "c"]}])


def test_two_tables_of_a_test_have_two_names(tmp_path: Path) -> None:
    write = golden(tmp_path, update=True)
    write(ROWS)
    with pytest.raises(ValueError, match="give the second another"):
        write(ROWS)


def test_a_column_that_came_or_went_is_named(tmp_path: Path) -> None:
    golden(tmp_path, update=True)(ROWS, columns=["id", "name"])
    with pytest.raises(AssertionError, match=r"(?s)has no kwh.*golden file"):
        golden(tmp_path)(ROWS, columns=["id", "name", "kwh"])
    with pytest.raises(AssertionError, match="has no column 'name'"):
        golden(tmp_path)([{"id": 1}])


def test_the_option_writes(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml("")
    pytester.makepyfile(
        test_g="""
        import pytest
        from harness.testing.tables import TableAsserts

        @pytest.fixture
        def table_asserts():
            return TableAsserts(None, None)

        def test_one(golden):
            golden([{"id": 1}])
        """
    )
    pytester.runpytest_subprocess("-p", "harness.plugin", "--update-golden").assert_outcomes(passed=1)
    assert (pytester.path / "golden" / "test_g" / "test_one.csv").read_text() == "id\n1\n"
