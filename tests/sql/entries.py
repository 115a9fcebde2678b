"""The corpus: Databricks SQL with what the documentation says comes of it, a family a file.

The files of ``corpus/`` are SQL, so editors colour them. Paragraphs are apart by an empty line; each is one or more
statements and, under the last of them, what is expected of it::

    --@ docs functions/transform                 the page of the SQL language manual that has what follows
    CREATE TABLE t (a INT)                       a statement without expectation must work; it counts for nothing

    SELECT a, b FROM t                           several statements are apart by semicolons
    --: a INT, b ARRAY<INT>                      the columns and their types
    --> 1 | [1, 2]                               a row; `…` stands for any text, a row of it alone for any further rows
    -->                                          no rows at all, if it is the only one

    SELECT 1 / 0
    --! DIVIDE_BY_ZERO 22012                     an error: its condition and SQLSTATE

    SELECT ai_query('model', 'text')
    --> …                                        what the documentation says
    --~ no model is here                         … and that we differ (`thrift: …`: at that door), why, and what comes:
    --! UNRESOLVED_ROUTINE 42883

    --@ file raw/one.csv                         a file, there before the family starts, below {files}
    --| id,name
    --@ doors thrift, notebook                   the only doors this family can go through

Rows count in any order unless the statement has an ORDER BY. ``{schema}`` is the family's own schema in ``main``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from harness.lake.sql.split import split

CORPUS = Path(__file__).parent / "corpus"
DOORS = ("thrift", "statements", "notebook")
ANY = "…"


@dataclass(frozen=True)
class Expectation:
    """What is expected: an error, or rows and perhaps their columns."""

    error: str = ""
    rows: tuple[str, ...] = ()
    columns: str = ""

    def __str__(self) -> str:
        if self.error:
            return f"--! {self.error}"
        columns = [f"--: {self.columns}"] if self.columns else []
        return "\n".join([*columns, *(f"--> {row}" for row in self.rows or ("",))])


@dataclass(frozen=True)
class Entry:
    """A statement. ``documented``: what the documentation says, if it is looked at; ``instead``: what we do, if we
    differ, with the ``reason``; ``at``: the only door where we do."""

    family: str
    line: int
    page: str
    sql: str
    documented: Expectation | None = None
    instead: Expectation | None = None
    reason: str = ""
    at: str = ""

    def expected(self, door: str) -> Expectation | None:
        """What must come at a door: what is documented, unless we differ, here or at every door."""
        if self.instead and (not self.at or self.at == door):
            return self.instead
        return self.documented

    @property
    def place(self) -> str:
        """Where it is written."""
        return f"tests/sql/corpus/{self.family}.sql:{self.line}"


@dataclass
class Family:
    """The statements of one file, in their order. ``files``: their text by name."""

    name: str
    title: str
    doors: tuple[str, ...] = DOORS
    files: dict[str, str] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    @property
    def judged(self) -> list[Entry]:
        """The entries of which something is expected."""
        return [entry for entry in self.entries if entry.documented]

    def beginning(self, count: int) -> Family:
        """Its first statements: later ones may need earlier ones, never the other way round."""
        return replace(self, entries=self.entries[:count])


@dataclass(frozen=True)
class Outcome:
    """What came of a statement at a door: the error's condition and SQLSTATE with its message, or rows and columns."""

    error: str = ""
    message: str = ""
    rows: tuple[str, ...] = ()
    columns: str = ""
    seconds: float = 0.0

    def meets(self, expected: Expectation | None, statement: str) -> bool:
        """Whether this is what was expected of the statement."""
        if expected is None:
            return not self.error
        if expected.error or self.error:
            return self.error == expected.error
        if expected.columns and not _fits(_plain(expected.columns), _plain(self.columns)):
            return False
        return _match(list(expected.rows), list(self.rows), "ORDER BY" in statement.upper())

    def __str__(self) -> str:
        return str(Expectation(self.error, self.rows, self.columns)) + (f"\n  {self.message}" if self.message else "")


def families() -> list[Family]:
    """Every family, by name."""
    return [read(path) for path in sorted(CORPUS.glob("*.sql"))]


def read(path: Path) -> Family:
    """A family from its file. Raises: ``ValueError`` naming the line that is no part of the format."""
    lines = path.read_text().splitlines()
    family = Family(path.stem, lines[0].removeprefix("--").strip())
    page = file = ""
    numbered = list(enumerate(lines, 1))[1:]
    for blank, paragraph in groupby(numbered, key=lambda pair: not pair[1].strip()):
        if blank:
            continue
        rest = []
        for number, line in paragraph:
            word, _, value = line.removeprefix("--@ ").partition(" ")
            if line.startswith("--|"):
                family.files[file] += line[4:] + "\n"
            elif not line.startswith("--@ "):
                rest.append((number, line))
            elif word == "docs":
                page = value.strip()
            elif word == "doors":
                family.doors = tuple(door.strip() for door in value.split(","))
            elif word == "file":
                file = value.strip()
                family.files[file] = ""
            else:
                raise ValueError(f"{path}:{number}: {line}")
        family.entries += _paragraph(family.name, page, rest)
    return family


def _paragraph(family: str, page: str, lines: list[tuple[int, str]]) -> Iterator[Entry]:
    sql = [(number, line) for number, line in lines if line[:3] not in ("-->", "--!", "--~", "--:")]
    statements = split("\n".join(line for _, line in sql))
    if not statements:
        if len(sql) < len(lines):
            raise ValueError(f"{family}.sql:{lines[0][0]}: an expectation without a statement")
        return
    marks = [line for _, line in lines if line[:3] in ("-->", "--!", "--~", "--:")]
    at = next((i for i, line in enumerate(marks) if line.startswith("--~")), len(marks))
    start = next(number for number, line in sql if not line.startswith("--"))
    for statement in statements[:-1]:
        yield Entry(family, start, page, statement)
    documented, instead = _expectation(marks[:at]), _expectation(marks[at + 1 :])
    if at < len(marks) and (documented is None or instead is None):
        raise ValueError(f"{family}.sql:{start}: to differ needs what the documentation says, why, and what we do")
    if documented and not page:
        raise ValueError(f"{family}.sql:{start}: no page of the documentation")
    reason = marks[at][3:].strip() if at < len(marks) else ""
    door = next((door for door in DOORS if reason.startswith(f"{door}: ")), "")
    yield Entry(
        family,
        start,
        page,
        statements[-1],
        documented,
        instead,
        reason.removeprefix(f"{door}: ") if door else reason,
        door,
    )


def _expectation(marks: list[str]) -> Expectation | None:
    if not marks:
        return None
    errors = [line[3:].strip() for line in marks if line.startswith("--!")]
    columns = [line[3:].strip() for line in marks if line.startswith("--:")]
    rows = [line[3:].strip() for line in marks if line.startswith("-->")]
    return Expectation("".join(errors), tuple(rows) if rows != [""] else (), "".join(columns))


def _plain(columns: str) -> str:
    return re.sub(r"\s+", " ", columns).upper()


def _match(expected: list[str], got: list[str], ordered: bool) -> bool:
    more = ANY in expected
    if not more and len(expected) != len(got):
        return False
    if ordered and not more:
        return all(_fits(e, g) for e, g in zip(expected, got, strict=True))
    left = list(got)
    for one in (e for e in expected if e != ANY):
        found = next((g for g in left if _fits(one, g)), None)
        if found is None:
            return False
        left.remove(found)
    return True


def _fits(expected: str, got: str) -> bool:
    if ANY not in expected:
        return expected == got
    return re.fullmatch(".*".join(re.escape(part) for part in expected.split(ANY)), got, re.S) is not None
