"""Primary and foreign keys, as the catalog keeps them: ``harness.constraint.NAME`` among a table's properties."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "harness.constraint."
# Spark's own text of a constraint, in which names are as they were given, without quotes.
_KEY = re.compile(r"(PRIMARY|FOREIGN) KEY \((.*?)\)(?: REFERENCES (.+?) \((.*?)\))?")


@dataclass(frozen=True)
class Key:
    """One key of a table. ``target``: catalog, schema and table that a foreign key refers to; else empty.

    ``rely``: whether the optimizer may count on it.
    """

    name: str
    columns: list[str]
    target: list[str]
    target_columns: list[str]
    rely: bool = False

    @property
    def kind(self) -> str:
        """``PRIMARY KEY`` or ``FOREIGN KEY``."""
        return "FOREIGN KEY" if self.target else "PRIMARY KEY"


def keys(table: Mapping[str, Any]) -> list[Key]:
    """The keys of a table's document, the primary one first."""
    found = []
    for name, text in table.get("properties", {}).items():
        if name.startswith(PREFIX) and (said := _KEY.search(text.removeprefix(f"CONSTRAINT {name[len(PREFIX) :]} "))):
            target = said[3].split(".") if said[3] else []
            above = [table["catalog_name"], table["schema_name"]][: 3 - len(target)] if target else []
            columns, targets = (part.split(", ") if part else [] for part in (said[2], said[4]))
            found.append(Key(name[len(PREFIX) :], columns, [*above, *target], targets, text.endswith(" RELY")))
    return sorted(found, key=lambda key: (key.kind == "FOREIGN KEY", key.name))
