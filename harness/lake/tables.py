"""Tables as a second reader sees them: by delta-rs, which shares no code with the Spark that wrote them."""

from __future__ import annotations

import difflib
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from harness.lake.confs import FOREIGN_SCHEMES
from harness.lake.paths import WorkspacePaths
from harness.lake.s3 import S3Endpoint

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class TableNotFound(LookupError):
    """No such table. The message names those with a similar name."""


class NotDelta(TypeError):
    """The name is that of a view, or of a table in another format: delta-rs cannot read it, SQL can."""


class Table:
    """A Delta table as it was when it was asked for.

    Parameters: ``name`` (``catalog.schema.table``), ``location``, ``storage_options`` (delta-rs').
    """

    def __init__(self, name: str, location: str, storage_options: Mapping[str, str]) -> None:
        from deltalake import DeltaTable

        self.name = name
        self.location = location
        self.delta = DeltaTable(_delta_rs_uri(location), storage_options=dict(storage_options))

    def __repr__(self) -> str:
        return f"<Table {self.name} version {self.version}>"

    @property
    def version(self) -> int:
        return int(self.delta.version())

    @property
    def columns(self) -> list[str]:
        """The columns' names, in order."""
        return [field.name for field in self.delta.schema().fields]

    def count(self) -> int:
        """The number of rows."""
        return int(self._query("SELECT count(*) AS n FROM t").column("n")[0].as_py())

    def to_arrow(self) -> pa.Table:
        """All rows."""
        return self._query("SELECT * FROM t")

    def to_pandas(self) -> pd.DataFrame:
        """All rows; the index counts from 0, in no particular order."""
        return self.to_arrow().to_pandas()

    def history(self) -> list[dict[str, Any]]:
        """The commits, newest first, as in Delta's log: ``version``, ``operation``, ``operationParameters``, …"""
        return list(self.delta.history())

    def _query(self, sql: str) -> pa.Table:
        # By delta-rs' own engine, which knows deletion vectors and column mapping; its Arrow dataset does not.
        import pyarrow as pa
        from deltalake import QueryBuilder

        return pa.table(QueryBuilder().register("t", self.delta).execute(sql).read_all())


class LakeReader:
    """Finds tables by the workspace's Unity Catalog REST API and reads them with delta-rs.

    Parameters: ``workspace_url``, ``token``, ``s3`` (for tables that lie there).
    """

    def __init__(self, workspace_url: str, token: str, s3: S3Endpoint | None = None) -> None:
        self.workspace_url = workspace_url
        self.token = token
        self.storage_options = _storage_options(s3) if s3 else {}

    def table(self, name: str) -> Table:
        """A table by its full name, ``catalog.schema.table``.

        Raises: ``TableNotFound``, ``NotDelta``.
        """
        try:
            document = self._get(f"tables/{quote(name, safe='')}")
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 404:
                    raise
            raise self._not_found(name) from None
        kind = document["table_type"] if document["table_type"] == "VIEW" else document["data_source_format"]
        if kind != "DELTA":
            raise NotDelta(f"{name} is {kind.lower()}, not Delta: query it with SQL.")
        return Table(document["full_name"], self._located(document["storage_location"]), self.storage_options)

    def tables(self, catalog: str | None = None) -> list[str]:
        """Full names of all tables and views, of one catalog or of all."""
        catalogs = [catalog] if catalog else [each["name"] for each in self._list("catalogs")]
        names = []
        for each in catalogs:
            for schema in self._list("schemas", catalog_name=each):
                found = self._list("tables", catalog_name=each, schema_name=schema["name"])
                names += [table["full_name"] for table in found]
        return names

    def _located(self, location: str) -> str:
        """A location as others than Databricks find it: DBFS is a folder of the workspace's."""
        if not location.startswith("dbfs:"):
            return location
        folders = self._ask("/_harness/status")["folders"]
        return f"file:{WorkspacePaths(folders).local(location)}"

    def _not_found(self, name: str) -> TableNotFound:
        parts = name.split(".")
        if len(parts) != 3:
            return TableNotFound(f"{name!r} is not a full name: catalog.schema.table")
        try:
            known = self.tables(parts[0])
        except urllib.error.HTTPError as error:
            error.close()
            return TableNotFound(f"Table {name} does not exist; there is no catalog {parts[0]}.")
        near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
        near = near or [each for each in known if each.split(".")[2] == parts[2].lower()]
        hint = f"Did you mean {' or '.join(near)}?" if near else f"{parts[0]} has {len(known)} tables."
        return TableNotFound(f"Table {name} does not exist. {hint}")

    def _list(self, kind: str, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self._get(f"{kind}?{urlencode(query)}")
            found += page.get(kind, [])
            if not page.get("next_page_token"):
                return found
            query["page_token"] = page["next_page_token"]

    def _get(self, path: str) -> dict[str, Any]:
        return self._ask(f"/api/2.1/unity-catalog/{path}")

    def _ask(self, path: str) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.workspace_url}{path}", headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            document: dict[str, Any] = json.load(answer)
            return document


def _storage_options(s3: S3Endpoint) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": s3.url,
        "AWS_ACCESS_KEY_ID": s3.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.secret_key,
        "AWS_REGION": s3.region,
        "AWS_ALLOW_HTTP": "true",
    }


def _delta_rs_uri(location: str) -> str:
    # Spark writes file:/x, and s3a or s3n for what delta-rs knows as s3; what is Azure's or Google's rests there too.
    if location.startswith("file:"):
        return "file:///" + location.removeprefix("file:").lstrip("/")
    scheme, separator, rest = location.partition("://")
    if separator and scheme in FOREIGN_SCHEMES:
        authority, slash, key = rest.partition("/")
        rest = authority.partition("@")[0] + slash + key
        return f"s3://{rest}"
    return f"s3://{rest}" if separator and scheme in ("s3a", "s3n") else location
