"""The quality gate's judgement."""

from __future__ import annotations

from green_energy.quality import LIMITS, exactly, violations

FINE = {
    "energy_rows": 100,
    "facilities_rows": 3,
    "energy_null_key_share": 0.01,
    "energy_null_power_share": 0.0,
    "energy_duplicate_share": 0.0,
    "energy_negative_rows": 0,
    "energy_unknown_facility_rows": 0,
    "facilities_null_keys": 0,
    "facilities_duplicate_keys": 0,
}
WANTED = {**exactly({"energy": 100, "facilities": 3}), **LIMITS}


def test_figures_within_their_limits_pass() -> None:
    assert violations(FINE, WANTED) == []


def test_every_figure_out_of_its_limits_is_named_with_its_value() -> None:
    figures = {**FINE, "energy_rows": 99, "energy_negative_rows": 4, "energy_null_key_share": 0.031}
    assert violations(figures, WANTED) == [
        "energy_rows is 99, must be 100",
        "energy_null_key_share is 0.031, must be 0 to 0.02",
        "energy_negative_rows is 4, must be 0",
    ]


def test_a_figure_that_could_not_be_measured_is_a_violation() -> None:
    # Shares of an empty table are NULL.
    assert violations({**FINE, "energy_null_key_share": None}, WANTED) == ["energy_null_key_share is unknown"]
