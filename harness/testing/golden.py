"""Golden tables: what a table must hold, in a file next to the test, written anew by ``pytest --update-golden``."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.testing.compare import Row, plain, text
from harness.testing.tables import TableAsserts, rows_of


class Golden:
    """The golden files of one test.

    Parameters: ``asserts``; ``test``: the test's file; ``name``: the test's name; ``update``: write instead of compare.
    """

    def __init__(self, asserts: TableAsserts, test: Path, name: str, *, update: bool) -> None:
        self._asserts = asserts
        self._stem = test.parent / "golden" / test.stem / _file_name(name)
        self._update = update
        self._used: set[str] = set()

    def __call__(
        self,
        table: Any,
        name: str = "",
        *,
        columns: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        ordered: bool = False,
        tolerance: float | None = None,
        key: Sequence[str] | str = (),
    ) -> None:
        """Fail unless ``table`` is what its golden file says.

        The file is ``golden/<test file>/<test>[-<name>].csv`` beside the test; JSON where CSV cannot hold the table
        (nested values, empty strings). Its rows are sorted, unless ``ordered``.

        Parameters: ``name``: tells several golden tables of one test apart; ``columns``: these alone; ``exclude``: all
        but these, such as times of loading; ``ordered``, ``tolerance``, ``key``: as for ``assert_table``.
        Raises: ``AssertionError`` with the differences, or when there is no file yet; ``ValueError`` when two tables of
        a test would share a file.
        """
        __tracebackhide__ = True
        title, has, rows = self._asserts.read(table)
        used = [column for column in (columns or has) if column not in exclude]
        stem = self._stem.with_name(f"{self._stem.name}-{_file_name(name)}") if name else self._stem
        if stem.name in self._used:
            raise ValueError(f"two golden tables of this test have the name {name!r}: give the second another")
        self._used.add(stem.name)
        kept = [stem.with_name(stem.name + suffix) for suffix in (".csv", ".json")]
        if self._update:
            _write(stem, [{column: row[column] for column in used} for row in rows], used, ordered)
            return
        file = next((path for path in kept if path.exists()), None)
        if file is None:
            raise AssertionError(
                f"there is no golden file {kept[0]} for {title} yet: run this test once with --update-golden, read the "
                "file, and commit it"
            )
        try:
            # A JSON file holds text where JSON has no value, so both sides are compared in its form.
            in_json = file.suffix == ".json"
            self._asserts.assert_table(
                [_jsonable({c: row[c] for c in used}) for row in rows] if in_json else _titled(rows, used),
                rows_of(file),
                columns=used,
                ordered=ordered,
                tolerance=tolerance,
                key=key,
            )
        except (AssertionError, ValueError) as difference:
            detail = str(difference).replace("rows is not", f"{title} is not", 1)
            raise AssertionError(f"{detail}\n  golden file: {file} (--update-golden writes it anew)") from None


def _titled(rows: list[Row], used: Sequence[str]) -> list[Row]:
    return [{column: row[column] for column in used} for row in rows]


def _write(stem: Path, rows: list[Row], columns: Sequence[str], ordered: bool) -> None:
    if not ordered:
        rows = sorted(rows, key=lambda row: [(text(row[c]) == "", _sortable(row[c])) for c in columns])
    stem.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".csv", ".json"):
        stem.with_name(stem.name + suffix).unlink(missing_ok=True)
    if _fits_csv(rows):
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([text(row[column]) for column in columns] for row in rows)
        stem.with_name(f"{stem.name}.csv").write_text(out.getvalue(), encoding="utf-8", newline="")
    else:
        lines = ",\n".join(json.dumps(_jsonable(row), ensure_ascii=False) for row in rows)
        stem.with_name(f"{stem.name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _fits_csv(rows: list[Row]) -> bool:
    # An empty cell is null; what is nested has no text of its own.
    return bool(rows) and not any(value == "" or isinstance(value, (list, dict)) for r in rows for value in r.values())


def _sortable(value: Any) -> tuple[float, str]:
    value = plain(value)
    return (float(value) if isinstance(value, (int, float)) else 0.0, text(value))


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _jsonable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(each) for each in value]
    value = plain(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return value if isinstance(value, float) and value == value else text(value)


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.\[\]=+-]+", "_", name).strip("_")
