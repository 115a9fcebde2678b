"""SQL names and types from CSV files."""

from __future__ import annotations

from pathlib import Path

import pytest
from green_energy import columns

DATA = Path(__file__).resolve().parents[2] / "include" / "data"


def inspect(text: str, file: str = "energy_2025_q1.csv") -> columns.Inspection:
    return columns.inspect(file, text.splitlines(keepends=True))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("date", "date"),
        ("Facility ID", "facility_id"),
        ("Floor Area (m2)", "floor_area_m2"),
        (" Power-Use [kWh] ", "power_use_kwh"),
        ("2nd meter", "_2nd_meter"),
        ("x'; DROP TABLE y --", "x_drop_table_y"),
    ],
)
def test_a_header_becomes_a_sane_identifier(text: str, name: str) -> None:
    assert columns.identifier(text) == name


@pytest.mark.parametrize("text", ["", "  ", "%"])
def test_a_header_without_a_letter_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="makes no SQL name"):
        columns.identifier(text)


@pytest.mark.parametrize(
    ("file", "table"),
    [
        ("energy_2025_q1.csv", "energy"),
        ("energy-2025-01-31.csv", "energy"),
        ("facilities.csv", "facilities"),
        ("Meter Types.csv", "meter_types"),
    ],
)
def test_the_period_of_a_file_is_no_part_of_its_table(file: str, table: str) -> None:
    assert columns.table_of(file) == table


@pytest.mark.parametrize(
    ("cell", "sql_type"),
    [
        ("", None),
        ("   ", None),
        ("12", "BIGINT"),
        ("-12 ", "BIGINT"),
        ("0", "BIGINT"),
        ("007", "STRING"),
        ("1234567890123456789012", "DOUBLE"),
        ("12.50", "DOUBLE"),
        ("1e3", "DOUBLE"),
        ("1,5", "STRING"),
        ("n/a", "STRING"),
        ("NaN", "STRING"),
        ("2025-02-28", "DATE"),
        ("2025-02-30", "STRING"),
        ("28/02/2025", "STRING"),
        ("true", "STRING"),
    ],
)
def test_a_cell_has_the_narrowest_type_that_reads_it(cell: str, sql_type: str | None) -> None:
    assert columns.type_of(cell) == sql_type


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (None, None, None),
        (None, "DATE", "DATE"),
        ("DATE", None, "DATE"),
        ("BIGINT", "DOUBLE", "DOUBLE"),
        ("DOUBLE", "BIGINT", "DOUBLE"),
        ("DATE", "BIGINT", "STRING"),
        ("STRING", "DOUBLE", "STRING"),
    ],
)
def test_two_types_widen_to_one_that_holds_both(one: str | None, other: str | None, both: str | None) -> None:
    assert columns.wider(one, other) == both


def test_inspection_counts_records_not_lines() -> None:
    found = inspect('id,name\n1,"two\nlines"\n2,"comma, and ""quotes"""\n')
    assert found["rows"] == 2
    assert found["types"] == {"id": "BIGINT", "name": "STRING"}


def test_blank_cells_fit_every_type() -> None:
    assert inspect("a,b,c\n,1.5,\n2,,\n")["types"] == {"a": "BIGINT", "b": "DOUBLE", "c": None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no header"),
        ("a b,A_B\n1,2\n", "several columns are named a_b"),
        ("a,b\n1,2\n3\n", "line 3: 1 cells, the header has 2"),
    ],
)
def test_a_damaged_file_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"energy_2025_q1\.csv.*{message}"):
        inspect(text)


def test_types_come_from_all_files_of_a_table_in_whatever_order() -> None:
    first = inspect("id,power\n1,10\n", "energy_2025_q1.csv")
    second = inspect("Id,Power,Meter\n2,10.5,\n", "energy_2025_q2.csv")
    wanted = {"energy": {"id": "BIGINT", "power": "DOUBLE", "meter": "STRING"}}
    assert columns.table_types([first, second]) == wanted
    assert columns.table_types([second, first]) == wanted


def test_a_load_creates_the_whole_table_and_selects_what_its_file_has() -> None:
    first = inspect("Id,Power (kWh)\n1,10\n", "energy_2025_q1.csv")
    second = inspect("Id,Power (kWh),Meter\n2,10.5,M1\n", "energy_2025_q2.csv")
    load, _ = columns.plan([first, second], schema="main.green_energy")
    assert load == {
        "file": "energy_2025_q1.csv",
        "table": "main.green_energy.energy",
        "create": (
            "CREATE TABLE IF NOT EXISTS main.green_energy.energy (\n"
            "  `id` BIGINT,\n  `power_kwh` DOUBLE,\n  `meter` STRING\n) USING DELTA"
        ),
        "select": "CAST(`Id` AS BIGINT) AS `id`, CAST(`Power (kWh)` AS DOUBLE) AS `power_kwh`",
    }


def test_the_sample_files_make_two_tables() -> None:
    inspections = []
    for path in sorted(DATA.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            inspections.append(columns.inspect(path.name, lines))
    assert columns.table_types(inspections) == {
        "energy": {
            "date": "DATE",
            "facility_id": "STRING",
            "facility": "STRING",
            "department": "STRING",
            "power_use_kwh": "DOUBLE",
            "energy_returned_kwh": "DOUBLE",
            "output_units": "STRING",
            "green_initiative": "STRING",
            "meter": "STRING",
        },
        "facilities": {
            "facility_id": "STRING",
            "facility_name": "STRING",
            "city": "STRING",
            "floor_area_m2": "BIGINT",
            "commissioned": "DATE",
        },
    }
