"""Cut a text into statements at its semicolons."""

from __future__ import annotations

from harness.lake.sql.tokens import Token, tokens

# What opens a block at the start of a statement of a script, and is closed by END (Spark's SQL scripting grammar).
_BLOCKS = ("BEGIN", "IF", "WHILE", "LOOP", "REPEAT", "FOR", "CASE")
# After these a new statement of a script begins.
_BEFORE_STATEMENT = ("BEGIN", "THEN", "ELSE", "DO", "LOOP", "REPEAT", "ATOMIC")
_EXPRESSION = "CASE expression"


def split(text: str) -> list[str]:
    """Cut a text at the semicolons that end a statement.

    Those inside strings, quoted names, comments and ``BEGIN … END`` scripts do not count. Comments stay with the
    statement they precede; a piece without any token is left out.

    Parameters: ``text``, any number of statements. Returns: the statements, stripped, without their semicolons.
    Raises: ``UnclosedToken``.
    """
    statements: list[str] = []
    start = 0
    statement: list[Token] = []
    script = _Script()
    for token in tokens(text):
        if token.is_mark(";") and not script.open:
            if statement:
                statements.append(text[start : token.start].strip())
            start, statement, script = token.end, [], _Script()
            continue
        statement.append(token)
        script.read(token)
    if statement:
        statements.append(text[start:].strip())
    return statements


class _Script:
    """Which blocks of a script are open, token after token."""

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._first = True  # the next token starts a statement
        self._label = False  # the last token started a statement, so that `:` may follow it
        self._begun = False  # the last token was the outermost BEGIN
        self._closed = False  # the last token was the END of a block, which may repeat the block's word
        self._routine = False  # CREATE PROCEDURE or FUNCTION: its body may be a script
        self._last: Token | None = None

    @property
    def open(self) -> bool:
        return bool(self._blocks)

    def read(self, token: Token) -> None:
        last, self._last = self._last, token
        first, self._first = self._first, False
        label, self._label = self._label, first
        begun, self._begun = self._begun, False
        closed, self._closed = self._closed, False
        if last is not None and last.is_mark("."):  # a part of a dotted name, and so no key word
            return
        if begun and token.is_word("TRANSACTION", "WORK"):
            self._blocks.pop()
        elif closed and token.is_word(*_BLOCKS):
            pass
        elif self.open and token.is_word("END"):
            self._closed = self._blocks.pop() != _EXPRESSION
        elif token.is_word("BEGIN") and (first or self._routine or self.open):
            self._begun = not self.open and not self._routine
            self._blocks.append("BEGIN")
            self._first = True
        elif self.open and first and token.is_word(*_BLOCKS):
            self._blocks.append(token.text.upper())
            self._first = token.is_word(*_BEFORE_STATEMENT)
        elif self.open and token.is_word("CASE"):
            self._blocks.append(_EXPRESSION)
        elif token.is_mark(":"):
            self._first = label
        elif self.open and self._blocks[-1] != _EXPRESSION:
            self._first = token.is_mark(";") or token.is_word(*_BEFORE_STATEMENT)
        elif token.is_word("PROCEDURE", "FUNCTION"):
            self._routine = not first
