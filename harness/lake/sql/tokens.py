"""Tokens of Spark SQL: just enough to see where strings, names and comments begin and end.

The lexical rules are Spark's (``SqlBaseLexer.g4``, 4.2): ``'…'`` and ``"…"`` are strings with backslash escapes and
doubled quotes, ``r'…'`` is raw, `` `…` `` is a name, ``--`` and nested ``/* */`` are comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    NAME = "quoted name"
    STRING = "string"
    NUMBER = "number"
    MARK = "mark"


@dataclass(frozen=True)
class Token:
    """One token: ``text`` as written, and its place ``[start, end)`` in the statement."""

    kind: Kind
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        return self.kind is Kind.WORD and self.text.upper() in words

    def is_mark(self, mark: str) -> bool:
        return self.kind is Kind.MARK and self.text == mark

    @property
    def value(self) -> str:
        """What the token stands for: a string without its quotes and escapes, a name without its backticks."""
        if self.kind is Kind.STRING:
            return _string_value(self.text)
        if self.kind is Kind.NAME:
            return self.text[1:-1].replace("``", "`")
        return self.text


class UnclosedToken(ValueError):
    """A string, quoted name or comment runs to the end of the text. ``start``: where it begins."""

    def __init__(self, what: str, start: int) -> None:
        super().__init__(f"unclosed {what} at position {start}")
        self.start = start


_PATTERN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<comment>--(?:\\\n|[^\n])*)
  | (?P<block>/\*)
  | (?P<string>[rR]'[^']*' | [rR]"[^"]*" | '(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*"
              | \$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$)
  | (?P<name>`(?:[^`]|``)*`)
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[A-Za-z]{0,2}\b)
  | (?P<word>[^\W\d]\w*|\d\w*)
  | (?P<mark>::|=>|->|\|\||<=>|<=|>=|<>|!=|==|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS = {"string": Kind.STRING, "name": Kind.NAME, "number": Kind.NUMBER, "word": Kind.WORD, "mark": Kind.MARK}
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-3][0-7]{2})|(.))|(['\"])\5", re.DOTALL)
_ESCAPED = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}


def tokens(text: str) -> Iterator[Token]:
    """Read a text's tokens, comments and white space left out.

    Raises: ``UnclosedToken`` when a quote or comment is not closed.
    """
    position = 0
    while position < len(text):
        match = _PATTERN.match(text, position)
        assert match is not None, "the last alternative takes any character"
        group = match.lastgroup if match.lastgroup != "tag" else "string"
        assert group is not None
        if group == "block":
            position = _comment_end(text, position)
            continue
        if group == "mark" and match.group() in "'\"`":
            raise UnclosedToken("quoted name" if match.group() == "`" else "string", position)
        if group in _KINDS:
            yield Token(_KINDS[group], match.group(), position, match.end())
        position = match.end()


def _comment_end(text: str, start: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    raise UnclosedToken("comment", start)


def _string_value(text: str) -> str:
    if text[0] == "$":
        return text[text.index("$", 1) + 1 : text.rindex("$", 0, len(text) - 1)]
    if text[0] in "rR":
        return text[2:-1]
    return _ESCAPE.sub(lambda match: _unescape(match, text[0]), text[1:-1])


def _unescape(match: re.Match[str], quote: str) -> str:
    # As Spark's SparkParserUtils.unescapeSQLString: an unknown escape stands for the character itself.
    short, long, octal, character, doubled = match.groups()
    if doubled:
        return quote if doubled == quote else match.group()
    if short or long:
        return chr(int(short or long, 16))
    if octal:
        return chr(int(octal, 8))
    return _ESCAPED.get(character, character)
