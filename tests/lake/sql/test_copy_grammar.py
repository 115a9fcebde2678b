"""The grammar of COPY INTO, against the documentation's and Airflow's texts."""

from __future__ import annotations

import pytest

from harness.lake.sql.copy_grammar import CopyInto, parse
from harness.lake.sql.failures import SqlError


def test_the_plain_form() -> None:
    assert parse("COPY INTO main.bronze.t FROM 's3://b/raw' FILEFORMAT = CSV") == CopyInto(
        target="main.bronze.t", source="s3://b/raw", format="CSV"
    )


def test_every_clause_of_the_documentation() -> None:
    text = """
        -- load
        copy into `my cat`.s.`t``x` (a, `b c`)
        FROM (SELECT _c0::bigint AS key, substr(_c1, 1, 2) x, concat('a,b', "FROM") /* , */, _metadata.file_name
              FROM 'abfss://c@a.dfs.core.windows.net/p' WITH (
                CREDENTIAL (aws_access_key = 'AK', AWS_SECRET_KEY = 'S''K', AWS_SESSION_TOKEN = "T\\t")
                ENCRYPTION (TYPE = 'AWS_SSE_C', MASTER_KEY = 'm')))
        FILEFORMAT = csv
        VALIDATE 15 ROWS
        PATTERN = 'folder1/file_[a-g].csv'
        FORMAT_OPTIONS ('header' = 'true', delimiter = '|', mergeSchema = true, 'maxColumns' = 5)
        COPY_OPTIONS ('force' = 'true', 'mergeSchema' = 'false');
    """
    assert parse(text) == CopyInto(
        target="`my cat`.s.`t``x`",
        columns=["a", "b c"],
        select=[
            "_c0::bigint AS key",
            "substr(_c1, 1, 2) x",
            "concat('a,b', \"FROM\") /* , */",
            "_metadata.file_name",
        ],
        source="abfss://c@a.dfs.core.windows.net/p",
        credential={"AWS_ACCESS_KEY": "AK", "AWS_SECRET_KEY": "S'K", "AWS_SESSION_TOKEN": "T\t"},
        encryption={"TYPE": "AWS_SSE_C", "MASTER_KEY": "m"},
        format="CSV",
        validate=15,
        pattern="folder1/file_[a-g].csv",
        format_options={"header": "true", "delimiter": "|", "mergeschema": "true", "maxcolumns": "5"},
        copy_options={"force": "true", "mergeschema": "false"},
    )


def test_what_airflow_writes() -> None:
    text = (
        "COPY INTO t WITH (CREDENTIAL store)\nFROM 's3://b/raw' WITH (CREDENTIAL cred )\n"
        "FILEFORMAT = JSON\nVALIDATE ALL\nFILES = ARRAY('a.json','b c.json')\n\n"
    )
    assert parse(text) == CopyInto(
        target="t",
        target_credential="store",
        source="s3://b/raw",
        credential="cred",
        format="JSON",
        validate=0,
        files=["a.json", "b c.json"],
    )


def test_by_position_and_validate_without_a_count() -> None:
    copy = parse("COPY INTO delta.`/x/t` BY POSITION FROM '/x' FILEFORMAT=CSV VALIDATE FILES=('a')")
    assert (copy.target, copy.by_position, copy.validate, copy.files) == ("delta.`/x/t`", True, 0, ["a"])


def test_parameter_markers_stand_for_strings() -> None:
    copy = parse("COPY INTO IDENTIFIER(:t) FROM :src FILEFORMAT = CSV", {":t": "a.b", ":src": "/in"}.__getitem__)
    assert (copy.target, copy.source) == ("a.b", "/in")


@pytest.mark.parametrize(
    ("text", "condition", "names"),
    [
        ("COPY INTO t", "COPY_INTO_SYNTAX_ERROR", "FROM"),
        ("COPY INTO t FROM x FILEFORMAT = CSV", "COPY_INTO_SYNTAX_ERROR", "'x' at line 1"),
        ("COPY INTO t FROM '/x'", "COPY_INTO_SYNTAX_ERROR", "FILEFORMAT"),
        ("COPY INTO t FROM '/x' FILEFORMAT = EXCEL", "COPY_INTO_SOURCE_FILE_FORMAT_NOT_SUPPORTED", "EXCEL"),
        ("COPY INTO t FROM '/x' FILEFORMAT = DELTA", "COPY_INTO_SOURCE_FILE_FORMAT_NOT_SUPPORTED", "DELTA"),
        ("COPY INTO t FROM '/x' FILEFORMAT = CSV WHERE a = 1", "COPY_INTO_SYNTAX_ERROR", "WHERE"),
        ("COPY INTO t FROM '/x' FILEFORMAT = CSV FILES=('a') PATTERN='b'", "COPY_INTO_SYNTAX_ERROR", "exclude"),
        ("COPY INTO t FROM '/x' FILEFORMAT = CSV FILES=('a') FILES=('b')", "COPY_INTO_SYNTAX_ERROR", "FILES"),
        ("COPY INTO t FROM '/x' FILEFORMAT = CSV VALIDATE 0 ROWS", "COPY_INTO_SYNTAX_ERROR.VALIDATE_INVALID_ROWS", "0"),
        ("COPY INTO t FROM '/x' FILEFORMAT = CSV CREDENTIAL x", "COPY_INTO_SYNTAX_ERROR.CREDENTIAL_SYNTAX", "source"),
        ("COPY INTO t FROM '/x' FILEFORMAT = CSV ENCRYPTION x", "COPY_INTO_SYNTAX_ERROR.ENCRYPTION_SYNTAX", "source"),
        ("COPY INTO t FROM '/x FILEFORMAT = CSV", "COPY_INTO_SYNTAX_ERROR", "unclosed string"),
        ("COPY INTO t FROM '/x' FILEFORMAT = CSV; SELECT 1", "COPY_INTO_SYNTAX_ERROR", "';'"),
        (f"COPY INTO t FROM '/x' FILEFORMAT = CSV FILES={('a',) * 1001}", "COPY_INTO_SYNTAX_ERROR", "1000"),
    ],
)
def test_what_does_not_belong_is_refused_by_name(text: str, condition: str, names: str) -> None:
    with pytest.raises(SqlError) as refused:
        parse(text)
    assert refused.value.getCondition() == condition
    assert names in str(refused.value)


def test_a_syntax_error_shows_no_secret() -> None:
    with pytest.raises(SqlError) as refused:
        parse("COPY INTO t FROM '/x' WITH (CREDENTIAL (AWS_SECRET_KEY 'hush')) FILEFORMAT = CSV")
    assert "hush" not in str(refused.value)
