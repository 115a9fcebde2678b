"""The grammar of ``COPY INTO``.

Source: docs.databricks.com/sql/language-manual/delta-copy-into (clauses, their order as written there) and the text
that ``DatabricksCopyIntoOperator`` builds (``FILES = ARRAY(…)``, clauses on lines of their own).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.lake.sql.failures import SqlError
from harness.lake.sql.reader import Reader
from harness.lake.sql.tokens import Kind

FORMATS = ("CSV", "JSON", "AVRO", "ORC", "PARQUET", "TEXT", "BINARYFILE", "XML")
MAX_FILES = 1000


@dataclass
class CopyInto:
    """A parsed ``COPY INTO``.

    ``target``: the table as written. ``select``: the expressions of ``FROM (SELECT …)``, as written. ``columns``: the
    target columns of ``COPY INTO t (a, b)``. ``credential``: temporary credentials by upper-case key, or the name of a
    storage credential. ``validate``: None = load; 0 = ``VALIDATE ALL``; n = ``VALIDATE n ROWS``. Options have
    lower-case keys.
    """

    target: str
    source: str = ""
    format: str = ""
    by_position: bool = False
    columns: list[str] = field(default_factory=list)
    select: list[str] = field(default_factory=list)
    credential: dict[str, str] | str | None = None
    target_credential: str | None = None
    encryption: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    pattern: str | None = None
    validate: int | None = None
    format_options: dict[str, str] = field(default_factory=dict)
    copy_options: dict[str, str] = field(default_factory=dict)


def syntax_error(message: str, subclass: str = "") -> SqlError:
    """``COPY_INTO_SYNTAX_ERROR`` (42601), as Databricks' list of error conditions names it."""
    condition = "COPY_INTO_SYNTAX_ERROR" + (f".{subclass}" if subclass else "")
    return SqlError(condition, f"Failed to parse the COPY INTO command. {message}", "42601")


def parse(text: str, parameter: Callable[[str], str] | None = None) -> CopyInto:
    """Parse a ``COPY INTO`` statement.

    Parameters: ``text``, one statement; ``parameter``, which gives the value of a marker (``:name`` or ``?``) that
    stands for a string. Raises: ``SqlError`` naming the clause that is wrong or unknown.
    """
    return _Parser(text, parameter).statement()


class _Parser(Reader):
    def wrong(self, message: str) -> SqlError:
        return syntax_error(message)

    # -- the statement --------------------------------------------------------------------------

    def statement(self) -> CopyInto:
        self.expect("COPY")
        self.expect("INTO")
        copy = CopyInto(self._table())
        if self.take("WITH"):
            # What DatabricksCopyIntoOperator writes for its ``storage_credential``.
            self.mark("(")
            self.expect("CREDENTIAL")
            copy.target_credential = self.identifier("the name of a storage credential")
            self.mark(")")
        if self.take("BY"):
            self.expect("POSITION")
            copy.by_position = True
        elif self.is_mark("("):
            copy.columns = self.list(lambda: self.identifier("a column"))
        self.expect("FROM")
        if self.is_mark("("):
            self.at += 1
            self.expect("SELECT")
            copy.select = self._expressions()
            self._source(copy)
            self.mark(")")
        else:
            self._source(copy)
        self.expect("FILEFORMAT")
        self.mark("=")
        copy.format = self._format()
        self._clauses(copy)
        return copy

    def _source(self, copy: CopyInto) -> None:
        copy.source = self.string("the location of the files")
        if not self.take("WITH"):
            return
        self.mark("(")
        if self.take("CREDENTIAL"):
            if self.is_mark("("):
                copy.credential = {k.upper(): v for k, v in self.options().items()}
            else:
                copy.credential = self.identifier("a credential")
        if self.take("ENCRYPTION"):
            copy.encryption = {k.upper(): v for k, v in self.options().items()}
        self.mark(")")

    def _format(self) -> str:
        token = self.next("a file format")
        name = token.value.upper()
        if token.kind is Kind.NUMBER or name not in FORMATS:
            raise SqlError(
                "COPY_INTO_SOURCE_FILE_FORMAT_NOT_SUPPORTED",
                f"The format of the source files must be one of {', '.join(FORMATS)}; {token.value} is not.",
                "0A000",
            )
        return name

    def _clauses(self, copy: CopyInto) -> None:
        seen: set[str] = set()
        while (token := self.peek()) is not None:
            if token.is_mark(";") and self.at == len(self.tokens) - 1:
                return
            clause = token.text.upper()
            if token.kind is not Kind.WORD or clause in seen:
                raise syntax_error(f"{self.quote(token)} is not expected here.")
            seen.add(clause)
            self.at += 1
            if clause == "VALIDATE":
                copy.validate = self._validate()
            elif clause in ("FILES", "PATTERN"):
                if {"FILES", "PATTERN"} <= seen:
                    raise syntax_error("FILES and PATTERN exclude each other.")
                self.mark("=")
                self._names(copy) if clause == "FILES" else self._pattern(copy)
            elif clause == "FORMAT_OPTIONS":
                copy.format_options = self.options()
            elif clause == "COPY_OPTIONS":
                copy.copy_options = self.options()
            elif clause in ("WITH", "CREDENTIAL", "ENCRYPTION"):
                subclass = "ENCRYPTION_SYNTAX" if clause == "ENCRYPTION" else "CREDENTIAL_SYNTAX"
                raise syntax_error(f"{clause} belongs to the source: FROM 'location' WITH (…).", subclass)
            else:
                raise syntax_error(f"{clause} is not a clause of COPY INTO.")

    def _validate(self) -> int:
        if self.take("ALL"):
            return 0
        token = self.peek()
        if token is None or token.kind is not Kind.NUMBER:
            return 0
        self.at += 1
        if not token.text.isdigit() or int(token.text) == 0 or not self.take("ROWS"):
            raise syntax_error("VALIDATE takes ALL or a positive number of ROWS.", "VALIDATE_INVALID_ROWS")
        return int(token.text)

    def _names(self, copy: CopyInto) -> None:
        self.take("ARRAY")
        copy.files = self.list(lambda: self.string("a file name"))
        if len(copy.files) > MAX_FILES:
            raise syntax_error(f"FILES takes at most {MAX_FILES} names; there are {len(copy.files)}.")

    def _pattern(self, copy: CopyInto) -> None:
        copy.pattern = self.string("a glob pattern")

    # -- parts ----------------------------------------------------------------------------------

    def _table(self) -> str:
        """A one- to three-part name, as written."""
        first = self.next("a table name")
        if first.kind not in (Kind.WORD, Kind.NAME):
            raise syntax_error(f"{self.quote(first)} is not a table name.")
        end = first
        if first.is_word("IDENTIFIER") and self.is_mark("("):
            return self._identifier_clause()
        while self.is_mark("."):
            self.at += 1
            end = self.next("a part of the table name")
        return self.text[first.start : end.end]

    def _identifier_clause(self) -> str:
        self.mark("(")
        name = self.string("the table's name")
        self.mark(")")
        return name

    def _expressions(self) -> list[str]:
        """The select list up to its FROM, cut at the commas outside parentheses."""
        found: list[str] = []
        depth, start = 0, self._next_start()
        while True:
            token = self.next("FROM")
            if token.text in ("(", "[", "{") and token.kind is Kind.MARK:
                depth += 1
            elif token.text in (")", "]", "}") and token.kind is Kind.MARK:
                depth -= 1
            elif depth == 0 and (token.is_mark(",") or token.is_word("FROM")):
                found.append(self.text[start : token.start].strip())
                start = token.end
                if token.is_word("FROM"):
                    return found

    def _next_start(self) -> int:
        token = self.peek()
        return token.start if token is not None else len(self.text)
