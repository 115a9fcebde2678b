"""The expected figures, held against what plain Spark 4.2 with Delta 4.4 measured from the same files and notebooks."""

from __future__ import annotations

import expected
import pytest


def test_row_counts_are_those_spark_measured() -> None:
    assert expected.row_counts() == {
        "facilities": 20,
        "energy": 7326,
        "green_readings": 3387,
        "not_green_readings": 3729,
        "green_efficiency": 114,
        "not_green_efficiency": 126,
        "facility_efficiency": 240,
        "efficiency_model": 33,
    }


def test_the_regression_finds_what_the_notebook_found() -> None:
    assert expected.green_coefficient() == pytest.approx(-0.333809, abs=1e-6)


def test_the_report_is_what_spark_reported() -> None:
    assert expected.report() == [
        ("Assembly", 3.055, 5.473, 3),
        ("Casting", 13.677, 30.064, 3),
        ("Finishing", 9.741, 8.443, 3),
        ("Logistics", 5.399, 3.626, 5),
        ("Machining", 5.622, 9.902, 3),
        ("Research", 9.74, None, 3),
    ]


def test_every_facility_has_every_month_once() -> None:
    efficiency = expected.facility_efficiency()
    assert not efficiency.duplicated(["facility_id", "month"]).any()
    assert len(efficiency) == 20 * 12
    assert sum(expected.net_energy_by_facility().values()) == pytest.approx(efficiency["net_energy_kwh"].sum())
