"""The quality gate: which figures of the loaded tables are acceptable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The least and the most a figure may be."""

    least: float = 0
    most: float = 0


# By the columns of sql/quality.sql. The row counts come on top: they must equal the rows that landed in S3.
LIMITS = {
    "energy_null_key_share": Limits(most=0.02),
    "energy_null_power_share": Limits(most=0.05),
    "energy_duplicate_share": Limits(most=0.01),
    "energy_negative_rows": Limits(),
    "energy_unknown_facility_rows": Limits(),
    "facilities_null_keys": Limits(),
    "facilities_duplicate_keys": Limits(),
}


def exactly(rows: Mapping[str, int]) -> dict[str, Limits]:
    """Limits for the row count of each table."""
    return {f"{table}_rows": Limits(least=count, most=count) for table, count in rows.items()}


def violations(figures: Mapping[str, float | None], limits: Mapping[str, Limits]) -> list[str]:
    """One sentence for each figure that is missing or out of its limits; empty when all is well."""
    found = []
    for name, limit in limits.items():
        figure = figures.get(name)
        if figure is None:
            found.append(f"{name} is unknown")
        elif not limit.least <= figure <= limit.most:
            wanted = str(limit.most) if limit.least == limit.most else f"{limit.least} to {limit.most}"
            found.append(f"{name} is {figure}, must be {wanted}")
    return found
