"""The figures the pipeline must arrive at, computed from ``include/data`` with pandas alone.

Nothing here is shared with the DAGs or the notebooks: the rules are written a second time, from ``docs/pipeline.md``.
Floating point sums may differ in the last digits from Spark's: compare with ``pytest.approx``.

===============================  ==================================================================================
function                         must equal (schema ``main.green_energy``, the year 2025)
===============================  ==================================================================================
``row_counts()``                 the number of rows of each table, by its name
``facilities()``                 table ``facilities``
``energy()``                     table ``energy``, all columns, as loaded: dirt included
``readings(green)``              tables ``green_readings`` and ``not_green_readings``
``facility_efficiency()``        table ``facility_efficiency``; its rows with and without ``green_initiative`` are the
                                 tables ``green_efficiency`` and ``not_green_efficiency``
``net_energy_by_facility()``     sum of ``facility_efficiency.net_energy_kwh`` by ``facility_id``
``green_coefficient()``          ``efficiency_model.coefficient`` where ``term = 'green_initiative'``
``report()``                     rows of the task ``report`` of the DAG ``green_energy_transform``
===============================  ==================================================================================
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

DATA = Path(__file__).resolve().parents[2] / "include" / "data"


def landed_files() -> list[str]:
    """Names of the files that land in S3, in order."""
    return sorted(path.name for path in DATA.glob("*.csv"))


def landed_bytes() -> int:
    """Size of all files that land in S3."""
    return sum((DATA / name).stat().st_size for name in landed_files())


@cache
def facilities() -> pd.DataFrame:
    """Table ``facilities``: facility_id, facility_name, city, floor_area_m2 (NaN where blank), commissioned (date)."""
    frame = pd.read_csv(DATA / "facilities.csv", parse_dates=["Commissioned"])
    frame.columns = ["facility_id", "facility_name", "city", "floor_area_m2", "commissioned"]
    return frame.assign(commissioned=frame["commissioned"].dt.date)


@cache
def energy() -> pd.DataFrame:
    """Table ``energy``: date, numbers as numbers, the rest as written; blank cells are NaN or None."""
    # "n/a" is text in the table, so pandas must not take it for a missing value.
    quarters = [
        pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
        for path in sorted(DATA.glob("energy_2025_q*.csv"))
    ]
    frame = pd.concat(quarters, ignore_index=True)
    # A missing text is None, as it is in what Delta's and Spark's readers give.
    frame = frame.where(frame.notna(), None)
    return frame.assign(
        date=pd.to_datetime(frame["date"]).dt.date,
        power_use_kwh=frame["power_use_kwh"].astype(float),
        energy_returned_kwh=frame["energy_returned_kwh"].astype(float),
    )


@cache
def _clean() -> pd.DataFrame:
    frame = energy().drop_duplicates()
    flag = frame["green_initiative"].str.strip().str.lower()
    known = {**dict.fromkeys(["yes", "y", "true", "1"], True), **dict.fromkeys(["no", "n", "false", "0"], False)}
    clean = pd.DataFrame(
        {
            "date": frame["date"],
            "facility_id": frame["facility_id"],
            "department": frame["department"].str.strip(),
            "power_use_kwh": frame["power_use_kwh"],
            "energy_returned_kwh": frame["energy_returned_kwh"].fillna(0.0),
            "output_units": pd.to_numeric(frame["output_units"], errors="coerce"),
            "green": flag.map(known),
        }
    ).dropna()
    clean["net_energy_kwh"] = clean["power_use_kwh"] - clean["energy_returned_kwh"]
    return clean.astype({"output_units": "int64", "green": bool}).sort_values(
        ["date", "facility_id"], ignore_index=True
    )


def readings(green: bool) -> pd.DataFrame:
    """Table ``green_readings`` or ``not_green_readings``, by date and facility_id."""
    clean = _clean()
    return clean[clean["green"] == green].drop(columns="green").reset_index(drop=True)


@cache
def facility_efficiency() -> pd.DataFrame:
    """Table ``facility_efficiency``, by month and facility_id."""
    clean = _clean()
    month = pd.Series([day.replace(day=1) for day in clean["date"]], name="month")
    sums = clean.groupby([month, "facility_id", "department", "green"])[
        ["power_use_kwh", "energy_returned_kwh", "net_energy_kwh", "output_units"]
    ].sum()
    sums["days"] = clean.groupby([month, "facility_id", "department", "green"])["date"].nunique()
    frame = sums.reset_index().rename(columns={"green": "green_initiative"})
    names = facilities().set_index("facility_id")
    return frame.assign(
        facility=frame["facility_id"].map(names["facility_name"].str.strip()),
        city=frame["facility_id"].map(names["city"].str.strip()),
        kwh_per_unit=frame["net_energy_kwh"] / frame["output_units"],
    ).sort_values(["month", "facility_id"], ignore_index=True)


def net_energy_by_facility() -> dict[str, float]:
    """Net energy of the year by facility_id, in kWh."""
    return facility_efficiency().groupby("facility_id")["net_energy_kwh"].sum().to_dict()


def row_counts() -> dict[str, int]:
    """Rows of every table by its name."""
    efficiency = facility_efficiency()
    return {
        "facilities": len(facilities()),
        "energy": len(energy()),
        "green_readings": len(readings(green=True)),
        "not_green_readings": len(readings(green=False)),
        "green_efficiency": int(efficiency["green_initiative"].sum()),
        "not_green_efficiency": int((~efficiency["green_initiative"]).sum()),
        "facility_efficiency": len(efficiency),
        # An intercept, the initiative, the output, and all facilities and months but the first of each.
        "efficiency_model": 3 + efficiency["facility_id"].nunique() - 1 + efficiency["month"].nunique() - 1,
    }


def green_coefficient() -> float:
    """The initiative's coefficient in a least squares fit of log(net energy), solved here by the normal equations."""
    efficiency = facility_efficiency()
    columns = [np.ones(len(efficiency)), efficiency["green_initiative"].to_numpy(dtype=float)]
    columns.append(np.log(efficiency["output_units"].to_numpy(dtype=float)))
    for name in ("facility_id", "month"):
        columns += [(efficiency[name] == value).to_numpy(dtype=float) for value in sorted(set(efficiency[name]))[1:]]
    matrix = np.column_stack(columns)
    solution = np.linalg.solve(matrix.T @ matrix, matrix.T @ np.log(efficiency["net_energy_kwh"].to_numpy(dtype=float)))
    return float(solution[1])


def report() -> list[tuple[str, float | None, float | None, int]]:
    """department, net kWh for a unit inside the initiative and outside (None: no such facility), facilities."""
    rows = []
    for department, frame in facility_efficiency().groupby("department"):
        figures: list[float | None] = []
        for green in (True, False):
            part = frame[frame["green_initiative"] == green]
            figures.append(
                round(float(part["net_energy_kwh"].sum() / part["output_units"].sum()), 3) if len(part) else None
            )
        rows.append((str(department), figures[0], figures[1], int(frame["facility_id"].nunique())))
    return rows
