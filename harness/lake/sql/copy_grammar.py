"""The grammar of ``COPY INTO``.

Source: docs.databricks.com/sql/language-manual/delta-copy-into (clauses, their order as written there) and the text
that ``DatabricksCopyIntoOperator`` builds (``FILES = ARRAY(…)``, clauses on lines of their own).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from harness.lake.sql.failures import SqlError
from harness.lake.sql.tokens import Kind, Token, UnclosedToken, tokens

FORMATS = ("CSV", "JSON", "AVRO", "ORC", "PARQUET", "TEXT", "BINARYFILE", "XML")
MAX_FILES = 1000
T = TypeVar("T")


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
    try:
        return _Parser(text, list(tokens(text)), parameter).statement()
    except UnclosedToken as error:
        raise syntax_error(f"There is an {error}.") from error


class _Parser:
    def __init__(self, text: str, read: list[Token], parameter: Callable[[str], str] | None) -> None:
        self.text = text
        self.tokens = read
        self.parameter = parameter
        self.at = 0

    # -- the statement --------------------------------------------------------------------------

    def statement(self) -> CopyInto:
        self._expect("COPY")
        self._expect("INTO")
        copy = CopyInto(self._table())
        if self._take("WITH"):
            # What DatabricksCopyIntoOperator writes for its ``storage_credential``.
            self._mark("(")
            self._expect("CREDENTIAL")
            copy.target_credential = self._identifier("the name of a storage credential")
            self._mark(")")
        if self._take("BY"):
            self._expect("POSITION")
            copy.by_position = True
        elif self._is_mark("("):
            copy.columns = self._list(lambda: self._identifier("a column"))
        self._expect("FROM")
        if self._is_mark("("):
            self.at += 1
            self._expect("SELECT")
            copy.select = self._expressions()
            self._source(copy)
            self._mark(")")
        else:
            self._source(copy)
        self._expect("FILEFORMAT")
        self._mark("=")
        copy.format = self._format()
        self._clauses(copy)
        return copy

    def _source(self, copy: CopyInto) -> None:
        copy.source = self._string("the location of the files")
        if not self._take("WITH"):
            return
        self._mark("(")
        if self._take("CREDENTIAL"):
            if self._is_mark("("):
                copy.credential = {k.upper(): v for k, v in self._options().items()}
            else:
                copy.credential = self._identifier("a credential")
        if self._take("ENCRYPTION"):
            copy.encryption = {k.upper(): v for k, v in self._options().items()}
        self._mark(")")

    def _format(self) -> str:
        token = self._next("a file format")
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
        while (token := self._peek()) is not None:
            if token.is_mark(";") and self.at == len(self.tokens) - 1:
                return
            clause = token.text.upper()
            if token.kind is not Kind.WORD or clause in seen:
                raise syntax_error(f"{self._quote(token)} is not expected here.")
            seen.add(clause)
            self.at += 1
            if clause == "VALIDATE":
                copy.validate = self._validate()
            elif clause in ("FILES", "PATTERN"):
                if {"FILES", "PATTERN"} <= seen:
                    raise syntax_error("FILES and PATTERN exclude each other.")
                self._mark("=")
                self._names(copy) if clause == "FILES" else self._pattern(copy)
            elif clause == "FORMAT_OPTIONS":
                copy.format_options = self._options()
            elif clause == "COPY_OPTIONS":
                copy.copy_options = self._options()
            elif clause in ("WITH", "CREDENTIAL", "ENCRYPTION"):
                subclass = "ENCRYPTION_SYNTAX" if clause == "ENCRYPTION" else "CREDENTIAL_SYNTAX"
                raise syntax_error(f"{clause} belongs to the source: FROM 'location' WITH (…).", subclass)
            else:
                raise syntax_error(f"{clause} is not a clause of COPY INTO.")

    def _validate(self) -> int:
        if self._take("ALL"):
            return 0
        token = self._peek()
        if token is None or token.kind is not Kind.NUMBER:
            return 0
        self.at += 1
        if not token.text.isdigit() or int(token.text) == 0 or not self._take("ROWS"):
            raise syntax_error("VALIDATE takes ALL or a positive number of ROWS.", "VALIDATE_INVALID_ROWS")
        return int(token.text)

    def _names(self, copy: CopyInto) -> None:
        self._take("ARRAY")
        copy.files = self._list(lambda: self._string("a file name"))
        if len(copy.files) > MAX_FILES:
            raise syntax_error(f"FILES takes at most {MAX_FILES} names; there are {len(copy.files)}.")

    def _pattern(self, copy: CopyInto) -> None:
        copy.pattern = self._string("a glob pattern")

    # -- parts ----------------------------------------------------------------------------------

    def _table(self) -> str:
        """A one- to three-part name, as written."""
        first = self._next("a table name")
        if first.kind not in (Kind.WORD, Kind.NAME):
            raise syntax_error(f"{self._quote(first)} is not a table name.")
        end = first
        if first.is_word("IDENTIFIER") and self._is_mark("("):
            return self._identifier_clause()
        while self._is_mark("."):
            self.at += 1
            end = self._next("a part of the table name")
        return self.text[first.start : end.end]

    def _identifier_clause(self) -> str:
        self._mark("(")
        name = self._string("the table's name")
        self._mark(")")
        return name

    def _expressions(self) -> list[str]:
        """The select list up to its FROM, cut at the commas outside parentheses."""
        found: list[str] = []
        depth, start = 0, self._next_start()
        while True:
            token = self._next("FROM")
            if token.text in ("(", "[", "{") and token.kind is Kind.MARK:
                depth += 1
            elif token.text in (")", "]", "}") and token.kind is Kind.MARK:
                depth -= 1
            elif depth == 0 and (token.is_mark(",") or token.is_word("FROM")):
                found.append(self.text[start : token.start].strip())
                start = token.end
                if token.is_word("FROM"):
                    return found

    def _options(self) -> dict[str, str]:
        """``('key' = 'value', key = value)``: keys in lower case; true, false and numbers may go without quotes."""
        return dict(self._list(self._option))

    def _option(self) -> tuple[str, str]:
        key = self._next("an option").value
        while self._is_mark("."):
            self.at += 1
            key += "." + self._next("an option").value
        self._mark("=")
        token = self._peek()
        if token is not None and token.kind in (Kind.WORD, Kind.NUMBER):
            self.at += 1
            return key.lower(), token.text
        return key.lower(), self._string(f"the value of {key}")

    def _list(self, item: Callable[[], T]) -> list[T]:
        self._mark("(")
        items: list[T] = []
        while not self._is_mark(")"):
            if items:
                self._mark(",")
            items.append(item())
        self.at += 1
        return items

    def _string(self, what: str) -> str:
        token = self._next(what)
        if token.kind is Kind.STRING:
            return token.value
        if self.parameter is not None and token.is_mark(":"):
            return self.parameter(":" + self._identifier("a parameter's name"))
        if self.parameter is not None and token.is_mark("?"):
            return self.parameter("?")
        raise syntax_error(f"Expected {what} as a string, found {self._quote(token)}.")

    def _identifier(self, what: str) -> str:
        token = self._next(what)
        if token.kind not in (Kind.WORD, Kind.NAME):
            raise syntax_error(f"Expected {what}, found {self._quote(token)}.")
        return token.value

    # -- tokens ---------------------------------------------------------------------------------

    def _peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _next(self, what: str) -> Token:
        token = self._peek()
        if token is None:
            raise syntax_error(f"Expected {what}, found the end of the statement.")
        self.at += 1
        return token

    def _next_start(self) -> int:
        token = self._peek()
        return token.start if token is not None else len(self.text)

    def _take(self, word: str) -> bool:
        token = self._peek()
        if token is None or not token.is_word(word):
            return False
        self.at += 1
        return True

    def _expect(self, word: str) -> None:
        token = self._next(word)
        if not token.is_word(word):
            raise syntax_error(f"Expected {word}, found {self._quote(token)}.")

    def _is_mark(self, mark: str) -> bool:
        token = self._peek()
        return token is not None and token.is_mark(mark)

    def _mark(self, mark: str) -> None:
        token = self._next(mark)
        if not token.is_mark(mark):
            raise syntax_error(f"Expected {mark}, found {self._quote(token)}.")

    def _quote(self, token: Token) -> str:
        line = self.text.count("\n", 0, token.start) + 1
        # The text of a string may be a secret key.
        return f"'{token.text}' at line {line}" if token.kind is not Kind.STRING else f"a string at line {line}"
