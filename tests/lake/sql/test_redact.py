"""Secrets are taken out of the statements that are kept."""

from __future__ import annotations

import pytest

from harness.lake.sql.history import parse_tags
from harness.lake.sql.redact import REDACTED, redacted


@pytest.mark.parametrize(
    ("statement", "kept"),
    [
        ("SELECT 'a' AS b", "SELECT 'a' AS b"),
        ("SELECT * FROM t WHERE token_kind = 1", "SELECT * FROM t WHERE token_kind = 1"),
        (
            "COPY INTO t FROM 's3://b' WITH (CREDENTIAL (AWS_ACCESS_KEY = 'A', AWS_SECRET_KEY='B') ENCRYPTION "
            "(TYPE = 'AWS_SSE_C', MASTER_KEY = 'C')) FILEFORMAT = CSV FORMAT_OPTIONS ('sep' = ';')",
            f"COPY INTO t FROM 's3://b' WITH (CREDENTIAL (AWS_ACCESS_KEY = '{REDACTED}', AWS_SECRET_KEY='{REDACTED}') "
            f"ENCRYPTION (TYPE = '{REDACTED}', MASTER_KEY = '{REDACTED}')) FILEFORMAT = CSV "
            "FORMAT_OPTIONS ('sep' = ';')",
        ),
        (
            "CREATE TABLE t USING jdbc OPTIONS (url 'x', 'password' = 'p', user = 'u')",
            f"CREATE TABLE t USING jdbc OPTIONS (url 'x', 'password' = '{REDACTED}', user = 'u')",
        ),
        ("SET spark.hadoop.fs.s3a.secret.key = abc", f"SET spark.hadoop.fs.s3a.secret.key = {REDACTED}"),
        ("SELECT * FROM read_files('p', apiKey => 'k')", f"SELECT * FROM read_files('p', apiKey => '{REDACTED}')"),
        ("COPY INTO t WITH (CREDENTIAL (A = 'unclosed", REDACTED),
    ],
)
def test_values_of_secret_names_are_starred(statement: str, kept: str) -> None:
    assert redacted(statement) == kept


def test_tags_are_read_as_clients_write_them() -> None:
    assert parse_tags(r"a:1,b,c:x\:y\,z\\,d:") == {"a": "1", "b": None, "c": "x:y,z\\", "d": None}
    assert parse_tags("") == {}
    assert len(parse_tags(",".join(f"k{n}:v" for n in range(30)))) == 20
