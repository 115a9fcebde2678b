"""A statement read token by token, by a grammar written by hand."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from typing import TypeVar

from harness.lake.sql.failures import SqlError
from harness.lake.sql.tokens import Kind, Token, UnclosedToken, tokens

T = TypeVar("T")


class Reader:
    """The tokens of one statement, and the place up to which they are read.

    Parameters: ``text``; ``parameter``, which gives the value of a marker (``:name`` or ``?``) that stands for a
    string. Raises: what :meth:`wrong` makes, here and in each method, for a statement that reads otherwise.
    """

    def __init__(self, text: str, parameter: Callable[[str], str] | None = None) -> None:
        self.text = text
        self.parameter = parameter
        self.at = 0
        try:
            self.tokens = list(tokens(text))
        except UnclosedToken as error:
            raise self.wrong(f"There is an {error}.") from error

    def wrong(self, message: str) -> SqlError:
        """The error that says so."""
        return SqlError("PARSE_SYNTAX_ERROR", f"Syntax error. {message}", "42601")

    # -- tokens ---------------------------------------------------------------------------------

    def peek(self) -> Token | None:
        """The next token, unread; ``None`` at the end."""
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def next(self, what: str) -> Token:
        """The next token, read; ``what`` says what was expected when there is none."""
        token = self.peek()
        if token is None:
            raise self.wrong(f"Expected {what}, found the end of the statement.")
        self.at += 1
        return token

    def ahead(self, *words: str) -> bool:
        """Whether these words come next."""
        found = self.tokens[self.at : self.at + len(words)]
        return len(found) == len(words) and all(t.is_word(w) for t, w in zip(found, words, strict=True))

    def take(self, *words: str) -> bool:
        """Read these words if they come next. Returns: whether they did."""
        if not self.ahead(*words):
            return False
        self.at += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Read these words, which must come next."""
        for word in words:
            token = self.next(word)
            if not token.is_word(word):
                raise self.wrong(f"Expected {word}, found {self.quote(token)}.")

    def is_mark(self, mark: str) -> bool:
        """Whether a mark comes next."""
        token = self.peek()
        return token is not None and token.is_mark(mark)

    def mark(self, mark: str) -> None:
        """Read a mark, which must come next."""
        token = self.next(mark)
        if not token.is_mark(mark):
            raise self.wrong(f"Expected {mark}, found {self.quote(token)}.")

    def end(self) -> None:
        """Nothing but a semicolon may follow."""
        if self.is_mark(";"):
            self.at += 1
        if (token := self.peek()) is not None:
            raise self.wrong(f"{self.quote(token)} is not expected here.")

    # -- parts ----------------------------------------------------------------------------------

    def string(self, what: str) -> str:
        """A string, or a marker for one."""
        token = self.next(what)
        if token.kind is Kind.STRING:
            return token.value
        if self.parameter is not None and token.is_mark(":"):
            return self.parameter(":" + self.identifier("a parameter's name"))
        if self.parameter is not None and token.is_mark("?"):
            return self.parameter("?")
        raise self.wrong(f"Expected {what} as a string, found {self.quote(token)}.")

    def identifier(self, what: str) -> str:
        """A name without periods."""
        token = self.next(what)
        if token.kind not in (Kind.WORD, Kind.NAME):
            raise self.wrong(f"Expected {what}, found {self.quote(token)}.")
        return token.value

    def name(self, what: str) -> list[str]:
        """The parts of a dotted name, or of ``IDENTIFIER('…')``."""
        if self.ahead("IDENTIFIER") and self.at + 1 < len(self.tokens) and self.tokens[self.at + 1].is_mark("("):
            self.at += 2
            inner = Reader(self.string(what))
            self.mark(")")
            return inner.name(what)
        parts = [self.identifier(what)]
        while self.is_mark("."):
            self.at += 1
            parts.append(self.identifier(what))
        return parts

    def list(self, item: Callable[[], T]) -> list[T]:
        """Items in parentheses, with commas between them."""
        self.mark("(")
        items: list[T] = []
        while not self.is_mark(")"):
            if items:
                self.mark(",")
            items.append(item())
        self.at += 1
        return items

    def pattern(self) -> Callable[[str], bool]:
        """``[[LIKE] 'pattern']``, which may be left out: whether a name is meant. ``*`` is any text, ``|`` an or."""
        if not self.take("LIKE") and (self.peek() is None or self.is_mark(";")):
            return lambda name: True
        patterns = self.string("a pattern").lower().split("|")
        return lambda name: any(fnmatch.fnmatchcase(name.lower(), each) for each in patterns)

    def options(self) -> dict[str, str]:
        """``('key' = 'value', key = value)``: keys in lower case; true, false and numbers may go without quotes."""
        return dict(self.list(self._option))

    def _option(self) -> tuple[str, str]:
        key = self.next("an option").value
        while self.is_mark("."):
            self.at += 1
            key += "." + self.next("an option").value
        self.mark("=")
        token = self.peek()
        if token is not None and token.kind in (Kind.WORD, Kind.NUMBER):
            self.at += 1
            return key.lower(), token.text
        return key.lower(), self.string(f"the value of {key}")

    def quote(self, token: Token) -> str:
        """A token and its line, for messages."""
        line = self.text.count("\n", 0, token.start) + 1
        # The text of a string may be a secret key.
        return f"'{token.text}' at line {line}" if token.kind is not Kind.STRING else f"a string at line {line}"
