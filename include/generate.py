"""Write the sample files of ``include/data``: facilities, and their daily energy use in 2025, a file for each quarter.

    python include/generate.py [FOLDER]

The same bytes come out on every machine: the only source of chance is ``random.Random(seed).random()``, whose sequence
Python promises to keep, and no library of mathematics is used. The files carry the dirt that such exports have: blank
cells, ``n/a``, flags spelled in seven ways, trailing spaces, names with commas and quotes, rows exported twice, and a
column (``meter``) that the first quarter does not have yet.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

SEED = 20250101
YEAR = 2025
FOLDER = Path(__file__).parent / "data"

# Demand for heat and light, January to December, around 1.
SEASON = (1.18, 1.15, 1.06, 0.98, 0.91, 0.88, 0.90, 0.89, 0.93, 1.01, 1.10, 1.17)
# Yield of the solar panels, January to December, around 1.
SUN = (0.35, 0.52, 0.85, 1.15, 1.42, 1.55, 1.52, 1.34, 1.03, 0.70, 0.42, 0.30)
GREEN_SAVES = 0.16

DIRT = {
    "facility_id": 0.004,
    "power_use_kwh": 0.010,
    "output_units": 0.007,
    "green_initiative": 0.005,
    "trailing_space": 0.020,
    "exported_twice": 0.003,
}
YES = ("Yes", "yes", "TRUE", "Y")
NO = ("No", "no", "FALSE")


@dataclass(frozen=True)
class Facility:
    """A site. ``green_quarter``: when it joined the green initiative, 0 if not yet. ``panels``: solar kWh a day."""

    facility_id: str
    name: str
    city: str
    floor_area: int | None
    commissioned: str
    department: str
    output: int
    kwh_per_unit: float
    green_quarter: int = 0
    panels: int = 0


FACILITIES = (
    Facility("FAC-001", "Rotterdam, Pier 4", "Rotterdam", 12400, "1998-05-04", "Logistics", 310, 2.9),
    Facility("FAC-002", "Rotterdam Cold Store", "Rotterdam", 8600, "2006-03-01", "Logistics", 140, 7.4, 1, 260),
    Facility("FAC-003", "Lyon Foundry", "Lyon", 15800, "1987-09-14", "Casting", 95, 18.6),
    Facility("FAC-004", 'Lyon "Confluence", Building B', "Lyon", 5200, "2012-06-01", "Assembly", 220, 3.1, 1, 180),
    Facility("FAC-005", "Graz Gear Works", "Graz", 9900, "1994-02-21", "Machining", 160, 6.2),
    Facility("FAC-006", "Graz Test Centre", "Graz", None, "2018-10-08", "Research", 40, 11.5, 1, 210),
    Facility("FAC-007", "Turin Paint Shop", "Turin ", 7100, "2003-07-07", "Finishing", 130, 8.8, 2, 120),
    Facility("FAC-008", "Turin Assembly, Line 1", "Turin ", 13300, "2001-01-15", "Assembly", 260, 3.6),
    Facility("FAC-009", "Turin Assembly, Line 2", "Turin ", 13900, "2009-11-02", "Assembly", 280, 3.2, 1, 240),
    Facility("FAC-010", "Gdansk Yard", "Gdansk", 22100, "1979-04-30", "Casting", 70, 21.3),
    Facility("FAC-011", "Gdansk Stores", "Gdansk", 6400, "2015-08-17", "Logistics", 190, 2.4, 3, 90),
    Facility("FAC-012", "Porto Moulding", "Porto", 8800, "1999-12-06", "Casting", 110, 14.2, 1, 420),
    Facility("FAC-013", "Porto Packing", "Porto", 4700, "2011-05-23", "Logistics", 240, 1.9),
    Facility("FAC-014", "Brno Machining, Hall A", "Brno", 10200, "1992-03-09", "Machining", 150, 6.9),
    Facility("FAC-015", "Brno Machining, Hall B", "Brno", 10600, "2016-09-05", "Machining", 170, 5.4, 1, 190),
    Facility("FAC-016", "Cork Laboratory", "Cork", 3100, "2019-01-28", "Research", 35, 9.7, 1, 60),
    Facility("FAC-017", "Cork Filling", "Cork", None, "2008-06-16", "Finishing", 210, 4.1),
    Facility("FAC-018", "Aarhus Coating", "Aarhus", 6900, "2004-10-25", "Finishing", 120, 7.7, 4, 110),
    Facility("FAC-019", "Aarhus Logistics, Gate 2", "Aarhus", 11700, "2013-02-11", "Logistics", 260, 2.2),
    Facility("FAC-020", "Ghent Pilot Plant", "Ghent", 5600, "2021-03-22", "Research", 55, 10.4, 1, 150),
)  # fmt: skip


def facilities() -> Iterator[list[str]]:
    """Rows of ``facilities.csv``, the header first."""
    yield ["Facility ID", "Facility Name", "City", "Floor Area (m2)", "Commissioned"]
    for site in FACILITIES:
        area = "" if site.floor_area is None else str(site.floor_area)
        yield [site.facility_id, site.name, site.city, area, site.commissioned]


def reading(site: Facility, day: date, chance: Random) -> list[str]:
    """One row of daily energy use, dirt included; the last cell is the meter."""
    working = 1.0 if day.weekday() < 5 else 0.3
    units = round(site.output * working * (0.85 + 0.3 * chance.random()))
    green = 0 < site.green_quarter <= (day.month + 2) // 3
    demand = (site.output * 0.4 + units) * site.kwh_per_unit * SEASON[day.month - 1] * (0.94 + 0.12 * chance.random())
    power = f"{demand * (1 - GREEN_SAVES if green else 1):.1f}"
    sunshine = site.panels * SUN[day.month - 1] * (0.6 + 0.8 * chance.random())
    returned = f"{sunshine:.1f}" if green else ""

    def dirty(column: str) -> bool:
        return chance.random() < DIRT[column]

    spellings = YES if green else NO
    flag = spellings[int(chance.random() * len(spellings))]
    name = site.name + ("  " if dirty("trailing_space") else "")
    return [
        day.isoformat(),
        "" if dirty("facility_id") else site.facility_id,
        name,
        site.department + (" " if dirty("trailing_space") else ""),
        "" if dirty("power_use_kwh") else power,
        returned,
        "n/a" if dirty("output_units") else str(units),
        "" if dirty("green_initiative") else flag + (" " if dirty("trailing_space") else ""),
        f"M{site.facility_id[-3:]}-{'A' if day.month < 9 else 'B'}",
    ]


def quarter(number: int, chance: Random) -> Iterator[list[str]]:
    """Rows of a quarter's file, the header first. Meters were fitted in April: the first quarter lacks that column."""
    header = ["date", "facility_id", "facility", "department", "power_use_kwh", "energy_returned_kwh", "output_units"]
    header += ["green_initiative", "meter"]
    width = len(header) - (number == 1)
    yield header[:width]
    day = date(YEAR, 3 * number - 2, 1)
    while day.year == YEAR and (day.month + 2) // 3 == number:
        for site in FACILITIES:
            row = reading(site, day, chance)[:width]
            yield row
            if chance.random() < DIRT["exported_twice"]:
                yield row
        day += timedelta(days=1)


def write(folder: Path) -> list[Path]:
    """Write every file into a folder, which must exist; returns their paths."""
    chance = Random(SEED)
    files = {"facilities.csv": list(facilities())}
    for number in (1, 2, 3, 4):
        files[f"energy_{YEAR}_q{number}.csv"] = list(quarter(number, chance))
    for name, rows in files.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
    return [folder / name for name in files]


if __name__ == "__main__":
    for path in write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER):
        print(path)
