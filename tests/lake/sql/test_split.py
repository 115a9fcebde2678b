"""What ``%sql`` and the SQL endpoint take for one statement."""

from __future__ import annotations

import pytest

from harness.lake.sql.split import split
from harness.lake.sql.tokens import Kind, UnclosedToken, tokens


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("", []),
        (" ; ;\n-- nothing\n;", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;", ["SELECT 1"]),
        ("SELECT 1; SELECT 2 ;\n", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';'; SELECT \"a;b\"", ["SELECT ';'", 'SELECT "a;b"']),
        (r"SELECT 'it\';s'; SELECT 'it'';s'", [r"SELECT 'it\';s'", "SELECT 'it'';s'"]),
        ("SELECT r'\\'; SELECT 2", ["SELECT r'\\'", "SELECT 2"]),
        ("SELECT `a;``b` FROM t; SELECT 2", ["SELECT `a;``b` FROM t", "SELECT 2"]),
        ("-- a; b\nSELECT 1; /* c; /* d; */ ; */ SELECT 2", ["-- a; b\nSELECT 1", "/* c; /* d; */ ; */ SELECT 2"]),
        ("SELECT $$a;b$$; SELECT 2", ["SELECT $$a;b$$", "SELECT 2"]),
        ("SELECT CASE WHEN a THEN 1 ELSE 2 END; SELECT 2", ["SELECT CASE WHEN a THEN 1 ELSE 2 END", "SELECT 2"]),
        ("SELECT end FROM begin.t; SELECT 2", ["SELECT end FROM begin.t", "SELECT 2"]),
        (
            "BEGIN TRANSACTION; INSERT INTO t VALUES (1); COMMIT",
            ["BEGIN TRANSACTION", "INSERT INTO t VALUES (1)", "COMMIT"],
        ),
    ],
)
def test_semicolons_part_statements_only_where_sql_says_so(text: str, statements: list[str]) -> None:
    assert split(text) == statements


SCRIPTS = [
    "BEGIN SELECT 1; SELECT 2; END",
    "BEGIN\n  DECLARE x INT DEFAULT 1;\n  IF x > 0 THEN SELECT 1; ELSE SELECT 2; END IF;\nEND",
    "BEGIN IF (a) THEN SELECT IF(b, 1, 2); ELSEIF c THEN SELECT 3; END IF; END",
    "BEGIN SELECT CASE WHEN a THEN IF(b, 1, 2) ELSE IF(c, 3, 4) END; SELECT 2; END",
    "BEGIN CASE WHEN a THEN SELECT 1; ELSE BEGIN SELECT 2; END; END CASE; END",
    "BEGIN WHILE a DO SELECT 1; END WHILE; l: LOOP LEAVE l; END LOOP l; REPEAT SELECT 1; UNTIL true END REPEAT; END",
    "BEGIN FOR r AS SELECT 1 DO SELECT r.end; END FOR; END",
    "lbl: BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SELECT 1; END; SELECT 2; END lbl",
    "CREATE PROCEDURE p() LANGUAGE SQL AS BEGIN SELECT 1; SELECT 2; END",
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_one_statement(script: str) -> None:
    assert split(f"SELECT 0; {script}; SELECT 9;") == ["SELECT 0", script, "SELECT 9"]


@pytest.mark.parametrize("text", ["SELECT 'a", 'SELECT "a', "SELECT `a", "SELECT /* a", "SELECT 'a\\'"])
def test_an_unclosed_quote_or_comment_is_named(text: str) -> None:
    with pytest.raises(UnclosedToken, match=r"unclosed .* at position 7"):
        split(text)


def test_tokens_know_their_kind_place_and_value() -> None:
    read = list(tokens("x = 'a\\n''b' -- c\n `d``e` 1.5e3 r'\\n'"))
    assert [(t.kind, t.value) for t in read] == [
        (Kind.WORD, "x"),
        (Kind.MARK, "="),
        (Kind.STRING, "a\n'b"),
        (Kind.NAME, "d`e"),
        (Kind.NUMBER, "1.5e3"),
        (Kind.STRING, "\\n"),
    ]
    assert (read[2].start, read[2].end) == (4, 12)
