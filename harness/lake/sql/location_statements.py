"""External locations and storage credentials: ``CREATE``, ``ALTER``, ``DROP``, ``DESCRIBE`` and ``SHOW``.

Source: docs.databricks.com/sql/language-manual, the pages of these statements (there is no ``CREATE STORAGE
CREDENTIAL``). Their records are those of the Unity Catalog REST API.
"""

from __future__ import annotations

from pyspark.sql import DataFrame

from harness.lake.sql.moments import moment
from harness.lake.sql.reader import Reader
from harness.lake.sql.statement import Statement
from harness.lake.sql.unity import Document, Refused

LOCATION = "the name of an external location"
CREDENTIAL = "the name of a storage credential"
# How DESCRIBE spells an identity: its kind, and the field that says which it is.
IDENTITIES = {
    "aws_iam_role": ("AwsIamRole", "role_arn"),
    "azure_managed_identity": ("AzureManagedIdentity", "access_connector_id"),
    "azure_service_principal": ("AzureServicePrincipal", "application_id"),
    "cloudflare_api_token": ("CloudflareApiToken", "account_id"),
    "databricks_gcp_service_account": ("DatabricksGcpServiceAccount", "email"),
}


def create(statement: Statement) -> DataFrame:
    """``CREATE EXTERNAL LOCATION [IF NOT EXISTS] name URL 'url' WITH ([STORAGE] CREDENTIAL name) [COMMENT 'text']``."""
    read = statement.reader()
    read.expect("CREATE", "EXTERNAL", "LOCATION")
    lenient = read.take("IF", "NOT", "EXISTS")
    fields = {"name": read.identifier(LOCATION)}
    read.expect("URL")
    fields["url"] = read.string("the URL")
    read.expect("WITH")
    read.mark("(")
    read.take("STORAGE")
    read.expect("CREDENTIAL")
    fields["credential_name"] = read.identifier(CREDENTIAL)
    read.mark(")")
    if read.take("COMMENT"):
        fields["comment"] = read.string("the comment")
    read.end()
    try:
        statement.unity.post("external-locations", **fields)
    except Refused as refused:
        if not (lenient and refused.code.endswith("ALREADY_EXISTS")):
            raise
    return statement.nothing()


def alter(statement: Statement) -> DataFrame:
    """``ALTER EXTERNAL LOCATION name {RENAME TO | SET URL … [FORCE] | SET STORAGE CREDENTIAL | [SET] OWNER TO} …``."""
    read = statement.reader()
    read.expect("ALTER", "EXTERNAL", "LOCATION")
    name = read.identifier(LOCATION)
    if (changes := _common(read)) is None:
        if read.take("SET", "URL"):
            changes = {"url": read.string("the URL")}
            changes["force"] = read.take("FORCE")
        elif read.take("SET", "STORAGE", "CREDENTIAL"):
            changes = {"credential_name": read.identifier(CREDENTIAL)}
        else:
            raise read.wrong("ALTER EXTERNAL LOCATION takes RENAME TO, SET URL, SET STORAGE CREDENTIAL or OWNER TO.")
    read.end()
    statement.unity.patch("external-locations", name, **changes)
    return statement.nothing()


def alter_credential(statement: Statement) -> DataFrame:
    """``ALTER STORAGE CREDENTIAL name {RENAME TO … | [SET] OWNER TO …}``."""
    read = statement.reader()
    read.expect("ALTER", "STORAGE", "CREDENTIAL")
    name = read.identifier(CREDENTIAL)
    if (changes := _common(read)) is None:
        raise read.wrong("ALTER STORAGE CREDENTIAL takes RENAME TO or [SET] OWNER TO.")
    read.end()
    statement.unity.patch("storage-credentials", name, **changes)
    return statement.nothing()


def drop(statement: Statement) -> DataFrame:
    """``DROP {EXTERNAL LOCATION | STORAGE CREDENTIAL} [IF EXISTS] name [FORCE]``."""
    read = statement.reader()
    read.expect("DROP")
    kind = "external-locations" if read.take("EXTERNAL", "LOCATION") else "storage-credentials"
    if kind == "storage-credentials":
        read.expect("STORAGE", "CREDENTIAL")
    lenient = read.take("IF", "EXISTS")
    name = read.identifier("a name")
    force = read.take("FORCE")
    read.end()
    try:
        statement.unity.delete(kind, name, force=str(force).lower())
    except Refused as refused:
        if not (lenient and refused.missing):
            raise
    return statement.nothing()


def describe(statement: Statement) -> DataFrame:
    """``{DESC | DESCRIBE} EXTERNAL LOCATION name``: one row."""
    read = statement.reader()
    read.next("DESCRIBE")
    read.expect("EXTERNAL", "LOCATION")
    found = statement.unity.get("external-locations", read.identifier(LOCATION))
    read.end()
    columns = ("name", "url", "credential_name", "owner", "created_by", "created_at", "comment")
    return statement.rows(columns, [tuple(_told(found, column) for column in columns)])


def describe_credential(statement: Statement) -> DataFrame:
    """``{DESC | DESCRIBE} STORAGE CREDENTIAL name``: one row."""
    read = statement.reader()
    read.next("DESCRIBE")
    read.expect("STORAGE", "CREDENTIAL")
    found = statement.unity.get("storage-credentials", read.identifier(CREDENTIAL))
    read.end()
    kind, (label, field) = next((key, said) for key, said in IDENTITIES.items() if key in found)
    columns = ("name", "owner", "created_at", "created_by")
    row = [_told(found, column) for column in columns]
    return statement.rows((*columns, "credential"), [(*row, f"{label}:{found[kind].get(field, '')}")])


def show(statement: Statement) -> DataFrame:
    """``SHOW EXTERNAL LOCATIONS [[LIKE] 'pattern']``."""
    return _shown(statement, ("EXTERNAL", "LOCATIONS"), "external-locations", ("name", "url", "comment"))


def show_credentials(statement: Statement) -> DataFrame:
    """``SHOW STORAGE CREDENTIALS [[LIKE] 'pattern']``."""
    return _shown(statement, ("STORAGE", "CREDENTIALS"), "storage-credentials", ("name", "comment"))


def _shown(statement: Statement, words: tuple[str, ...], kind: str, columns: tuple[str, ...]) -> DataFrame:
    read = statement.reader()
    read.expect("SHOW", *words)
    wanted = read.pattern()
    read.end()
    found = [each for each in statement.unity.list(kind) if wanted(each["name"])]
    return statement.rows(columns, [tuple(_told(each, column) for column in columns) for each in found])


def _common(read: Reader) -> Document | None:
    """A change that both kinds know: of the name, of the owner."""
    if read.take("RENAME", "TO"):
        return {"new_name": read.identifier("the new name")}
    if read.take("SET", "OWNER", "TO") or read.take("OWNER", "TO"):
        return {"owner": read.identifier("a principal")}
    return None


def _told(document: Document, field: str) -> str:
    value = document.get(field, "")
    return moment(value) if field.endswith("_at") else str(value)
