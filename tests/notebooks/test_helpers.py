"""The functions that the notebooks share, on small frames. Magics are comments: the notebook runs as plain Python."""

from __future__ import annotations

import runpy
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

HELPERS = Path(__file__).resolve().parents[2] / "notebooks" / "green_energy" / "helpers.py"


@pytest.fixture(scope="module")
def helpers() -> dict[str, Any]:
    return runpy.run_path(str(HELPERS))


@pytest.fixture
def facilities() -> pd.DataFrame:
    return pd.DataFrame(
        {"facility_id": ["F1", "F2"], "facility_name": ["Pier 4 ", "Foundry"], "city": ["Turin ", "Lyon"]}
    )


def readings(*rows: tuple[date, str, float, float, int]) -> pd.DataFrame:
    frame = pd.DataFrame(
        rows, columns=["date", "facility_id", "power_use_kwh", "energy_returned_kwh", "output_units"]
    ).assign(department="Casting")
    return frame.assign(net_energy_kwh=frame["power_use_kwh"] - frame["energy_returned_kwh"])


def test_readings_add_up_by_month_and_facility(helpers: dict[str, Any], facilities: pd.DataFrame) -> None:
    frame = readings(
        (date(2025, 2, 1), "F1", 50.0, 0.0, 5),
        (date(2025, 1, 31), "F1", 20.0, 10.0, 4),
        (date(2025, 1, 1), "F2", 7.0, 0.0, 1),
        (date(2025, 1, 1), "F1", 30.0, 0.0, 6),
    )
    monthly = helpers["monthly_efficiency"](frame, facilities)
    assert monthly[["month", "facility_id", "days", "output_units"]].to_numpy().tolist() == [
        [date(2025, 1, 1), "F1", 2, 10],
        [date(2025, 1, 1), "F2", 1, 1],
        [date(2025, 2, 1), "F1", 1, 5],
    ]
    assert monthly["power_use_kwh"].tolist() == [50.0, 7.0, 50.0]
    assert monthly["energy_returned_kwh"].tolist() == [10.0, 0.0, 0.0]
    assert monthly["net_energy_kwh"].tolist() == [40.0, 7.0, 50.0]
    assert monthly["kwh_per_unit"].tolist() == [4.0, 7.0, 10.0]


def test_facilities_are_named_without_stray_spaces(helpers: dict[str, Any], facilities: pd.DataFrame) -> None:
    monthly = helpers["monthly_efficiency"](readings((date(2025, 1, 1), "F1", 1.0, 0.0, 1)), facilities)
    assert monthly.loc[0, ["facility", "city"]].tolist() == ["Pier 4", "Turin"]


def test_a_month_without_output_has_no_efficiency(helpers: dict[str, Any], facilities: pd.DataFrame) -> None:
    monthly = helpers["monthly_efficiency"](readings((date(2025, 1, 1), "F1", 12.0, 0.0, 0)), facilities)
    assert monthly["kwh_per_unit"].isna().all()


def test_readings_of_an_unknown_facility_are_refused_by_name(helpers: dict[str, Any], facilities: pd.DataFrame) -> None:
    frame = readings((date(2025, 1, 1), "F9", 1.0, 0.0, 1), (date(2025, 1, 1), "F1", 1.0, 0.0, 1))
    with pytest.raises(ValueError, match="not in facilities: F9"):
        helpers["monthly_efficiency"](frame, facilities)


def test_a_facility_that_is_listed_twice_is_refused(helpers: dict[str, Any], facilities: pd.DataFrame) -> None:
    with pytest.raises(pd.errors.MergeError, match="not a many-to-one merge"):
        helpers["monthly_efficiency"](
            readings((date(2025, 1, 1), "F1", 1.0, 0.0, 1)), pd.concat([facilities, facilities])
        )


def test_the_model_finds_the_saving_that_was_put_into_the_data(helpers: dict[str, Any]) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    base = {"F1": 900.0, "F2": 300.0, "F3": 2500.0}
    rows = [
        {
            "month": date(2025, month, 1),
            "facility_id": facility,
            "output_units": 100 + 7 * month + 31 * number + month * number % 5,
            # F2 joins in April, F3 is in from the start.
            "green_initiative": facility == "F3" or (facility == "F2" and month >= 4),
        }
        for number, facility in enumerate(base)
        for month in range(1, 7)
    ]
    frame = pd.DataFrame(rows)
    frame["net_energy_kwh"] = (
        frame["facility_id"].map(base)
        * frame["output_units"] ** 0.8
        * np.where(frame["green_initiative"], 0.75, 1.0)
        * frame["month"].map(lambda month: 1 + month.month / 50)
    )
    features = helpers["model_features"](frame)
    assert list(features.columns[:2]) == ["green_initiative", "log_output_units"]
    assert len(features.columns) == 2 + 2 + 5
    model = linear_model.LinearRegression().fit(features, np.log(frame["net_energy_kwh"]))
    assert helpers["share_saved"](model.coef_[0]) == pytest.approx(0.25)
    assert model.coef_[1] == pytest.approx(0.8)
