"""``GRANT``, ``REVOKE`` and ``SHOW GRANTS``: privileges are recorded and shown, and nothing is refused for want of one.

Source: docs.databricks.com/sql/language-manual/security-grant, security-revoke, security-show-grant.
"""

from __future__ import annotations

from pyspark.sql import DataFrame

from harness.lake.sql.reader import Reader
from harness.lake.sql.statement import Statement

# The word of SQL, the type of Unity Catalog, how many parts a name has.
SECURABLES = {
    "CATALOG": ("CATALOG", 1),
    "SCHEMA": ("SCHEMA", 2),
    "DATABASE": ("SCHEMA", 2),
    "TABLE": ("TABLE", 3),
    "VIEW": ("TABLE", 3),
    "VOLUME": ("VOLUME", 3),
    "FUNCTION": ("FUNCTION", 3),
    "METASTORE": ("METASTORE", 0),
    "EXTERNAL LOCATION": ("EXTERNAL_LOCATION", 1),
    "STORAGE CREDENTIAL": ("STORAGE_CREDENTIAL", 1),
}
OTHERS = ("SHARE", "CONNECTION", "RECIPIENT", "PROVIDER", "CLEAN", "PROCEDURE", "MODEL", "SERVICE")
Securable = tuple[str, str]


def grant(statement: Statement) -> DataFrame:
    """``GRANT privileges ON securable TO principal``."""
    return _change(statement, "GRANT", "TO", "add")


def revoke(statement: Statement) -> DataFrame:
    """``REVOKE privileges ON securable FROM principal``."""
    return _change(statement, "REVOKE", "FROM", "remove")


def _change(statement: Statement, verb: str, preposition: str, side: str) -> DataFrame:
    read = statement.reader()
    read.expect(verb)
    privileges = _privileges(read)
    read.expect("ON")
    kind, name = _securable(statement, read)
    read.expect(preposition)
    principal = _principal(read)
    read.end()
    statement.unity.patch("permissions", kind, name, changes=[{"principal": principal, side: privileges}])
    return statement.nothing()


def show(statement: Statement) -> DataFrame:
    """``SHOW GRANTS [principal] ON securable``: those inherited from above among them, as on Databricks."""
    read = statement.reader()
    read.expect("SHOW")
    read.next("GRANTS")
    principal = "" if read.ahead("ON") else _principal(read)
    read.expect("ON")
    kind, name = _securable(statement, read)
    read.end()
    query = {"principal": principal} if principal else {}
    found = statement.unity.get("effective-permissions", kind, name, **query).get("privilege_assignments", [])
    rows = [
        (
            assignment["principal"],
            privilege["privilege"].replace("_", " "),
            privilege.get("inherited_from_type", kind),
            privilege.get("inherited_from_name", name),
        )
        for assignment in found
        for privilege in assignment["privileges"]
    ]
    return statement.rows(("Principal", "ActionType", "ObjectType", "ObjectKey"), rows)


def _privileges(read: Reader) -> list[str]:
    """Privileges of one or more words, with commas between them, up to ON."""
    found: list[list[str]] = [[]]
    while not read.ahead("ON"):
        if read.is_mark(","):
            read.mark(",")
            found.append([])
        else:
            found[-1].append(read.next("ON").text.upper())
    if not all(found):
        raise read.wrong("Expected a privilege.")
    return ["_".join(words) for words in found]


def _principal(read: Reader) -> str:
    return read.identifier("a principal; names with other characters go in backticks")


def _securable(statement: Statement, read: Reader) -> Securable:
    """The type and full name of the object that is named; without a type it is a table."""
    for word, (kind, parts) in SECURABLES.items():
        if read.take(*word.split()):
            if not parts:
                return kind, str(statement.unity.get("metastore_summary")["metastore_id"])
            if kind == "CATALOG" and _ends(read):
                return kind, statement.unity.full_name([], 1)
            return kind, statement.unity.full_name(read.name("a name"), parts)
    word = read.next("the object").text.upper()
    if word in OTHERS or (word == "ANY" and read.ahead("FILE")):
        raise statement.refused(f"{statement.family} ON {word}", "it has no such objects.")
    read.at -= 1
    return "TABLE", statement.unity.full_name(read.name("a name"), 3)


def _ends(read: Reader) -> bool:
    return read.peek() is None or read.ahead("TO") or read.ahead("FROM") or read.is_mark(";")
