"""The workspace's Unity Catalog REST API, as statements ask it: through the JVM, from any process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from pyspark.sql import SparkSession

from harness.lake.sql.failures import SqlError

Document = dict[str, Any]

# Of Databricks' list of error conditions, where the REST API's code has another name; with the SQLSTATE.
CONDITIONS = {
    "CATALOG_DOES_NOT_EXIST": ("NO_SUCH_CATALOG_EXCEPTION", "42704"),
    "CATALOG_ALREADY_EXISTS": ("CATALOG_ALREADY_EXISTS", "42710"),
    "SCHEMA_DOES_NOT_EXIST": ("SCHEMA_NOT_FOUND", "42704"),
    "FUNCTION_DOES_NOT_EXIST": ("ROUTINE_NOT_FOUND", "42883"),
    "TABLE_DOES_NOT_EXIST": ("TABLE_OR_VIEW_NOT_FOUND", "42P01"),
    "EXTERNAL_LOCATION_DOES_NOT_EXIST": ("EXTERNAL_LOCATION_DOES_NOT_EXIST", "42704"),
    "STORAGE_CREDENTIAL_DOES_NOT_EXIST": ("STORAGE_CREDENTIAL_DOES_NOT_EXIST", "42704"),
    "EXTERNAL_LOCATION_ALREADY_EXISTS": ("EXTERNAL_LOCATION_ALREADY_EXISTS", "42710"),
    "VOLUME_ALREADY_EXISTS": ("VOLUME_ALREADY_EXISTS", "42000"),
    "VOLUME_DOES_NOT_EXIST": ("VOLUME_DOES_NOT_EXIST", "42704"),
    "INVALID_PARAMETER_VALUE": ("INVALID_PARAMETER_VALUE", "22023"),
    "NOT_IMPLEMENTED": ("UNSUPPORTED_FEATURE.LOCAL_HARNESS", "0A000"),
}


class Refused(SqlError):
    """The API answered with an error. ``code``: its error code; ``missing``: what was named is not there."""

    def __init__(self, status: int, document: Document) -> None:
        self.code = str(document.get("error_code", "INTERNAL_ERROR"))
        self.missing = status == 404
        condition, state = CONDITIONS.get(self.code, (self.code, "HY000"))
        super().__init__(condition, str(document.get("message", self.code)), state)


class Unity:
    """The API. Each method returns the answer's document and raises ``Refused``."""

    def __init__(self, spark: SparkSession) -> None:
        self.spark = spark

    def get(self, *path: str, **query: str) -> Document:
        return self._ask("GET", path, query)

    def list(self, kind: str, **query: str) -> list[Document]:
        """Every object of a kind, from all pages."""
        found: list[Document] = []
        while True:
            page = self.get(kind, **query)
            found += page.get(kind.replace("-", "_"), [])
            if not page.get("next_page_token"):
                return found
            query["page_token"] = page["next_page_token"]

    def post(self, *path: str, **fields: Any) -> Document:
        return self._ask("POST", path, body=fields)

    def patch(self, *path: str, **fields: Any) -> Document:
        return self._ask("PATCH", path, body=fields)

    def delete(self, *path: str, **query: str) -> Document:
        return self._ask("DELETE", path, query)

    def _ask(
        self, method: str, path: Sequence[str], query: dict[str, str] | None = None, body: Document | None = None
    ) -> Document:
        target = "/".join(quote(part, safe="") for part in path) + (f"?{urlencode(query)}" if query else "")
        content = "" if body is None else json.dumps({key: value for key, value in body.items() if value is not None})
        jvm: Any = self.spark._jvm
        status, answer = getattr(jvm, "io.unitycatalog.harness.Unity").ask(method, target, content)
        document: Document = json.loads(answer)
        if int(status) >= 300:
            raise Refused(int(status), document)
        return document

    # -- names ----------------------------------------------------------------------------------

    def full_name(self, parts: Sequence[str], count: int) -> str:
        """A name with as many parts as objects of its kind have, the session's catalog and schema put before it.

        Raises: ``SqlError`` for a name with more parts.
        """
        if len(parts) > count:
            raise SqlError("IDENTIFIER_TOO_MANY_NAME_PARTS", f"{quoted(parts)} has more than {count} parts.", "42601")
        if len(parts) < count:
            row = self.spark.sql("SELECT current_catalog(), current_schema()").collect()[0]
            parts = [*[str(row[0]), str(row[1])][: count - len(parts)], *parts][-count:]
        return ".".join(parts).lower()


def quoted(parts: Sequence[str]) -> str:
    """A name as SQL takes it whatever is in it."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)
